"""What campaigns add to an attack's page: which campaign it is part of, and by which tests."""

from uuid import UUID

from django.db.models import Q
from django.template.loader import render_to_string

from hanse.attacks.models import Attack
from hanse.campaigns import models, service
from hanse.campaigns.templatetags.campaigns import named
from hanse.kernel.actors import Actor
from hanse.policy.asking import may_begin
from hanse.web.lists import Named

LINKS_SHOWN = 5
"""Links of the attack on its page; the campaign's page has all."""


def panel(attack_id: UUID, actor: Actor) -> str:
    """The section of an attack's page; empty where no campaign that the actor may see names it."""
    campaign = Attack.objects.get_for(actor, "attacks.view", attack_id).campaign
    row = service.standing(actor).filter(pk=campaign).first() if campaign else None
    if row is None:
        return ""
    mine = models.Link.objects.filter(Q(first=attack_id) | Q(second=attack_id), campaign=row.pk).order_by(
        "id"
    )
    links = list(mine[: LINKS_SHOWN + 1])
    ends = {link.second if link.first == attack_id else link.first for link in links}
    seen = {one.pk: one for one in Attack.objects.for_actor(actor, "attacks.view").filter(pk__in=ends)}
    told = [
        (other, link.tests)
        for link in links[:LINKS_SHOWN]
        if (other := seen.get(link.second if link.first == attack_id else link.first))
    ]
    return render_to_string(
        "campaigns/panel.html", {"row": row, "links": told, "more": len(links) > LINKS_SHOWN}
    )


def named_for(campaign: UUID, actor: Actor) -> Named | None:
    """What a campaign is called where a list is narrowed to it; None of one that the actor may not see."""
    row = service.visible(actor).select_related("marking").filter(pk=campaign).first()
    return Named(named(row), row.marking.marking) if row else None


def panel_of_theirs(attack_id: UUID, actor: Actor) -> str:
    """The section of the page of a partner's attack; empty where no campaign across borders that the actor may see has it."""
    if not may_begin(actor, "campaigns.view"):
        return ""
    for one in service.across(actor):
        if any(member.object_id == attack_id for member in one.members):
            return render_to_string("campaigns/panel_of_theirs.html", {"one": one})
    return ""
