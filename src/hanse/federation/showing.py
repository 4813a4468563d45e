"""What is shown of a partner: its keys, what it sent that was refused, and what it was given."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from hanse.accounts import consultations
from hanse.federation import witnesses
from hanse.federation.acting import DONE
from hanse.federation.models import (
    Contradiction,
    Given,
    Group,
    Hop,
    Link,
    Partner,
    PartnerKey,
    PassedOn,
    Recalling,
    Received,
    Rule,
    Witness,
    Witnessed,
)
from hanse.federation.sharing import Thing, shareable
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, strictest
from hanse.policy.decision import Subject, may
from hanse.policy.guarded import NotVisibleError
from hanse.web.page import signed_in

SHOWN = 50
"""Rows of each table: the last ones."""


@dataclass(frozen=True, slots=True)
class GivenRow:
    """One thing that a partner has, as one actor may know of it.

    Attributes:
        row: That it has it.
        title: What the thing is called; empty for who may not see it.
        page: The address of its page; empty likewise.
    """

    row: Given
    title: str = ""
    page: str = ""


def given_to(request: HttpRequest, partner: Partner) -> tuple[list[GivenRow], Marking | None]:
    """The last things that a partner was given, and the marking of those whose titles are shown.

    A title says what a thing is about: who sees it has looked at the thing, which is written down.

    Raises:
        ReasonNeededError: The law wants a reason for one of them, and none was given yet.
    """
    rows = Given.objects.filter(recipient=partner.authority).order_by("-given_us", "number")[:SHOWN]
    return given_rows(request, rows)


def given_rows(request: HttpRequest, rows: Iterable[Given]) -> tuple[list[GivenRow], Marking | None]:
    """Some of what partners were given; as of `given_to`."""
    actor = signed_in(request)
    told, seen = [], []
    for row in rows:
        thing = _visible(actor, row)
        told.append(_given_row(row, thing))
        if thing is not None:
            seen.append((row.sort, thing))
    for sort in sorted({name for name, _ in seen}):
        subjects = [
            (one.object_id, Subject(sort, one.marking, one.team)) for name, one in seen if name == sort
        ]
        consultations.required(actor, shareable(sort).view, subjects, consultations.reason_in(request))
    return told, strictest(one.marking for _, one in seen) if seen else None


def _given_row(row: Given, thing: Thing | None) -> GivenRow:
    page = shareable(row.sort).page(row.thing) if thing else ""
    return GivenRow(row, thing.title if thing else "", page)


def given_row(actor: Actor, row: Given) -> GivenRow:
    """One thing that a partner has, as an actor may know of it."""
    return _given_row(row, _visible(actor, row))


def came_by(object_id: UUID) -> PassedOn | None:
    """By whom a thing came, where its originator did not send it here itself."""
    if Received.objects.filter(object_id=object_id, state="applied").exists():
        return None
    return PassedOn.objects.filter(inner=object_id).first()


def _visible(actor: Actor, row: Given) -> Thing | None:
    """The thing, where the actor may see it."""
    one = shareable(row.sort)
    if not may(actor, one.view, now_us=now_us()):
        return None
    try:
        return one.find(actor, row.thing)
    except (
        NotVisibleError,
        UsageError,
    ):  # what cannot be given on any more is still on the list of who has it
        return None


def keys_of(partner: Partner) -> list[PartnerKey]:
    """The keys of a partner, the newest first."""
    return list(PartnerKey.objects.filter(partner=partner.authority).order_by("-said_by"))


def refused_of(partner: Partner) -> list[Received]:
    """The last entries of a partner that were refused."""
    found = Received.objects.filter(partner=partner.authority, state="refused")
    return list(found.order_by("-place")[:SHOWN])


def contradictions_of(partner: Partner) -> list[Contradiction]:
    """Where a partner contradicts itself, the last first."""
    return list(Contradiction.objects.filter(partner=partner.authority).order_by("-sequence")[:SHOWN])


def recalls_of(partner: Partner, given: list[GivenRow]) -> list[tuple[Recalling, GivenRow | None]]:
    """What a partner was told to purge: what it has not answered first, then the last.

    Args:
        partner: The partner.
        given: What it was given, as `given_to` shows it: what was purged here since, or given long ago, has no name.
    """
    things = {one.row.shared: one for one in given}
    rows = Recalling.objects.filter(recipient=partner.authority).order_by("answer", "-sequence")[:SHOWN]
    return [(one, things.get(one.shared)) for one in rows]


def rules_for(partner: Partner) -> list[Rule]:
    """The rules by which a partner gets things."""
    groups = {one.pk.hex for one in Group.objects.all() if partner.authority in one.members}
    return [one for one in Rule.objects.order_by("since") if _means(one.audience, partner, groups)]


def _means(audience: dict[str, Any], partner: Partner, groups: set[str]) -> bool:
    return (
        not groups.isdisjoint(audience["groups"])
        or partner.authority in audience["authorities"]
        or partner.tier in audience["tiers"]
        or partner.country in audience["states"]
    )


@dataclass(frozen=True, slots=True)
class Holder:
    """A partner that has a thing, or had it.

    Attributes:
        row: That it has it.
        name: The partner's name.
        recall: The last recall, where there is one.
        hops: What became of it at those to whom the partner had passed it on.
    """

    row: Given
    name: str
    recall: Recalling | None
    hops: tuple[Hop, ...] = ()

    @property
    def done(self) -> str:
        """What it says to have done with it, in words; empty for nothing yet."""
        return DONE.get(self.row.acted, "")


def holders(thing: UUID) -> list[Holder]:
    """Who has a thing or had it, by authority, and what became of recalls."""
    rows = list(Given.objects.filter(thing=thing).order_by("recipient"))
    names = dict(Partner.objects.filter(pk__in=[one.recipient for one in rows]).values_list("pk", "name"))
    asked = Recalling.objects.filter(shared__in={one.shared for one in rows}).order_by("sequence")
    last = {(one.shared, one.recipient): one for one in asked}
    hops = list(Hop.objects.filter(shared__in={one.shared for one in rows}).order_by("at"))
    return [
        Holder(
            one,
            names.get(one.recipient, one.recipient),
            last.get((one.shared, one.recipient)) if one.recalled_us is not None else None,
            tuple(hop for hop in hops if (hop.shared, hop.via) == (one.shared, one.recipient)),
        )
        for one in rows
    ]


@dataclass(frozen=True, slots=True)
class Witnessing:
    """How a partner and this authority witness each other's ledger.

    Attributes:
        row: What was asked and answered.
        seen: Who saw the partner's newest checkpoint, and when, s UTC; as far as their keys are known here.
        checked: Leaves of the partner's ledger that this node has followed as a witness.
        cosigned: Leaves of this ledger that the partner has seen as a witness.
        checkpoint: Whether there is a checkpoint of the partner.
        error: What was wrong the last time that something was to be witnessed.
    """

    row: Witness
    seen: dict[str, int]
    checked: int
    cosigned: int
    checkpoint: bool
    error: str


def witnessing_with(partner: Partner) -> Witnessing:
    """How a partner and this authority witness each other's ledger."""
    link = Link.objects.filter(pk=partner.authority).first() or Link(partner=partner.authority)
    last = (
        Witnessed.objects.filter(partner=partner.authority).order_by("-size").values_list("size", flat=True)
    )
    return Witnessing(
        row=witnesses.of(partner.authority),
        seen=witnesses.seen_of(link.checkpoint),
        checked=last.first() or 0,
        cosigned=link.cosigned,
        checkpoint=bool(link.checkpoint),
        error=link.witness_error,
    )
