"""Attacks and campaigns as cases are tied to them, and the cases of an attack on its page: the two rooms know nothing of each other."""

from collections.abc import Sequence
from uuid import UUID

from django.template.loader import render_to_string
from django.urls import reverse

from hanse.attacks import panels
from hanse.attacks.models import Attack
from hanse.attacks.timeline import vector_words
from hanse.campaigns import service as campaigns
from hanse.cases import tying
from hanse.cases.choosing import visible
from hanse.cases.models import Link
from hanse.cases.tying import Thing
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.policy.decision import may

SHOWN = 20
"""Cases on the page of an attack."""


def register() -> None:
    """Let cases be tied to attacks and campaigns; the console calls it when Django starts."""
    tying.sorts["attack"] = _attacks
    tying.sorts["campaign"] = _campaigns
    panels.panels["cases"] = of_attack


def of_attack(attack_id: UUID, actor: Actor) -> str:
    """The section of an attack's page: the cases of the reader's teams that are tied to it; empty where there are none."""
    if not may(actor, "cases.view", now_us=now_us()):
        return ""
    links = Link.objects.filter(target_index=attack_id.hex).values("case")
    cases = list(visible(actor).filter(pk__in=links).order_by("-changed_us", "pk")[:SHOWN])
    return render_to_string("console/cases_of_attack.html", {"cases": cases}) if cases else ""


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
