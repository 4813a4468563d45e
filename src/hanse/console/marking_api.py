"""The API of marking anew and purging by hand; both end with a second person where the console's pages do."""

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from hanse.console import embargoes, marking, purging
from hanse.console.marking import Wish
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, MarkingError, Pap, Tlp
from hanse.ledger.identity import authority
from hanse.web.api import In, Moment, endpoint
from hanse.web.page import signed_in

router = Router(tags=["ledger"])

Word = Annotated[str, Field(min_length=1, max_length=300)]
Text = Annotated[str, Field(min_length=1, max_length=4_000)]


class MarkIn(In):
    """How a thing is to be marked, whole: what is left out restricts nothing."""

    tlp: Tlp
    pap: Pap
    handling: list[Word] = Field([], max_length=4, description="Of H0, H1, H2, H3.")
    handling_text: list[Text] = Field([], max_length=20, description="The texts of H3.")
    purposes: list[Word] | None = Field(None, max_length=20, description="Null is any purpose.")
    releasable: list[Text] | None = Field(
        None,
        max_length=100,
        description="Alternatives such as `state:EE & tier:member`; null leaves it to TLP.",
    )
    retention_us: Moment | None = Field(None, description="Until when it is kept, microseconds UTC.")
    embargo_us: Moment | None = Field(
        None, description="Until when only those it is given to know of it, µs UTC."
    )
    embargo_for: list[Text] = Field(
        [], max_length=20, description="Who they are, in words; with an embargo only."
    )
    team: str = Field("", max_length=64, description="Id of the need-to-know team; empty for none.")
    why: str = Field(min_length=1, max_length=4_000)


class MarkedOut(Schema):
    """What came of it: done, or waiting for a second person."""

    done: bool
    proposal: UUID | None = Field(None, description="What another person decides on.")


class GoingOut(Schema):
    """One object that would be purged."""

    object_id: UUID
    kinds: list[str]
    versions: int
    bodies: int
    first: int
    derived: bool


class PurgeOut(Schema):
    """What purging would take away, or what took it away."""

    going: list[GoingOut]
    purged_by: int | None = Field(None, description="The entry that purged it last.")
    waiting: list[UUID] = Field(description="Open proposals to purge it.")


class PurgeIn(In):
    """Why it is to be purged."""

    why: str = Field(min_length=1, max_length=4_000)


class MarkingProposedOut(Schema):
    """The proposal that another person decides on."""

    proposal: UUID


class EmbargoOut(Schema):
    """A thing under an embargo that was given to no team yet."""

    object_id: UUID
    sort: str
    originators: list[str]
    whom: list[str] = Field(description="For whom it is, in the words of who put it under the embargo.")
    until_us: int = Field(description="Its hour, microseconds UTC.")


class EmbargoesOut(Schema):
    """What others put under an embargo, and nobody named a team for."""

    count: int
    items: list[EmbargoOut] = Field(description="Those whose hour comes first.")


@router.get(
    "/embargoes",
    response=EmbargoesOut,
    summary="What is under an embargo and waits for a team",
    operation_id="ledger_embargoes",
)
@endpoint("ledger.view")
def under_embargo(request: HttpRequest) -> Any:
    """What the caller, who may mark it, could give to a team; for others there is nothing."""
    actor = signed_in(request)
    return {"count": embargoes.count(actor), "items": embargoes.without_team(actor)}


@router.post(
    "/{uuid:object_id}/mark",
    response=MarkedOut,
    summary="Mark an attack, a campaign, an item or an import anew",
    operation_id="ledger_mark",
)
@endpoint("policy.mark")
def mark(request: HttpRequest, object_id: UUID, told: MarkIn) -> Any:
    """What only restricts is done at once; what lets more people see or do more is proposed."""
    proposal = marking.mark_anew(object_id, Wish(_marking(told), told.team), told.why, signed_in(request))
    return {"done": proposal is None, "proposal": proposal}


@router.get(
    "/{uuid:object_id}/purge",
    response=PurgeOut,
    summary="What purging would take",
    operation_id="ledger_going",
)
@endpoint("ledger.purge")
def going(request: HttpRequest, object_id: UUID) -> Any:
    """The object, its versions and what is derived of it."""
    return {
        "going": purging.would_go(object_id, signed_in(request)),
        "purged_by": purging.purged_by(object_id),
        "waiting": [one.pk for one in purging.waiting_on(object_id)],
    }


@router.post(
    "/{uuid:object_id}/purge",
    response={201: MarkingProposedOut},
    summary="Propose to purge an object for good",
    operation_id="ledger_purge",
)
@endpoint("ledger.purge")
def purge(request: HttpRequest, object_id: UUID, told: PurgeIn) -> Any:
    """Another person approves it among the approvals of people."""
    return Status(201, {"proposal": purging.propose_purge(object_id, told.why, signed_in(request))})


def _marking(told: MarkIn) -> Marking:
    """The marking that is meant.

    Raises:
        UsageError: It means nothing.
    """
    try:
        return Marking(
            originators=frozenset({authority()}),
            tlp=told.tlp,
            pap=told.pap,
            handling=frozenset(told.handling),
            handling_text=frozenset(told.handling_text),
            purposes=None if told.purposes is None else frozenset(told.purposes),
            releasable=None if told.releasable is None else frozenset(told.releasable),
            retention_us=told.retention_us,
            embargo_us=told.embargo_us,
            embargo_for=frozenset(told.embargo_for),
        )
    except MarkingError as error:
        raise UsageError(str(error)) from error
