"""Use cases of campaigns: found and grown on record, their attacks, links and counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Exists, OuterRef, QuerySet

from hanse.attacks import service as attacks
from hanse.attacks.attack import Attack
from hanse.attacks.models import STANDING, Membership
from hanse.attacks.models import Attack as AttackRow
from hanse.campaigns import crossing, models
from hanse.campaigns.across import Across
from hanse.campaigns.campaign import Campaign, Link, LinkTest
from hanse.campaigns.kept import Kept
from hanse.constituency import Registry
from hanse.kernel.actors import Actor
from hanse.ledger import objects
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop, set_row
from hanse.policy.guarded import NotVisibleError
from hanse.policy.models import stored, team_of


class Found(msgspec.Struct, frozen=True):
    """A campaign as it was found.

    Attributes:
        campaign: The campaign whole.
        replaces: Object ids of the campaigns that it takes the place of, hexadecimal.
    """

    campaign: Campaign
    replaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """What still stands of a campaign, as far as the actor may see it.

    Attributes:
        standing: Attacks that it names and that are neither false positives nor merged nor to be split.
        running: Of those, attacks that go on.
        victims: Distinct victims of the standing ones.
    """

    standing: int = 0
    running: int = 0
    victims: int = 0


@dataclass(frozen=True, slots=True)
class Placed:
    """Which object of the ledger a campaign is.

    Attributes:
        object_id: The object.
        content: What to put on record of it.
        unchanged: Whether that is on record already.
    """

    object_id: UUID
    content: Found
    unchanged: bool


def place(campaigns: Sequence[Campaign], seen: Iterable[Attack], registry: Registry | None) -> list[Placed]:
    """Find for each campaign the one on record that it grew out of, if any, and what it is now.

    A campaign's name changes with its attacks. It continues the one on record with which it shares most attacks,
    and replaces the others that have no attack outside of it. Each on record is continued once. Members on record
    that the analysis could not see stay, as long as nobody has decided that they are no attacks.

    Args:
        campaigns: What an analysis found.
        seen: All attacks of that analysis.
        registry: Whom the victims belong to.
    """
    known = {attacks.object_of(attack.id): attack for attack in seen}
    wholes = [_whole(one, known, registry) for one in campaigns]
    wanted = [{attacks.object_of(name) for name in one.attacks} for one in wholes]
    members = _members_of_any(set().union(*wanted) if wanted else set())
    chosen = _chosen(wanted, members)
    placed = []
    for index, one in enumerate(wholes):
        object_id = chosen.get(index) or objects.named("campaign", one.id)
        gone = [
            other for other in members if other not in chosen.values() and members[other] <= wanted[index]
        ]
        placed.append(_placed(one, object_id, gone))
    return placed


def visible(actor: Actor, action: str = "campaigns.view") -> "QuerySet[models.Campaign]":
    """Campaigns with which an actor may do an action, and the same with all of their attacks.

    A verdict counts every attack of its campaign; to somebody who may not see one of them, it would tell of it.
    """
    on_attacks = action.replace("campaigns.", "attacks.")
    seen = AttackRow.objects.for_actor(_also(actor, on_attacks), on_attacks)
    unseen = Membership.objects.filter(campaign=OuterRef("pk")).filter(
        ~Exists(seen.filter(pk=OuterRef("attack")))
    )
    return models.Campaign.objects.for_actor(actor, action).filter(~Exists(unseen))


def _also(actor: Actor, action: str) -> Actor:
    """The actor, with a token's scope widened by one action: it limits what a token does, not whom it is for."""
    return actor if actor.scopes is None else replace(actor, scopes=actor.scopes | {action})


def campaign_for(actor: Actor, action: str, campaign_id: UUID) -> models.Campaign:
    """One campaign of those that are `visible`. Whether it is hidden or is none takes the same queries.

    Raises:
        NotVisibleError: There is none, or it is not for the actor to see.
    """
    row = visible(actor, action).select_related("marking").filter(pk=campaign_id).first()
    if row is None:
        raise NotVisibleError("There is no such campaign, or it is not for you to see.")
    return row


def known_of(actor: Actor, campaign_ids: Iterable[UUID]) -> set[UUID]:
    """Those of some campaigns that an actor may know of."""
    return set(visible(actor).filter(pk__in=list(campaign_ids)).values_list("pk", flat=True))


