"""The form by which a thing is marked anew: every part of a marking, as it is now, to be changed."""

from typing import Any

from hanse.accounts.marking_form import MarkingForm
from hanse.console.marking import Thing, Wish
from hanse.web.forms import WhyForm


class MarkForm(MarkingForm, WhyForm):
    """How a thing is to be marked, and why; its `wish` once it is valid."""

    field_order = (
        "marking", "handling", "handling_text", "purposes", "releasable", "keep_until", "embargo",
        "embargo_for", "team", "reason",
    )  # fmt: skip

    def __init__(self, row: Thing, data: Any = None) -> None:
        """The form of a thing, filled with its marking as it is."""
        super().__init__(data, old=row.marking.marking, team=row.team)

    def clean(self) -> dict[str, Any]:
        """Make one wish of the parts."""
        told = super().clean()
        if "whole" in told:
            told["wish"] = Wish(told["whole"], told["team"])
        return told
