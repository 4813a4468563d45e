"""The API of the situation and of the search field."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from hanse.console.search import find
from hanse.console.situation import situation
from hanse.kernel.clock import now_us
from hanse.web.api import endpoint
from hanse.web.page import signed_in

router = Router(tags=["situation"])


class SituationOut(Schema):
    """What is going on, as far as the caller may see it."""

    sentence: str
    running: list[UUID] = Field(description="Running attacks, the strongest first.")
    running_count: int
    attacks: int
    victims: int
    campaigns: list[UUID] = Field(description="The campaigns with most attacks.")
    campaign_count: int
    across: list[UUID] = Field(description="The campaigns across borders, those on most states first.")
    watched: str


class HitOut(Schema):
    """One thing that was found."""

    label: str
    text: str
    url: str


class SearchGroupOut(Schema):
    """What one room found."""

    label: str
    hits: list[HitOut]


class Search(Schema):
    """What to search for."""

    q: str = Field(min_length=1, max_length=500, description="An address, a network, an id, a name.")


@router.get("/situation", response=SituationOut, operation_id="situation", summary="What is going on")
@endpoint("situation.view")
def get_situation(request: HttpRequest) -> Any:
    """The situation page's answer: the sentence and the figures."""
    found = situation(signed_in(request), now_us())
    plain = {name: getattr(found, name) for name in SituationOut.model_fields}
    lists = {
        "running": [row.pk for row in found.running],
        "campaigns": [row.pk for row in found.campaigns],
        "across": [one.key for one in found.across],
    }
    return {**plain, **lists}


@router.get(
    "/search", response=list[SearchGroupOut], operation_id="search", summary="What the search field finds"
)
@endpoint("situation.view")
def get_search(request: HttpRequest, wanted: Query[Search]) -> Any:
    """Everything of the text that the caller may see, by room."""
    return find(wanted.q.strip(), signed_in(request))