def standing(actor: Actor, action: str = "campaigns.view") -> "QuerySet[models.Campaign]":
    """Campaigns that are `visible` to an actor and that no other one has taken the place of."""
    replaced = models.Replaced.objects.filter(other=OuterRef("pk"))
    return visible(actor, action).filter(~Exists(replaced))


def across(actor: Actor) -> list[Across]:
    """The campaigns across borders as an actor may know them: those on most states first."""
    return _kept.of(actor, lambda: standing(actor))


_kept = Kept()


def counts(actor: Actor, campaign_ids: Iterable[UUID]) -> dict[UUID, Counts]:
    """What stands of each campaign now, decisions of people included."""
    ids = list(campaign_ids)
    members = Membership.objects.filter(campaign__in=ids)
    seen = AttackRow.objects.for_actor(actor, "attacks.view").filter(pk__in=members.values("attack"))
    rows = {pk: (state, victim) for pk, state, victim in seen.values_list("object_id", "state", "victim")}
    found: dict[UUID, list[tuple[str, str]]] = {one: [] for one in ids}
    for campaign, attack in members.values_list("campaign", "attack"):
        if attack in rows and rows[attack][0] in STANDING:
            found[campaign].append(rows[attack])
    return {
        one: Counts(
            len(those), sum(state == "running" for state, _ in those), len({victim for _, victim in those})
        )
        for one, those in found.items()
    }


def attacks_of(campaign_id: UUID, actor: Actor) -> "QuerySet[AttackRow]":
    """The attacks that a campaign names, in order of start.

    Raises:
        NotVisibleError: There is no such campaign, or it is not for the actor to see.
    """
    return members_of(campaign_for(actor, "campaigns.view", campaign_id), actor)


def members_of(row: models.Campaign, actor: Actor, action: str = "attacks.view") -> "QuerySet[AttackRow]":
    """The attacks that a campaign at hand names and with which the actor may do an action, in order of start."""
    return named_of(row, AttackRow.objects.for_actor(actor, action)).order_by("start_us", "object_id")


def named_of(row: models.Campaign, seen: "QuerySet[AttackRow]") -> "QuerySet[AttackRow]":
    """Those of some attacks that a campaign at hand names."""
    return seen.filter(pk__in=Membership.objects.filter(campaign=row.pk).values("attack"))


def links_of(campaign_id: UUID, actor: Actor) -> list[models.Link]:
    """The links of a campaign, in order. Who may see it may see both ends of each.

    Raises:
        NotVisibleError: There is no such campaign, or it is not for the actor to see.
    """
    return links_in(campaign_for(actor, "campaigns.view", campaign_id))


def links_in(row: models.Campaign) -> list[models.Link]:
    """The links of a campaign at hand, in order."""
    return list(models.Link.objects.filter(campaign=row.pk).order_by("id"))


def weakest_first(row: models.Campaign) -> "QuerySet[models.Link]":
    """The links of a campaign at hand, the weakest first: where the campaign would break first."""
    return models.Link.objects.filter(campaign=row.pk).order_by("-p_value", "id")


def naming(attack_ids: Iterable[UUID]) -> set[UUID]:
    """Campaigns that name attacks and links across borders, for whoever purges what is derived of them."""
    ids = list(attack_ids)
    rows = Membership.objects.filter(attack__in=ids).values_list("campaign", flat=True)
    return {*rows, *(row.pk for row in crossing.of_attacks(ids))}


def member_ids(campaign_id: UUID) -> set[UUID]:
    """The attacks that a campaign names, for whoever marks it anew or purges it."""
    return set(Membership.objects.filter(campaign=campaign_id).values_list("attack", flat=True))


def replacing(campaign_id: UUID) -> list[UUID]:
    """Campaigns that have taken the place of one."""
    rows = models.Replaced.objects.filter(other=campaign_id).order_by("campaign")
    return list(rows.values_list("campaign", flat=True))


def biggest(actor: Actor, limit: int) -> list[models.Campaign]:
    """The standing campaigns with most attacks that an actor may see."""
    return list(standing(actor).order_by("-named", "object_id")[:limit])


def _chosen(wanted: Sequence[set[UUID]], members: dict[UUID, set[UUID]]) -> dict[int, UUID]:
    """By number of a campaign found, the one on record that it continues: those that share most go first."""
    shared = sorted(
        (-len(those & members[other]), other.hex, index, other)
        for index, those in enumerate(wanted)
        for other in members
        if those & members[other]
    )
    chosen: dict[int, UUID] = {}
    for _, _, index, other in shared:
        if index not in chosen and other not in chosen.values():
            chosen[index] = other
    return chosen


