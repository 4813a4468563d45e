"""The API of edge partners: who may come by TAXII, letting one in, and letting one come no more."""

from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.taxii import partners
from hanse.taxii.models import Partner
from hanse.web.api import In, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["edge"])


class EdgePartnerOut(Schema):
    """An authority that comes by TAXII."""

    object_id: UUID
    authority: str
    name: str
    country: str = Field(description="ISO 3166 alpha-2; empty for an organisation of several states.")
    tier: str
    made_us: int
    revoked_us: int | None = Field(description="When it was revoked; null while it may come.")


class EdgePartnerIn(In):
    """Who is to come."""

    authority: str = Field(max_length=128)
    name: str = Field(max_length=200)
    country: str = Field("", max_length=2)
    tier: Literal["member", "associated", "organisation", "private"]
    why: str = Field(min_length=1, max_length=4_000, description="What for; who approves it reads it.")


class EdgeProposed(Schema):
    """What waits for a second person, who is shown the secret once."""

    proposal: UUID


class EdgeRevokeIn(In):
    """Why it comes no more."""

    why: str = Field(min_length=1, max_length=4_000)


@router.get("/partners", response=Page[EdgePartnerOut], operation_id="edge_list")
@endpoint("taxii.view")
def list_edge(request: HttpRequest, paging: Query[Paging]) -> Any:  # noqa: ARG001 - Ninja gives it
    """Those who come by TAXII, and those who did."""
    return paged(Partner.objects.all(), Order("sequence"), paging)


@router.post("/partners", response={201: EdgeProposed}, operation_id="edge_add")
@endpoint("taxii.partner")
def add(request: HttpRequest, told: EdgePartnerIn) -> Any:
    """Propose to let an authority fetch by TAXII what its markings release to it."""
    actor = signed_in(request)
    proposal = partners.propose_partner(told.authority, told.name, told.country, told.tier, told.why, actor)
    return Status(201, {"proposal": proposal})


@router.post("/partners/{uuid:partner}/revoke", response={204: None}, operation_id="edge_revoke")
@endpoint("taxii.partner")
def revoke(request: HttpRequest, partner: UUID, told: EdgeRevokeIn) -> Any:
    """Let a partner come no more."""
    partners.revoke(partner, told.why, signed_in(request))
    return Status(204, None)
