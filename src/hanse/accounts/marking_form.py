"""The part of a form by which a thing is marked: every part of a marking, and the need-to-know team."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, Final, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.accounts.models import Team
from hanse.kernel.markings import HANDLING, PURPOSES, Marking, MarkingError
from hanse.web.forms import Fold, Folded, MarkingField

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class MarkingForm(Folded):
    """How a thing is to be marked; its `whole` marking once it is valid, and its `team`."""

    folds: ClassVar[tuple[Fold, ...]] = (
        Fold(
            _("Handling codes, purposes, release and dates"),
            (
                "handling", "handling_text", "purposes", "releasable", "keep_until", "embargo", "embargo_for",
            ),
        ),
    )  # fmt: skip

    marking = MarkingField()
    handling = forms.MultipleChoiceField(
        label=_("Handling codes"),
        choices=[(code, f"{code}: {words}") for code, words in HANDLING.items()],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("Europol's. They bind those whom it is given to, and you for what another gave."),
    )
    handling_text = forms.CharField(
        label=_("Text of H3"),
        max_length=4_000,
        widget=forms.Textarea({"rows": 2}),
        required=False,
        help_text=_("The other restrictions, one per line."),
    )
    purposes = forms.MultipleChoiceField(
        label=_("Only for"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("With none chosen, for any purpose."),
    )
    releasable = forms.CharField(
        label=_("Only releasable to"),
        max_length=4_000,
        widget=forms.Textarea({"rows": 2, "spellcheck": "false"}),
        required=False,
        help_text=_(
            "One alternative per line: state:EE, tier:member, authority:ID, or several at once as "
            "state:EE & tier:member. Empty leaves it to TLP."
        ),
    )
    keep_until = forms.DateField(
        label=_("Keep until"),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        required=False,
        help_text=_("It is purged after this day (UTC). A day that is past has it purged within the hour."),
    )
    embargo = forms.DateTimeField(
        label=_("Embargo until (UTC)"),
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        required=False,
        help_text=_("Until this hour only the people it is given to know of it; then every node opens it."),
    )
    embargo_for = forms.CharField(
        label=_("Embargo for"),
        max_length=4_000,
        widget=forms.Textarea({"rows": 2}),
        required=False,
        help_text=_(
            "Who these people are at other authorities, one per line, for whoever gives it to them there."
        ),
    )
    team = forms.ChoiceField(
        label=_("Need-to-know team"),
        required=False,
        help_text=_("Its members alone see it then. A TLP:RED thing needs one, or only officers see it."),
    )

    def __init__(self, data: Any = None, *, old: Marking, team: str = "", initial: Any = None) -> None:
        """The form, filled with a marking as it is.

        Args:
            data: What was typed.
            old: The marking as it is, or as a new thing has it unless somebody says otherwise.
            team: Id of the team as it is; empty for none.
            initial: What stands in fields of other forms that this one is a part of.
        """
        self._old = old
        super().__init__(data, initial={**(initial or {}), **_typed(old), "team": team})
        known = {name: f"{name}: {words}" for name, words in PURPOSES.items()}
        purposes = cast("forms.MultipleChoiceField", self.fields["purposes"])
        purposes.choices = [
            (name, known.get(name, name)) for name in {**known, **dict.fromkeys(sorted(old.purposes or ()))}
        ]
        teams = Team.objects.filter(closed=False).order_by("name")
        choices = {"": str(_("none")), **{one.pk.hex: one.name for one in teams}}
        cast("forms.ChoiceField", self.fields["team"]).choices = list(
            {**({team: team} if team else {}), **choices}.items()
        )

    def clean(self) -> dict[str, Any]:
        """Make one marking of the parts; what they mean together is said beside the text of H3."""
        told: dict[str, Any] = super().clean() or {}
        if self.errors:
            return told
        try:
            told["whole"] = self._marking(told)
        except MarkingError as error:
            words = str(error)
            part = "releasable" if "releasab" in words or "tier" in words else "handling_text"
            part = "embargo_for" if "embargo" in words else part
            self.add_error(part, str(error))
        return told

    def _marking(self, told: dict[str, Any]) -> Marking:
        """The marking that was typed; what only other nodes say, such as no purpose at all, stays as it is."""
        levels: Marking = told["marking"]
        return Marking(
            originators=self._old.originators,
            tlp=levels.tlp,
            pap=levels.pap,
            handling=frozenset(told["handling"]),
            handling_text=frozenset(_lines(told["handling_text"])),
            purposes=frozenset(told["purposes"]) or (None if self._old.purposes else self._old.purposes),
            releasable=_alternatives(told["releasable"])
            or (None if self._old.releasable else self._old.releasable),
            retention_us=self._retention(told["keep_until"]),
            embargo_us=self._embargo(told["embargo"]),
            embargo_for=frozenset(_lines(told["embargo_for"])),
        )

    def _retention(self, until: date | None) -> int | None:
        """The end of a day; the date as it was, to the microsecond, where nobody changed it."""
        if until == self.initial["keep_until"]:
            return self._old.retention_us
        if until is None:
            return None
        end = datetime.combine(until, time(), UTC) + timedelta(days=1)
        return max(0, (end - _EPOCH) // timedelta(microseconds=1))

    def _embargo(self, until: datetime | None) -> int | None:
        """An hour; as it was, to the microsecond, where nobody changed it."""
        if until == self.initial["embargo"]:
            return self._old.embargo_us
        return None if until is None else max(0, (until - _EPOCH) // timedelta(microseconds=1))


def _hour(us: int | None) -> datetime | None:
    """A time to the minute; None where there is none, or no calendar has it."""
    try:
        return None if us is None else (_EPOCH + timedelta(microseconds=us)).replace(second=0, microsecond=0)
    except OverflowError:
        return None


class CopiesForm(MarkingForm):
    """How copies that others get are to be marked: at least as the thing is, whatever is chosen."""

    field_order = (
        "embargo", "embargo_for", "marking", "handling", "handling_text", "purposes", "releasable", "keep_until",
    )  # fmt: skip

    def __init__(self, data: Any = None, *, old: Marking) -> None:
        """The form, filled with the marking of the thing.

        Args:
            data: What was typed.
            old: The marking of the thing.
        """
        super().__init__(data, old=old)
        del self.fields["team"]


def _typed(marking: Marking) -> dict[str, Any]:
    """A marking as it is typed into the form."""
    return {
        "marking": marking,
        "handling": sorted(marking.handling),
        "handling_text": "\n".join(sorted(marking.handling_text)),
        "purposes": sorted(marking.purposes or ()),
        "releasable": "\n".join(sorted(marking.releasable or ())),
        "keep_until": _last_day(marking.retention_us),
        "embargo": _hour(marking.embargo_us),
        "embargo_for": "\n".join(sorted(marking.embargo_for)),
    }


def _last_day(us: int | None) -> date | None:
    """The last day on which a thing is kept; None where there is none, or no calendar has it."""
    try:
        return None if us is None else (_EPOCH + timedelta(microseconds=us - 1)).date()
    except OverflowError:
        return None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _alternatives(text: str) -> frozenset[str]:
    """Releasability, each line with its conditions in the order in which they are signed."""
    return frozenset(" & ".join(sorted({part.strip() for part in line.split("&")})) for line in _lines(text))
