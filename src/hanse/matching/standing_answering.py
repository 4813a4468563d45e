"""Answering a partner's turns of standing matching: tokens out, in the order of the points that came.

1. It is on, an agreement holds, both speak the same, and the week is one that is answered.
2. The turn goes on from what is held here, or opens; one that was answered is answered again, just as it was.
3. It comes when it may: openings seldom, turns no faster than the schedule, and only of who answers as well.
4. It has as many points as it must, and takes back what was sent.
5. What it finds out is within the quota of the day; else nothing is given, and standing matching goes off.
6. Its tokens are kept, and given.
"""

from collections import defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from hanse.federation.wire import Asked
from hanse.kernel.clock import now_us
from hanse.ledger.among import among
from hanse.ledger.writing import writing
from hanse.matching import standing, standing_on
from hanse.matching.agreeing import agreement_with
from hanse.matching.answering import is_name
from hanse.matching.epochs import weeks
from hanse.matching.group import POINT, ProtocolError
from hanse.matching.hello import check_same
from hanse.matching.models import Agreement, Hit
from hanse.matching.offering import offered, values_of
from hanse.matching.padding import padded_size
from hanse.matching.psi import TOKEN
from hanse.matching.publishing import name_of
from hanse.matching.quota import DAY_US
from hanse.matching.secret import RunSecret
from hanse.matching.standing import ADDED, TAKEN, split
from hanse.matching.standing_hits import AT_ONCE, blind, held
from hanse.matching.standing_models import HeldToken, Mask, OwnTurns, TheirTurns
from hanse.matching.standing_on import PROTOCOL
from hanse.matching.standing_state import held_of
from hanse.matching.standing_wire import Answered, TurnSent
from hanse.matching.turning import EVERY_US, opening_most

if TYPE_CHECKING:
    from uuid import UUID

    from hanse.intel.values import Value

OPENINGS: Final = 4
"""In a week: the first, and for a partner that lost what it held. Each is as many guesses as it has points."""
SOONEST_US: Final = EVERY_US // 2
"""Between turns: the schedule, with room for slow lines."""


LEAD: Final = 8
"""Turns of a partner that are answered while it answers none: it could find out what both have, and not let us."""


class _NotNowError(ProtocolError):
    """The turn gets no answer; says why, to the partner."""


class _AnewError(ProtocolError):
    """What the turn goes on from is not held here."""


class _TooMuchError(ProtocolError):
    """The partner would find out more than is agreed: standing matching goes off."""


