"""Forms of joint cases."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.cases.forms import DayField, QuietForm, in_days
from hanse.cases.joint import Opening, Told
from hanse.cases.joint_entries import TEXT_LIMIT, TITLE_LIMIT
from hanse.federation.partners import active
from hanse.kernel.clock import now_us


class JointOpenForm(QuietForm):
    """A new joint case."""

    title = forms.CharField(
        label=_("Title"), max_length=TITLE_LIMIT, help_text=_("Everybody who takes part reads it.")
    )
    members = forms.MultipleChoiceField(
        label=_("With whom"), widget=forms.CheckboxSelectMultiple,
        help_text=_("They learn of each other. Each decides by itself whether it takes part."),
    )  # fmt: skip
    purpose = forms.CharField(
        label=_("Purpose"), max_length=TEXT_LIMIT, widget=forms.Textarea({"rows": 2}),
        help_text=_("What you do together, in one sentence."),
    )  # fmt: skip
    legal_basis = forms.CharField(
        label=_("Legal basis"), max_length=TEXT_LIMIT, widget=forms.Textarea({"rows": 2}),
        help_text=_("The law that lets this authority work on it with others, with its section."),
    )  # fmt: skip
    retention = DayField(
        label=_("Kept until"),
        help_text=_("At the end of this day it purges itself, at everybody who takes part."),
    )
    reason = forms.CharField(label=_("Why"), max_length=4_000, widget=forms.Textarea({"rows": 2}))

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"retention": in_days(365)})
        choices = [(one.authority, f"{one.name} ({one.authority})") for one in active()]
        self.fields["members"].choices = choices  # type: ignore[attr-defined]  # a choice field

    @property
    def told(self) -> Opening:
        """What was typed; the form is valid."""
        told = self.cleaned_data
        return Opening(
            title=told["title"], purpose=told["purpose"], legal_basis=told["legal_basis"],
            members=frozenset(told["members"]), retention_us=told["retention"],
        )  # fmt: skip


class JointSayForm(QuietForm):
    """A note, a task or a decision."""

    sort = forms.ChoiceField(
        label=_("What"), choices=[("note", _("Note")), ("task", _("Task")), ("decision", _("Decision"))]
    )
    text = forms.CharField(label=_("Text"), max_length=TEXT_LIMIT, widget=forms.Textarea({"rows": 3}))
    to = forms.ChoiceField(label=_("For"), required=False, help_text=_("Of a task: who is to do it."))
    due = DayField(label=_("Until"), required=False, help_text=_("Of a task."))

    def __init__(self, data: Any = None, *, members: list[dict[str, str]]) -> None:
        super().__init__(data)
        choices = [("", _("everybody")), *((one["authority"], one["name"]) for one in members)]
        self.fields["to"].choices = choices  # type: ignore[attr-defined]  # a choice field

    def clean_due(self) -> int | None:
        """A day that is not over: what was said to others cannot be taken back, and a mistyped year is overdue at once."""
        due: int | None = self.cleaned_data["due"]
        if due is not None and due < now_us():
            raise forms.ValidationError(_("That day is past. Choose today or a later one."))
        return due

    @property
    def told(self) -> Told:
        """What was typed; the form is valid."""
        told = self.cleaned_data
        return Told(sort=told["sort"], text=told["text"], to=told["to"], due_us=told["due"])
