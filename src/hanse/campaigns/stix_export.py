"""A campaign of this node taken out as STIX with its attacks, and cited in what is written about it."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.urls import reverse

from hanse.attacks import stix_export as of_attacks
from hanse.attacks.models import Attack
from hanse.campaigns import service, stix
from hanse.campaigns.models import Campaign
from hanse.campaigns.told import found_of, marking_of
from hanse.intel import telling
from hanse.intel.cited import Sort, Thing
from hanse.intel.own import Cite
from hanse.kernel.actors import Actor
from hanse.ledger.identity import authority


def objects_of(row: Campaign, attacks: Sequence[Attack], actor: Actor) -> list[dict[str, Any]]:
    """The STIX objects of a campaign and of its attacks, after the head of a bundle.

    Args:
        row: The campaign, which the actor may take out.
        attacks: Its attacks that the actor may take out.
        actor: Who takes it out.
    """
    marking = marking_of(row, attacks)
    told = of_attacks.objects_of_all(attacks, actor)
    found = found_of(row, attacks)
    own = stix.objects(found, telling.of(row.pk, marking))
    return telling.once([*telling.head({marking.text: marking}), *told, *own])


def cite_of(row: Campaign) -> Cite:
    """By which a campaign is cited."""
    return Cite("campaign", row.pk.hex, stix.campaign_id(authority(), row.name))


def _things(rows: Iterable[Campaign]) -> list[Thing]:
    """Campaigns as things that can be cited: for those alone who may know of all their attacks."""
    told = []
    for row in rows:
        members = Attack.projected.filter(pk__in=service.member_ids(row.pk))
        teams = {row.team, *members.values_list("team", flat=True)} - {""}
        url = reverse("campaigns:detail", args=[row.pk])
        told.append(Thing(cite_of(row), row.verdict, url, row.marking.marking, frozenset(teams)))
    return told


def _seen(actor: Actor, ids: Sequence[UUID]) -> list[Thing]:
    return _things(service.visible(actor).filter(pk__in=ids).select_related("marking"))


def _on_record(ids: Sequence[UUID]) -> list[Thing]:
    return _things(Campaign.projected.filter(pk__in=ids).select_related("marking"))


def _objects(object_id: UUID, actor: Actor) -> list[dict[str, Any]]:
    rows = service.visible(actor, "campaigns.export").filter(pk=object_id).select_related("marking")
    row = rows.first()
    if row is None:
        return []
    attacks = list(service.members_of(row, actor, "attacks.export").select_related("marking"))
    return objects_of(row, attacks, actor)


SORT = Sort("campaign", _seen, _on_record, _objects)
