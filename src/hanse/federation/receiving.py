"""Taking a page of a partner's entries in: proven, on record once, handed to the rooms that know their kinds."""

import logging
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db import OperationalError, transaction

from hanse.federation import recalling, refusing, stream, witnessing
from hanse.federation.contents import KNOWN, Received, Taken, Took
from hanse.federation.contradicting import say
from hanse.federation.handlers import Arrived, Handler, handler_of, own_id
from hanse.federation.models import Link, Partner, Standing
from hanse.federation.models import Received as Row
from hanse.federation.partners import link_of, verify_keys
from hanse.federation.sending import speaker
from hanse.federation.stream import Arrival, ConflictError, Known, Page, Pull, StreamError
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.ledger.identity import authority
from hanse.ledger.keyring import LockedError
from hanse.ledger.kinds import known
from hanse.ledger.routing import database
from hanse.ledger.witness import ConflictError as WitnessConflictError
from hanse.ledger.writing import Draft, NotWrittenError, append, append_many, writing

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What a page changed.

    Attributes:
        taken: Entries that came.
        refused: Of those, entries that were refused.
        more: Whether the partner has more.
    """

    taken: int
    refused: int
    more: bool


def reached(partner: str) -> Pull:
    """What this node has of a partner's entries, as it asks for more."""
    return _reached(link_of(partner))


def _reached(link: Link) -> Pull:
    rows = Row.objects.filter(partner=link.pk, place__isnull=False)
    last = rows.order_by("-place").only("place", "chain").first()
    size = stream.size_of(link.checkpoint) if link.checkpoint else 0
    if last is None or last.place is None:
        return Pull(0, bytes(32), 0, size)
    return Pull(last.place + 1, bytes(last.chain), min(link.proven, last.place + 1), size)


def take(partner: Partner, page: Page) -> Result:
    """Put a page on record, once, whatever stops the machine in the middle.

    Raises:
        ConflictError: The partner contradicts itself; that is on record.
        StreamError: The page is not what was asked for, or the partner was suspended or expelled meanwhile; nothing is
            taken.
        NotWrittenError: The database did not take it.
    """
    try:
        with writing():
            _check_stands(partner)
            known = _known(partner)
            examined = stream.examine(page, known)
            _check_witnessed(partner, page)
            if examined.arrivals:
                _record(partner, examined.arrivals)
            _remember(partner, page, examined)
    except ConflictError as conflict:
        say(partner, str(conflict), conflict.before, conflict.now)
        raise
    refused = sum(bool(one.why) for one in examined.arrivals)
    count = known.count + len(examined.arrivals)
    return Result(len(examined.arrivals), refused, page.total > count)


def _check_stands(partner: Partner) -> None:
    """Refuse what comes after somebody ended the exchange: a backlog takes hours, and one that lies has no end."""
    if not Partner.objects.filter(pk=partner.authority, state=Standing.ACTIVE).exists():
        raise StreamError(f"{partner.name} is no active partner any more. Nothing more of it is taken.")


def _check_witnessed(partner: Partner, page: Page) -> None:
    """Refuse a page under a checkpoint that contradicts what this node saw as a witness."""
    try:
        witnessing.check_pulled(partner, page.checkpoint)
    except WitnessConflictError as conflict:
        raise ConflictError(str(conflict), conflict.before, conflict.now) from None


def _known(partner: Partner) -> Known:
    """What is known of the partner's ledger; read under the lock of the own one."""
    name = partner.authority
    link = link_of(name)
    has = _reached(link)

    def chain_at(count: int) -> bytes:
        return bytes(Row.objects.get(partner=name, place=count - 1).chain)

    def leaves_from(place: int) -> list[bytes]:
        rows = Row.objects.filter(partner=name, place__gte=place).order_by("place")
        return [bytes(leaf) for leaf in rows.values_list("leaf", flat=True)[: stream.PROVED]]

    return Known(
        origin=name,
        reader=authority(),
        count=has.first,
        chain=has.chain,
        proven=has.proven,
        checkpoint=link.checkpoint,
        keys=verify_keys(name),
        chain_at=chain_at,
        leaves_from=leaves_from,
    )


def _remember(partner: Partner, page: Page, examined: stream.Examined) -> None:
    told: dict[str, Any] = {"total": page.total, "proven": examined.proven, "checkpoint": examined.checkpoint}
    Link.objects.filter(pk=partner.authority).update(**told)


LOST: Final = "Its origin lost it with a database before it was fetched."

