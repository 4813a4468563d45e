"""The days of standing matching: what each turn was made of, kept for an auditor, and what is put on record of all of them.

A turn is kept when it is made, with the keyed hashes of its selectors: with the secret of the mask it can be made again,
and without it nothing is learnt. When the day is over, both sides put on record what each sent and answered, and tell
each other.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

from hanse.federation.handlers import Arrived, Handler
from hanse.federation.sending import send
from hanse.intel.values import Value
from hanse.kernel.errors import HanseError, UsageError
from hanse.ledger import objects
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.ledger.service import next_entry
from hanse.ledger.writing import Draft, append, writing
from hanse.matching import brought, standing
from hanse.matching.epochs import GRACE_US, KEPT_US, begin_us, day, end_us, over_us
from hanse.matching.offering import matcher
from hanse.matching.publishing import name_of
from hanse.matching.secret import RunSecret
from hanse.matching.standing_chain import Chain, sent_digest
from hanse.matching.standing_contents import DayOver
from hanse.matching.standing_models import Mask, OwnTurns, StandingDay, StandingTurn, TheirTurns
from hanse.matching.standing_state import pending_of

_log = logging.getLogger(__name__)

DAY: Final = "matching.standing_day"
SETTLE_US: Final = 900_000_000
"""After the end of a day until it is put on record: answers that were on their way have come by then, and clocks differ."""
LEAD: Final = 8
"""Turns of a partner that are answered while it answers none: it could find out what both have, and not let us."""
NAME: Final = 16
"""Bytes of the keyed hash of a value."""
_MOST: Final = 1_000_000
"""Turns of a day that a partner may say there were."""

Went = tuple[bytes, ...]
"""What went in a turn, in the order in which it was put in: `NAME` bytes for the keyed hash of a value; of one that was
purged its point and eight bytes for the entry that had brought it."""


def keep(row: OwnTurns, went: Went) -> None:
    """Keep what a turn was made of, when it is made; the caller is in `writing`."""
    pending = pending_of(row)
    assert pending is not None  # noqa: S101 - a turn that was made waits for its answer
    StandingTurn.objects.create(
        partner=row.partner, epoch=row.epoch, number=row.number, slot=row.slot, head=next_entry(),
        names=msgspec.msgpack.encode(went) if went else None, points=sha256(pending.points).digest(),
        taken=sha256(pending.taken).digest(), answer=b"",
    )  # fmt: skip


def answered(row: OwnTurns, tokens: bytes) -> None:
    """Keep what a turn was answered; the caller is in `writing`."""
    turns = StandingTurn.objects.filter(partner=row.partner, epoch=row.epoch, number=row.number)
    turns.update(answer=sha256(tokens).digest())


def went_of(row: StandingTurn) -> Went:
    """What went in a turn."""
    return msgspec.msgpack.decode(bytes(row.names), type=Went) if row.names is not None else ()


def chain_of(told: object) -> Chain:
    """A chain as a row has it."""
    return msgspec.convert(told, Chain)


def after_answering(chain: object, mask: str, number: int, passed: tuple[bytes, bytes, bytes]) -> object:
    """The chain of a partner's turns, as a row has it, with one more.

    Args:
        chain: As it was; None before the first.
        mask: The partner's, hexadecimal id.
        number: Of the turn.
        passed: Its points, the tokens that it took back, and those that it was answered.
    """
    points, taken, answer = (sha256(one).digest() for one in passed)
    before = Chain() if chain is None else chain_of(chain)
    return msgspec.to_builtins(before.after(sent_digest(mask, number, points, taken), answer))


def walked(rows: Iterable[StandingTurn], mask: str) -> tuple[Chain, str]:
    """The chain of this side's turns, and the hash of when each was made.

    Args:
        rows: In their order.
        mask: This side's, hexadecimal id.
    """
    chain, record = Chain(), sha256()
    for row in rows:
        points, taken = bytes(row.points), bytes(row.taken)
        for one in (row.number, row.slot, row.head):
            record.update(one.to_bytes(8))
        record.update(points + taken)
        if row.answer:
            chain = chain.after(sent_digest(mask, row.number, points, taken), bytes(row.answer))
    return chain, record.hexdigest()


def turns_of(partner: str, epoch: str) -> list[StandingTurn]:
    """This side's turns of a day, in their order, without what went."""
    rows = StandingTurn.objects.filter(partner=partner, epoch=epoch)
    return list(rows.defer("names").order_by("number"))


