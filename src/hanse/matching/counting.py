"""Having it counted how many sources an own attack and a partner's have in common, where nobody may show them.

The question waits here until the partner answered it, or a day is over. Both sides learn the number, and neither
learns which they are (`common_sources`).
"""

from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

import msgspec

from hanse.attacks.attack import Attack
from hanse.attacks.models import STANDING, PartnerAttack
from hanse.attacks.models import Attack as AttackRow
from hanse.egress.client import Client
from hanse.federation import exchange
from hanse.federation.models import Given, Partner
from hanse.federation.partners import partner_of
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Tlp
from hanse.kernel.printable import one_line
from hanse.ledger.identity import authority
from hanse.ledger.writing import append, writing
from hanse.matching import common_sources, parts, psi
from hanse.matching.agreeing import NoAgreementError, agreement_with
from hanse.matching.common_sources import PROTOCOL, Said
from hanse.matching.epochs import month
from hanse.matching.group import ProtocolError
from hanse.matching.hello import speaks
from hanse.matching.models import Agreement
from hanse.matching.offering import matcher
from hanse.matching.parts import POINTS, TOKENS, theirs
from hanse.matching.quota import DAY_US
from hanse.matching.secret import RunSecret
from hanse.matching.source_contents import CountAsked, Counted
from hanse.matching.source_models import SourceCount
from hanse.matching.source_rows import ASKED, COUNTED, WAITING, common_team, marking_of
from hanse.policy.asking import RefusedError, require
from hanse.policy.guarded import NotVisibleError
from hanse.policy.service import mark

if TYPE_CHECKING:
    from django.db.models import QuerySet

COUNT: Final = "matching.count"
OPEN: Final = "count-sources"
OPENED: Final = "count-sources-answer"
CLOSE: Final = "count-sources-tokens"
CLOSED: Final = "count-sources-theirs"
QUESTION: Final = "question"
"""Under which name what was put is kept."""
SIDES: Final = "sides"
"""Under which name it is kept which attack was asked about, as the question called it, and what both committed to."""


class Open(msgspec.Struct, frozen=True, array_like=True):
    """The question.

    Attributes:
        question: What both call it, 32 hexadecimal digits.
        attack: The id under which the other side shared its attack, hexadecimal.
        own: That of the own one, if the other side has it; else empty.
        epoch: Under which points are made.
        speaks: What this node speaks there.
        said: What it commits to.
        points: Its points.
    """

    question: str
    attack: str
    own: str
    epoch: str
    speaks: str
    said: Said
    points: bytes


class Opened(msgspec.Struct, frozen=True, array_like=True):
    """The answer: the other side's points, and the digest of its tokens; or why there are none."""

    said: Said | None = None
    points: bytes = b""
    digest: bytes = b""
    refused: str = ""


class Close(msgspec.Struct, frozen=True, array_like=True):
    """The tokens of the other side's points."""

    question: str
    tokens: bytes


class Closed(msgspec.Struct, frozen=True, array_like=True):
    """The tokens of the asker's points; or why there are none."""

    tokens: bytes = b""
    refused: str = ""


def agreed(partner: str) -> Agreement:
    """The agreement with a partner, if sources may be counted under it.

    Raises:
        NoAgreementError: There is none, or they may not.
    """
    row = agreement_with(partner)
    if not row.sources:
        raise NoAgreementError(
            f"It is not agreed with {partner[:80]} that sources of attacks are counted. Propose that first."
        )
    return row


def ask(own: UUID, other: UUID, why: str, actor: Actor) -> UUID:
    """Have it counted how many sources two attacks have in common; the count's id. It begins within seconds.

    Args:
        own: An own attack.
        other: An attack that a partner shared.
        why: The reason, which stays here.
        actor: Who asks.

    Raises:
        RefusedError: The actor may not, or the own attack's marking keeps it here.
        NotVisibleError: There is no such attack for the actor.
        NoAgreementError: It is not agreed with the partner.
        UsageError: The own attack has no sources that can be counted or must not leave, the two are of two teams, the same
            count waits, or no reason is given.
    """
    require(actor, COUNT)
    if not why.strip():
        raise UsageError("Say why it is counted.")
    with writing():  # from here on nothing is marked, recalled or purged beside it
        return _ask(own, other, why.strip(), actor)