_OURS = (NotWrittenError, LockedError, OperationalError, MemoryError)
"""Failures of this node: what came is asked for again once they are over, and is not refused for them."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """An accepted entry, with who handles it and what it says."""

    arrival: Arrival
    draft: Draft
    handler: Handler | None
    said: Any


def _record(partner: Partner, arrivals: list[Arrival]) -> None:
    """Everything at once; where an entry among them fails, one by one, so that only that one is refused."""
    earlier = _earlier(partner, arrivals)
    try:
        with transaction.atomic(using=database()):
            taken = _at_once(partner, arrivals, earlier)
    except _OURS:
        raise
    except Exception:  # noqa: BLE001 - whatever a partner's entry does to a room, it is that entry that is refused
        _log.warning("an entry of %s fails; taking them one by one", partner.authority, exc_info=True)
        taken = [_alone(partner, one, earlier) for one in arrivals]
    content = Took(partner.authority, arrivals[0].place, tuple(taken))
    append("federation.took", content, actor=speaker())
    refusing.tell(partner, arrivals, taken)


def _earlier(partner: Partner, arrivals: list[Arrival]) -> dict[bytes, Taken]:
    """Of entries that were taken before the partner became one anew, what is said of them now, by leaf."""
    leaves = [one.leaf for one in arrivals]
    rows = Row.objects.filter(partner=partner.authority, place=None, leaf__in=leaves).exclude(state="refused")
    return {
        bytes(row.leaf): Taken(
            bytes(row.leaf).hex(), row.kind, row.object_id.hex if row.object_id else "", KNOWN
        )
        for row in rows
    }


def _at_once(partner: Partner, arrivals: list[Arrival], earlier: dict[bytes, Taken]) -> list[Taken]:
    """All of them, in order: what follows from one is done before the next is on record.

    A recall takes what came before it, and not what is shared anew after it.
    """
    taken: list[Taken] = []
    ready: list[_Ready] = []
    for one in arrivals:
        if (before := earlier.get(one.leaf)) is not None:
            taken.append(before)
            continue
        became, made = _judged(partner, one)
        taken.append(became)
        if made is not None:
            ready.append(made)
            if made.handler is not None and made.handler.acts:
                _append(partner, ready)
                ready = []
    _append(partner, ready)
    return taken


def _append(partner: Partner, ready: list[_Ready]) -> None:
    """Put entries on record together, and do what follows from them."""
    recorded = append_many([one.draft for one in ready], speaker())
    for made, own in zip(ready, recorded, strict=True):
        if made.handler is not None and made.said is not None:
            here = _arrived(partner, made, own.sequence, own.time_us)
            made.handler.then(here, made.said)
            if own.version > 1:
                made.handler.again(here, made.said)
                recalling.follow_newer(own.object_id)


def _alone(partner: Partner, arrival: Arrival, earlier: dict[bytes, Taken]) -> Taken:
    """One entry, which is refused where it fails."""
    try:
        with transaction.atomic(using=database()):
            return _at_once(partner, [arrival], earlier)[0]
    except _OURS:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        _log.warning("entry %s of %s is refused", arrival.place, partner.authority, exc_info=True)
        return _refused(arrival, f"It could not be taken: {type(error).__name__}.")


def _judged(partner: Partner, arrival: Arrival) -> tuple[Taken, _Ready | None]:
    """What is to become of an entry; a room may refuse what cannot be meant."""
    if arrival.item.is_lost:
        return Taken(arrival.leaf.hex(), "", "", "gone", LOST), None
    if arrival.head is None or arrival.marking is None or arrival.why:
        return _refused(arrival, arrival.why or "It is no entry."), None
    head, item = arrival.head, arrival.item
    object_id = own_id(partner.authority, UUID(head.object))
    handler = handler_of(head.kind)
    said = None
    state = "gone" if arrival.written is None else "kept" if handler is None else "applied"
    content = Received(partner.authority, arrival.place, item.payload, item.signature, item.salt, item.body)
    draft = Draft("federation.received", content, object_id, arrival.marking, sealed=_rests_sealed(head.kind))
    made = _Ready(arrival, draft, handler, said)
    if handler is not None and arrival.written is not None:
        try:
            said = msgspec.json.decode(arrival.written.content, type=handler.content)
            made = _Ready(arrival, made.draft, handler, said)
            handler.check(_arrived(partner, made, -1, now_us()), said)
        except _OURS:
            raise
        except (HanseError, msgspec.DecodeError) as error:
            return _refused(arrival, str(error)), None
    return Taken(arrival.leaf.hex(), head.kind, object_id.hex, state), made


def _rests_sealed(kind: str) -> bool:
    """Whether a partner's entry is encrypted at rest: as an own one of its kind is, and always where nobody here knows it."""
    here = known(kind)
    return here is None or here.sealed


def _refused(arrival: Arrival, why: str) -> Taken:
    kind = arrival.head.kind if arrival.head else ""
    return Taken(arrival.leaf.hex(), _printable(kind)[:64], "", "refused", _printable(why)[:500])


def _printable(text: str) -> str:
    """What a stranger wrote, as it can be stored and shown."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _arrived(partner: Partner, made: _Ready, sequence: int, received_us: int) -> Arrived:
    head = made.arrival.head
    marking = made.draft.marking
    assert head is not None  # noqa: S101 - nothing without an envelope is ready
    assert marking is not None  # noqa: S101 - as above
    return Arrived(
        partner=partner.authority,
        object_id=made.draft.object_id or UUID(int=0),
        there=UUID(head.object),
        version=head.version,
        written_us=head.time,
        marking=marking,
        sequence=sequence,
        received_us=received_us,
        place=made.arrival.place,
    )
