"""This side's turns of standing matching: made by the clock, kept until they are answered, and put again just as they are.

A turn is on disk before it is sent, and its answer before the next is made. So one whose answer was lost is neither
lost nor counted twice: the partner answers the same number again.
"""

from typing import Final
from uuid import UUID

import msgspec

from hanse.egress.client import Client
from hanse.federation import exchange
from hanse.federation.models import Partner
from hanse.intel.values import Value
from hanse.kernel.clock import now_us
from hanse.kernel.printable import one_line
from hanse.ledger.service import last_purge, next_entry
from hanse.ledger.writing import writing
from hanse.matching import standing, standing_days, standing_hits
from hanse.matching.agreeing import agreement_with
from hanse.matching.epochs import begin_us, day, days, end_us
from hanse.matching.hello import speaks
from hanse.matching.models import Agreement
from hanse.matching.offering import Offered, offered, still_offered, values_of
from hanse.matching.padding import padded_size
from hanse.matching.publishing import name_of
from hanse.matching.secret import RunSecret
from hanse.matching.standing import TAKEN, Queue, Schedule, Sent
from hanse.matching.standing_models import HeldToken, Mask, OwnTurns, TheirTurns
from hanse.matching.standing_on import PROTOCOL, is_on, make_mask, mask_of, partners_on, stop
from hanse.matching.standing_state import Pending, Waiting, held_of, packed, pending_of, waiting_of
from hanse.matching.standing_wire import TURN, Answered, TurnSent

EVERY_US: Final = 30_000_000
"""From turn to turn: what is new is sent within half a minute, and compared within a minute."""
OPENING: Final = 65_536
"""Points of the largest opening: 2.1 MB. What is more than that waits for the turns after it, which shows."""
REFUSED_US: Final = 15_000_000
"""Rest after the partner refused a turn; it is the same that is put then."""
DECOYS: Final = 8_192
"""Decoys that are remembered, drawn at random from all; the others go with the day."""
UNANSWERED: Final = (
    "On {1} {0} was answered, and answered nothing: it can know what both have, and none of it shows here. Standing "
    "matching is off. Ask it why; people of both sides turn it on again."
)
LOST: Final = "What was exchanged today was lost on one side. It goes on with the next day."


def opening_most(agreement: Agreement) -> int:
    """Points of the largest opening under an agreement: as many as may be compared in a day, of all kinds together."""
    return min(OPENING, padded_size(agreement.per_day * len(agreement.kinds) + TAKEN))


def step(partner: Partner, client: Client) -> None:
    """Look for hits with what the partner sent, and put the turn that is due or waits for its answer.

    Raises:
        LinkError: The partner did not answer; the same turn is put again.
    """
    if not is_on(partner.authority):
        return
    now = now_us()
    standing_hits.look(partner.authority, day(now))
    row = _made(partner.authority, now)
    pending = pending_of(row) if row is not None else None
    if row is not None and pending is not None and row.again_us <= now:
        told = exchange.ask(partner, TURN, _sent(row, pending), Answered, client)
        _heard(row.pk, pending, told)


def _sent(row: OwnTurns, pending: Pending) -> TurnSent:
    return TurnSent(
        row.epoch, row.mask, row.theirs, row.number, pending.points, pending.taken, speaks(PROTOCOL, row.epoch)
    )  # fmt: skip


def _made(partner: str, now: int) -> OwnTurns | None:
    """This side's turns of the day, with the one that is due where none waits for its answer; None where they are lost.

    Nothing is opened twice under one mask: what is the same in both would be what is real. A turn is made before the
    ledger is locked: an opening takes seconds. What it was made of is kept with it.
    """
    epoch = day(now)
    mask = mask_of(partner, epoch)
    if mask is None:
        with writing():
            mask = make_mask(partner, epoch)
    row = OwnTurns.objects.filter(partner=partner, epoch=epoch).first()
    if row is None or row.mask != mask.object_id.hex or standing_days.is_over(partner, epoch):
        return None
    if row.pending or (row.number and _schedule(epoch).turn(now) <= row.slot):
        return row
    before, purged, since = (row.number, row.slot, b""), last_purge(), next_entry()
    agreement = agreement_with(partner)
    own = offered(agreement)
    went = _next(row, mask, own, now) if row.number else _opened(row, mask, agreement, own, now)
    with writing():
        there = OwnTurns.objects.filter(pk=row.pk).first()
        if there is None or (there.number, there.slot, bytes(there.pending)) != before:
            return there  # it was turned off meanwhile, or another process was quicker
        if standing_days.is_over(partner, epoch):
            return there  # it is on record
        if last_purge() != purged or not still_offered(agreement, own, since):
            return there  # what was put in may be purged, kept out or closed: the turn is made anew
        if went is not None:
            row.save()
            standing_days.keep(row, went)
    return row


def _schedule(epoch: str) -> Schedule:
    return Schedule(begin_us(epoch), EVERY_US)


def _secret(mask: Mask) -> RunSecret:
    return RunSecret(bytes.fromhex(mask.secret))


def _opened(
    row: OwnTurns, mask: Mask, agreement: Agreement, own: list[Offered], now: int
) -> standing_days.Went:
    """Turn 0: all that is offered, as far as there is room; what went."""
    values = values_of(own)
    room = opening_most(agreement) - TAKEN
    first, rest = values[:room], values[room:]
    sent = standing.opening(first, _secret(mask), mask.epoch)
    row.slot, row.waiting = _schedule(mask.epoch).turn(now), len(rest)
    row.pending = packed(Pending(sent.points, b"", _places(sent)))
    row.queue = packed(Waiting(new=tuple(map(name_of, rest))))
    return tuple(map(name_of, first))


