"""Answering a partner's turns of standing matching: tokens out, in the order of the points that came.

1. It is on, an agreement holds, both speak the same, and the day is one that is answered.
2. The turn goes on from what is held here, or opens the day; one that was answered is answered again, just as it was.
3. It comes when it may: no faster than the schedule, and only of who answers as well.
4. It has as many points as it must, and takes back what was sent.
5. What it finds out is within the quota of the day; else nothing is given, and standing matching goes off.
6. Its tokens are kept, and given.
"""

from hashlib import sha256
from typing import Final

import msgspec

from hanse.federation.wire import Asked
from hanse.kernel.clock import now_us
from hanse.ledger.writing import writing
from hanse.matching import standing, standing_days, standing_on, standing_quota
from hanse.matching.agreeing import agreement_with
from hanse.matching.answering import is_name
from hanse.matching.epochs import days
from hanse.matching.group import POINT, ProtocolError
from hanse.matching.hello import check_same
from hanse.matching.models import Agreement
from hanse.matching.padding import padded_size
from hanse.matching.psi import TOKEN
from hanse.matching.secret import RunSecret
from hanse.matching.standing import ADDED, TAKEN, split
from hanse.matching.standing_hits import AT_ONCE, blind, held
from hanse.matching.standing_models import HeldToken, Mask, OwnTurns, TheirTurns
from hanse.matching.standing_on import PROTOCOL
from hanse.matching.standing_state import held_of
from hanse.matching.standing_wire import Answered, TurnSent
from hanse.matching.turning import EVERY_US, opening_most

SOONEST_US: Final = EVERY_US // 2
"""Between turns: the schedule, with room for slow lines."""


class _NotNowError(ProtocolError):
    """The turn gets no answer; says why, to the partner."""


class _AnewError(ProtocolError):
    """What the turn goes on from is not held here."""


class _TooMuchError(ProtocolError):
    """The partner would find out more than is agreed: standing matching goes off."""


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
    if sent.epoch not in days(now_us()):
        raise _NotNowError("The turn is of a day that is over, or not yet begun.")
    check_same(PROTOCOL, sent.epoch, sent.speaks)
    mask = standing_on.make_mask(partner, sent.epoch)
    # 2. What it goes on from.
    row = TheirTurns.objects.filter(partner=partner, epoch=sent.epoch).first()
    own = mask.object_id.hex
    if row is not None and (row.digest, row.mask) == (_digest(sent), own):
        return Answered(own, bytes(row.answer)), mask
    _check_next(row, sent, own)
    # 3. and 4. When it comes, and its form.
    _check_time(row)
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
    passed = sent.points, sent.taken, tokens
    kept.chain = standing_days.after_answering(kept.chain, sent.mask, sent.number, passed)
    kept.save()
    rows = [HeldToken(turns=kept.pk, token=blind(token)) for token in each]
    HeldToken.objects.bulk_create(rows, batch_size=AT_ONCE, ignore_conflicts=True)
    return Answered(own, tokens)


def _digest(sent: TurnSent) -> str:
    return sha256(msgspec.msgpack.encode(sent)).hexdigest()


def _check_next(row: TheirTurns | None, sent: TurnSent, own: str) -> None:
    """It opens, once in a day, or follows the last one under the same masks."""
    if row is None and not sent.number:
        return
    if (
        row is None
        or (row.mask, row.theirs, sent.yours) != (own, sent.mask, own)
        or sent.number != row.number + 1
    ):
        raise _AnewError("It goes on from what is not held here.")


def _check_time(row: TheirTurns | None) -> None:
    if row is None:
        return
    if now_us() - row.taken_us < SOONEST_US:
        raise _NotNowError("It comes too soon after the one before.")
    if row.lead >= standing_days.LEAD:
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
    if found and standing_quota.too_many(agreement, found):
        raise _TooMuchError(standing_quota.words(agreement))


def _keep(partner: str, sent: TurnSent, mask: Mask) -> TheirTurns:
    """The row of a partner's turns, without what this turn takes back, or without anything where it opens."""
    row = TheirTurns.objects.filter(partner=partner, epoch=sent.epoch).first()
    if row is not None and sent.number:
        taken = split(sent.taken)
        standing.taken_back(held(row, taken), taken)
        names = [blind(token) for token in taken]
        HeldToken.objects.filter(turns=row.pk, token__in=names).delete()
        return row
    return TheirTurns(partner=partner, epoch=sent.epoch, mask=mask.object_id.hex, theirs=sent.mask)
