"""Doing a run again from what is on record, by an auditor: were its inputs those of the cases, and what was sent made of them?

The run's secret makes everything that this side sent. So an auditor sees whether it put in what no case had, answered
what it should not have, or said something else in the ledger than it sent; and sees none of the selectors for it.
"""

from typing import Final
from uuid import UUID

import msgspec

from hanse.cases.contents import SelectorAdded
from hanse.intel.values import Value
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.ledger.kinds import Kind, kind_of
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import content_of
from hanse.ledger.recorded import Recorded
from hanse.ledger.writing import append
from hanse.matching import commitment, parts
from hanse.matching.alike import keys_of
from hanse.matching.models import Run
from hanse.matching.parts import POINTS, TOKENS, theirs
from hanse.matching.run_projecting import BEGUN
from hanse.matching.secret import RunSecret
from hanse.policy.asking import require

REOPEN: Final = "matching.reopen"
REOPENED: Final = "matching.run_reopened"
MOST: Final = 100_000
"""Selectors of both sides together that are done again at once: a quarter of a minute."""
_ADDED: Final = "cases.selector_added"


class RunReopened(msgspec.Struct, frozen=True, kw_only=True):
    """A run was done again; the object is the run, why is the entry's reason.

    Attributes:
        found: What was not as it should have been, in sentences; empty for an honest run.
    """

    found: tuple[str, ...] = ()


def reopen(run: UUID, actor: Actor, why: str) -> tuple[str, ...]:
    """Do a finished run again; what was not as it should have been, in sentences, which stand in the ledger too.

    Raises:
        RefusedError: The actor may not.
        UsageError: There is no such run, it did not finish, its pieces are gone, or no reason is given.
    """
    require(actor, REOPEN)
    row = Run.objects.filter(pk=run, state="finished").first()
    if row is None:
        raise UsageError("There is no such comparison, or it did not finish.")
    if not why.strip():
        raise UsageError("Say why it is reopened.")
    said, other = commitment.read(row.own.encode()), commitment.read(row.other.encode())
    if said.size + other.size > MOST:
        raise UsageError(
            f"It has more than {MOST:,} selectors of both sides: too many to be done again at once."
        )
    values = parts.values(run)
    if not values:
        raise UsageError(
            "What was put in is not kept any more: thirty days are over, or something of it was purged."
        )
    found = commitment.reopened(
        said, RunSecret(bytes.fromhex(row.secret)), values, parts.whole(run, POINTS), parts.whole(run, theirs(POINTS)),
        parts.whole(run, TOKENS),
    )  # fmt: skip
    if invented := set(values) - _on_record(_begun_at(run)):
        found.append(
            f"{len(invented):,} of its {len(values):,} inputs stood in no case before it began: they were invented."
        )
    append(REOPENED, RunReopened(found=tuple(found)), actor=actor, reason=why.strip(), object_id=run)
    return tuple(found)


def _begun_at(run: UUID) -> int:
    """The entry by which the inputs stood fixed."""
    return int(Entry.objects.filter(kind=BEGUN, object_id=run).earliest("sequence").sequence)


def _on_record(before: int) -> set[Value]:
    """All that stood in a case before an entry, whether it is still there or not, with the keys of names."""
    kind, found = kind_of(_ADDED), set()
    entries = Entry.objects.filter(kind=_ADDED, sequence__lt=before).order_by("sequence")
    bodies = {
        body.entry_id: body for body in Body.objects.filter(entry__in=entries.values("sequence")).iterator()
    }
    for entry in entries.iterator():
        if entry.sequence in bodies:
            content = content_of(entry, bodies[entry.sequence], kind)
            assert isinstance(content, SelectorAdded)  # noqa: S101 - the kind says so
            value = Value(content.kind, content.text)
            found.add(value)
            found |= keys_of(value)
    return found


def _nothing(_: Recorded, __: RunReopened) -> None:
    """What was found is in the entry."""


KINDS = (Kind(REOPENED, RunReopened, _nothing),)
