"""Answering a partner that wants to count common sources: of attacks that it was given, so many a day, on record.

A question that comes twice is answered twice alike and counts once. One that names an attack of which nothing may be
said is answered like one that names none.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

import msgspec

from hanse.attacks.attack import Attack
from hanse.attacks.models import STANDING, PartnerAttack
from hanse.attacks.models import Attack as AttackRow
from hanse.federation.handlers import own_id
from hanse.federation.models import Given
from hanse.federation.wire import Asked
from hanse.kernel import sealing
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.writing import append, writing
from hanse.matching import common_sources, parts, psi
from hanse.matching.agreeing import NoAgreementError
from hanse.matching.answering import answered, is_name, refuse
from hanse.matching.common_sources import PROTOCOL, Sample
from hanse.matching.counting import QUESTION, Close, Closed, Open, Opened, agreed, close, keep, leaving
from hanse.matching.epochs import months
from hanse.matching.group import ProtocolError
from hanse.matching.hello import check_same
from hanse.matching.offering import matcher
from hanse.matching.parts import TOKENS, theirs
from hanse.matching.quota import DAY_US
from hanse.matching.secret import RunSecret
from hanse.matching.source_contents import CountAsked, Counted
from hanse.matching.source_models import SourceCount
from hanse.matching.source_rows import ASKED, WAITING, common_team, marking_of
from hanse.matching.tag_contents import SOURCES
from hanse.matching.tag_models import Asking
from hanse.policy.service import mark

if TYPE_CHECKING:
    from django.db.models import QuerySet

_TOLD, _MADE = "answer", "made"
"""Under which names what was answered when a count began, and the tokens that were announced then, are kept."""
PER_DAY: Final = 200
"""Counts that a partner may have in a day."""
PER_ATTACK: Final = 40
"""Counts that a partner may have with one attack in `PER_ATTACK_US`: those that it saw itself around that time. One that
breaks the protocol learns of each of 1,024 guesses a count whether it took part (docs/explanation/matching.md)."""
PER_ATTACK_US: Final = 30 * DAY_US

_WORDS: Final = 300
"""Letters of a refusal that stand on record."""
_NONE: Final = "There is no such attack here that you were given and whose sources can be counted."
_OVER: Final = "There is no such count, or it is over."
_SPENT: Final = f"{PER_DAY} counts were answered within a day. Ask again tomorrow."
_OFTEN: Final = f"{PER_ATTACK} counts were answered with this attack within thirty days."


def counted_in_a_day(partner: str) -> int:
    """Counts that a partner began in the last 24 hours."""
    return _answered(partner, DAY_US).count()


def _answered(partner: str, within_us: int) -> "QuerySet[Asking]":
    """The counts that were answered lately. They stand by themselves, so that no recall of an attack takes them away."""
    since = now_us() - within_us
    return Asking.objects.filter(partner=partner, about=SOURCES, refused="", at_us__gt=since)


def _name_of(own: AttackRow) -> str:
    """An own attack as a record of a count names it: those of one attack can be counted, and it is not said which."""
    return sealing.blind(keyring.current().index, "matching.count", own.pk.hex).hex()


def opened(asked: Asked) -> Opened:
    """What a partner is answered that wants to count.

    What cannot be answered is refused in words and not as an error of the line, which would be tried again for a day.
    """
    put = msgspec.msgpack.decode(asked.body, type=Open)
    partner = asked.partner.authority
    if not is_name(put.question):
        return Opened(refused="A question is named by 32 hexadecimal digits.")
    if (row := _row(partner, put.question)) is not None:
        return _again(row, asked.body)
    try:
        own = _countable(partner, put)
        return _begun(asked, put, common_sources.sample_of(msgspec.convert(own.detail, Attack)))
    except (NoAgreementError, ProtocolError) as error:
        refused = str(error)[:_WORDS]
    except UsageError:
        # Its sources are forged, unknown or few, which a partner that cannot have them counted is not told.
        refused = _NONE
    # Whoever goes through attacks that it was not given is noticed.
    refuse(partner, put.question, put.epoch, sha256(asked.body).hexdigest(), refused, SOURCES)
    return Opened(refused=refused)


def _again(row: SourceCount, body: bytes) -> Opened:
    """What was answered before, to the same question."""
    before, told = parts.get(row.pk, QUESTION, 0), parts.get(row.pk, _TOLD, 0)
    if before != body or told is None:
        return Opened(refused="Another question was put under this name, or it is over.")
    return msgspec.msgpack.decode(told, type=Opened)


def _countable(partner: str, put: Open) -> AttackRow:
    """The own attack that a question is about.

    Raises:
        NoAgreementError: It is not agreed that sources are counted.
        ProtocolError: The partner speaks otherwise, may not have this attack counted, or had too many.
    """
    agreed(partner)
    common_sources.check(put.said, put.points)
    check_same(PROTOCOL, put.epoch, put.speaks)
    own = _given(partner, put.attack)
    if own is None or put.epoch not in months(now_us()):
        raise ProtocolError(_NONE)
    if counted_in_a_day(partner) >= PER_DAY:
        raise ProtocolError(_SPENT)
    if _answered(partner, PER_ATTACK_US).filter(digest=_name_of(own)).count() >= PER_ATTACK:
        raise ProtocolError(_OFTEN)
    return own


def _begun(asked: Asked, put: Open, sample: Sample) -> Opened:
    """Make this side's points, and have it on record that they were asked for."""
    partner, secret = asked.partner.authority, RunSecret.fresh()
    mine, points = sample.said(secret), sample.points(secret, put.epoch)
    tokens = common_sources.tokens_of(put.points, secret)
    named = common_sources.session(
        put.question, put.attack, put.epoch, {authority(): mine, partner: put.said}
    )
    told = Opened(mine, points, psi.digest(tokens, authority(), named))
    with writing():
        if _row(partner, put.question) is not None:
            raise ProtocolError("The same question is being answered. Put it again.")
        own = _countable(
            partner, put
        )  # once more: it may have been marked, recalled, or counted too often meanwhile
        foreign = _foreign(partner, put.own)
        if foreign is not None and common_team(own, foreign) is None:
            foreign = None
        ends = [own] if foreign is None else [own, foreign]
        count, marking, team = uuid4(), marking_of(*ends), common_team(*ends)
        content = CountAsked(
            partner=partner, ours=False, question=put.question, own=own.pk.hex, theirs=foreign.pk.hex if foreign else "",
            epoch=put.epoch, secret=secret.sealed().hex(), at_us=now_us(),
        )  # fmt: skip
        append(ASKED, content, actor=matcher(), object_id=count, marking=marking)
        answered(partner, put.question, put.epoch, _name_of(own), SOURCES)
        if team:
            mark(count, marking, team, matcher(), "Of what this team alone knows.")
        parts.put(count, QUESTION, 0, asked.body)
        parts.put(count, _TOLD, 0, msgspec.msgpack.encode(told))
        parts.put(count, _MADE, 0, tokens)
    return told