def is_over(partner: str, epoch: str) -> bool:
    """Whether a day was put on record: this side takes no turn in it any more."""
    return StandingDay.objects.filter(partner=partner, epoch=epoch, theirs=False).exists()


def say_the_same(day: StandingDay, told: StandingDay | None, now: int) -> tuple[bool, bool]:
    """Whether the other side says the same of this side's turns, and of its own, as this side has on record.

    Where clocks differ or a line was cut, either side has answered turns since it put the day on record, up to `LEAD`. It
    says so when the day is answered no more; until then this holds what was said to be true as far as it goes.

    Args:
        day: What this side put on record.
        told: What the other side says; None where it has said nothing, which is held against nobody.
        now: Microseconds UTC.
    """
    if told is None:
        return True, True
    own, answered = chain_of(day.own), chain_of(told.other)
    same = own.is_told_by(answered)
    fewer = 0 < answered.number < own.number <= answered.number + LEAD + 1
    if not same and fewer and now < over_us(day.epoch) + GRACE_US:
        same = _begins_so(day, answered)
    since = TheirTurns.objects.filter(partner=day.partner, epoch=day.epoch).values_list("chain", flat=True)
    here = [chain_of(one) for one in (day.other, *since)]
    return same, any(chain_of(told.own).is_told_by(one) for one in here)


def _begins_so(day: StandingDay, answered: Chain) -> bool:
    """Whether this side's turns of a day begin with those that were answered."""
    mask = Mask.objects.filter(partner=day.partner, epoch=day.epoch).first()
    if mask is None:
        return False
    begin, _ = walked(turns_of(day.partner, day.epoch)[: answered.number], mask.object_id.hex)
    return (begin.number, begin.head) == (answered.number, answered.head)


def put_on_record(now: int, on: Collection[str]) -> int:
    """Put days on record that are over, or whose standing matching was turned off; how many.

    What a partner sent after that, as long as its day is answered, is put on record when it no longer is. A day of which
    the partner alone says something is put on record as well: here nothing passed on it. After thirty days nothing is,
    also where a mask stays longer: tokens and turns are gone, and it would be said that nothing passed.

    Args:
        now: Microseconds UTC.
        on: Partners with whom it is on.
    """
    lately = {"epoch__gte": day(now - KEPT_US)}
    masks = {
        (one.partner, one.epoch): one.object_id.hex for one in Mask.objects.filter(**lately).defer("secret")
    }
    days = StandingDay.objects.filter(**lately)
    said = {(row.partner, row.epoch): row for row in days if not row.theirs}
    theirs = {(row.partner, row.epoch): row.chain for row in TheirTurns.objects.defer("answer")}
    told = {(row.partner, row.epoch) for row in days if row.theirs}
    number = 0
    for key in sorted(masks.keys() | told):
        partner, epoch = key
        row, more = said.get(key), theirs.get(key)
        final_us = end_us(epoch) + SETTLE_US if row is None else over_us(epoch)
        if partner in on and now < final_us:
            continue
        passed = more is not None or key in told
        passed = passed or StandingTurn.objects.filter(partner=partner, epoch=epoch).exists()
        if more not in (None, row.other) if row is not None else passed:
            try:
                _put_on_record(partner, epoch, masks.get(key, ""))
            except (HanseError, ValueError):  # what is kept of it was altered, which keeps no other day back
                _log.exception(
                    "the day %s of standing matching with %s was not put on record", epoch, partner
                )
            else:
                number += 1
    return number


