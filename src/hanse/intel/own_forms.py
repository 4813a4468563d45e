"""Forms of what is written here: a report, an indicator, a sighting, and a grade."""

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from hanse.accounts.marking_form import MarkingForm
from hanse.intel import csv_list, grading, own, taxonomies
from hanse.intel.authoring import Piece
from hanse.intel.cited import Thing
from hanse.intel.own import Written
from hanse.intel.values import KINDS, Value, ValueProblem, normalise
from hanse.kernel.markings import Marking
from hanse.ledger.identity import authority
from hanse.web.forms import Fold, Folded, WhyForm
from hanse.web.times import EndField, TimeField

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|\b[0-9a-fA-F]{32}\b")
_LONGEST: Final = 200_000
ORDER: Final = (
    "title", "values", "nature", "text", "cites", "from_us", "until_us", "count", "tags", "more_tags", "confidence", "grade",
    "marking", "team", "handling", "handling_text", "purposes", "releasable", "keep_until",
)  # fmt: skip
"""Of the fields: what is said, then how it is marked."""


def read_value(text: str) -> Value:
    """A value as somebody typed it: alone, or behind its kind and a colon.

    Raises:
        ValueProblem: It is none; says why.
    """
    head, colon, rest = text.partition(":")
    kind = head.strip().lower()
    if colon and kind in KINDS:
        return normalise(kind, rest)
    try:
        recognised = csv_list.kind_of(text)
    except ValueProblem:
        if _is_card(text):
            raise ValueProblem(
                "It looks like the number of a card, which is kept in cases alone, where it is masked. Open a case for it."
            ) from None
        raise ValueProblem(
            f"{text[:60]!r} looks like no value known here. Write its kind before it, as in name: {text[:60]}"
        ) from None
    return normalise(recognised, text)


def _is_card(text: str) -> bool:
    """Whether somebody typed the number of a payment card, whatever else it might be named."""
    try:
        normalise("card", text)
    except ValueProblem:
        return False
    return True


class ValuesField(forms.CharField):
    """Values, one per line; its value is a list of `Value`."""

    def __init__(self, **more: Any) -> None:
        super().__init__(
            widget=forms.Textarea({"rows": 4, "spellcheck": "false", "autocapitalize": "off"}),
            max_length=_LONGEST,
            **more,
        )

    def clean(self, value: Any) -> Any:
        """The values, each read as one of the kinds.

        Raises:
            ValidationError: A line is none; names it and says why.
        """
        text = super().clean(value)
        found, problems = [], []
        for number, line in enumerate(str(text or "").splitlines(), 1):
            if line.strip():
                try:
                    found.append(read_value(line.strip()))
                except ValueProblem as problem:
                    problems.append(
                        _t("Line %(number)s: %(problem)s") % {"number": number, "problem": problem}
                    )
        if problems:
            raise forms.ValidationError(problems[:20])
        return list(dict.fromkeys(found))

    def prepare_value(self, value: Any) -> Any:
        """Values as they are typed."""
        return (
            value
            if isinstance(value, str) or value is None
            else "\n".join(f"{one.kind}: {one.text}" for one in value)
        )


class CitesField(forms.CharField):
    """What is cited, one address or id per line; its value is a list of ids."""

    def __init__(self, **more: Any) -> None:
        super().__init__(
            widget=forms.Textarea({"rows": 2, "spellcheck": "false"}), max_length=_LONGEST, **more
        )

    def clean(self, value: Any) -> Any:
        """The ids in the lines.

        Raises:
            ValidationError: A line holds none.
        """
        text = super().clean(value)
        found = []
        for number, line in enumerate(str(text or "").splitlines(), 1):
            if line.strip():
                match = _UUID.search(line)
                if match is None:
                    raise forms.ValidationError(
                        _t(
                            "Line %(number)s names nothing. Copy the address of the page of an attack, a campaign or an item."
                        )
                        % {"number": number}
                    )
                found.append(UUID(match[0]))
        return list(dict.fromkeys(found))

    def prepare_value(self, value: Any) -> Any:
        """Things as they are typed: the address of each, and what it is called."""
        return (
            value
            if isinstance(value, str) or value is None
            else "\n".join(f"{one.url} {one.title}" for one in value)
        )


_LABELS: Final = Fold(_("Tags, confidence and grade"), ("tags", "more_tags", "confidence", "grade"))


class _Words(Folded):
    """What all that is written has."""

    type = ""
    field_order = ORDER
    folds: ClassVar[tuple[Fold, ...]] = (_LABELS,)

    text = forms.CharField(
        label=_("Text"), required=False, max_length=own.LONGEST_TEXT, widget=forms.Textarea({"rows": 8}),
        help_text=_("Plain text; line breaks stay."),
    )  # fmt: skip
    tags = forms.CharField(
        label=_("Tags"), required=False, max_length=own.MOST_TAGS * own.LONGEST_TAG,
        widget=forms.Textarea({"rows": 2, "spellcheck": "false"}),
        help_text=_("One per line. Below are those of the common taxonomies; any other is taken as well."),
    )  # fmt: skip
    more_tags = forms.MultipleChoiceField(
        label=_("Tags of the common taxonomies"), required=False, choices=taxonomies.offered,
        widget=forms.SelectMultiple({"size": 6}),
        help_text=_("Hold Ctrl to choose several."),
    )  # fmt: skip
    confidence = forms.IntegerField(
        label=_("Confidence"), required=False, min_value=0, max_value=100,
        help_text=_("0 to 100: up to 29 is low, up to 69 medium, from 70 on high (STIX 2.1, appendix A)."),
    )  # fmt: skip
    grade = forms.ChoiceField(
        label=_("Source and information"), required=False,
        choices=lambda: [("", _t("not graded")), *grading.choices()],
        help_text=_("How reliable the source is, and how sure what it says: the admiralty's scale, or Europol's 4x4."),
    )  # fmt: skip

    def clean_tags(self) -> tuple[str, ...]:
        """The tags, one per line."""
        return tuple(
            dict.fromkeys(line.strip() for line in self.cleaned_data["tags"].splitlines() if line.strip())
        )

    @property
    def piece(self) -> Piece:
        """What was typed into a valid form."""
        told = self.cleaned_data
        tags = tuple(dict.fromkeys([*told["tags"], *told["more_tags"]]))
        written = Written(
            type=self.type, title=told.get("title", ""), text=told["text"], values=tuple(told.get("values", ())), tags=tags,
            confidence=told["confidence"], from_us=told.get("from_us"), until_us=told.get("until_us"),
            count=told.get("count") or 1, nature=told.get("nature") or "unknown",
        )  # fmt: skip
        return Piece(written=written, cites=tuple(told.get("cites", ())), grade=told["grade"])


