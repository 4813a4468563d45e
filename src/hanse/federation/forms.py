"""Forms of partners: an invitation that came, how a partner stands, and with whom something is shared."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.federation.groups import NAME_LIMIT
from hanse.federation.invitation import LIMIT_BYTES
from hanse.federation.models import Group
from hanse.federation.partners import active
from hanse.federation.sharing import Audience, Shareable
from hanse.kernel.countries import country_name
from hanse.kernel.markings import TIER_WORDS, TIERS
from hanse.web.forms import WhyForm


class AddressField(forms.CharField):
    """A non-public address, for an endpoint inside: rarely needed, and approved by two people."""

    def __init__(self, **more: Any) -> None:
        told = {
            "label": _("Non-public address"),
            "required": False,
            "max_length": 64,
            "help_text": _(
                "Leave it empty for a node on the Internet. Where the partner is reached inside a closed network "
                "only, give the address of its host there, such as 10.0.0.25: the node connects to no other one."
            ),
            "widget": forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
            **more,
        }
        super().__init__(**told)


class AddForm(WhyForm):
    """An authority's invitation, where it is reached, and why."""

    file = forms.FileField(
        label=_("Invitation"),
        required=False,
        help_text=_("The file that a person of the other authority gave you."),
        widget=forms.FileInput({"accept": ".json,application/json"}),
    )
    text = forms.CharField(
        label=_("Or its text"),
        required=False,
        max_length=LIMIT_BYTES,
        help_text=_("What a reader of QR codes gives for the picture on the other node's page."),
        widget=forms.Textarea({"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
    )
    address = AddressField()
    field_order = ("file", "text", "address", "reason")

    def clean_file(self) -> bytes:
        """What the file holds, one byte more than an invitation may have at most; nothing where there is none."""
        file = self.cleaned_data["file"]
        return bytes(file.read(LIMIT_BYTES + 1)) if file else b""

    def clean(self) -> dict[str, Any]:
        """One of both is there."""
        told = super().clean() or {}
        if not self.errors:
            told["file"] = told["file"] or told["text"].strip().encode()
            if not told["file"]:
                self.add_error("file", _("Choose the file, or give its text."))
        return told


class ConfirmForm(forms.Form):
    """Nothing is asked but that it is meant."""


class MoveForm(WhyForm):
    """Where a partner is reached from now on, and why."""

    endpoint = forms.CharField(
        label=_("Reached at"),
        max_length=500,
        help_text=_("Such as https://hanse.example/league/."),
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    address = AddressField()
    field_order = ("endpoint", "address", "reason")


class GroupForm(WhyForm):
    """Who is in a group of partners, what it is called, and why."""

    name = forms.CharField(label=_("Name"), max_length=NAME_LIMIT)
    members = forms.MultipleChoiceField(label=_("Who is in it"), widget=forms.CheckboxSelectMultiple)
    field_order = ("name", "members", "reason")

    def __init__(self, data: Any = None, *, old: Group | None = None) -> None:
        """The form of a new group, or of one as it is: its name stays."""
        super().__init__(data, initial={"members": old.members if old else []})
        field = self.fields["members"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - it is declared above
        here = {one.authority: f"{one.name} ({one.authority})" for one in active()}
        field.choices = list({**{name: name for name in (old.members if old else ())}, **here}.items())
        if old is not None:
            del self.fields["name"]


class AudienceForm(forms.Form):
    """With whom a thing is shared, and without which parts."""

    authorities = forms.MultipleChoiceField(
        label=_("Partners"), required=False, widget=forms.CheckboxSelectMultiple
    )
    groups = forms.MultipleChoiceField(label=_("Groups"), required=False, widget=forms.CheckboxSelectMultiple)
    tiers = forms.MultipleChoiceField(
        label=_("All partners of a tier"), required=False, widget=forms.CheckboxSelectMultiple
    )
    states = forms.MultipleChoiceField(
        label=_("All partners of a country"), required=False, widget=forms.CheckboxSelectMultiple
    )
    withheld = forms.MultipleChoiceField(
        label=_("Withhold"),
        required=False,
        help_text=_("What nobody gets."),
        widget=forms.CheckboxSelectMultiple,
    )

    along = forms.MultipleChoiceField(
        label=_("Share as well"),
        required=False,
        help_text=_(
            "What it names: who gets it reads it beside this. Nothing of these goes unless you choose it."
        ),
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(
        self, shareable: Shareable, *args: Any, along: Sequence[tuple[str, str]] = (), **more: Any
    ) -> None:
        """The form.

        Args:
            shareable: What is shared.
            args: As of forms.
            along: Ids and titles of what can go with it.
            more: As of forms.
        """
        super().__init__(*args, **more)
        here = active()
        tiers, states = {one.tier for one in here}, {one.country for one in here} - {""}
        choices: dict[str, list[tuple[str, str]]] = {
            "authorities": [(one.authority, f"{one.name} ({one.authority})") for one in here],
            "groups": [
                (one.pk.hex, f"{one.name} ({', '.join(one.members)})")
                for one in Group.objects.order_by("name")
            ],
            "tiers": [(one, TIER_WORDS[one]) for one in TIERS if one in tiers],
            "states": sorted(
                ((one, f"{country_name(one)} ({one})") for one in states), key=lambda one: one[1]
            ),
            "withheld": list(shareable.parts.items()),
            "along": list(along),
        }
        for name, values in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - they are declared above
            field.choices = values
        for name in ("groups", "withheld", "along"):
            if not choices[name]:
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """Somebody is meant."""
        told = super().clean() or {}
        if not self.errors and not any(
            told.get(name) for name in ("authorities", "groups", "tiers", "states")
        ):
            self.add_error("authorities", _("Choose partners, a group, a tier or a country."))
        return told

    @property
    def audience(self) -> Audience:
        """Whom a form that is valid means."""
        told = self.cleaned_data
        names = ("authorities", "tiers", "states", "groups")
        return Audience(**{name: frozenset(told.get(name, ())) for name in names})

    @property
    def left_out(self) -> frozenset[str]:
        """The parts that nobody gets."""
        return frozenset(self.cleaned_data.get("withheld", ()))

    @property
    def goes_along(self) -> frozenset[str]:
        """Ids of what is shared as well."""
        return frozenset(self.cleaned_data.get("along", ()))
