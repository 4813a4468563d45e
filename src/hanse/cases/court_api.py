"""The API of exports for court: the archive of a case, and which were given out."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from ninja import Router, Schema
from pydantic import Field

from hanse.accounts.looking import looked_at
from hanse.cases import court
from hanse.cases.choosing import case_for
from hanse.cases.court_models import CourtExport
from hanse.cases.court_views import archive
from hanse.web.api import In, endpoint
from hanse.web.page import signed_in

router = Router(tags=["cases"])


class CourtIn(In):
    """To whom a case goes, and why."""

    whom: str = Field(min_length=1, max_length=500)
    why: str = Field(min_length=1, max_length=500)


class CourtOut(Schema):
    """An archive that was given out."""

    id: UUID
    manifest: str
    files: int
    exhibits: int
    whom: str
    why: str
    time_us: int
    actor_name: str
    entry: int

    @staticmethod
    def resolve_id(row: CourtExport) -> UUID:
        """The object's id."""
        return row.object_id

    @staticmethod
    def resolve_entry(row: CourtExport) -> int:
        """The entry that says so."""
        return row.sequence


@router.post("/{uuid:case_id}/court", operation_id="case_court", summary="A case as an archive for court")
@endpoint("cases.export")
def export(request: HttpRequest, case_id: UUID, told: CourtIn) -> HttpResponseBase:
    """The archive (zip): report, tables, evidence and entries with their proofs, for `hanse verify`."""
    return archive(case_id, told.whom, told.why, signed_in(request))


@router.get(
    "/{uuid:case_id}/court", response=list[CourtOut], operation_id="case_court_exports",
    summary="The archives of a case that were given out",
)  # fmt: skip
@endpoint("cases.view")
def exports(request: HttpRequest, case_id: UUID) -> Any:
    """Which archives of a case were given out, newest first."""
    case = case_for(signed_in(request), "cases.view", case_id)
    looked_at(request, "cases.view", [case])
    return court.exports_of(case)