def hits_per_day(agreement: Agreement) -> int:
    """Selectors that a partner may newly find out to be here in a day, an hundredth of what it may have compared.

    What it sends cannot be told from decoys, so what counts is what it finds; whole sets are compared for more.
    """
    return max(1, agreement.per_day // 100)


def answer(asked: Asked) -> Answered:
    """What a partner's turn is answered.

    Its tokens are made while the ledger is not locked: those of an opening take seconds.
    """
    sent = msgspec.msgpack.decode(asked.body, type=TurnSent)
    partner = asked.partner.authority
    try:
        with writing():
            told, mask = _judged(partner, sent)
        if told is not None:
            return told
        tokens = standing.answered(
            sent.points, len(sent.points) // POINT, RunSecret(bytes.fromhex(mask.secret))
        )
        with writing():
            told, mask = _judged(partner, sent)
            return told or _taken(partner, sent, mask, tokens)
    except _AnewError:
        return Answered(anew=True)
    except ProtocolError as error:
        if isinstance(error, _TooMuchError):
            with writing():
                standing_on.stop(partner, str(error))
        return Answered(refused=str(error)[:300])


def _judged(partner: str, sent: TurnSent) -> tuple[Answered | None, Mask]:
    """The answer of a turn that was answered before, or none for one that is to be; with this side's mask."""
    # 1. It is on, and both mean the same.
    if not standing_on.is_on(partner):
        raise _NotNowError("Standing matching is not on.")
    if sent.epoch not in weeks(now_us()):
        raise _NotNowError("The turn is of a week that is over, or not yet begun.")
    check_same(PROTOCOL, sent.epoch, sent.speaks)
    mask = standing_on.make_mask(partner, sent.epoch)
    # 2. What it goes on from.
    row = TheirTurns.objects.filter(partner=partner, epoch=sent.epoch).first()
    own = mask.object_id.hex
    if row is not None and (row.digest, row.mask) == (_digest(sent), own):
        return Answered(own, bytes(row.answer)), mask
    if sent.number:
        _check_next(row, sent, own)
    # 3. and 4. When it comes, and its form.
    _check_time(row, sent)
    _check_form(agreement_with(partner), sent)
    return None, mask


def _taken(partner: str, sent: TurnSent, mask: Mask, tokens: bytes) -> Answered:
    """Take a turn in; the caller is in `writing`, and it was judged there."""
    each, own = split(tokens), mask.object_id.hex
    if len(set(each)) != len(each):
        raise _NotNowError("Two of the points are one.")
    # 5. What it finds out.
    _check_quota(agreement_with(partner), sent.epoch, own, each)
    # 6. It is kept.
    kept = _keep(partner, sent, mask)
    kept.number, kept.digest, kept.answer, kept.taken_us = sent.number, _digest(sent), tokens, now_us()
    kept.lead += 1
    kept.save()
    rows = [HeldToken(turns=kept.pk, token=blind(token)) for token in each]
    HeldToken.objects.bulk_create(rows, batch_size=AT_ONCE, ignore_conflicts=True)
    return Answered(own, tokens)


def _digest(sent: TurnSent) -> str:
    return sha256(msgspec.msgpack.encode(sent)).hexdigest()


def _check_next(row: TheirTurns | None, sent: TurnSent, own: str) -> None:
    held_here = row is not None and (row.mask, row.theirs, sent.yours) == (own, sent.mask, own)
    if row is None or not held_here or sent.number != row.number + 1:
        raise _AnewError("It goes on from what is not held here.")


def _check_time(row: TheirTurns | None, sent: TurnSent) -> None:
    if row is None:
        return
    if not sent.number and row.openings >= OPENINGS:
        raise _NotNowError("It was opened too often in this week.")
    since = now_us() - row.taken_us
    if since < SOONEST_US:
        raise _NotNowError("It comes too soon after the one before.")
    if row.lead >= LEAD and since > DAY_US:
        raise _TooMuchError("The other side has turns answered and answers none. Standing matching is off.")
    if row.lead >= LEAD:
        raise _NotNowError("The other side answers no turns. Its own are answered once it does.")


def _check_form(agreement: Agreement, sent: TurnSent) -> None:
    number, odd = divmod(len(sent.points), POINT)
    if not is_name(sent.mask) or odd or len(sent.taken) != (TAKEN * TOKEN if sent.number else 0):
        raise _NotNowError("The turn has not its form.")
    most = opening_most(agreement)
    if sent.number and number != ADDED:
        raise _NotNowError(f"A turn has {ADDED} points, not {number:,}.")
    if not sent.number and (padded_size(number) != number or number > most):
        raise _NotNowError(
            f"An opening has one of few sizes, up to {most:,} under the agreement, not {number:,}."
        )


def _check_quota(agreement: Agreement, epoch: str, mask: str, tokens: list[bytes]) -> None:
    """Give nothing where too many of the tokens are of what is here, and was not known to both before."""
    own = OwnTurns.objects.filter(partner=agreement.partner, epoch=epoch, mask=mask).first()
    came = set(tokens)
    found = {name for name, token in held_of(own).items() if token in came} if own is not None else set()
    most = hits_per_day(agreement)
    since = now_us() - DAY_US
    today = Hit.objects.filter(partner=agreement.partner, way="standing", found_us__gt=since)
    used = today.values("selector").distinct().count()
    if len(found) + used > most and _unknown(agreement, found) + used > most:
        raise _TooMuchError(
            f"More than {most:,} selectors of here would become known in a day. Standing matching is off: compare whole "
            "sets, or let people of both sides turn it on again."
        )


def _unknown(agreement: Agreement, names: set[bytes]) -> int:
    """How many of some values are of selectors that are in no hit with the partner yet."""
    of: defaultdict[Value, list[UUID]] = defaultdict(list)
    for one in offered(agreement):
        for value in values_of([one]):
            of[value].append(one.selector)
    meant = [of[value] for value in of if name_of(value) in names]
    hits = Hit.objects.filter(
        partner=agreement.partner, selector__in=among([pk for some in meant for pk in some])
    )
    known = set(hits.values_list("selector", flat=True))
    return sum(1 for some in meant if not known.intersection(some))


def _keep(partner: str, sent: TurnSent, mask: Mask) -> TheirTurns:
    """The row of a partner's turns, without what this turn takes back, or without anything where it opens."""
    row = TheirTurns.objects.filter(partner=partner, epoch=sent.epoch).first()
    if row is not None and sent.number:
        taken = split(sent.taken)
        standing.taken_back(held(row, taken), taken)
        names = [blind(token) for token in taken]
        HeldToken.objects.filter(turns=row.pk, token__in=names).delete()
        return row
    openings, lead = (row.openings + 1, row.lead) if row is not None else (1, 0)
    if row is not None:
        HeldToken.objects.filter(turns=row.pk).delete()
        row.delete()
    return TheirTurns(
        partner=partner, epoch=sent.epoch, mask=mask.object_id.hex, theirs=sent.mask, openings=openings, lead=lead
    )  # fmt: skip
