"""The API of campaigns: lists, one campaign, its attacks and links."""

from dataclasses import asdict
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Query, Router, Schema
from pydantic import Field

from hanse.accounts.looking import FILE, looked_at, looked_at_again
from hanse.attacks.api import AttackOut, TimelineOut
from hanse.attacks.timeline import timeline
from hanse.attacks.within import masked
from hanse.campaigns import service, stix_export
from hanse.campaigns.models import Campaign, Link
from hanse.intel import stix_bundle
from hanse.kernel.clock import now_us
from hanse.web.api import Moment, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["campaigns"])

_FIELDS = {"start": "start_us", "end": "end_us", "attacks": "named"}


class CampaignsWanted(Schema):
    """Which campaigns."""

    since_us: Moment | None = Field(None, description="Not over before, microseconds UTC.")
    until_us: Moment | None = Field(None, description="Not begun after, microseconds UTC.")
    scope: Literal["organisation", "sector", "state", "several states", "unknown"] | None = None
    country: str | None = Field(None, max_length=2)


class CampaignOut(Schema):
    """One campaign of a list."""

    id: UUID
    name: str
    verdict: str
    scope: str
    country: str
    start_us: int
    end_us: int
    named: int = Field(description="Attacks that it names.")
    organisations: int
    version: int
    entry: int

    @staticmethod
    def resolve_id(row: Campaign) -> UUID:
        """The object's id."""
        return row.object_id

    @staticmethod
    def resolve_entry(row: Campaign) -> int:
        """The entry that last said what was found."""
        return row.sequence


class CampaignWhole(CampaignOut):
    """One campaign with its evidence, and what still stands of it."""

    detail: dict[str, Any]
    marking: dict[str, Any]
    standing: int = Field(description="Attacks that it names, that still stand, and that you may see.")
    running: int
    victims: int

    @staticmethod
    def resolve_marking(row: Campaign) -> dict[str, Any]:
        """The marking."""
        return row.marking.marking.as_json()


class LinkOut(Schema):
    """A link of a campaign."""

    first: UUID
    second: UUID
    tests: list[dict[str, Any]]


@router.get("", response=Page[CampaignOut], operation_id="campaigns_list")
@endpoint("campaigns.view")
def list_campaigns(
    request: HttpRequest,
    wanted: Query[CampaignsWanted],
    paging: Query[Paging],
    sort: Literal["start", "-start", "end", "-end", "attacks", "-attacks"] = "-start",
) -> Any:
    """The campaigns, filtered and in order; those that another has taken the place of are left out."""
    told = wanted.dict(exclude_none=True)
    names = {"since_us": "end_us__gte", "until_us": "start_us__lte"}
    rows = service.standing(signed_in(request)).filter(**{names.get(key, key): told[key] for key in told})
    order = Order(_FIELDS[sort.removeprefix("-")], descending=sort.startswith("-"))
    found = paged(rows.select_related("marking"), order, paging)
    looked_at(request, "campaigns.view", found["items"])
    return found


@router.get("/{uuid:campaign_id}", response=CampaignWhole, operation_id="campaigns_get")
@endpoint("campaigns.view")
def get_campaign(request: HttpRequest, campaign_id: UUID) -> Any:
    """One campaign whole."""
    actor = signed_in(request)
    row = service.campaign_for(actor, "campaigns.view", campaign_id)
    looked_at(request, "campaigns.view", [row])
    vars(row).update(asdict(service.counts(actor, [campaign_id])[campaign_id]))
    return row


@router.get("/{uuid:campaign_id}/stix", operation_id="campaigns_stix", summary="One campaign as STIX")
@endpoint("campaigns.export")
def get_stix(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """One campaign with its attacks as a STIX 2.1 bundle, as far as the caller may take these out."""
    actor = signed_in(request)
    row = service.campaign_for(actor, "campaigns.export", campaign_id)
    attacks = list(service.members_of(row, actor, "attacks.export").select_related("marking"))
    looked_at(request, "campaigns.export", [row, *attacks], recipient=FILE)
    return JsonResponse(
        stix_bundle.written(stix_export.objects_of(row, attacks, actor), f"campaign {row.pk}")
    )


@router.get("/{uuid:campaign_id}/attacks", response=Page[AttackOut], operation_id="campaigns_attacks")
@endpoint("campaigns.view")
def get_attacks(request: HttpRequest, campaign_id: UUID, paging: Query[Paging]) -> Any:
    """The attacks of a campaign, in order of start."""
    actor = signed_in(request)
    rows = service.attacks_of(campaign_id, actor).select_related("marking")
    told = paged(rows, Order("start_us"), paging)
    looked_at(request, "attacks.view", told["items"])
    return {**told, "items": masked(told["items"], actor)}


@router.get("/{uuid:campaign_id}/timeline", response=TimelineOut, operation_id="campaigns_timeline")
@endpoint("campaigns.view")
def get_timeline(request: HttpRequest, campaign_id: UUID) -> Any:
    """The attacks of a campaign in time by organisation."""
    rows = service.attacks_of(campaign_id, signed_in(request))
    looked_at_again(request, "attacks.view", rows)
    return timeline(rows, now_us())


@router.get("/{uuid:campaign_id}/links", response=list[LinkOut], operation_id="campaigns_links")
@endpoint("campaigns.view")
def get_links(request: HttpRequest, campaign_id: UUID) -> list[Link]:
    """The links that hold a campaign together, with the tests that each pair passed."""
    actor = signed_in(request)
    looked_at(request, "campaigns.view", [service.campaign_for(actor, "campaigns.view", campaign_id)])
    return service.links_of(campaign_id, actor)