def closed(asked: Asked) -> Closed:
    """What a partner is answered that sends its tokens: ours, once its own are on record."""
    put = msgspec.msgpack.decode(asked.body, type=Close)
    row = _row(asked.partner.authority, put.question) if is_name(put.question) else None
    began, told, made = (parts.get(row.pk, name, 0) if row else None for name in (QUESTION, _TOLD, _MADE))
    if row is None or began is None or told is None or made is None:
        return Closed(refused=_OVER)
    before = parts.get(row.pk, theirs(TOKENS), 0)
    if before is not None and before != put.tokens:
        return Closed(refused="Other tokens were sent for this count.")
    if before is None:
        if row.state != WAITING:
            return Closed(refused=_OVER)
        refused = _finish(row, put, _Begun(
            msgspec.msgpack.decode(began, type=Open), msgspec.msgpack.decode(told, type=Opened), made
        ))  # fmt: skip
        if refused:
            return Closed(refused=refused)
    return Closed(made)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What was sent when a count began, and the tokens that were announced then."""

    put: Open
    told: Opened
    made: bytes


def _finish(row: SourceCount, put: Close, begun: _Begun) -> str:
    """Count, and have the number on record; why not, where it cannot be."""
    mine = begun.told.said
    try:
        agreed(row.partner)
    except NoAgreementError as error:
        close(row, Counted(state="failed", why=str(error)))
        return str(error)
    given = _given(row.partner, begun.put.attack)
    if mine is None or given is None or given.pk != row.own:
        close(row, Counted(state="failed", why="The attack is gone, or may not be compared any more."))
        return _NONE
    try:
        common = common_sources.in_common(begun.made, put.tokens, mine)
        common_sources.believed(common, mine, begun.put.said)
    except ProtocolError as error:
        close(row, Counted(state="failed", why=str(error)))
        return str(error)
    other = begun.put.said
    sides = {authority(): mine, row.partner: other}
    named = common_sources.session(row.question, begun.put.attack, row.epoch, sides)
    sent = {
        authority(): (begun.told.points, begun.made),
        row.partner: (begun.put.points, put.tokens),
    }
    counted = Counted(
        state="counted", common=common, own_size=mine.size, own_share=mine.share, other_size=other.size,
        other_share=other.share, transcript=common_sources.transcript(named, sent),
    )  # fmt: skip
    with writing():
        if not close(row, counted):
            return _OVER
        keep(row, begun.put.attack, sides, sent)
    return ""


def _row(partner: str, question: str) -> SourceCount | None:
    return SourceCount.projected.filter(partner=partner, ours=False, question=question).first()


def _given(partner: str, shared: str) -> AttackRow | None:
    """The own attack that a partner has under an id, if its sources may be counted."""
    try:
        wanted = UUID(shared)
    except ValueError:
        return None
    given = Given.objects.filter(shared=wanted, recipient=partner, sort="attack", recalled_us=None).first()
    if given is None:
        return None
    return leaving(given.thing)


def _foreign(partner: str, shared: str) -> PartnerAttack | None:
    """The partner's own attack, if it was shared here."""
    try:
        wanted = own_id(partner, UUID(shared))
    except ValueError:
        return None
    rows = PartnerAttack.projected.select_related("marking")
    return rows.filter(pk=wanted, partner=partner, state__in=STANDING).first()
