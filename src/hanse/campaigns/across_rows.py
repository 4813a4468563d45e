"""What one reader may know of campaigns across borders, from the rows."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from django.conf import settings

from hanse.attacks.models import STANDING, PartnerAttack
from hanse.attacks.models import Attack as AttackRow
from hanse.campaigns.across import Across, Bond, Known, Member, compose
from hanse.campaigns.campaign import LinkTest
from hanse.campaigns.models import Campaign, CrossLink
from hanse.federation.models import Partner
from hanse.kernel.actors import Actor
from hanse.ledger.among import among
from hanse.ledger.identity import authority
from hanse.policy.decision import Subject

if TYPE_CHECKING:
    from django.db.models import QuerySet

_NARROW = (
    "object_id",
    "marking",
    "team",
    "vector",
    "start_us",
    "end_us",
    "country",
    "victim",
    "organisation",
    "peak_bps",
)


def across(actor: Actor, standing: "QuerySet[Campaign]") -> list[Across]:
    """The campaigns across borders, as the actor may know them.

    Args:
        actor: Who reads.
        standing: The own campaigns that the actor may know and that no other one has taken the place of.
    """
    links = list(CrossLink.objects.for_actor(actor, "campaigns.view").select_related("marking"))
    if not links:
        return []
    members = _members(actor, {end for row in links for end in (row.first, row.second)})
    links = [row for row in links if row.first in members and row.second in members]
    homes = _homes(actor, standing, (one for row in links for one in (row.first, row.second)), members)
    bonds = [
        Bond(
            row.pk, members[row.first], members[row.second], msgspec.convert(row.tests, tuple[LinkTest, ...]),
            row.marking.marking, row.team, row.sequence,
        )
        for row in links
    ]  # fmt: skip
    linked = {end for row in links for end in (row.first, row.second)}.union(*homes.values())
    names = dict(Partner.objects.values_list("authority", "name")) | {authority(): settings.HANSE_NODE.name}
    return compose(Known({one: members[one] for one in linked}, bonds, homes, names, authority()))


def subjects_of(bonds: Iterable[Bond], members: Iterable[Member]) -> list[tuple[UUID, Subject]]:
    """Links and attacks as policy and the consultation log know them."""
    told = [(one.object_id, Subject("crosslink", one.marking, one.team)) for one in bonds]
    return told + [(one.object_id, Subject("attack", one.marking, one.team)) for one in members]


def _members(actor: Actor, wanted: set[UUID]) -> dict[UUID, Member]:
    """Attacks that stand and that the actor may see, own and partners'."""
    seeing = _seeing(actor)
    own = AttackRow.objects.for_actor(seeing, "attacks.view").filter(pk__in=among(wanted), state__in=STANDING)
    theirs = PartnerAttack.objects.for_actor(seeing, "attacks.view").filter(
        pk__in=among(wanted), state__in=STANDING
    )
    found = [_own(row) for row in own.select_related("marking").only(*_NARROW)]
    found += [
        _theirs(row) for row in theirs.select_related("marking").only(*_NARROW, "partner", "victim_mark")
    ]
    return {one.object_id: one for one in found}


def _homes(
    actor: Actor, standing: "QuerySet[Campaign]", ends: Iterable[UUID], members: dict[UUID, Member]
) -> dict[UUID, list[UUID]]:
    """The own campaigns that some attacks are part of, with their attacks, which join the members."""
    seen = AttackRow.objects.for_actor(_seeing(actor), "attacks.view").filter(state__in=STANDING)
    named: set[Any] = set(
        seen.filter(pk__in=among(set(ends)), campaign__isnull=False).values_list("campaign", flat=True)
    )
    known = list(standing.filter(pk__in=named).values_list("pk", flat=True)) if named else []
    homes: dict[UUID, list[UUID]] = {}
    if known:
        for row in seen.filter(campaign__in=known).select_related("marking").only(*_NARROW, "campaign"):
            assert row.campaign is not None  # noqa: S101 - it was asked for
            homes.setdefault(row.campaign, []).append(row.pk)
            members.setdefault(row.pk, _own(row))
    return homes


def _seeing(actor: Actor) -> Actor:
    """The actor, with a token's scope widened: it limits what a token does, not whom it is for."""
    return actor if actor.scopes is None else replace(actor, scopes=actor.scopes | {"attacks.view"})


def _own(row: AttackRow) -> Member:
    return _member(row, authority(), row.victim, row.organisation or row.victim)


def _theirs(row: PartnerAttack) -> Member:
    victim = row.victim or f"{row.partner} {row.victim_mark}"
    return _member(row, row.partner, victim, row.organisation or row.victim)


def _member(row: Any, contributor: str, victim: str, whom: str) -> Member:
    return Member(
        object_id=row.pk, contributor=contributor, vector=row.vector, start_us=row.start_us, end_us=row.end_us,
        country=row.country, victim=victim, whom=whom, peak_bps=row.peak_bps, marking=row.marking.marking,
        team=row.team,
    )  # fmt: skip