def _ask(own: UUID, other: UUID, why: str, actor: Actor) -> UUID:
    mine = AttackRow.objects.get_for(actor, "attacks.view", own)
    if not (decision := AttackRow.objects.judge(actor, COUNT, mine)):
        raise RefusedError(decision)
    foreign = PartnerAttack.objects.get_for(actor, "attacks.view", other)
    if leaving(own) is None:
        raise UsageError(
            "The own attack is TLP:RED, under an embargo or decided away: nothing of it may be said to a partner."
        )
    team = common_team(mine, foreign)
    if team is None:
        raise UsageError("The two attacks are of two teams: nobody may know what they have in common.")
    common_sources.sample_of(_attack(mine))
    agreed(partner_of(foreign.partner).authority)
    if SourceCount.projected.filter(own=own, theirs=other, state=WAITING).exists():
        raise UsageError("This count waits for the partner already.")
    count, at = uuid4(), now_us()
    content = CountAsked(
        partner=foreign.partner, ours=True, question=count.hex, own=own.hex, theirs=other.hex, epoch=month(at),
        secret=RunSecret.fresh().sealed().hex(), at_us=at,
    )  # fmt: skip
    marking = marking_of(mine, foreign)
    append(ASKED, content, actor=actor, reason=why, object_id=count, marking=marking)
    if team:
        mark(count, marking, team, actor, "Of what this team alone knows.")
    return count


def leaving(own: UUID) -> AttackRow | None:
    """An own attack that stands and whose sources may be counted: no marking, TLP:RED or embargo keeps it here."""
    rows = AttackRow.objects.for_actor(matcher(), COUNT).filter(pk=own, state__in=STANDING)
    row = rows.select_related("marking").first()
    if row is None or row.marking.marking.tlp == Tlp.RED or row.marking.marking.is_embargoed(now_us()):
        return None
    return row


def visible_counts(actor: Actor) -> "QuerySet[SourceCount]":
    """The counts that an actor may see: of attacks that the actor may see."""
    rows = SourceCount.objects.for_actor(actor, "attacks.view")
    known = AttackRow.objects.for_actor(actor, "attacks.view").values("pk")
    return rows.filter(own__in=known)


def of_attack(actor: Actor, attack: UUID) -> list[SourceCount]:
    """The counts of one attack, own or a partner's, the newest first, that an actor may see."""
    rows = visible_counts(actor)
    found = rows.filter(own=attack).union(rows.filter(theirs=attack))
    return sorted(found, key=lambda one: (-one.asked_us, one.pk.hex))


def waiting() -> list[str]:
    """Partners of whom something is to be asked."""
    rows = SourceCount.projected.filter(state=WAITING, ours=True)
    return sorted(set(rows.values_list("partner", flat=True)))


def give_up(now: int) -> int:
    """Wait no longer for counts whose day is over; how many."""
    rows = list(SourceCount.projected.filter(state=WAITING, asked_us__lt=now - DAY_US))
    for row in rows:
        if row.ours:
            close(row, Counted(state="unanswered", why=f"{row.partner} did not answer within a day."))
        else:
            close(row, Counted(state="broken", why=f"{row.partner} began it and did not go on."))
    return len(rows)


def step(partner: Partner, client: Client) -> None:
    """Put each question that waits for a partner.

    Raises:
        LinkError: It did not answer; it is asked again.
    """
    rows = SourceCount.projected.filter(partner=partner.authority, state=WAITING, ours=True)
    for row in rows.order_by("asked_us", "pk"):
        try:
            _count(row, partner, client)
        except (ProtocolError, NotVisibleError) as error:
            close(row, Counted(state="failed", why=str(error)))
        except (NoAgreementError, UsageError) as error:
            close(row, Counted(state="refused", why=str(error)))


