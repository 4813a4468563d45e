"""Forms of matching: what is agreed with a partner, what is kept out, and what is offered after a hit."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.cases.forms import DayField, QuietForm, in_days
from hanse.cases.joint import Opening
from hanse.cases.joint_entries import TEXT_LIMIT as JOINT_TEXT_LIMIT
from hanse.cases.joint_entries import TITLE_LIMIT
from hanse.cases.models import Selector
from hanse.cases.selector import KINDS
from hanse.cases.service import members
from hanse.cases.words import CATEGORIES
from hanse.federation.partners import active
from hanse.ledger.among import among
from hanse.matching.agreeing import MOST_PER_DAY, OFFERED, USUAL, Terms
from hanse.matching.contacting import AGES, STAGES, Told
from hanse.matching.contents import NAME_LIMIT, TEXT_LIMIT
from hanse.matching.models import Agreement
from hanse.matching.who_else import Askable

MOST_CHOICES = 200
"""Selectors of a case that are offered to be asked about, on the form; the API takes any."""
FEW = 20
"""Of these so many are ticked at first."""
_USUAL_KINDS = ("phone", "email", "iban", "wallet", "person", "company", "account")


class AgreementForm(QuietForm):
    """What is offered to a partner."""

    partner = forms.ChoiceField(label=_("With"))
    kinds = forms.MultipleChoiceField(
        label=_("Kinds of selectors"), widget=forms.CheckboxSelectMultiple,
        help_text=_("Compared are those that the partner offers as well. A name without a birth never is."),
    )  # fmt: skip
    categories = forms.MultipleChoiceField(
        label=_("Of whom"), choices=list(CATEGORIES.items()), widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Victims and witnesses only where the law that you name says so. Selectors of nobody known are compared."
        ),
    )  # fmt: skip
    legal_basis = forms.CharField(
        label=_("Legal basis"), max_length=TEXT_LIMIT, widget=forms.Textarea({"rows": 2}),
        help_text=_("The law or treaty, with its section. The partner reads it, and each run states it."),
    )  # fmt: skip
    case_class = forms.CharField(
        label=_("What the cases are about"), max_length=TEXT_LIMIT, help_text=_("Such as: fraud by Internet.")
    )
    per_day = forms.IntegerField(
        label=_("At most a day"), min_value=1, max_value=MOST_PER_DAY, initial=10_000,
        help_text=_(
            "Selectors of a kind that the partner may have compared with yours in a day. Each is a guess that it may try."
        ),
    )  # fmt: skip
    sources = forms.BooleanField(
        label=_("Count common sources of attacks"), required=False,
        help_text=_(
            "Of attacks that were shared without their sources it may be counted how many both have. Neither side learns which."
        ),
    )  # fmt: skip
    until = DayField(label=_("Until"), help_text=_("At the end of this day it is over; two years at most."))
    reason = forms.CharField(
        label=_("Why"), max_length=4_000, widget=forms.Textarea({"rows": 2}),
        help_text=_("Whoever approves it reads it."),
    )  # fmt: skip

    def __init__(self, data: Any = None, *, held: Agreement | None = None, partner: str = "") -> None:
        super().__init__(data, initial=_initial(held, partner))
        self._choose("partner", [(one.authority, f"{one.name} ({one.authority})") for one in active()])
        self._choose("kinds", [(kind, KINDS[kind]) for kind in OFFERED])

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]  # a choice field

    @property
    def terms(self) -> Terms:
        """What was typed; the form is valid."""
        told = self.cleaned_data
        return Terms(
            partner=told["partner"], kinds=told["kinds"], categories=told["categories"],
            legal_basis=told["legal_basis"], case_class=told["case_class"], per_day=told["per_day"],
            sources=told["sources"], until_us=told["until"],
        )  # fmt: skip


def _initial(held: Agreement | None, partner: str) -> dict[str, Any]:
    if held is None:
        return {
            "partner": partner, "kinds": _USUAL_KINDS, "categories": USUAL, "per_day": 10_000, "until": in_days(365),
        }  # fmt: skip
    names = ("partner", "kinds", "categories", "legal_basis", "case_class", "per_day", "sources")
    return {**{name: getattr(held, name) for name in names}, "until": in_days(365)}


class KeepOutForm(QuietForm):
    """Which selectors of a case are not compared, or who alone answers for them."""

    selector = forms.ChoiceField(label=_("What"), required=False)
    officer = forms.ChoiceField(
        label=_("Hits"), required=False,
        help_text=_("Of the case's team: who answers alone. Nobody else here sees that a partner has it too."),
    )  # fmt: skip
    reason = forms.CharField(
        label=_("Why"), max_length=4_000, widget=forms.Textarea({"rows": 2}),
        help_text=_("Such as: an informant's number. It stays in the case."),
    )  # fmt: skip

    def __init__(self, data: Any = None, *, case: Any) -> None:
        super().__init__(data)
        rows = Selector.objects.filter(case=case.pk).order_by("sequence")[:500]
        selectors = [("", _("the whole case")), *((row.pk.hex, row.written) for row in rows)]
        team = [(one.pk.hex, _("are seen by %s alone") % one.name) for one in members(case.team)]
        officers = [("", _("none: it is not compared")), *team]
        self.fields["selector"].choices = selectors  # type: ignore[attr-defined]  # a choice field
        self.fields["officer"].choices = officers  # type: ignore[attr-defined]  # as above


class QuestionForm(QuietForm):
    """Which selectors of a case partners are asked about, whom, and why."""

    selectors = forms.MultipleChoiceField(label=_("About"), widget=forms.CheckboxSelectMultiple)
    partners = forms.MultipleChoiceField(label=_("Whom"), widget=forms.CheckboxSelectMultiple)
    reason = forms.CharField(
        label=_("Why"), max_length=4_000, widget=forms.Textarea({"rows": 2}),
        help_text=_("It stays in the case. No partner reads it."),
    )  # fmt: skip

    def __init__(
        self, data: Any = None, *, case: Any, askable: Sequence[Askable], names: dict[str, str]
    ) -> None:
        can = {one for each in askable for one in each.selectors}
        rows = list(
            Selector.objects.filter(case=case.pk, pk__in=among(can)).order_by("sequence")[:MOST_CHOICES]
        )
        partners = [one.partner for one in askable if one.selectors]
        super().__init__(
            data, initial={"selectors": [row.pk.hex for row in rows[:FEW]], "partners": partners}
        )
        choices = [(row.pk.hex, f"{KINDS.get(row.kind, row.kind)}: {row.written}") for row in rows]
        self.fields["selectors"].choices = choices  # type: ignore[attr-defined]  # a choice field
        named = [(one, f"{names.get(one, one)} ({one})") for one in partners]
        self.fields["partners"].choices = named  # type: ignore[attr-defined]  # as above


class OfferForm(QuietForm):
    """What is offered to a partner that has the same selector."""

    name = forms.CharField(label=_("Whom to call"), required=False, max_length=NAME_LIMIT)
    telephone = forms.CharField(label=_("Telephone"), required=False, max_length=NAME_LIMIT)
    case_class = forms.CharField(
        label=_("The case is about"), required=False, max_length=NAME_LIMIT,
        help_text=_("A hint, as coarse as you like. Leave empty what the partner need not know."),
    )  # fmt: skip
    age = forms.ChoiceField(
        label=_("It is open for"), required=False, choices=[(one, one or _("not said")) for one in AGES]
    )
    stage = forms.ChoiceField(
        label=_("It is"), required=False, choices=[(one, one or _("not said")) for one in STAGES]
    )
    agrees = forms.BooleanField(
        label=_("We want a joint case"), required=False,
        help_text=_("It opens once both sides want it. Until then nothing of either case is told."),
    )  # fmt: skip

    @property
    def told(self) -> Told:
        """What was typed; the form is valid."""
        names = ("name", "telephone", "case_class", "age", "stage", "agrees")
        return Told(**{name: self.cleaned_data[name] for name in names}, opening=self.opening)

    @property
    def opening(self) -> Opening | None:
        """The joint case that opens, where this form asks for it."""
        return None


class OpeningOfferForm(OfferForm):
    """The same, where the other side wants a joint case already and this one opens it: what it is called and rests on."""

    title = forms.CharField(label=_("Title of the joint case"), max_length=TITLE_LIMIT)
    purpose = forms.CharField(
        label=_("Purpose"), max_length=JOINT_TEXT_LIMIT, widget=forms.Textarea({"rows": 2})
    )
    legal_basis = forms.CharField(
        label=_("Legal basis"), max_length=JOINT_TEXT_LIMIT, widget=forms.Textarea({"rows": 2})
    )
    retention = DayField(
        label=_("Kept until"), help_text=_("At the end of this day it purges itself, on both sides.")
    )

    def __init__(self, data: Any = None, *, initial: dict[str, Any]) -> None:
        super().__init__(data, initial={**initial, "retention": in_days(365), "agrees": True})
        for name in ("title", "purpose", "legal_basis", "retention"):
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        """Who agrees says what is opened."""
        told = super().clean() or {}
        if told.get("agrees"):
            for name in ("title", "purpose", "legal_basis", "retention"):
                if not told.get(name):
                    self.add_error(name, _("The joint case that opens needs it."))
        return told

    @property
    def opening(self) -> Opening | None:
        """The joint case that opens."""
        told = self.cleaned_data
        if not told["agrees"]:
            return None
        return Opening(
            title=told["title"], purpose=told["purpose"], legal_basis=told["legal_basis"], members=frozenset(),
            retention_us=told["retention"],
        )  # fmt: skip
