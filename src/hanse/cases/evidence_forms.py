"""Forms of evidence: what its bringer says of a file, and what is done with it."""

from datetime import UTC, datetime, time
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.cases.forms import QuietForm
from hanse.kernel.markings import HANDLING, Marking, MarkingError, Pap, Tlp
from hanse.ledger.identity import authority
from hanse.web.forms import ReasonField

_AS_CASE: Final = _("As the case")


class EvidenceForm(QuietForm):
    """A file that comes into a case; its `marking` once it is valid."""

    description = forms.CharField(
        label=_("What it is"), max_length=2_000, widget=forms.Textarea({"rows": 2}),
        help_text=_("Such as: image of the hard disk of a laptop, serial number S1."),
    )  # fmt: skip
    source = forms.CharField(
        label=_("From whom or where"),
        max_length=1_000,
        help_text=_("A person, an authority, a search of premises."),
    )
    received = forms.DateField(
        label=_("Received on"),
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )
    place = forms.CharField(
        label=_("Where the original is"), max_length=1_000, required=False, help_text=_("Such as: locker 3.")
    )
    why = ReasonField(
        label=_("On what grounds"), help_text=_("The order or the consent by which you have it.")
    )
    originator = forms.CharField(
        label=_("Given by another authority"), max_length=64, required=False,
        help_text=_("Its id, such as lv-police. Its handling codes bind you then."),
    )  # fmt: skip
    handling = forms.MultipleChoiceField(
        label=_("Handling codes"), choices=[(code, f"{code}: {words}") for code, words in HANDLING.items()],
        widget=forms.CheckboxSelectMultiple, required=False,
    )  # fmt: skip
    handling_text = forms.CharField(
        label=_("Text of H3"), max_length=4_000, widget=forms.Textarea({"rows": 2}), required=False
    )
    tlp = forms.ChoiceField(
        label=_("Who may know"),
        required=False,
        choices=[("", _AS_CASE), (Tlp.RED.value, _("TLP:RED, its team alone"))],
    )
    pap = forms.ChoiceField(
        label=_("What may be done"), required=False,
        choices=[("", _AS_CASE), (Pap.RED.value, _("PAP:RED, it never leaves this node"))],
    )  # fmt: skip

    @staticmethod
    def first() -> dict[str, Any]:
        """What stands in it at first."""
        return {"received": datetime.now(UTC).date()}

    def clean(self) -> dict[str, Any]:
        """Make one marking of the parts, and microseconds UTC of the day."""
        told: dict[str, Any] = super().clean() or {}
        if self.errors:
            return told
        told["received_us"] = int(datetime.combine(told["received"], time(), UTC).timestamp()) * 1_000_000
        texts = frozenset(line.strip() for line in told["handling_text"].splitlines() if line.strip())
        origin = told["originator"].strip() or authority()
        try:
            told["marking"] = Marking(
                originators=frozenset({origin}), tlp=Tlp(told["tlp"] or Tlp.CLEAR), pap=Pap(told["pap"] or Pap.CLEAR),
                handling=frozenset(told["handling"]), handling_text=texts,
            )  # fmt: skip
        except MarkingError as error:
            self.add_error("handling_text", str(error))
        return told


class OpenForm(QuietForm):
    """Opening a file, to look at it or to hand it out."""

    why = ReasonField()
    whom = forms.CharField(
        label=_("To whom it goes"),
        max_length=500,
        required=False,
        help_text=_("Empty where you look at it yourself."),
    )


class HandleForm(QuietForm):
    """What happened to the original."""

    what = forms.ChoiceField(
        label=_("What happened"), choices=[("moved", _("It was moved")), ("returned", _("It was returned"))]
    )
    whom = forms.CharField(label=_("Where to, or to whom"), max_length=1_000)
    why = ReasonField()


class DestroyForm(QuietForm):
    """Why a file is to be destroyed."""

    why = ReasonField(help_text=_("Another person decides on it, and reads this."))