def _put_on_record(partner: str, epoch: str, mask: str) -> None:
    with writing():
        own, record = walked(turns_of(partner, epoch), mask)
        theirs = (
            TheirTurns.objects.filter(partner=partner, epoch=epoch).values_list("chain", flat=True).first()
        )
        other = Chain() if theirs is None else chain_of(theirs)
        content = DayOver(partner=partner, epoch=epoch, own=own, other=other, record=record)
        which = objects.named("standing day", f"{partner} {epoch}")
        append(DAY, content, actor=matcher(), object_id=which)
        told = msgspec.structs.replace(content, record="")
        send([Draft(DAY, told, which, recipient=partner)])


def forget(purged: Sequence[UUID], _reason: str) -> set[UUID]:
    """Keep of selectors that are purged their points alone, so that what went beside them can still be done again."""
    for row, left in left_of_turns(purged):
        row.names = left
        row.save(update_fields=["names"])
    return set()


def left_of_turns(purged: Sequence[UUID]) -> Iterator[tuple[StandingTurn, bytes | None]]:
    """Each turn of which something is purged, and what is kept of what went in it; it writes nothing."""
    if not StandingTurn.objects.exclude(names=None).exists():
        return
    gone = {name_of(value): (value, entry) for value, entry in brought.of_purged(purged).items()}
    for mask in Mask.objects.all() if gone else ():
        for row in StandingTurn.objects.filter(partner=mask.partner, epoch=mask.epoch).exclude(names=None):
            try:
                went = _without(row, mask, gone)
            except (HanseError, ValueError):
                yield row, None  # it was altered: an auditor finds that, and the purge goes on
            else:
                if went:
                    yield row, msgspec.msgpack.encode(went)


def _without(row: StandingTurn, mask: Mask, gone: Mapping[bytes, tuple[Value, int]]) -> Went:
    """What is kept of a turn of which something is purged: of that its point and its entry; nothing where nothing is."""
    went, secret = went_of(row), RunSecret(bytes.fromhex(mask.secret))
    # What another entry had brought before this turn stays on record by that one.
    hit = {one: gone[one] for one in went if one in gone and gone[one][1] < row.head}
    points = {
        one: standing.point_of(value, secret, mask.epoch) + entry.to_bytes(8)
        for one, (value, entry) in hit.items()
    }
    return tuple(points.get(one, one) for one in went) if hit else ()


def _project(recorded: Recorded, content: DayOver) -> None:
    if recorded.recipient:
        return  # the copy that went to the other side says less
    _keep(recorded.object_id, content.partner, content, theirs=False, sequence=recorded.sequence)


def _keep(object_id: UUID, partner: str, content: DayOver, *, theirs: bool, sequence: int) -> None:
    values = {
        "own": msgspec.to_builtins(content.own), "other": msgspec.to_builtins(content.other),
        "record": content.record, "sequence": sequence,
    }  # fmt: skip
    row = {"partner": partner, "epoch": content.epoch, "theirs": theirs}
    StandingDay.objects.filter(**row).exclude(pk=object_id).delete()
    StandingDay.objects.update_or_create(object_id=object_id, defaults={**row, **values})


def _check(here: Arrived, content: DayOver) -> None:
    if here.via or content.partner != authority():
        raise UsageError(f"{here.partner} says what passed between others.")
    if not _has_come(content.epoch, here.received_us):
        raise UsageError(f"{here.partner} says what passed on a day that is none, or not yet come.")
    for one in (content.own, content.other):
        if not 0 <= one.number <= _MOST or not all(map(_is_hash, (one.head, one.before))):
            raise UsageError(f"{here.partner} says of a day what cannot be.")


def _has_come(epoch: str, now: int) -> bool:
    try:
        begun_us = begin_us(epoch)
    except ValueError:
        return False
    return day(begun_us) == epoch and begun_us <= now


def _is_hash(text: str) -> bool:
    return len(text) == 2 * sha256().digest_size and not set(text) - set("0123456789abcdef")


def _arrived(here: Arrived, content: DayOver) -> None:
    told = msgspec.structs.replace(content, record="")
    _keep(here.object_id, here.partner, told, theirs=True, sequence=here.sequence)


def _forget(object_id: UUID) -> None:
    drop(StandingDay.objects, object_id)


KINDS = (Kind(DAY, DayOver, _project, _forget, overseen=True),)
HANDLERS = (Handler(DAY, DayOver, _arrived, _forget, check=_check),)
