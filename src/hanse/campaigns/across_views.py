"""The pages of campaigns across borders: all of them, and one with its evidence and what stands without each partner."""

from uuid import UUID

from django.http import HttpRequest

from hanse.accounts import consultations
from hanse.accounts.looking import asks_why
from hanse.campaigns import across_rows, service
from hanse.campaigns.across import Across
from hanse.campaigns.models import Campaign
from hanse.campaigns.report import words
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.countries import country_name
from hanse.kernel.markings import strictest
from hanse.policy.decision import may
from hanse.policy.guarded import NotVisibleError
from hanse.web.page import Result, page, signed_in

LINKS_SHOWN = 15
"""Links on a page, the weakest: there it would break."""

ATTACKS_SHOWN = 25
"""Attacks on a page, the first ones."""

MOST_SHOWN = 2_000
"""Of links or attacks, for who asks for all (``?all=links``). The API has all of them, however many."""


@page("campaigns.view", "campaigns/across_list.html")
@asks_why
def across_list(request: HttpRequest) -> Result:
    """The campaigns across borders that the actor may know."""
    found = service.across(signed_in(request))
    looked_at(request, found, 0, 0)
    return {"found": found, "marking": strictest(one.marking for one in found) if found else None}


@page("campaigns.view", "campaigns/across.html")
@asks_why
def across(request: HttpRequest, across_id: UUID) -> Result:
    """One of them: verdict, how sure and why, what stands without each partner, who contributed what and which link."""
    actor = signed_in(request)
    one = across_for(actor, across_id)
    wanted = request.GET.get("all")
    links = MOST_SHOWN if wanted == "links" else LINKS_SHOWN
    attacks = MOST_SHOWN if wanted == "attacks" else ATTACKS_SHOWN
    looked_at(request, [one], links, attacks)
    homes = service.standing(actor).filter(pk__in=one.homes).order_by("start_us", "object_id")
    return {
        "one": one,
        "marking": one.marking,
        "names": one.names,
        "states": [(code, country_name(code)) for code in one.states],
        "homes": list(homes),
        "bonds": one.bonds[:links],
        "more_bonds": len(one.bonds) > links,
        "between": [
            (one.name_of(first), one.name_of(second), number) for (first, second), number in one.bonds_by
        ],
        "attacks": one.members[:attacks],
        "more_attacks": len(one.members) > attacks,
        "most_shown": MOST_SHOWN,
        "asked": [(name, asks) for name, asks in words.TEST_ASKS.items() if name != "targets"],
        "may_ledger": bool(may(actor, "ledger.view", now_us=now_us())),
    }


def across_for(actor: Actor, across_id: UUID) -> Across:
    """The campaign across borders that an attack is part of. Whether it is hidden or is none takes the same queries.

    Raises:
        NotVisibleError: There is none, or it is not for the actor to see.
    """
    for one in service.across(actor):
        if any(member.object_id == across_id for member in one.members):
            return one
    raise NotVisibleError("There is no such campaign across borders, or it is not for you to see.")


def looked_at(request: HttpRequest, found: list[Across], links: int | None, attacks: int | None) -> None:
    """Write down that campaigns across borders were shown, with so many of their links and attacks, and at least one.

    Raises:
        ReasonNeededError: The law wants a reason, and none was given yet.
    """
    subjects = [
        told
        for one in found
        for told in across_rows.subjects_of(
            one.bonds[: None if links is None else max(links, 1)],
            one.members[: None if attacks is None else max(attacks, 1)],
        )
    ]
    consultations.required(signed_in(request), "campaigns.view", subjects, consultations.reason_in(request))


def of_campaign(actor: Actor, row: Campaign) -> Across | None:
    """The campaign across borders that an own campaign is part of, as far as the actor may know."""
    return next((one for one in service.across(actor) if row.pk in one.homes), None)
