"""Attacks and campaigns as cases are tied to them, and the cases of an attack on its page: the two rooms know nothing of each other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse

from hanse.attacks import panels
from hanse.attacks.models import STANDING, Attack, Membership
from hanse.attacks.vectors import vector_words
from hanse.campaigns import service as campaigns
from hanse.cases import panels as case_panels
from hanse.cases import tying
from hanse.cases.choosing import visible
from hanse.cases.models import Case, Link
from hanse.cases.tying import Thing
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.countries import country_name
from hanse.policy.decision import may
from hanse.tracing import service as tracing

if TYPE_CHECKING:
    from django.db.models import QuerySet

SHOWN = 20
"""Cases on the page of an attack, and countries below the map of a case."""


def register() -> None:
    """Let cases be tied to attacks and campaigns; the console calls it when Django starts."""
    tying.sorts["attack"] = _attacks
    tying.sorts["campaign"] = _campaigns
    panels.panels["cases"] = of_attack
    case_panels.panels["sources"] = sources_of_case


def of_attack(attack_id: UUID, actor: Actor) -> str:
    """The section of an attack's page: the cases of the reader's teams that are tied to it; empty where there are none."""
    if not may(actor, "cases.view", now_us=now_us()):
        return ""
    links = Link.objects.filter(target_index=attack_id.hex).values("case")
    cases = list(visible(actor).filter(pk__in=links).order_by("-changed_us", "pk")[:SHOWN])
    return render_to_string("console/cases_of_attack.html", {"cases": cases}) if cases else ""


def attacks_of(case: Case, actor: Actor) -> "QuerySet[Attack]":
    """The standing attacks that a case is tied to, alone or as members of a campaign, that the actor may see."""
    told: dict[str, list[UUID]] = {"attack": [], "campaign": []}
    for link in Link.objects.filter(case=case.pk, sort__in=list(told)):
        told[link.sort].append(UUID(str(link.target)))
    known = campaigns.visible(actor).filter(pk__in=told["campaign"]).values("pk")
    members = Membership.objects.filter(campaign__in=known).values("attack")
    seen = Attack.objects.for_actor(actor, "attacks.view").filter(state__in=STANDING)
    return seen.filter(Q(pk__in=told["attack"]) | Q(pk__in=members))


def sources_of_case(case: Case, actor: Actor) -> str:
    """The section of a case's page that maps where its attacks apparently came from; empty where it is tied to none."""
    if not may(actor, "tracing.view", now_us=now_us()) or not attacks_of(case, actor).exists():
        return ""
    found = tracing.countries(actor, attacks_of(case, actor).values_list("pk", flat=True))
    if not found.attacks:
        return ""
    places = [(country_name(one.country), one) for one in found.countries[:SHOWN]]
    told = {"case": case, "words": found.words, "places": places}
    return render_to_string("console/sources_of_case.html", told)


def _attacks(ids: Sequence[UUID], actor: Actor) -> list[Thing]:
    rows = Attack.objects.for_actor(actor, "attacks.view").filter(pk__in=ids).select_related("marking")
    return [
        Thing(
            row.pk, f"{vector_words(row.vector)} on {row.victim}, {units.minute(row.start_us)}",
            reverse("attacks:detail", args=[row.pk]), "attacks.view", row,
        )
        for row in rows.defer("detail")
    ]  # fmt: skip


def _campaigns(ids: Sequence[UUID], actor: Actor) -> list[Thing]:
    rows = campaigns.visible(actor).filter(pk__in=ids).select_related("marking").defer("detail")
    return [
        Thing(row.pk, row.verdict, reverse("campaigns:detail", args=[row.pk]), "campaigns.view", row)
        for row in rows
    ]
