"""Doing a day of standing matching again, by an auditor: was each selector that went in a case, and nothing else sent?

Points, decoys and orders of all its turns follow from the secret of the mask and from what stood in cases, which is still
on record. What the other side was answered is held to what it says, and is not made again: that would take its points.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from django.urls import reverse

from hanse.intel.values import Value
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.writing import append
from hanse.matching import standing
from hanse.matching.brought import Excused, on_record
from hanse.matching.group import POINT, ProtocolError
from hanse.matching.publishing import name_of
from hanse.matching.reopening import REOPEN, REOPENED, Reopened, check_may
from hanse.matching.secret import RunSecret
from hanse.matching.standing_days import NAME, chain_of, say_the_same, walked, went_of
from hanse.matching.standing_models import Mask, StandingDay, StandingTurn
from hanse.policy.asking import RefusedError, may_begin
from hanse.policy.decision import may
from hanse.web import jobs
from hanse.web.jobs import Progress
from hanse.web.models import Job

KIND: Final = "reopen-day"

Tell = Callable[[int, int], object]


def _quiet(_done: int, _of: int) -> None:
    """Nobody wants to know how far it is."""


def begin(partner: str, epoch: str, actor: Actor, why: str) -> Job:
    """Have a day done again, as a job: a whole day takes half a minute.

    Raises:
        RefusedError: The actor may not.
        UsageError: There is no such day, it goes on, its turns are gone, or no reason is given.
    """
    check_may(actor, why)
    _day(partner, epoch)
    params = {"partner": partner, "epoch": epoch, "why": why.strip()}
    return jobs.start(KIND, f"Doing standing matching with {partner} of {epoch} again", params, actor)


def follow(params: dict[str, Any], progress: Progress, actor: Actor) -> str:
    """Do a day again, for who began it with a passkey and may still.

    Args:
        params: As `begin` gives them.
        progress: Told how many turns are done.
        actor: Who does it.

    Returns:
        Address of what is said of the day.

    Raises:
        RefusedError: The actor may no more.
        UsageError: The day or its turns are gone.
    """
    if not may_begin(actor, REOPEN):
        raise RefusedError(may(actor, REOPEN, now_us=now_us()))
    progress.step("Making its turns again")
    _reopen(params["partner"], params["epoch"], actor, params["why"], progress.at)
    return f"{reverse('matching:matches')}#days"


def reopen_standing(partner: str, epoch: str, actor: Actor, why: str) -> tuple[str, ...]:
    """Do a day again that is over; what was not as it should have been, in sentences, which stand in the ledger too.

    Args:
        partner: With whom.
        epoch: The day.
        actor: Who does it.
        why: The reason.

    Raises:
        RefusedError: The actor may not.
        UsageError: There is no such day, it goes on, its turns are gone, or no reason is given.
    """
    check_may(actor, why)
    return _reopen(partner, epoch, actor, why.strip(), _quiet)


def _reopen(partner: str, epoch: str, actor: Actor, why: str, tell: Tell) -> tuple[str, ...]:
    day, mask = _day(partner, epoch)
    rows = list(StandingTurn.objects.filter(partner=partner, epoch=epoch).order_by("number"))
    found = (*_of_record(day, mask, rows), *_Again(mask, rows, tell).found(), *_of_partner(day))
    append(REOPENED, Reopened(found=found), actor=actor, reason=why, object_id=day.pk)
    return found


def _day(partner: str, epoch: str) -> tuple[StandingDay, Mask]:
    day = StandingDay.objects.filter(partner=partner, epoch=epoch, theirs=False).first()
    if day is None:
        raise UsageError("There is no such day of standing matching, or it goes on.")
    mask = Mask.objects.filter(partner=partner, epoch=epoch).first()
    if mask is None:
        raise UsageError(
            "What was sent on that day cannot be made again: thirty days are over, or nothing passed on it here."
        )
    return day, mask


def _of_record(day: StandingDay, mask: Mask, rows: Sequence[StandingTurn]) -> list[str]:
    """Whether what is kept is what this side put on record when the day was over."""
    own, record = walked(rows, mask.object_id.hex)
    said = chain_of(day.own)
    number = max(said.number, len(rows))
    if missing := set(range(number)) - {row.number for row in rows}:
        return [
            f"{len(missing):,} of its {number:,} turns are missing; the first is number {min(missing):,}."
        ]
    if (own, record) != (said, day.record):
        return [
            "What is kept of its turns is not what was put on record when it was over: it was altered since."
        ]
    return []


def _of_partner(day: StandingDay) -> list[str]:
    """Whether the other side says the same of both directions, if it says anything."""
    told = StandingDay.objects.filter(partner=day.partner, epoch=day.epoch, theirs=True).first()
    sentences = (
        f"{day.partner} says that it got and answered something else than stands on record here.",
        f"{day.partner} says that it sent, and was answered, something else than stands on record here.",
    )
    return [one for same, one in zip(say_the_same(day, told, now_us()), sentences, strict=True) if not same]


@dataclass
class _Again:
    """The turns of a day, made again one after the other.

    Attributes:
        mask: This side's.
        rows: Its turns.
        tell: Told how many are done.
    """

    mask: Mask
    rows: Sequence[StandingTurn]
    tell: Tell
    _excused: Excused = field(init=False)
    _secret: RunSecret = field(init=False)
    _known: dict[bytes, tuple[Value, int]] = field(init=False)
    _closed: list[str] = field(init=False)

    def __post_init__(self) -> None:
        """Know all that stood in a case before the last of them."""
        self._secret = RunSecret(bytes.fromhex(self.mask.secret))
        held, self._closed = on_record(max((row.head for row in self.rows), default=0))
        self._known = {name_of(value): (value, entry) for value, entry in held.items()}
        gone = (one for row in self.rows for one in went_of(row) if len(one) != NAME)
        self._excused = Excused(int.from_bytes(one[POINT:]) for one in gone)

    def found(self) -> list[str]:
        """What differs, in sentences."""
        invented, unknown, altered = Counter[int](), Counter[int](), Counter[int]()
        for done, row in enumerate(self.rows):
            self.tell(done, len(self.rows))
            reals: list[Value | bytes] = []
            for one in went_of(row):
                real = self._named(one) if len(one) == NAME else one[:POINT]
                if real is not None:
                    reals.append(real)
                if len(one) == NAME:
                    invented[row.number] += not self._stood(one, row)
                else:
                    unknown[row.number] += not self._was_purged(one, row)
            # Nobody knows the text of an input that stands in no case: such a turn cannot be made again.
            altered[row.number] += len(reals) == len(went_of(row)) and not self._is_as_sent(row, reals)
        return [
            *_said(invented, "inputs stood in no case before their turn was made: they were invented"),
            *_said(
                unknown,
                "inputs are said to be of selectors that were purged since, and the ledger has no such",
            ),
            *_said(
                altered,
                "turns are not what comes of the secret and of the selectors that stand on record of them",
            ),
            *self._closed,
        ]

    def _named(self, name: bytes) -> Value | None:
        return self._known[name][0] if name in self._known else None

    def _stood(self, name: bytes, row: StandingTurn) -> bool:
        """Whether what went stood in a case before its turn was made."""
        return name in self._known and self._known[name][1] < row.head

    def _was_purged(self, one: bytes, row: StandingTurn) -> bool:
        """Whether the entry that is said to have brought a selector did so before the turn, and was purged or tells it."""
        point, entry = one[:POINT], int.from_bytes(one[POINT:])
        return self._excused.holds(
            point, entry, row.head, lambda value: standing.point_of(value, self._secret, self.mask.epoch)
        )

    def _is_as_sent(self, row: StandingTurn, reals: Sequence[Value | bytes]) -> bool:
        try:
            points = standing.redone(reals, self._secret, self.mask.epoch, row.number)
        except ProtocolError:
            return False
        return sha256(points).digest() == bytes(row.points)


def _said(counts: Counter[int], words: str) -> list[str]:
    """A sentence on how many there are, and which turn has the first."""
    turns = sorted(turn for turn, number in counts.items() if number)
    if not turns:
        return []
    return [f"{sum(counts.values()):,} {words}; the first in turn {turns[0]:,}."]