def _whole(found: Campaign, known: dict[UUID, Attack], registry: Registry | None) -> Campaign:
    """A campaign found, with the standing members on record that the analysis could not see."""
    touched = _members_of_any({attacks.object_of(name) for name in found.attacks})
    unseen = set().union(*touched.values()) - known.keys() if touched else set()
    rows = AttackRow.projected.filter(pk__in=unseen, state__in=STANDING)
    more = {row.object_id: attacks.attack_in(row) for row in rows}
    if not more:
        return found
    names = {one: attack.id for one, attack in (known | more).items()}
    rows_of_links = models.Link.objects.filter(campaign__in=list(touched)).order_by("id")
    links = [
        Link(names[row.first], names[row.second], msgspec.convert(row.tests, tuple[LinkTest, ...]))
        for row in rows_of_links
        if row.first in names and row.second in names
    ]
    mine = [known[attacks.object_of(name)] for name in found.attacks]
    from hanse.campaigns.growing import grown  # noqa: PLC0415 - loads scipy, which an idle node does without

    return grown(found.id, (*mine, *more.values()), (*links, *found.links), registry)


def _members_of_any(wanted: set[UUID]) -> dict[UUID, set[UUID]]:
    """All members of each standing campaign on record that names one of the attacks."""
    rows = Membership.objects.filter(attack__in=wanted).exclude(
        campaign__in=models.Replaced.objects.values("other")
    )
    found: dict[UUID, set[UUID]] = {
        one: set() for one in sorted(set(rows.values_list("campaign", flat=True)))
    }
    everything = Membership.objects.filter(campaign__in=list(found)).values_list("campaign", "attack")
    for campaign, attack in everything:
        found[campaign].add(attack)
    return found


def _placed(campaign: Campaign, object_id: UUID, gone: Iterable[UUID]) -> Placed:
    row = models.Campaign.projected.filter(pk=object_id).only("digest").first()
    before = models.Replaced.objects.filter(campaign=object_id).values_list("other", flat=True)
    replaces = sorted({other.hex for other in (*before, *gone)})
    content = objects.settled(Found(campaign, tuple(replaces)))
    return Placed(object_id, content, row is not None and row.digest == objects.digest(content))


def _project(recorded: Recorded, content: Found) -> None:
    one, campaign = recorded.object_id, content.campaign
    values: dict[str, Any] = {
        "marking": stored(recorded.marking),
        "team": team_of(one),
        "name": campaign.id,
        "verdict": campaign.verdict,
        "scope": campaign.scope,
        "country": campaign.country,
        "start_us": campaign.start_us,
        "end_us": campaign.end_us,
        "named": len(campaign.attacks),
        "organisations": len(campaign.organisations),
        "sequence": recorded.sequence,
        "version": recorded.version,
        "digest": objects.digest(content),
        "detail": {name: getattr(campaign, name) for name in _DETAILS},
    }
    set_row(models.Campaign.projected, one, values)
    attacks.name_members(one, [attacks.object_of(name) for name in campaign.attacks], recorded.sequence)
    models.Link.objects.filter(campaign=one).delete()
    models.Link.objects.bulk_create(
        [
            models.Link(
                id=f"{one.hex}-{number:06d}",
                campaign=one,
                first=attacks.object_of(link.first),
                second=attacks.object_of(link.second),
                p_value=min((test.p_value for test in link.tests), default=1.0),
                tests=msgspec.to_builtins(link.tests),
            )
            for number, link in enumerate(campaign.links)
        ],
        batch_size=150,
    )
    models.Replaced.objects.filter(campaign=one).delete()
    models.Replaced.objects.bulk_create(
        models.Replaced(id=one.hex + other, campaign=one, other=UUID(other)) for other in content.replaces
    )


_DETAILS = ("organisations", "sectors", "figures", "evidence", "refuted_by")


def _forget(object_id: UUID) -> None:
    """A purged campaign, and what the others hold of a purged attack or of a purged campaign."""
    drop(models.Campaign.projected, object_id)
    for column in ("campaign", "first", "second"):
        drop(models.Link.objects, object_id, column)
    for column in ("campaign", "other"):
        drop(models.Replaced.objects, object_id, column)
    attacks.name_members(object_id, (), 0)


KINDS = (Kind("campaigns.found", Found, _project, _forget), *crossing.KINDS)