def _next(row: OwnTurns, mask: Mask, own: list[Offered], now: int) -> standing_days.Went | None:
    """The turn that is due, of what is offered now; what went, or None where no turn is due."""
    values = {name_of(one): one for one in values_of(own)}
    waits = waiting_of(row)
    # What went and came again before its token was taken back is held as before.
    tokens = held_of(row) | dict(waits.gone)
    gone = [one for one in waits.gone if one[0] not in values]
    gone += [(name, token) for name, token in held_of(row).items() if name not in values]
    known = set(waits.new) | tokens.keys()
    new = [name for name in waits.new if name in values] + [name for name in values if name not in known]
    before = Queue(
        tuple(values[name] for name in new), tuple(token for _, token in gone), waits.decoys, row.slot
    )
    turn, rest = standing.due(before, _schedule(row.epoch), now, _secret(mask), row.number)
    if turn is None:
        return None
    sent = standing.sent(turn, _secret(mask), row.epoch)
    again = standing_hits.of_more(row.partner, own, tokens)
    row.pending = packed(Pending(sent.points, b"".join(turn.taken), _places(sent), again))
    left = tuple(gone[len(gone) - len(rest.gone) :])
    row.queue = packed(Waiting(tuple(new[len(turn.values) :]), left, rest.decoys))
    row.held = packed({name: token for name, token in tokens.items() if name in values})
    row.slot, row.waiting, row.leaving = rest.turn, len(rest.new), len(rest.gone)
    return tuple(new[: len(turn.values)])


def _places(sent: Sent) -> tuple[bytes, ...]:
    return tuple(b"" if one is None else name_of(one) for one in sent.places)


def _heard(pk: int, pending: Pending, told: Answered) -> None:
    """Take the answer to a turn in: the tokens are held by both from now on.

    Raises:
        ProtocolError: It has not a token of its own for each point; the turn is put again.
    """
    some = _met(pk, pending, told)
    with writing():
        row = OwnTurns.objects.filter(pk=pk).first()
        if row is None or row.pending != packed(pending) or standing_days.is_over(row.partner, row.epoch):
            return  # it was turned off meanwhile, or another process was quicker
        if told.refused:
            row.refused, row.again_us = one_line(told.refused), now_us() + REFUSED_US
            row.save()
            return
        if told.anew or (row.number and told.mask != row.theirs):
            row.refused, row.again_us = LOST, end_us(row.epoch)
            row.save()
            return
        places = [Value("", name.hex()) if name else None for name in pending.places]
        own, decoys = standing.told(Sent(pending.points, tuple(places)), told.tokens)
        fresh = {bytes.fromhex(value.text): token for token, value in own.items()}
        waits = waiting_of(row)
        held = held_of(row) | fresh
        row.held = packed(held)
        row.queue = packed(msgspec.structs.replace(waits, decoys=_some(row, (*waits.decoys, *decoys))))
        standing_days.answered(row, told.tokens)
        row.pending, row.theirs, row.number = b"", told.mask, row.number + 1
        row.answered_us, row.refused = now_us(), ""
        row.save()
        TheirTurns.objects.filter(partner=row.partner, epoch=row.epoch).update(lead=0)
        again = {name: held[name] for name in pending.again if name in held}
        standing_hits.meet(row, fresh | again, some)


def _met(pk: int, pending: Pending, told: Answered) -> set[UUID]:
    """The selectors of which an answer says, as it came, that both have them; found before the ledger is locked."""
    row = OwnTurns.objects.filter(pk=pk).first()
    if row is None or not told.tokens:
        return set()
    held = held_of(row)
    came = {name: held[name] for name in pending.again if name in held}
    each = zip(pending.places, standing.split(told.tokens), strict=False)
    return standing_hits.ahead(row, came | {name: token for name, token in each if name})


def _some(row: OwnTurns, decoys: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """As many decoys as are remembered, each as likely as another."""
    if len(decoys) <= DECOYS:
        return decoys
    return standing.some(decoys, DECOYS, _secret(Mask.objects.get(pk=row.mask)), row.number)


def unanswered(now: int) -> list[str]:
    """Turn it off with partners that had their opening of the day before answered and answered none; who.

    Such a one can compare at home what it was sent with what it was answered, up to as many guesses as an opening has,
    and no hit shows here: none counts, and none is on record. It can do that once, and then people decide.
    """
    found = []
    for row in OwnTurns.objects.filter(partner__in=partners_on(), epoch=days(now)[1], number=0):
        if row.pending and TheirTurns.objects.filter(partner=row.partner, epoch=row.epoch).exists():
            said = f" It said: {row.refused}" if row.refused else ""
            with writing():
                stop(row.partner, UNANSWERED.format(row.partner, row.epoch) + said)
                row.delete()
            found.append(row.partner)
    return found


def tidy() -> None:
    """Put days that are over on record, and keep no turn and token of them, nor of partners with whom it is off.

    What an auditor needs stays until the mask goes: `standing_days`.
    """
    now = now_us()
    unanswered(now)
    on, kept = partners_on(), days(now)
    standing_days.put_on_record(now, on)
    OwnTurns.objects.exclude(partner__in=on, epoch__in=kept).delete()
    over = TheirTurns.objects.exclude(partner__in=on, epoch__in=kept)
    HeldToken.objects.filter(turns__in=over.values("pk")).delete()
    over.delete()
