"""The API of counting common sources of attacks."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.accounts.looking import looked_at
from hanse.matching import counting, reopening
from hanse.matching.source_models import SourceCount
from hanse.web.api import In, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["matching"])


class CountOut(Schema):
    """How many sources an own attack and a partner's have in common."""

    id: UUID = Field(alias="object_id")
    partner: str
    ours: bool = Field(description="Whether this authority asked.")
    own: UUID = Field(description="Own attack.")
    theirs: UUID | None = Field(
        description="The partner's; nothing where it asked about one that it did not share."
    )
    state: str = Field(description="`waiting`, `counted`, `refused`, `failed`, `unanswered` or `broken`.")
    why: str
    common: int = Field(description="Sources in common among those that were compared.")
    own_size: int = Field(description="Own sources that were compared.")
    own_share: float = Field(description="The share of all addresses that they are a sample of.")
    other_size: int
    other_share: float
    transcript: str = Field(description="Hash of all that went over the wire, the same on both sides.")
    asked_us: int
    told_us: int | None


class CountOverseen(Schema):
    """A count, as who oversees sees it: of which attacks and what came of it is not theirs to know."""

    id: UUID = Field(alias="object_id")
    partner: str
    ours: bool = Field(description="Whether this authority asked.")
    state: str = Field(description="As of a count.")
    transcript: str = Field(description="Hash of all that went over the wire, the same on both sides.")
    asked_us: int
    told_us: int | None


class CountIn(In):
    """Which attacks, and why."""

    own: UUID = Field(description="An own attack.")
    theirs: UUID = Field(description="An attack that a partner shared.")
    why: str = Field(min_length=1, max_length=4_000)


class CountReopenIn(In):
    """Why it is done again."""

    why: str = Field(min_length=1, max_length=4_000)


class CountMade(Schema):
    """What was begun."""

    id: UUID


@router.get("/sources", response=Page[CountOut], operation_id="matching_counts")
@endpoint("attacks.view")
def list_counts(request: HttpRequest, paging: Query[Paging], attack: UUID | None = None) -> Any:
    """What was counted of attacks that you may see, the last first; of one attack, own or a partner's, if it is named."""
    rows = counting.visible_counts(signed_in(request)).select_related("marking")
    if attack is not None:
        rows = rows.filter(pk__in=[one.pk for one in counting.of_attack(signed_in(request), attack)])
    told = paged(rows, Order("asked_us", descending=True), paging)
    looked_at(request, "attacks.view", told["items"])
    return told


@router.get("/counts", response=Page[CountOverseen], operation_id="matching_counts_overseen")
@endpoint("matching.oversee")
def list_counts_overseen(request: HttpRequest, paging: Query[Paging]) -> Any:  # noqa: ARG001 - as of all endpoints
    """That something was counted and with whom, the last first; an auditor can do each again."""
    return paged(SourceCount.projected.all(), Order("asked_us", descending=True), paging)


@router.post("/sources", response={201: CountMade}, operation_id="matching_count")
@endpoint("matching.count")
def count(request: HttpRequest, told: CountIn) -> Any:
    """Have it counted how many sources two attacks have in common; both sides learn the number, and neither that keeps to the protocol learns which."""
    return Status(201, {"id": counting.ask(told.own, told.theirs, told.why, signed_in(request))})


@router.post("/sources/{uuid:count}/reopen", response=list[str], operation_id="matching_reopen_count")
@endpoint("matching.reopen", in_parts=True)
def reopen(request: HttpRequest, count: UUID, told: CountReopenIn) -> Any:
    """Do a count again; what was not as it should have been, nothing for an honest one."""
    # A list: two sentences in a tuple would be taken for a status and what is answered.
    return list(reopening.reopen_count(count, signed_in(request), told.why))
