"""The API of saved searches: one's own, what is new to each, saving, changing and deleting one."""

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from hanse.accounts.looking import looked_at
from hanse.intel import item_filters, searches
from hanse.intel.search_models import SavedSearch
from hanse.kernel.actors import Actor
from hanse.web.api import In, endpoint
from hanse.web.page import signed_in

router = Router(tags=["intelligence"])

SHOWN = 100
"""New hits of one answer."""

Values = Annotated[list[str], Field(max_length=20)]


class SearchIn(In):
    """What is looked for."""

    name: str = Field(min_length=1, max_length=searches.LONGEST_NAME)
    query: dict[str, Values] = Field(
        description="`q` is a value in any spelling, a network, an id, or words; others are the filters of the list: "
        "`type`, `format`, `title`, `batch`, `source_id`. Each has a list of values.",
    )
    notify: bool = Field(True, description="Whether new hits are counted in the console.")


class SearchChangeIn(In):
    """What is to be different; what is null stays."""

    name: str | None = Field(None, min_length=1, max_length=searches.LONGEST_NAME)
    notify: bool | None = None


class SearchOut(Schema):
    """One search of the caller."""

    id: UUID
    name: str
    query: dict[str, list[str]]
    words: str
    notify: bool
    new: int = Field(
        description=f"Hits since the caller last looked; {searches.MOST_NEW + 1} stands for more."
    )
    entry: int


class SearchHit(Schema):
    """An item that is new to a search."""

    id: UUID
    number: int
    type: str
    title: str

    @staticmethod
    def resolve_id(row: Any) -> UUID:
        """The object's id."""
        return UUID(str(row.pk))


class SearchHits(Schema):
    """What is new to a search."""

    items: list[SearchHit]
    new: int
    upto: int = Field(description="To be sent to `seen` once these were looked at.")


class SearchSeenIn(In):
    """Up to where hits were looked at."""

    upto: int = Field(ge=0, lt=2**63)


@router.get(
    "/searches", response=list[SearchOut], operation_id="searches_list", summary="Your saved searches"
)
@endpoint("intel.view")
def list_searches(request: HttpRequest) -> Any:
    """The caller's own, by name; nobody sees another's."""
    actor = signed_in(request)
    return [_out(row, actor) for row in searches.all_of(actor)]


@router.post("/searches", response={201: SearchOut}, operation_id="searches_save", summary="Save a search")
@endpoint("intel.view")
def save(request: HttpRequest, told: SearchIn) -> Any:
    """Save a search; what comes in from now on and fits is new to it."""
    actor = signed_in(request)
    made = searches.save(told.name, item_filters.known(told.query), actor, notify=told.notify)
    return Status(201, _out(searches.of(actor, made), actor))


@router.get(
    "/searches/{uuid:search_id}",
    response=SearchHits,
    operation_id="searches_new",
    summary="What is new to a search",
)
@endpoint("intel.view")
def new_hits(request: HttpRequest, search_id: UUID) -> Any:
    """What came since the caller last looked, the newest first."""
    actor = signed_in(request)
    row = searches.of(actor, search_id)
    hits = list(searches.new_hits(row, actor).select_related("marking").order_by("-number")[:SHOWN])
    looked_at(request, "intel.view", hits)
    new = searches.count_new(row, actor) if len(hits) == SHOWN else len(hits)
    return {"items": hits, "new": new, "upto": hits[0].number if hits else 0}


@router.patch(
    "/searches/{uuid:search_id}",
    response=SearchOut,
    operation_id="searches_change",
    summary="Change a search",
)
@endpoint("intel.view")
def change(request: HttpRequest, search_id: UUID, told: SearchChangeIn) -> Any:
    """Call it otherwise, or have it notify or not."""
    actor = signed_in(request)
    searches.change(search_id, actor, name=told.name, notify=told.notify)
    return _out(searches.of(actor, search_id), actor)


@router.post(
    "/searches/{uuid:search_id}/seen",
    response={204: None},
    operation_id="searches_seen",
    summary="Hits were seen",
)
@endpoint("intel.view")
def seen(request: HttpRequest, search_id: UUID, told: SearchSeenIn) -> Any:
    """What is up to that number is not new any more."""
    searches.looked_at(search_id, told.upto, signed_in(request))
    return Status(204, None)


@router.delete(
    "/searches/{uuid:search_id}",
    response={204: None},
    operation_id="searches_delete",
    summary="Delete a search",
)
@endpoint("intel.view")
def delete(request: HttpRequest, search_id: UUID) -> Any:
    """Delete it."""
    searches.delete(search_id, signed_in(request))
    return Status(204, None)


def _out(row: SavedSearch, actor: Actor) -> dict[str, Any]:
    return {
        "id": row.pk, "name": row.name, "query": row.query, "words": item_filters.words(row.query, actor), "notify": row.notify,
        "new": searches.count_new(row, actor), "entry": row.sequence,
    }  # fmt: skip
