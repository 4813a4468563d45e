"""The API of subject access: requests, what is held, answers, erasures and their statements."""

from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.accounts.looking import looked_at
from hanse.cases import subject
from hanse.cases.subject_finding import Held, held_on
from hanse.cases.subject_models import Erasure, SubjectRequest
from hanse.cases.subject_views import answer_of, statement_of, written_down
from hanse.web.api import In, Moment, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["cases"])


class SubjectOut(Schema):
    """A request of somebody about themselves."""

    id: UUID
    name: str
    born: str
    selectors: list[list[str]]
    identity: str
    received_us: int
    state: str
    ground: str
    answered_us: int | None
    answered_by: str
    entry: int

    @staticmethod
    def resolve_id(row: SubjectRequest) -> UUID:
        """The object's id."""
        return row.object_id

    @staticmethod
    def resolve_entry(row: SubjectRequest) -> int:
        """The last entry about it."""
        return row.sequence


class SubjectSelector(In):
    """A selector of somebody."""

    kind: str = Field("", max_length=32, description="Empty to have it told from the text.")
    text: str = Field(min_length=1, max_length=1_000)


class SubjectIn(In):
    """Who asks what is held on them."""

    name: str = Field("", max_length=300)
    born: str = Field("", max_length=10, description="``1970-12-31``.")
    selectors: list[SubjectSelector] = Field([], max_length=100)
    identity: str = Field(min_length=1, max_length=1_000)
    received_us: Moment


class SubjectMade(Schema):
    """What was made."""

    id: UUID


class HeldOnOut(Schema):
    """One thing that is held on somebody."""

    object_id: UUID
    sort: str
    what: str
    how: str
    sure: bool
    case: UUID | None
    kept_back: str
    stays: str
    entry: int

    @staticmethod
    def resolve_case(one: Held) -> UUID | None:
        """The case that it is in."""
        return None if one.case is None else one.case.pk

    @staticmethod
    def resolve_entry(one: Held) -> int:
        """An entry that says so."""
        return one.sequence


class AnswerIn(In):
    """How a request is answered."""

    what: Literal["given", "restricted", "refused", "nothing"]
    told: list[UUID] = Field([], max_length=10_000)
    ground: str = Field("", max_length=16)
    why: str = Field("", max_length=4_000)


class EraseIn(In):
    """What is to be erased, by which law and why."""

    objects: list[UUID] = Field(min_length=1, max_length=10_000)
    law: Literal["16-2-4", "16-2-8", "16-2-10", "16-2", "5"]
    why: str = Field(min_length=1, max_length=1_000)


class ErasureProposed(Schema):
    """What another person decides on."""

    proposal: UUID


class ErasureOut(Schema):
    """An erasure; it names nobody."""

    id: UUID
    request: UUID
    objects_erased: int
    entries_erased: int
    law: str
    purge: int
    time_us: int
    actor_name: str
    entry: int

    @staticmethod
    def resolve_id(row: Erasure) -> UUID:
        """The object's id."""
        return row.object_id

    @staticmethod
    def resolve_entry(row: Erasure) -> int:
        """The entry that says so."""
        return row.sequence


@router.get(
    "/subjects",
    response=Page[SubjectOut],
    operation_id="subjects",
    summary="Requests of people about themselves",
)
@endpoint("cases.answer")
def requests(request: HttpRequest, paging: Query[Paging]) -> Any:
    """The requests, the newest first."""
    rows = SubjectRequest.objects.for_actor(signed_in(request), "cases.answer").select_related("marking")
    told = paged(rows, Order("received_us", descending=True), paging)
    looked_at(request, "cases.answer", told["items"])
    return told


@router.post("/subjects", response={201: SubjectMade}, operation_id="subject_ask", summary="Take a request")
@endpoint("cases.answer")
def ask(request: HttpRequest, told: SubjectIn) -> Any:
    """Somebody asks what is held on them."""
    selectors = tuple((one.kind, one.text) for one in told.selectors)
    made = subject.take(
        subject.Request(
            name=told.name, born=told.born, selectors=selectors, identity=told.identity, received_us=told.received_us
        ),
        signed_in(request),
    )  # fmt: skip
    return Status(201, {"id": made})


@router.get("/subjects/{uuid:request_id}", response=SubjectOut, operation_id="subject", summary="One request")
@endpoint("cases.answer")
def one(request: HttpRequest, request_id: UUID) -> Any:
    """One request."""
    row = subject.request_for(signed_in(request), request_id)
    looked_at(request, "cases.answer", [row])
    return row


@router.get(
    "/subjects/{uuid:request_id}/held", response=list[HeldOnOut], operation_id="subject_held",
    summary="What is held on whom a request is about",
)  # fmt: skip
@endpoint("cases.answer")
def held(request: HttpRequest, request_id: UUID) -> Any:
    """What the caller may see of it, what is sure first."""
    actor = signed_in(request)
    row = subject.request_for(actor, request_id)
    found = held_on(subject.person_of(row), actor)
    written_down(request, row, found, actor)
    return found


@router.post(
    "/subjects/{uuid:request_id}/answer",
    response={204: None},
    operation_id="subject_answer",
    summary="Answer a request",
)
@endpoint("cases.tell", in_parts=True)
def answer(request: HttpRequest, request_id: UUID, told: AnswerIn) -> Any:
    """Tell them everything, a part, or nothing; with the legal ground where something is withheld."""
    subject.answer(request_id, told.what, told.told, told.ground, told.why, signed_in(request))
    return Status(204, None)


@router.get("/subjects/{uuid:request_id}/answer", operation_id="subject_told", summary="What they are told")
@endpoint("cases.tell")
def told(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The answer as JSON."""
    actor = signed_in(request)
    row = subject.request_for(actor, request_id, "cases.tell")
    looked_at(request, "cases.tell", [row], recipient=subject.THEY)
    return answer_of(row, actor, as_json=True)


@router.post(
    "/subjects/{uuid:request_id}/erase", response={201: ErasureProposed}, operation_id="subject_erase",
    summary="Propose to erase what is held",
)  # fmt: skip
@endpoint("cases.erase", in_parts=True)
def erase(request: HttpRequest, request_id: UUID, wish: EraseIn) -> Any:
    """Propose it; another person decides."""
    actor = signed_in(request)
    return Status(
        201, {"proposal": subject.propose_erasure(request_id, wish.objects, wish.law, wish.why, actor)}
    )


@router.get("/erasures", response=Page[ErasureOut], operation_id="erasures", summary="Erasures, newest first")
@endpoint("cases.answer")
def erasures(request: HttpRequest, paging: Query[Paging]) -> Any:
    """What was erased for requests."""
    rows = Erasure.objects.for_actor(signed_in(request), "cases.answer").select_related("marking")
    found = paged(rows, Order("time_us", descending=True), paging)
    looked_at(request, "cases.answer", found["items"])
    return found


@router.post(
    "/erasures/{uuid:erasure_id}/statement",
    operation_id="erasure_statement",
    summary="The statement of an erasure",
)
@endpoint("cases.tell")
def statement(request: HttpRequest, erasure_id: UUID) -> HttpResponseBase:
    """An archive (zip) with the proofs of it, for `hanse verify`."""
    actor = signed_in(request)
    return statement_of(subject.erasure_for(actor, erasure_id), actor)
