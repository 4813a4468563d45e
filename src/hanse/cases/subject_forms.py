"""Forms of subject access: who asks, how it is answered, what is erased."""

from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.cases.forms import QuietForm
from hanse.cases.selector import KINDS
from hanse.cases.subject import Request
from hanse.cases.subject_models import ANSWERS, GROUNDS, LAWS, OPEN

_ALONE = ("person", "company", "name")
_KINDS = [("", _("Recognise it")), *((kind, words) for kind, words in KINDS.items() if kind not in _ALONE)]


class AskForm(QuietForm):
    """Who asks what is held on them."""

    name = forms.CharField(label=_("Name"), max_length=300, required=False)
    born = forms.CharField(
        label=_("Born on"), max_length=10, required=False,
        widget=forms.DateInput({"type": "date"}), help_text=_("Names alone are shared: with the day it is sure."),
    )  # fmt: skip
    selectors = forms.CharField(
        label=_("What else is known of them"), max_length=10_000, required=False, widget=forms.Textarea({"rows": 4, "spellcheck": "false"}),
        help_text=_("One per line: a telephone number, e-mail, IBAN, wallet, address and the like."),
    )  # fmt: skip
    identity = forms.CharField(
        label=_("How you know that it is them"),
        max_length=1_000,
        help_text=_("Such as: passport shown on 9 May."),
    )
    received = forms.DateField(
        label=_("Came on"),
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )

    @staticmethod
    def first() -> dict[str, Any]:
        """What stands in it at first."""
        return {"received": datetime.now(UTC).date()}

    def request(self) -> Request:
        """What was typed; the form is valid."""
        told = self.cleaned_data
        lines = (line.strip() for line in told["selectors"].splitlines())
        at = datetime.combine(told["received"], time(), UTC)
        return Request(
            name=told["name"], born=told["born"], selectors=tuple(("", line) for line in lines if line),
            identity=told["identity"], received_us=int(at.timestamp()) * 1_000_000,
        )  # fmt: skip


class AnswerForm(QuietForm):
    """How a request is answered."""

    what = forms.ChoiceField(
        label=_("What they are told"), choices=[one for one in ANSWERS.items() if one[0] != OPEN]
    )
    ground = forms.ChoiceField(
        label=_("Legal ground"), required=False, choices=[("", _("Nothing is withheld")), *GROUNDS.items()],
        help_text=_("Directive (EU) 2016/680 and the law that brings it into yours."),
    )  # fmt: skip
    why = forms.CharField(
        label=_("Reasons"), max_length=4_000, required=False, widget=forms.Textarea({"rows": 3}),
        help_text=_("Where something is withheld: the facts and the law, for the supervisory authority."),
    )  # fmt: skip


class EraseForm(QuietForm):
    """By which law something is erased, and why."""

    law = forms.ChoiceField(
        label=_("By which law"), choices=list(LAWS.items()), help_text=_("It goes into the proof.")
    )
    why = forms.CharField(
        label=_("Why"), max_length=1_000, min_length=5, widget=forms.Textarea({"rows": 2}),
        help_text=_("With the provision of your own law. Another person decides on it and reads this. It stays on record: name nobody."),
    )  # fmt: skip
