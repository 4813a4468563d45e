"""The API of tracing: one trace, and the countries of apparent sources."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from hanse.accounts.looking import looked_at, looked_at_again, looked_at_by_program
from hanse.attacks.choosing import choose
from hanse.attacks.models import Attack
from hanse.attacks.within import known_campaigns
from hanse.tracing import service
from hanse.tracing.models import Trace
from hanse.web.api import Moment, endpoint
from hanse.web.page import signed_in

router = Router(tags=["tracing"])

NOWHERE = "ZZ"
"""ISO 3166 user-assigned: the address data knows no country."""


class Which(Schema):
    """Of which attacks."""

    since_us: Moment | None = Field(None, description="Not over before, microseconds UTC.")
    until_us: Moment | None = Field(None, description="Not begun after, microseconds UTC.")
    campaign: UUID | None = None
    run: UUID | None = None


class CountryOut(Schema):
    """One country."""

    country: str
    value: int = Field(description="Apparent sources, added up over attacks.")
    attacks: int


class ElsewhereOut(Schema):
    """Sources in no country."""

    value: int
    words: str


class CountriesOut(Schema):
    """Countries of apparent sources, and how far that may be believed."""

    unit: str
    words: str
    attacks: int
    attributable: int
    not_attributable_share: float
    values: list[CountryOut]
    elsewhere: ElsewhereOut


@router.get("/countries", response=CountriesOut, operation_id="tracing_countries")
@endpoint("tracing.view")
def get_countries(request: HttpRequest, which: Query[Which]) -> Any:
    """Countries of the apparent sources of standing attacks."""
    actor = signed_in(request)
    told = which.dict(exclude_none=True) | {"state": "standing"}
    seen = choose(Attack.objects.for_actor(actor, "attacks.view"), **told)
    if which.campaign and not known_campaigns(actor, [which.campaign]):
        seen = seen.none()
    # The page of the situation asks for all of them. What is narrowed is a search, whoever asks.
    look = looked_at_again if which.dict(exclude_none=True) else looked_at_by_program
    look(request, "tracing.view", seen)
    return on_map(service.countries(actor, seen.values_list("pk", flat=True)))


@router.get("/{uuid:attack_id}", response=dict[str, Any], operation_id="tracing_get")
@endpoint("tracing.view")
def get_trace(request: HttpRequest, attack_id: UUID) -> Any:
    """Where one attack apparently came from, as `hanse attacks --format json` says it."""
    actor = signed_in(request)
    found = service.trace_of(attack_id, actor)
    looked_at(request, "tracing.view", [Trace.objects.get_for(actor, "tracing.view", attack_id)])
    return found.as_json()


def on_map(found: service.Countries) -> dict[str, Any]:
    """Countries of apparent sources as a `CountriesOut`, for a map."""
    nowhere = sum(one.sources for one in found.countries if one.country == NOWHERE)
    return {
        "unit": "apparent sources",
        "words": found.words,
        "attacks": found.attacks,
        "attributable": found.attributable,
        "not_attributable_share": found.not_attributable_share,
        "values": [
            {
                "country": one.country,
                "value": one.sources,
                "attacks": one.attacks,
            }
            for one in found.countries
            if one.country != NOWHERE
        ],
        "elsewhere": {"value": nowhere, "words": "in no country that the address data knows"},
    }
