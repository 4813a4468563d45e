"""The API of where the attacks that a case is tied to apparently came from, as the map on its page asks for them."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from hanse.accounts.looking import looked_at, looked_at_again
from hanse.cases.choosing import case_for
from hanse.console.case_ties import attacks_of
from hanse.tracing import service
from hanse.tracing.api import CountriesOut, on_map
from hanse.web.api import endpoint
from hanse.web.page import signed_in

router = Router(tags=["cases"])


@router.get(
    "/{uuid:case_id}/sources", response=CountriesOut, operation_id="case_sources",
    summary="Where its attacks apparently came from",
)  # fmt: skip
@endpoint("tracing.view")
def list_sources(request: HttpRequest, case_id: UUID) -> Any:
    """Countries of the apparent sources of the attacks and campaigns that a case is tied to, as far as the caller may see them."""
    actor = signed_in(request)
    row = case_for(actor, "cases.view", case_id)
    looked_at(request, "cases.view", [row])
    seen = attacks_of(row, actor)
    looked_at_again(request, "tracing.view", seen)
    return on_map(service.countries(actor, seen.values_list("pk", flat=True)))
