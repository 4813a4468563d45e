"""Standing matching is on with a partner once a person of each side turned it on; either side's person turns it off."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

from hanse.federation.handlers import Arrived, Handler
from hanse.federation.partners import partner_of
from hanse.federation.sending import send
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking
from hanse.ledger import objects
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.ledger.writing import Draft, append, writing
from hanse.matching.agreeing import AGREE, agreement_with
from hanse.matching.epochs import day, kept_us, over_us
from hanse.matching.hits import visible_hits
from hanse.matching.models import Agreement, Hit, Offer
from hanse.matching.offering import matcher
from hanse.matching.secret import RunSecret
from hanse.matching.standing_contents import MaskMade, StandingSet
from hanse.matching.standing_models import Mask, OwnTurns, StandingSide, StandingTurn, TheirTurns
from hanse.policy.asking import require

if TYPE_CHECKING:
    from django.db.models import QuerySet

SET: Final = "matching.standing_set"
MASK: Final = "matching.mask_made"
PROTOCOL: Final = "standing"


@dataclass(frozen=True, slots=True)
class Stands:
    """How standing matching with a partner stands.

    Attributes:
        partner: With whom.
        own: What this side wants; None where nobody said anything.
        other: What the other side wants, likewise.
        agreed: Whether an agreement holds, without which nothing is sent.
        turns: This side's turns of the day; None before they begin, or where they were lost: it goes on the next day.
            `OwnTurns.waiting` says how many selectors wait, `OwnTurns.refused` why the partner does not answer.
        lead: Turns of the partner that were answered since it last answered one of this side's; it gets no more
            answers from `standing_days.LEAD` on.
    """

    partner: str
    own: StandingSide | None
    other: StandingSide | None
    agreed: bool
    turns: OwnTurns | None
    lead: int

    @property
    def on(self) -> bool:
        """Whether selectors are compared."""
        return self.agreed and all(one is not None and one.on for one in (self.own, self.other))


def turn_on(partner: str, why: str, actor: Actor) -> None:
    """Want standing matching with a partner; it begins once the partner wants it too.

    Raises:
        RefusedError: The actor may not, or did not prove a passkey.
        NoAgreementError: Nothing is agreed with the partner.
        UsageError: It is wanted already, or no reason is given.
    """
    require(actor, AGREE)
    with writing():
        agreement_with(partner_of(partner).authority)
        _set(partner, why, actor, on=True)


def turn_off(partner: str, why: str, actor: Actor) -> None:
    """Want it no longer: nothing is sent or answered from now on, and what was exchanged goes. Hits stay.

    What an auditor needs to do it again stays for thirty days.

    Turned on again on the same day, it goes on with the next one.

    Raises:
        RefusedError: The actor may not, or did not prove a passkey.
        UsageError: It is not wanted, or no reason is given.
    """
    require(actor, AGREE)
    with writing():
        _set(partner_of(partner).authority, why, actor, on=False)


def stop(partner: str, why: str) -> None:
    """Turn it off by the node itself, because a partner does what was not agreed; the caller is in `writing`."""
    if wanted(partner):
        _set(partner, why, matcher(), on=False)


def _set(partner: str, why: str, actor: Actor, *, on: bool) -> None:
    if not why.strip():
        raise UsageError("Say why.")
    if wanted(partner) == on:
        raise UsageError(f"Standing matching with {partner} is {'on' if on else 'off'} on this side already.")
    side, content = objects.named("standing", partner), StandingSet(partner=partner, on=on)
    append(SET, content, actor=actor, reason=why.strip(), object_id=side)
    send([Draft(SET, content, side, recipient=partner)])


def wanted(partner: str) -> bool:
    """Whether this side wants it."""
    return StandingSide.objects.filter(partner=partner, theirs=False, on=True).exists()


def partners_on() -> list[str]:
    """Partners with whom selectors are compared: both sides want it, and an agreement holds."""
    sides = StandingSide.objects.filter(on=True)
    other = sides.filter(theirs=True).values("partner")
    agreed = Agreement.objects.filter(until_us__gt=now_us()).values("partner")
    own = sides.filter(theirs=False, partner__in=other).filter(partner__in=agreed)
    return sorted(own.values_list("partner", flat=True))


def is_on(partner: str) -> bool:
    """Whether selectors are compared with a partner."""
    return partner in partners_on()


def stands(partners: Sequence[str]) -> list[Stands]:
    """How it stands with partners, in their order; the caller asked policy whether somebody may oversee what is compared."""
    sides = {(one.partner, one.theirs): one for one in StandingSide.objects.filter(partner__in=partners)}
    turns = {
        one.partner: one
        for one in OwnTurns.objects.filter(partner__in=partners, epoch=day(now_us())).defer("held", "queue")
    }
    leads = dict(TheirTurns.objects.filter(epoch=day(now_us())).values_list("partner", "lead"))
    agreed = set(Agreement.objects.filter(until_us__gt=now_us()).values_list("partner", flat=True))
    return [
        Stands(
            one,
            sides.get((one, False)),
            sides.get((one, True)),
            one in agreed,
            turns.get(one),
            leads.get(one, 0),
        )
        for one in partners
    ]


def alarms(actor: Actor) -> "QuerySet[Hit]":
    """Hits of standing matching that an actor may see and that nobody here has answered, the newest first."""
    answered = Offer.objects.filter(theirs=False).values("object_id")
    rows = visible_hits(actor).filter(way="standing").exclude(pk__in=answered)
    return rows.order_by("-found_us", "pk")


def mask_of(partner: str, epoch: str) -> Mask | None:
    """This side's mask for a partner and day; None where there is none, or nothing of the day is answered any more."""
    return Mask.objects.filter(partner=partner, epoch=epoch).first() if over_us(epoch) > now_us() else None


