"""The API of cases."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.accounts.looking import looked_at
from hanse.cases import service
from hanse.cases.choosing import case_for, visible
from hanse.cases.models import Case
from hanse.kernel.markings import Marking
from hanse.web.api import In, Moment, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["cases"])


class CaseOut(Schema):
    """One case."""

    id: UUID
    number: int
    title: str
    reference: str
    authority: str
    legal_basis: str
    purpose: str
    status: str
    status_why: str
    owner: UUID
    team: str
    opened_us: int
    changed_us: int
    review_us: int
    retention_us: int | None
    marking: dict[str, Any]
    entry: int

    @staticmethod
    def resolve_id(row: Case) -> UUID:
        """The object's id."""
        return row.object_id

    @staticmethod
    def resolve_marking(row: Case) -> dict[str, Any]:
        """What may be done with it."""
        return row.marking.marking.as_json()

    @staticmethod
    def resolve_entry(row: Case) -> int:
        """The entry that says so."""
        return row.sequence


class CaseSought(Schema):
    """Which cases."""

    status: str | None = Field(None, max_length=16)


class CaseIn(In):
    """What a case says of itself."""

    title: str = Field(min_length=1, max_length=300)
    legal_basis: str = Field(min_length=1, max_length=1_000)
    purpose: str = Field(min_length=1, max_length=1_000)
    review_us: Moment
    authority: str = Field("", max_length=300)
    reference: str = Field("", max_length=100)
    owner: UUID | None = None


class CaseOpenIn(CaseIn):
    """A new case."""

    retention_us: Moment
    team: UUID | None = None
    new_team: str = Field("", max_length=200)
    marking: dict[str, Any] | None = Field(
        None, description="As an envelope has it; the date is put into it."
    )


class CaseChangeIn(CaseIn):
    """What a case says of itself from now on."""

    reason: str = Field("", max_length=1_000)


class CaseStatusIn(In):
    """How a case stands from now on."""

    status: str = Field(max_length=16)
    reason: str = Field(min_length=1, max_length=1_000)


class CaseKeepIn(In):
    """Until when a case is kept."""

    retention_us: Moment
    review_us: Moment
    reason: str = Field(min_length=1, max_length=1_000)
    marking: dict[str, Any] | None = Field(
        None, description="A stricter one from now on, as an envelope has it."
    )


class CaseMade(Schema):
    """What was made."""

    id: UUID


@router.get("", response=Page[CaseOut], operation_id="cases", summary="Cases, the last changed first")
@endpoint("cases.view")
def list_cases(request: HttpRequest, sought: Query[CaseSought], paging: Query[Paging]) -> Any:
    """The cases of the caller's teams, the last changed first."""
    rows = visible(signed_in(request))
    if sought.status:
        rows = rows.filter(status=sought.status)
    told = paged(rows, Order("changed_us", descending=True), paging)
    looked_at(request, "cases.view", told["items"])
    return told


@router.post("", response={201: CaseMade}, operation_id="case_open", summary="Open a case")
@endpoint("cases.open")
def open_case(request: HttpRequest, told: CaseOpenIn) -> Any:
    """Open a case for one of the caller's teams, or for a new one."""
    marking = Marking.from_json(told.marking) if told.marking is not None else None
    made = service.open_case(
        said(told),
        told.retention_us,
        signed_in(request),
        team=told.team,
        new_team=told.new_team,
        marking=marking,
    )
    return Status(201, {"id": made})


@router.get("/{uuid:case_id}", response=CaseOut, operation_id="case", summary="One case")
@endpoint("cases.view")
def get_case(request: HttpRequest, case_id: UUID) -> Any:
    """One case."""
    row = case_for(signed_in(request), "cases.view", case_id)
    looked_at(request, "cases.view", [row])
    return row


@router.put("/{uuid:case_id}", response={204: None}, operation_id="case_change", summary="Change a case")
@endpoint("cases.edit")
def change(request: HttpRequest, case_id: UUID, told: CaseChangeIn) -> Any:
    """Let a case say something else of itself."""
    service.change(case_id, said(told), signed_in(request), told.reason)
    return Status(204, None)


@router.post(
    "/{uuid:case_id}/status",
    response={204: None},
    operation_id="case_status",
    summary="Suspend, close or reopen",
)
@endpoint("cases.edit")
def set_status(request: HttpRequest, case_id: UUID, told: CaseStatusIn) -> Any:
    """Suspend, close or reopen a case."""
    service.set_status(case_id, told.status, told.reason, signed_in(request))
    return Status(204, None)


@router.post(
    "/{uuid:case_id}/keep",
    response={204: None},
    operation_id="case_keep",
    summary="Say until when it is kept",
)
@endpoint("cases.keep")
def keep(request: HttpRequest, case_id: UUID, told: CaseKeepIn) -> Any:
    """Say until when a case is kept, and when that is reviewed; every part of it follows."""
    marking = Marking.from_json(told.marking) if told.marking is not None else None
    service.keep(case_id, told.retention_us, told.review_us, told.reason, signed_in(request), marking)
    return Status(204, None)


def said(told: CaseIn) -> service.Said:
    """What a request says of a case."""
    return service.Said(
        title=told.title, legal_basis=told.legal_basis, purpose=told.purpose, review_us=told.review_us,
        authority=told.authority, reference=told.reference, owner=told.owner,
    )  # fmt: skip
