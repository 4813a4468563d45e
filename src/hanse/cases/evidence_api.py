"""The API of evidence: what a case has, one piece with its chain of custody, its file, and what is done with it."""

from base64 import b64decode
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponseBase
from ninja import Router, Schema, Status
from pydantic import Field

from hanse.accounts.looking import looked_at
from hanse.cases import evidence
from hanse.cases.choosing import case_for
from hanse.cases.evidence_models import Custody, Evidence
from hanse.cases.evidence_views import file_of
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking
from hanse.web.api import In, Moment, endpoint
from hanse.web.page import signed_in
from hanse.web.uploads import inbox_folder

router = Router(tags=["cases"])


class EvidenceOut(Schema):
    """One piece of evidence."""

    id: UUID
    case: UUID
    exhibit: int
    name: str
    size: int
    sha256: str
    description: str
    source: str
    place: str
    received_us: int
    state: str
    marking: dict[str, Any]
    entry: int

    @staticmethod
    def resolve_id(row: Evidence) -> UUID:
        """The object's id."""
        return row.object_id

    @staticmethod
    def resolve_marking(row: Evidence) -> dict[str, Any]:
        """What may be done with it."""
        return row.marking.marking.as_json()

    @staticmethod
    def resolve_entry(row: Evidence) -> int:
        """The entry that says so."""
        return row.sequence


class CustodyOut(Schema):
    """One link of a chain of custody."""

    what: str
    whom: str
    why: str
    time_us: int
    actor_name: str
    entry: int

    @staticmethod
    def resolve_entry(row: Custody) -> int:
        """The entry that says so."""
        return row.sequence


class EvidenceIn(In):
    """A small file; larger ones are sent to the page as a form."""

    name: str = Field(min_length=1, max_length=200)
    content: str = Field(max_length=2_500_000, description="Base64.")
    description: str = Field(min_length=1, max_length=2_000)
    source: str = Field(min_length=1, max_length=1_000)
    received_us: Moment
    place: str = Field("", max_length=1_000)
    why: str = Field(min_length=1, max_length=500)
    marking: dict[str, Any] | None = Field(
        None, description="As an envelope has it, where it is stricter than the case's."
    )


class EvidenceMade(Schema):
    """What was made."""

    id: UUID


class EvidenceOpenIn(In):
    """Why a file is opened, and to whom it goes."""

    why: str = Field(min_length=1, max_length=500)
    whom: str = Field("", max_length=500, description="Empty where the caller looks at it.")


class OriginalIn(In):
    """What happened to the original."""

    what: Literal["moved", "returned"]
    whom: str = Field(min_length=1, max_length=1_000)
    why: str = Field(min_length=1, max_length=500)


class DestroyIn(In):
    """Why a file is to be destroyed."""

    why: str = Field(min_length=1, max_length=500)


class DestructionProposed(Schema):
    """What another person decides on."""

    proposal: UUID


@router.get(
    "/{uuid:case_id}/evidence",
    response=list[EvidenceOut],
    operation_id="case_evidence",
    summary="Evidence of a case",
)
@endpoint("cases.view")
def of_case(request: HttpRequest, case_id: UUID) -> Any:
    """The evidence of a case, by number."""
    actor = signed_in(request)
    case = case_for(actor, "cases.view", case_id)
    rows = evidence.of_case(case, actor)
    looked_at(request, "cases.view", [case, *rows])
    return rows


@router.post(
    "/{uuid:case_id}/evidence",
    response={201: EvidenceMade},
    operation_id="evidence_add",
    summary="Add a small file as evidence",
)
@endpoint("cases.edit")
def add(request: HttpRequest, case_id: UUID, told: EvidenceIn) -> Any:
    """Add a file of up to 1.8 MB; larger ones are sent to the page ``/cases/ID/evidence/upload/`` as a form."""
    actor = signed_in(request)
    case = case_for(actor, "cases.edit", case_id)
    try:
        data = b64decode(told.content, validate=True)
    except ValueError:  # also of what is no ASCII
        raise UsageError("The content is no base64. Encode the file with the standard alphabet.") from None
    marking = Marking.from_json(told.marking) if told.marking is not None else None
    draft = inbox_folder() / uuid4().hex
    try:
        file = evidence.store().draft(draft)
        file.write(data)
        file.close()
        made = evidence.add(case.pk, evidence.Brought(
            draft=draft, name=told.name, size=len(data), sha256=sha256(data).hexdigest(),
            description=told.description, source=told.source, received_us=told.received_us, place=told.place,
            marking=marking,
        ), told.why, actor)  # fmt: skip
    finally:
        draft.unlink(missing_ok=True)
    return Status(201, {"id": made})


@router.get(
    "/evidence/{uuid:evidence_id}",
    response=EvidenceOut,
    operation_id="evidence",
    summary="One piece of evidence",
)
@endpoint("cases.view")
def one(request: HttpRequest, evidence_id: UUID) -> Any:
    """One piece of evidence."""
    row, case = evidence.evidence_for(signed_in(request), "cases.view", evidence_id)
    looked_at(request, "cases.view", [row, case])
    return row


@router.get(
    "/evidence/{uuid:evidence_id}/custody", response=list[CustodyOut], operation_id="evidence_custody",
    summary="The chain of custody of a piece of evidence",
)  # fmt: skip
@endpoint("cases.view")
def custody(request: HttpRequest, evidence_id: UUID) -> Any:
    """Its chain of custody, oldest first."""
    row, case = evidence.evidence_for(signed_in(request), "cases.view", evidence_id)
    looked_at(request, "cases.view", [row, case])
    return evidence.chain(row)


@router.post(
    "/evidence/{uuid:evidence_id}/open",
    operation_id="evidence_open",
    summary="The file of a piece of evidence",
)
@endpoint("cases.inspect")
def open_file(request: HttpRequest, evidence_id: UUID, told: EvidenceOpenIn) -> HttpResponseBase:
    """The file as it came; that it was opened, why and for whom is in its chain of custody."""
    return file_of(signed_in(request), evidence_id, told.why, told.whom)


@router.post(
    "/evidence/{uuid:evidence_id}/original", response={204: None}, operation_id="evidence_original",
    summary="Say what happened to the original",
)  # fmt: skip
@endpoint("cases.edit")
def original(request: HttpRequest, evidence_id: UUID, told: OriginalIn) -> Any:
    """The original was moved or returned."""
    evidence.handle(evidence_id, told.what, told.whom, told.why, signed_in(request))
    return Status(204, None)


@router.post(
    "/evidence/{uuid:evidence_id}/destroy", response={201: DestructionProposed}, operation_id="evidence_destroy",
    summary="Propose to destroy the file of a piece of evidence",
)  # fmt: skip
@endpoint("cases.erase")
def destroy(request: HttpRequest, evidence_id: UUID, told: DestroyIn) -> Any:
    """Propose it; another person decides."""
    return Status(201, {"proposal": evidence.propose_destruction(evidence_id, told.why, signed_in(request))})