def make_mask(partner: str, epoch: str) -> Mask:
    """This side's mask for a partner and day, made where there is none, with no turn yet; the caller is in `writing`."""
    row = Mask.objects.filter(partner=partner, epoch=epoch).first()
    if row is None:
        own = replace(Marking.own(authority()), retention_us=kept_us(epoch))
        content = MaskMade(partner=partner, epoch=epoch, secret=RunSecret.fresh().sealed().hex())
        append(MASK, content, actor=matcher(), object_id=uuid4(), marking=own)
        row = Mask.objects.get(partner=partner, epoch=epoch)
        nothing = {"pending": b"", "queue": b"", "held": b""}
        OwnTurns.objects.create(partner=partner, epoch=epoch, mask=row.object_id.hex, **nothing)
    return row


def _project(recorded: Recorded, content: StandingSet) -> None:
    if recorded.recipient:
        return  # the copy that went to the other side says the same
    _keep(
        recorded.object_id, content.partner, theirs=False, on=content.on, why=recorded.reason,
        actor_name=recorded.actor_name, time_us=recorded.time_us, sequence=recorded.sequence,
    )  # fmt: skip


def _keep(object_id: UUID, partner: str, *, theirs: bool, **values: object) -> None:
    StandingSide.objects.filter(partner=partner, theirs=theirs).delete()
    StandingSide.objects.create(object_id=object_id, partner=partner, theirs=theirs, **values)


def _check(here: Arrived, content: StandingSet) -> None:
    if here.via or content.partner != authority():
        raise UsageError(f"{here.partner} wants standing matching with somebody else.")


def _arrived(here: Arrived, content: StandingSet) -> None:
    _keep(
        here.object_id, here.partner, theirs=True, on=content.on, why="", actor_name="",
        time_us=here.received_us, sequence=here.sequence,
    )  # fmt: skip


def _forget(object_id: UUID) -> None:
    drop(StandingSide.objects, object_id)


def _mask_made(recorded: Recorded, content: MaskMade) -> None:
    Mask.objects.create(
        object_id=recorded.object_id, partner=content.partner, epoch=content.epoch, secret=content.secret,
        sequence=recorded.sequence,
    )  # fmt: skip


def _forget_mask(object_id: UUID) -> None:
    """Without the mask nothing goes on, and nothing can be done again: its turns, and what was kept of them, go with it."""
    for row in Mask.objects.filter(pk=object_id).defer("secret"):
        for turns in (OwnTurns, StandingTurn):
            turns.objects.filter(partner=row.partner, epoch=row.epoch).delete()
        row.delete()


KINDS = (
    Kind(SET, StandingSet, _project, _forget),
    Kind(MASK, MaskMade, _mask_made, _forget_mask, sealed=True, overseen=True),
)
HANDLERS = (Handler(SET, StandingSet, _arrived, _forget, check=_check),)
