"""The API of joint cases."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.accounts.looking import looked_at
from hanse.cases import joint
from hanse.cases.joint_models import JointCase
from hanse.web.api import In, Moment, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["cases"])


class JointMemberOut(Schema):
    """An authority that is asked to take part."""

    authority: str
    name: str
    country: str
    tier: str


class JointOut(Schema):
    """A case that several authorities share."""

    id: UUID = Field(alias="object_id")
    founder: str
    title: str
    purpose: str
    legal_basis: str
    members: list[JointMemberOut]
    standing: dict[str, str] = Field(
        description="`joined`, `declined` or `left` by authority; who is left out is asked."
    )
    is_closed: bool
    opened_us: int
    changed_us: int


class JointSayingOut(Schema):
    """Something that an authority said in it."""

    id: UUID = Field(alias="object_id")
    author: str
    sort: str
    text: str
    to: str
    due_us: int | None
    of: str
    about: UUID | None = Field(description="The task that is done, as its author names it.")
    there: UUID = Field(description="It, as its author names it.")
    written_us: int


class JointOpenIn(In):
    """A new joint case."""

    title: str = Field(min_length=1, max_length=300)
    purpose: str = Field(min_length=1, max_length=10_000)
    legal_basis: str = Field(min_length=1, max_length=10_000)
    members: list[str] = Field(min_length=1, max_length=99, description="Ids of partners.")
    retention_us: Moment
    reason: str = Field(min_length=1, max_length=4_000)


class JointSayIn(In):
    """Something to say in it."""

    sort: str = Field(
        max_length=16, description="`joined`, `note`, `task`, `done`, `decision`, `left`, `closed`, ..."
    )
    text: str = Field("", max_length=10_000)
    to: str = Field("", max_length=128, description="Whom a task is for; empty for everybody.")
    due_us: Moment | None = None
    about: UUID | None = Field(None, description="The task that is done.")


class JointMade(Schema):
    """What was put on record."""

    id: UUID


@router.get("", response=Page[JointOut], operation_id="joint_list")
@endpoint("cases.view")
def list_joint(request: HttpRequest, paging: Query[Paging]) -> Any:
    """The joint cases, the last changed first."""
    rows = JointCase.objects.for_actor(signed_in(request), "cases.view").select_related("marking")
    told = paged(rows, Order("changed_us", descending=True), paging)
    looked_at(request, "cases.view", told["items"])
    return told


@router.get("/{uuid:joint_id}", response=JointOut, operation_id="joint_get")
@endpoint("cases.view")
def get_joint(request: HttpRequest, joint_id: UUID) -> Any:
    """One joint case."""
    row = JointCase.objects.get_for(signed_in(request), "cases.view", joint_id)
    looked_at(request, "cases.view", [row])
    return row


@router.get("/{uuid:joint_id}/said", response=Page[JointSayingOut], operation_id="joint_said")
@endpoint("cases.view")
def list_said(request: HttpRequest, joint_id: UUID, paging: Query[Paging]) -> Any:
    """What was said in a joint case, the last written first."""
    row = JointCase.objects.get_for(signed_in(request), "cases.view", joint_id)
    looked_at(request, "cases.view", [row])
    return paged(joint.sayings(row), Order("written_us", descending=True), paging)


@router.post("", response={201: JointMade}, operation_id="joint_open")
@endpoint("cases.joint_open")
def open_joint(request: HttpRequest, told: JointOpenIn) -> Any:
    """Open a joint case with partners; each is asked whether it takes part."""
    opening = joint.Opening(
        title=told.title, purpose=told.purpose, legal_basis=told.legal_basis, members=frozenset(told.members),
        retention_us=told.retention_us,
    )  # fmt: skip
    return Status(201, {"id": joint.open_joint(opening, told.reason, signed_in(request))})


@router.post("/{uuid:joint_id}", response={201: JointMade}, operation_id="joint_say")
@endpoint("cases.joint")
def say(request: HttpRequest, joint_id: UUID, told: JointSayIn) -> Any:
    """Say something in a joint case, or take part, decline, leave, close or reopen it."""
    what = joint.Told(sort=told.sort, text=told.text, to=told.to, due_us=told.due_us, about=told.about)
    return Status(201, {"id": joint.say(joint_id, what, signed_in(request))})