class ReportWords(_Words):
    """What a report says."""

    type = "report"
    title = forms.CharField(label=_("Title"), max_length=own.LONGEST_TITLE)
    values = ValuesField(
        label=_("Values"), required=False,
        help_text=_(
            "Addresses, domains, hashes, accounts and the like, one per line. What a line is, is recognised; where it is "
            "not, write its kind before it, as in iban: EE38 2200 2210 2014 5685."
        ),
    )  # fmt: skip
    cites = CitesField(
        label=_("Rests on"), required=False,
        help_text=_(
            "The addresses of the pages of attacks, campaigns and items, one per line. The report is marked at least as "
            "strictly as these."
        ),
    )  # fmt: skip


class IndicatorWords(_Words):
    """What an indicator says."""

    type = "indicator"
    title = forms.CharField(
        label=_("Title"),
        required=False,
        max_length=own.LONGEST_TITLE,
        help_text=_("Empty is its first value."),
    )
    values = ValuesField(
        label=_("Values that show it"),
        help_text=_("One per line; any of them is enough. The pattern is made of them."),
    )
    cites = CitesField(
        label=_("Rests on"), required=False,
        help_text=_("The addresses of the pages of attacks, campaigns and items, one per line."),
    )  # fmt: skip
    nature = forms.ChoiceField(
        label=_("What it shows"),
        choices=[(one, one.replace("-", " ")) for one in own.NATURES],
        required=False,
    )
    from_us = TimeField(label=_("Valid from"), required=False, help_text=_("In UTC. Empty is from now on."))
    until_us = EndField(
        label=_("Valid until"), required=False, help_text=_("In UTC. Empty is until taken back.")
    )


class SightingWords(_Words):
    """What a sighting says."""

    type = "sighting"
    from_us = TimeField(label=_("First seen"), required=False, help_text=_("In UTC. Empty is now."))
    until_us = EndField(
        label=_("Last seen"), required=False, help_text=_("In UTC. Empty is when it was first seen.")
    )
    count = forms.IntegerField(
        label=_("How often"),
        required=False,
        min_value=1,
        max_value=999_999_999,
        help_text=_("Empty is once."),
    )


WORDS: Final[dict[str, type[_Words]]] = {
    "report": ReportWords,
    "indicator": IndicatorWords,
    "sighting": SightingWords,
}
"""The form of what each type says."""


class _Marked(MarkingForm):
    """How a new thing is marked; beside `_Words`."""

    folds: ClassVar[tuple[Fold, ...]] = (_LABELS, *MarkingForm.folds)

    def __init__(self, data: Any = None, *, initial: Any = None) -> None:
        super().__init__(data, old=Marking.own(authority()), initial=initial)


class NewReport(_Marked, ReportWords):
    """A new report."""


class NewIndicator(_Marked, IndicatorWords):
    """A new indicator."""


class NewSighting(_Marked, SightingWords):
    """A new sighting."""


NEW: Final[dict[str, type[NewReport] | type[NewIndicator] | type[NewSighting]]] = {
    "report": NewReport,
    "indicator": NewIndicator,
    "sighting": NewSighting,
}
"""The form of each type, to write one anew."""


class TakeBackForm(WhyForm):
    """Why something is taken back."""


class GradeForm(WhyForm):
    """What somebody thinks of an item."""

    grade = forms.ChoiceField(
        label=_("Source and information"), required=False,
        choices=lambda: [("", _t("not graded")), *grading.choices()],
    )  # fmt: skip
    confidence = forms.IntegerField(
        label=_("Confidence"), required=False, min_value=0, max_value=100,
        help_text=_("0 to 100: up to 29 is low, up to 69 medium, from 70 on high."),
    )  # fmt: skip
    field_order = ("grade", "confidence", "reason")


def typed(piece: Piece, things: Iterable[Thing]) -> dict[str, Any]:
    """A piece as it stands in its form.

    Args:
        piece: What was written.
        things: What it cites, as far as whoever changes it may see that.
    """
    written = piece.written
    offered = taxonomies.offered_tags()
    return {
        "title": written.title, "text": written.text, "values": list(written.values), "cites": list(things),
        "tags": "\n".join(tag for tag in written.tags if tag not in offered),
        "more_tags": [tag for tag in written.tags if tag in offered], "confidence": written.confidence,
        "grade": piece.grade, "from_us": written.from_us, "until_us": written.until_us, "count": written.count,
        "nature": written.nature,
    }  # fmt: skip
