"""What one reader may know of campaigns across borders, from the rows."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models import F
from django.db.models.lookups import In

from hanse.attacks.models import STANDING, PartnerAttack
from hanse.attacks.models import Attack as AttackRow
from hanse.campaigns.across import Across, Bond, Known, Member, compose
from hanse.campaigns.campaign import LinkTest
from hanse.campaigns.crossing import on_whose_word
from hanse.campaigns.models import Campaign, CrossLink
from hanse.federation.models import Partner
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking
from hanse.ledger.among import among
from hanse.ledger.identity import authority
from hanse.policy.decision import Subject
from hanse.policy.guarded import Unindexed
from hanse.policy.models import StoredMarking

if TYPE_CHECKING:
    from django.db.models import QuerySet

_OF_OWN = (
    "object_id", "marking", "team", "vector", "start_us", "end_us", "country", "organisation", "peak_bps", "victim",
    "campaign",
)  # fmt: skip
_OF_THEIRS = (*_OF_OWN[:-1], "victim_mark", "partner")
_OF_LINK = ("object_id", "first", "second", "tests", "marking", "team", "sequence")


def across(actor: Actor, standing: "QuerySet[Campaign]") -> list[Across]:
    """The campaigns across borders, as the actor may know them.

    Rows are read as tuples: there may be some ten thousand of them.

    Args:
        actor: Who reads.
        standing: The own campaigns that the actor may know and that no other one has taken the place of.
    """
    links = list(CrossLink.objects.for_actor(actor, "campaigns.view").values_list(*_OF_LINK))
    if not links:
        return []
    reading = _Reading(actor)
    reading.ends({end for _, first, second, *_ in links for end in (first, second)})
    members = reading.members
    links = [row for row in links if row[1] in members and row[2] in members]
    linked = {end for _, first, second, *_ in links for end in (first, second)}
    homes = reading.homes(linked, standing)
    bonds = [
        Bond(
            object_id, members[first], members[second], msgspec.convert(tests, tuple[LinkTest, ...]),
            reading.marking(marking), team, sequence,
        )
        for object_id, first, second, tests, marking, team, sequence in links
    ]  # fmt: skip
    linked = linked.union(*homes.values())
    names = dict(Partner.objects.values_list("authority", "name")) | {authority(): settings.HANSE_NODE.name}
    return compose(Known({one: members[one] for one in linked}, bonds, homes, names, authority()))


def sees_links(actor: Actor) -> bool:
    """Whether an actor can see any link across borders: who sees none is told of no campaign across them."""
    return CrossLink.objects.for_actor(actor, "campaigns.view").exists()


def shows(object_ids: Collection[UUID], actor: Actor, standing: "QuerySet[Campaign]") -> bool:
    """Whether an actor can see any of some objects now, of those that campaigns across borders are made of.

    Each kind of rows is asked for, whatever the others say: what is asked does not depend on what is hidden.
    """
    reading = _Reading(actor)
    links = CrossLink.objects.for_actor(actor, "campaigns.view")
    found = [
        rows.filter(pk__in=among(object_ids)).exists() for rows in (*reading.ends_known, links, standing)
    ]
    return any(found)


def are_there(object_ids: Collection[UUID]) -> bool:
    """Whether all of some attacks, links and campaigns are still on record."""
    models = (AttackRow, PartnerAttack, CrossLink, Campaign)
    return sum(model.projected.filter(pk__in=among(object_ids)).count() for model in models) == len(
        object_ids
    )


def subjects_of(bonds: Iterable[Bond], members: Iterable[Member]) -> list[tuple[UUID, Subject]]:
    """Links and attacks as policy and the consultation log know them."""
    told = [(one.object_id, Subject("crosslink", one.marking, one.team)) for one in bonds]
    return told + [(one.object_id, Subject("attack", one.marking, one.team)) for one in members]


class _Reading:
    """Reads attacks that stand and that an actor may see, own and partners'."""

    def __init__(self, actor: Actor) -> None:
        # A token's scope limits what it does, not whom it is for.
        if actor.scopes is not None:
            actor = replace(actor, scopes=actor.scopes | {"attacks.view"})
        # Some are looked up by their keys: SQLite would go through all attacks of these states instead.
        stands = In(Unindexed(F("state")), STANDING)
        self._own = AttackRow.objects.for_actor(actor, "attacks.view").filter(stands)
        self._theirs = PartnerAttack.objects.for_actor(actor, "attacks.view").filter(stands)
        self._markings: dict[str, Marking] = {}
        self._campaigns: dict[UUID, UUID] = {}
        self.members: dict[UUID, Member] = {}

    @property
    def ends_known(self) -> "tuple[QuerySet[AttackRow], QuerySet[PartnerAttack]]":
        """Rows of the attacks, own and partners', that stand and that the actor may see."""
        return self._own, self._theirs

    def ends(self, wanted: set[UUID]) -> None:
        """Read the attacks of those objects."""
        self._take(self._own.filter(pk__in=among(wanted)))
        passed_on = on_whose_word(wanted)
        for *told, victim, mark, partner in self._theirs.filter(pk__in=among(wanted)).values_list(
            *_OF_THEIRS
        ):
            self._add(told, passed_on.get(told[0], partner), victim or f"{partner} {mark}", victim)

    def homes(self, ends: set[UUID], standing: "QuerySet[Campaign]") -> dict[UUID, list[UUID]]:
        """The own campaigns that some attacks are part of, with their attacks, which are read as well."""
        named = {self._campaigns[one] for one in ends if one in self._campaigns}
        known = set(standing.filter(pk__in=named).values_list("pk", flat=True)) if named else set()
        if known:
            self._take(self._own.filter(campaign__in=known))
        found: dict[UUID, list[UUID]] = {}
        for one, campaign in self._campaigns.items():
            if campaign in known:
                found.setdefault(campaign, []).append(one)
        return found

    def marking(self, digest: str) -> Marking:
        """A marking by its key."""
        if digest not in self._markings:
            self._markings[digest] = StoredMarking.objects.get(pk=digest).marking
        return self._markings[digest]

    def _take(self, rows: "QuerySet[AttackRow]") -> None:
        for *told, victim, campaign in rows.values_list(*_OF_OWN):
            self._add(told, authority(), victim, victim)
            if campaign is not None:
                self._campaigns[told[0]] = campaign

    def _add(self, told: list[Any], contributor: str, victim: str, address: str) -> None:
        object_id, marking, team, vector, start_us, end_us, country, organisation, peak_bps = told
        self.members[object_id] = Member(
            object_id, contributor, vector, start_us, end_us, country, victim, organisation or address, peak_bps,
            self.marking(marking), team,
        )  # fmt: skip