def _count(row: SourceCount, partner: Partner, client: Client) -> None:
    """Both exchanges. Put again after a fault they are the same bit by bit, also if the attack grew meanwhile."""
    asked, secret = _question(row), RunSecret(bytes.fromhex(row.secret))
    opened = exchange.ask(partner, OPEN, asked, Opened, client)
    if opened.refused or opened.said is None:
        raise UsageError(f"{row.partner}: {one_line(opened.refused)}")
    said, other = asked.said, common_sources.check(opened.said, opened.points)
    tokens = common_sources.tokens_of(opened.points, secret)
    closed = exchange.ask(partner, CLOSE, Close(row.question, tokens), Closed, client)
    if closed.refused:
        raise UsageError(f"{row.partner}: {one_line(closed.refused)}")
    sides = {authority(): said, row.partner: other}
    named = common_sources.session(row.question, asked.attack, row.epoch, sides)
    psi.check_tokens(closed.tokens, said.size, opened.digest, row.partner, named)
    sent = {authority(): (asked.points, tokens), row.partner: (opened.points, closed.tokens)}
    common = common_sources.believed(psi.overlap(closed.tokens, tokens), said, other)
    counted = Counted(
        state="counted", common=common, own_size=said.size, own_share=said.share,
        other_size=other.size, other_share=other.share, transcript=common_sources.transcript(named, sent),
    )  # fmt: skip
    with writing():
        if close(row, counted):
            keep(row, asked.attack, sides, sent)


def _question(row: SourceCount) -> Open:
    """What is put: made once, and kept."""
    agreed(row.partner)
    own = leaving(row.own)
    foreign = PartnerAttack.projected.filter(pk=row.theirs).first() if row.theirs else None
    if own is None or foreign is None:
        raise NotVisibleError("One of the attacks is gone, or may not be compared any more.")
    if (kept := parts.get(row.pk, QUESTION, 0)) is not None:
        return msgspec.msgpack.decode(kept, type=Open)
    secret, sample = RunSecret(bytes.fromhex(row.secret)), common_sources.sample_of(_attack(own))
    given = Given.objects.filter(thing=row.own, recipient=row.partner, recalled_us=None).first()
    put = Open(
        row.question, _attack(foreign).id, given.shared.hex if given else "", row.epoch, speaks(PROTOCOL, row.epoch),
        sample.said(secret), sample.points(secret, row.epoch),
    )  # fmt: skip
    parts.put(row.pk, QUESTION, 0, msgspec.msgpack.encode(put))
    return put


def keep(row: SourceCount, attack: str, sides: dict[str, Said], sent: dict[str, tuple[bytes, bytes]]) -> None:
    """Keep what both said and sent, for the auditor who does the count again."""
    parts.put(row.pk, SIDES, 0, msgspec.msgpack.encode((attack, sides)))
    for name, (points, tokens) in sent.items():
        own = name == authority()
        parts.put(row.pk, POINTS if own else theirs(POINTS), 0, points)
        parts.put(row.pk, TOKENS if own else theirs(TOKENS), 0, tokens)


def close(row: SourceCount, told: Counted) -> bool:
    """Put on record what came of a count; once. Whether it still waited."""
    with writing():
        held = SourceCount.projected.select_related("marking").filter(pk=row.pk, state=WAITING).first()
        if held is None:
            return False
        content = msgspec.structs.replace(told, why=told.why[:500], at_us=now_us())
        append(COUNTED, content, actor=matcher(), object_id=row.pk, marking=held.marking.marking)
        return True


def _attack(row: AttackRow | PartnerAttack) -> Attack:
    return msgspec.convert(row.detail, Attack)
