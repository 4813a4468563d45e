"""The page of a partner's attack, and passing it on: at once where its marking lets, else by asking its originator."""

from uuid import UUID

import msgspec
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from hanse.accounts.looking import asks_why, looked_at
from hanse.attacks.attack import Attack
from hanse.attacks.models import PartnerAttack
from hanse.attacks.panels import of_partners
from hanse.attacks.shared import Shared
from hanse.attacks.sharing_views import facts
from hanse.attacks.vectors import vector_words
from hanse.federation import opening, received_pages
from hanse.federation.models import Partner
from hanse.federation.sharing_pages import Place
from hanse.web.page import Result, page, signed_in


@page("attacks.view", "attacks/of_partner.html")
@asks_why
def of_partner(request: HttpRequest, attack_id: UUID) -> Result:
    """One attack as a partner says it; its originator learns once that it was opened."""
    actor = signed_in(request)
    row = PartnerAttack.objects.get_for(actor, "attacks.view", attack_id)
    looked_at(request, "attacks.view", [row])
    opening.opened(row.pk)
    return {
        "row": row,
        "partner_name": _name_of(row.partner),
        "marking": row.marking.marking,
        "facts": facts(_content(row), _left_out(row)),
        "panels": [html for panel in of_partners.values() if (html := panel(row.pk, actor))],
        **received_pages.told_of(row.pk, actor),
    }


def _name_of(partner: str) -> str:
    """A partner's name; its id where it is none any more."""
    return Partner.objects.filter(pk=partner).values_list("name", flat=True).first() or partner


def _content(row: PartnerAttack) -> Shared:
    attack = msgspec.convert(row.detail, Attack)
    return Shared(
        attack=attack, victim_mark=row.victim_mark, organisation=row.organisation, sector=row.sector,
        country=row.country, state=row.state,
    )  # fmt: skip


def _left_out(row: PartnerAttack) -> frozenset[str]:
    return frozenset() if row.victim else frozenset({"victim"})


def _place(row: PartnerAttack) -> Place:
    return Place(
        sort="partner-attack",
        thing=row.pk,
        marking=row.marking.marking,
        above=((_("Partners' attacks"), reverse("attacks:of-partners")),),
        title=_("%(vector)s shared by %(partner)s")
        % {"vector": vector_words(row.vector), "partner": _name_of(row.partner)},
        page=reverse("attacks:of-partner", args=[row.pk]),
    )


@page("federation.share", "federation/pass_on.html", methods=("GET", "POST"))
def pass_on(request: HttpRequest, attack_id: UUID) -> Result:
    """Who may have it as it is; passing it on to one of them, or asking its originator."""
    row = PartnerAttack.objects.get_for(signed_in(request), "attacks.view", attack_id)
    return received_pages.pass_on(request, _place(row), row.partner)


@page("federation.share", "federation/acted.html", methods=("GET", "POST"))
def acted(request: HttpRequest, attack_id: UUID) -> Result:
    """Tell the partner that shared an attack what this authority did."""
    row = PartnerAttack.objects.get_for(signed_in(request), "attacks.view", attack_id)
    return received_pages.acted(request, _place(row))
