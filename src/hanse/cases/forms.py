"""Forms of cases. What is typed in them is case material: no browser keeps it, and nothing completes it."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.accounts.models import Person
from hanse.cases import selector_list, service, working
from hanse.cases.models import CasePerson
from hanse.cases.selector import KINDS, Selector, read
from hanse.cases.words import CATEGORIES, STATES
from hanse.intel.csv_list import UnknownKindError
from hanse.intel.values import ValueProblem
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Tlp
from hanse.web.forms import MarkingField

_DAY = "%Y-%m-%d"


class QuietForm(forms.Form):
    """A form whose fields no browser completes."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for field in self.fields.values():
            field.widget.attrs.setdefault("autocomplete", "off")


class DayField(forms.DateField):
    """A day; its value is microseconds UTC of its end, so that all of the day counts."""

    def __init__(self, **more: Any) -> None:
        widget = forms.DateInput({"type": "date"}, format=_DAY)
        super().__init__(input_formats=[_DAY], widget=widget, **more)

    def clean(self, value: Any) -> Any:
        """Microseconds UTC of the last second of the day; None for none."""
        day = super().clean(value)
        return None if day is None else end_of(day)


def end_of(day: Any) -> int:
    """Microseconds UTC of the last second of a day."""
    at = datetime.combine(day, time(23, 59, 59), UTC)
    return int(at.timestamp()) * 1_000_000


def day_of(us: int | None) -> Any:
    """The day of a time, UTC; None for none."""
    return None if us is None else datetime.fromtimestamp(us / 1e6, UTC).date()


def in_days(days: int) -> Any:
    """The day in so many days, UTC."""
    return (datetime.now(UTC) + timedelta(days=days)).date()


class DetailsForm(QuietForm):
    """What a case says of itself."""

    title = forms.CharField(label=_("Title"), max_length=300)
    reference = forms.CharField(
        label=_("File number"), max_length=100, required=False, help_text=_("The authority's own.")
    )
    authority = forms.CharField(
        label=_("Authority"), max_length=300, required=False,
        help_text=_("Who leads it. This authority, where it is empty."),
    )  # fmt: skip
    legal_basis = forms.CharField(
        label=_("Legal basis"), max_length=1_000, widget=forms.Textarea({"rows": 2}),
        help_text=_("The law that allows the processing, with its section."),
    )  # fmt: skip
    purpose = forms.CharField(
        label=_("Purpose"), max_length=1_000, widget=forms.Textarea({"rows": 2}),
        help_text=_("What the data may be used for, in one sentence."),
    )  # fmt: skip
    review = DayField(
        label=_("Review"), help_text=_("Until then somebody of the team decides whether it goes on.")
    )

    def said(self, owner: UUID | None = None) -> service.Said:
        """What was typed; the form is valid."""
        told = self.cleaned_data
        return service.Said(
            title=told["title"], reference=told["reference"], authority=told["authority"],
            legal_basis=told["legal_basis"], purpose=told["purpose"], review_us=told["review"], owner=owner,
        )  # fmt: skip


class OpenForm(DetailsForm):
    """A new case."""

    retention = DayField(
        label=_("Kept until"),
        help_text=_("At the end of this day the case and all that belongs to it purges itself."),
    )
    team = forms.ChoiceField(
        label=_("Team"), required=False, help_text=_("Only they know that the case exists.")
    )
    new_team = forms.CharField(
        label=_("Or a new team"), max_length=200, required=False,
        help_text=_("You alone are in it at first. Administrators see its name, so let the name tell nothing."),
    )  # fmt: skip
    marking = MarkingField(help_text=_("Of the case and everything in it."))

    def __init__(self, *args: Any, actor: Actor, **more: Any) -> None:
        super().__init__(*args, **more)
        teams = [(str(one.pk), one.name) for one in service.teams_of(actor)]
        self.fields["team"].choices = [("", _("A new team, named below")), *teams]  # type: ignore[attr-defined]  # a choice field
        self.order_fields(["title", "reference", "authority", "legal_basis", "purpose", "team", "new_team", "review",
                           "retention", "marking"])  # fmt: skip

    @staticmethod
    def first() -> dict[str, Any]:
        """What stands in it at first."""
        return {
            "review": in_days(180),
            "retention": in_days(730),
            "marking": [Tlp.AMBER_STRICT.value, "AMBER"],
        }

    def clean(self) -> dict[str, Any]:
        """A case always has a team."""
        told = super().clean() or {}
        if bool(told.get("team")) == bool((told.get("new_team") or "").strip()):
            self.add_error("team", _("Choose one team, or name a new one below."))
        return told


