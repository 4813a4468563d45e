"""The API of the countries that a case names, as the map on its page asks for them."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema

from hanse.accounts.looking import looked_at
from hanse.cases import models, places
from hanse.cases.also_known import MOST_SELECTORS
from hanse.cases.choosing import case_for
from hanse.web.api import endpoint
from hanse.web.page import signed_in

router = Router(tags=["cases"])


class PlaceOut(Schema):
    """One country."""

    country: str
    value: int


class NoPlaceOut(Schema):
    """What belongs to no country."""

    value: int
    words: str


class PlacesOut(Schema):
    """Countries that a case names."""

    unit: str
    words: str
    values: list[PlaceOut]
    elsewhere: NoPlaceOut


@router.get(
    "/{uuid:case_id}/places",
    response=PlacesOut,
    operation_id="case_places",
    summary="Countries that it names",
)
@endpoint("cases.view")
def list_places(request: HttpRequest, case_id: UUID) -> Any:
    """The countries that people and selectors of a case say of themselves, the most named first."""
    row = case_for(signed_in(request), "cases.view", case_id)
    looked_at(request, "cases.view", [row])
    people = models.CasePerson.objects.filter(case=row.pk)
    selectors = models.Selector.objects.filter(case=row.pk).order_by("sequence")[:MOST_SELECTORS]
    found = places.named(people, selectors)
    return {
        "unit": "people and selectors",
        "words": places.WORDS,
        "values": [{"country": code, "value": count} for code, count in found.values],
        "elsewhere": {"value": found.nowhere, "words": "in no country: their numbers belong to none"},
    }
