"""Use cases of grading: somebody judges an item's source and what it says, and can take that back."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import msgspec

from hanse.intel import grading, models
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.ledger.kinds import Kind
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import recorded_of
from hanse.ledger.recorded import Recorded
from hanse.ledger.writing import append, writing


class Graded(msgspec.Struct, frozen=True):
    """What somebody thinks of an item.

    Attributes:
        grade: As `hanse.intel.grading` reads it; empty for nothing.
        confidence: 0 to 100; None for nothing.
    """

    grade: str
    confidence: int | None


class GradeWithdrawn(msgspec.Struct, frozen=True):
    """What was thought of an item here no longer counts; its source's word does again."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Who graded an item, when and why.

    Attributes:
        actor_name: Who.
        time_us: When, microseconds UTC.
        reason: Why.
        sequence: The entry that says so.
    """

    actor_name: str
    time_us: int
    reason: str
    sequence: int


def grade(object_id: UUID, told: str, confidence: int | None, why: str, actor: Actor) -> None:
    """Grade an item; the last word counts.

    Raises:
        NotVisibleError: There is no such item, or the actor may not grade it.
        UsageError: It says nothing, the grade or the confidence is none, or no reason is given.
    """
    if not why.strip():
        raise UsageError("Say why: a grade without a reason helps nobody who has to rely on it.")
    if not told and confidence is None:
        raise UsageError("Choose a grade, a confidence, or both.")
    if told:
        grading.read(told)
    if confidence is not None and not 0 <= confidence <= 100:
        raise UsageError(f"The confidence is {confidence:,}. It is a number from 0 to 100.")
    with writing():
        row = models.Item.objects.get_for(actor, "intel.edit", object_id)
        content = Graded(told, confidence)
        append(
            "intel.graded", content, actor=actor, reason=why.strip(), object_id=row.pk, marking=row.marking.marking
        )  # fmt: skip


def withdraw(object_id: UUID, why: str, actor: Actor) -> None:
    """Let the source's own word count again.

    Raises:
        NotVisibleError: There is no such item, or the actor may not grade it.
        UsageError: Nobody has graded it here.
    """
    with writing():
        row = models.Item.objects.get_for(actor, "intel.edit", object_id)
        if row.graded_sequence is None:
            raise UsageError("Nobody has graded it here. Load the page again.")
        marking = row.marking.marking
        append(
            "intel.grade_withdrawn", GradeWithdrawn(), actor=actor, reason=why.strip(), object_id=row.pk, marking=marking
        )  # fmt: skip


def judgement_of(row: models.Item) -> Judgement | None:
    """Who graded an item here, and why; None where nobody has. The caller has loaded the row on somebody's behalf."""
    if row.graded_sequence is None:
        return None
    entry = Entry.objects.get(pk=row.graded_sequence)
    told = recorded_of(entry, Body.objects.get(entry=entry))
    return Judgement(told.actor_name, told.time_us, told.reason, told.sequence)


def _project_graded(recorded: Recorded, content: Graded) -> None:
    models.Item.projected.filter(pk=recorded.object_id).update(
        graded=content.grade, graded_confidence=content.confidence, graded_sequence=recorded.sequence
    )


def _project_withdrawn(recorded: Recorded, _: GradeWithdrawn) -> None:
    models.Item.projected.filter(pk=recorded.object_id).update(
        graded="", graded_confidence=None, graded_sequence=None
    )


KINDS: Iterable[Kind] = (
    Kind("intel.graded", Graded, _project_graded),
    Kind("intel.grade_withdrawn", GradeWithdrawn, _project_withdrawn),
)