class ChangeForm(DetailsForm):
    """What a case says of itself, to be changed."""

    owner = forms.ChoiceField(label=_("Led by"), help_text=_("Somebody of the team."))
    reason = forms.CharField(label=_("Why"), max_length=1_000, required=False)

    def __init__(self, *args: Any, people: list[Person], **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["owner"].choices = _people(people)  # type: ignore[attr-defined]  # a choice field


class StatusForm(QuietForm):
    """How a case stands."""

    status = forms.ChoiceField(label=_("State"), choices=list(STATES.items()))
    reason = forms.CharField(label=_("Why"), max_length=1_000, widget=forms.Textarea({"rows": 3}))


class KeepForm(QuietForm):
    """Until when a case is kept."""

    review = DayField(label=_("Review"), help_text=_("When somebody of the team decides again."))
    retention = DayField(
        label=_("Kept until"), help_text=_("At the end of this day the case and all of it purges itself.")
    )
    reason = forms.CharField(label=_("Why"), max_length=1_000, widget=forms.Textarea({"rows": 3}))


class PersonForm(QuietForm):
    """A person of a case."""

    category = forms.ChoiceField(label=_("Category"), choices=list(CATEGORIES.items()))
    name = forms.CharField(label=_("Name"), max_length=300)
    born = forms.CharField(
        label=_("Day of birth"), max_length=10, required=False,
        help_text=_("Like 1970-12-31. With it the person is a selector too."),
    )  # fmt: skip
    country = forms.CharField(
        label=_("Nationality"),
        max_length=2,
        required=False,
        help_text=_("Two letters of ISO 3166, such as EE."),
    )
    note = forms.CharField(
        label=_("Note"), max_length=4_000, required=False, widget=forms.Textarea({"rows": 3})
    )

    @property
    def told(self) -> working.Told:
        """What was typed; the form is valid."""
        return working.Told(**self.cleaned_data)


class SelectorForm(QuietForm):
    """A selector of a case."""

    kind = forms.ChoiceField(
        label=_("Kind"), required=False, choices=[("", _("Tell it from the value")), *KINDS.items()]
    )
    value = forms.CharField(
        label=_("Value"), max_length=2_000, help_text=_("In any spelling; it is normalised.")
    )
    born = forms.CharField(
        label=_("Day of birth"), max_length=10, required=False, help_text=_("Of a person, like 1970-12-31.")
    )
    country = forms.CharField(
        label=_("Country"), max_length=2, required=False,
        help_text=_("Of a company, or of a telephone number without its country code; two letters."),
    )  # fmt: skip
    person = forms.ChoiceField(label=_("Used by"), required=False)
    note = forms.CharField(label=_("Note"), max_length=2_000, required=False)

    def __init__(self, *args: Any, people: list[CasePerson], **more: Any) -> None:
        super().__init__(*args, **more)
        choices = [("", _("Nobody known")), *((str(one.pk), str(one)) for one in people)]
        self.fields["person"].choices = choices  # type: ignore[attr-defined]  # a choice field
        self.fields["value"].widget.attrs["spellcheck"] = "false"
        self.found: Selector | None = None

    def clean(self) -> dict[str, Any]:
        """The selector in its normal form, or why it is none, beside the value."""
        told = super().clean() or {}
        if told.get("value"):
            try:
                self.found = read(told.get("kind", ""), told["value"], born=told.get("born", ""),
                                  country=told.get("country", ""))  # fmt: skip
            except UnknownKindError:
                self.add_error(
                    "value",
                    _("It looks like no value known here. Choose its kind; a telephone needs its country."),
                )
            except ValueProblem as problem:
                self.add_error("value", str(problem))
        return told


class TaskForm(QuietForm):
    """Something to do."""

    title = forms.CharField(label=_("What"), max_length=500)
    owner = forms.ChoiceField(label=_("Who"), required=False)
    due = DayField(label=_("Until"), required=False)

    def __init__(self, *args: Any, people: list[Person], **more: Any) -> None:
        super().__init__(*args, **more)
        choices = [("", _("Whoever comes to it")), *_people(people)]
        self.fields["owner"].choices = choices  # type: ignore[attr-defined]  # a choice field


class NoteForm(QuietForm):
    """A note."""

    text = forms.CharField(label=_("Note"), max_length=20_000, widget=forms.Textarea({"rows": 8}))


class TieForm(QuietForm):
    """What a case is tied to."""

    target = forms.CharField(
        label=_("Its page or id"), max_length=500,
        help_text=_("The address of an attack, a campaign or an item of intelligence, copied from its page."),
    )  # fmt: skip
    why = forms.CharField(label=_("What ties them"), max_length=1_000, widget=forms.Textarea({"rows": 2}))


class RemoveForm(QuietForm):
    """Why something is taken out."""

    reason = forms.CharField(label=_("Why"), max_length=1_000, required=False)


class ListForm(forms.Form):
    """A list of selectors: a file, or pasted."""

    file = forms.FileField(
        label=_("File"),
        required=False,
        widget=forms.FileInput({"accept": ".csv,text/csv", "data-most": selector_list.MOST_BYTES}),
    )
    text = forms.CharField(
        label=_("Or pasted"), required=False, strip=False,
        widget=forms.Textarea({"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_("With the names of the columns in its first row."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """One of the two."""
        told = super().clean() or {}
        if bool(told.get("file")) == bool((told.get("text") or "").strip()):
            self.add_error("file", _("Choose a file, or paste the list below."))
        return told


def _people(people: list[Person]) -> list[tuple[str, str]]:
    return [(str(one.pk), one.name) for one in people]
