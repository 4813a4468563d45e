"""Campaigns as STIX 2.1: the attacks that tests link, with the tests and their p-values in Hanse's extension.

A campaign says that attacks belong together. It names no actor, and its links are relations of incidents, not of
whoever may be behind them.
"""

from typing import Any

from hanse.attacks import stix as attacks
from hanse.campaigns.campaign import Campaign, Link
from hanse.intel.stix_extension import Telling, extended, filled, made_id
from hanse.kernel import units


def campaign_id(authority: str, campaign: str) -> str:
    """The id of a campaign.

    Args:
        authority: Who recorded it.
        campaign: The campaign's id there.
    """
    return made_id("campaign", authority, campaign)


def objects(campaign: Campaign, telling: Telling) -> list[dict[str, Any]]:
    """The STIX objects of a campaign; those of its attacks (`hanse.attacks.stix`) belong into the same bundle.

    Args:
        campaign: The campaign.
        telling: Who tells it, and how it is marked.
    """
    incidents = [attacks.incident_id(telling.authority, one) for one in campaign.attacks]
    first, last = units.iso(campaign.start_us), units.iso(campaign.end_us)
    made = telling.domain_object(
        "campaign", campaign.id, name=f"Campaign {campaign.id}", description=campaign.verdict, first_seen=first,
        last_seen=last, extensions=extended(campaign=filled(_without_links(campaign))),
    )  # fmt: skip
    parts = [
        telling.relation(one, "related-to", made["id"], description="The attack is part of the campaign.")
        for one in incidents
    ]
    victims = [attacks.victim_identity(telling, name) for name, _ in campaign.organisations if name]
    targets = [telling.relation(made["id"], "targets", one["id"]) for one in victims]
    sighting = telling.domain_object(
        "sighting", campaign.id, sighting_of_ref=made["id"], first_seen=first, last_seen=last,
        count=len(campaign.attacks), where_sighted_refs=[telling.creator],
        observed_data_refs=[attacks.observed_id(telling.authority, one) for one in campaign.attacks],
    )  # fmt: skip
    links = [_link(link, telling) for link in campaign.links]
    told = [made, *victims, *parts, *targets, *links, sighting]
    named = list(dict.fromkeys([*incidents, *(one["id"] for one in told)]))
    report = telling.domain_object(
        "report", campaign.id, name=f"Campaign {campaign.id}", description=campaign.verdict,
        report_types=["campaign"], published=telling.modified, object_refs=named,
    )  # fmt: skip
    return [*told, report]


def _without_links(campaign: Campaign) -> dict[str, Any]:
    """What is said of the campaign as a whole; each link is a relationship of its own."""
    return {name: value for name, value in campaign.as_json().items() if name != "links"}


def _link(link: Link, telling: Telling) -> dict[str, Any]:
    """Two attacks that tests hold together."""
    tests = [{"name": test.name, "p_value": test.p_value, "words": test.words} for test in link.tests]
    ends = [attacks.incident_id(telling.authority, one) for one in (link.first, link.second)]
    words = "; ".join(f"{test.words} (p = {test.p_value:.2g})" for test in link.tests)
    return telling.relation(
        ends[0], "related-to", ends[1], description=f"Linked by independent tests: {words}.",
        extensions=extended(link={"tests": tests}),
    )  # fmt: skip
