"""Doing a run or a count again from what is on record, by an auditor: were its inputs those of the cases and attacks?

Days of standing matching: `reopening_days`.

The secret of it makes everything that this side sent. So an auditor sees whether it put in what no case or attack had,
answered what it should not have, or said something else in the ledger than it sent; and sees no selector and no source.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final
from uuid import UUID

import msgspec

from hanse.attacks.on_record import versions
from hanse.intel.values import Value
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.writing import append
from hanse.matching import commitment, common_sources, parts, psi
from hanse.matching.brought import Excused, on_record
from hanse.matching.commitment import MOST_AGAIN, Commitment, PurgedInput
from hanse.matching.common_sources import Said, Sample, Sent
from hanse.matching.comparing import transcript_of
from hanse.matching.counting import SIDES
from hanse.matching.group import ProtocolError
from hanse.matching.models import Run
from hanse.matching.parts import DIGEST, POINTS, TOKENS, theirs
from hanse.matching.run_projecting import ENDS, begun_at
from hanse.matching.secret import RunSecret
from hanse.matching.source_models import SourceCount
from hanse.matching.standing_models import StandingDay
from hanse.policy.asking import require

REOPEN: Final = "matching.reopen"
REOPENED: Final = "matching.reopened"
_sides = msgspec.msgpack.Decoder(tuple[str, dict[str, Said]])


class Reopened(msgspec.Struct, frozen=True, kw_only=True):
    """A run, a count of sources or a day of standing matching was done again; the object is that, why is the entry's reason.

    Attributes:
        found: What was not as it should have been, in sentences; empty for an honest one.
    """

    found: tuple[str, ...] = ()


def reopen(run: UUID, actor: Actor, why: str) -> tuple[str, ...]:
    """Do a run again that ended, however it did; what was not as it should have been, in sentences, which stand in the ledger too.

    One that was stopped, or broken off, too: who put in guesses knows the hits once it has the other side's tokens, and
    would only have to end it then.

    Raises:
        RefusedError: The actor may not.
        UsageError: There is no such run, it goes on, nothing was put in, its pieces are gone, or no reason is given.
    """
    check_may(actor, why)
    row = Run.objects.filter(pk=run, state__in=ENDS).exclude(own="").first()
    if row is None:
        raise UsageError("There is no such comparison, it goes on, or it ended before anything was put in.")
    said = commitment.read(row.own.encode())
    other = commitment.read(row.other.encode()) if row.other else None
    if said.size + (other.size if other else 0) > MOST_AGAIN:
        raise UsageError(
            f"It has more than {MOST_AGAIN:,} selectors of both sides: too many to be done again at once."
        )
    inputs, secret = parts.inputs(run), RunSecret(bytes.fromhex(row.secret))
    if not inputs:
        raise UsageError("What was put in is not kept any more: thirty days are over.")
    # Tokens go out once their digest is made; what there is of them before that was made and not sent.
    gave = parts.get(run, DIGEST, 0) is not None
    found = commitment.reopened(
        said, secret, inputs, parts.whole(run, POINTS),
        parts.whole(run, theirs(POINTS)) if gave else b"", parts.whole(run, TOKENS) if gave else b"",
        whole=gave,
    )  # fmt: skip
    found += _of_transcript(row, said, other)
    found += _of_inputs(inputs, said, secret, begun_at(run))
    append(REOPENED, Reopened(found=tuple(found)), actor=actor, reason=why.strip(), object_id=run)
    return tuple(found)


def _of_inputs(inputs: parts.Inputs, said: Commitment, secret: RunSecret, begun: int) -> list[str]:
    """Whether all that was put in stood in a case before the run began, or is said by the ledger to have been purged."""
    values = {one for one in inputs if isinstance(one, Value)}
    gone = [one for one in inputs if isinstance(one, PurgedInput)]
    excused = Excused(one.entry for one in gone)

    def point_of(value: Value) -> bytes:
        return psi.point_of(value, said.protocol, said.epoch, secret)

    unknown = sum(not excused.holds(one.point, one.entry, begun, point_of) for one in gone)
    stood, closed = on_record(begun)
    invented = len(values - stood.keys())
    sentences = (
        (invented, "inputs stood in no case before it began: they were invented."),
        (unknown, "inputs are said to be of selectors that were purged since, and the ledger has no such."),
    )
    return [f"{number:,} of its {len(inputs):,} {words}" for number, words in sentences if number] + closed


def _of_transcript(row: Run, said: Commitment, other: Commitment | None) -> list[str]:
    """Whether what is kept of a finished run is what was sent, as this side put on record, and as the other side says."""
    if row.state != "finished" or other is None:
        return []
    kept = transcript_of(row.pk, row.partner, commitment.session_hash(said, other))
    checks = (
        (kept == row.transcript, "What is kept of it is not what was sent: it was altered since."),
        (
            row.other_transcript in {"", row.transcript},
            f"{row.partner} says that something else was sent than stands on record here.",
        ),
    )
    return [sentence for holds, sentence in checks if not holds]


def reopen_count(count: UUID, actor: Actor, why: str) -> tuple[str, ...]:
    """As `reopen`, of a count of common sources.

    Raises:
        RefusedError: The actor may not.
        UsageError: There is no such count, it was not counted, its pieces are gone, or no reason is given.
    """
    check_may(actor, why)
    row = SourceCount.projected.select_related("marking").filter(pk=count, state="counted").first()
    if row is None:
        raise UsageError("There is no such count, or it did not come to a number.")
    kept = parts.get(count, SIDES, 0)
    if kept is None:
        raise UsageError("What was sent is not kept any more: thirty days are over.")
    found = _of_count(row, *_sides.decode(kept))
    content, marking = Reopened(found=tuple(found)), row.marking.marking
    append(REOPENED, content, actor=actor, reason=why.strip(), object_id=count, marking=marking)
    return tuple(found)


def _of_count(row: SourceCount, attack: str, sides: dict[str, Said]) -> list[str]:
    """What of a count was not as it should have been."""
    sent = Sent(
        *((parts.whole(row.pk, name(POINTS)), parts.whole(row.pk, name(TOKENS))) for name in (str, theirs))
    )
    named = common_sources.session(row.question, attack, row.epoch, sides)
    if common_sources.transcript(named, {authority(): sent.own, row.partner: sent.theirs}) != row.transcript:
        return ["What is kept of it is not what was sent: it was altered since."]
    secret = RunSecret(bytes.fromhex(row.secret))
    found = common_sources.redone(sides[authority()], secret, _samples(row), row.epoch, sent)
    other, own = sides[row.partner], sides[authority()]
    if (row.own_size, row.own_share, row.other_size, row.other_share) != (
        own.size,
        own.share,
        other.size,
        other.share,
    ):
        found.append("The sizes on record are not those that both committed to.")
    try:
        common = psi.overlap(sent.theirs[1], sent.own[1])
    except ProtocolError as error:
        found.append(str(error))
    else:
        if common != row.common:
            found.append("The number on record is not the one that comes of what was sent.")
    return found


def _samples(row: SourceCount) -> Iterator[Sample]:
    """What may have been put into a count: of its attack as it stood before the number was on record."""
    for attack in versions(row.own, row.sequence):
        with suppress(UsageError):  # it had no sources then that could be counted
            yield common_sources.sample_of(attack)


def check_may(actor: Actor, why: str) -> None:
    """See that somebody may do something again, and says why.

    Raises:
        RefusedError: The actor may not.
        UsageError: No reason is given.
    """
    require(actor, REOPEN)
    if not why.strip():
        raise UsageError("Say why it is reopened.")


def _reopened(recorded: Recorded, content: Reopened) -> None:
    """What was found is in the entry; of a day it stands beside it as well."""
    rows = StandingDay.objects.filter(pk=recorded.object_id)
    rows.update(found=list(content.found), reopened_us=recorded.time_us)


KINDS = (Kind(REOPENED, Reopened, _reopened, overseen=True),)
