"""The API of webhooks: which there are, what became of their messages, proposing, testing, pausing and removing one."""

from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.web.api import In, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in
from hanse.webhooks import delivering, hooks, notices
from hanse.webhooks.models import Hook, Message

router = Router(tags=["webhooks"])


class WebhookOut(Schema):
    """A webhook."""

    object_id: UUID
    partner: UUID = Field(description="The edge partner that is told.")
    url: str = Field(description="Scheme and host; what follows may be a key.")
    events: list[str]
    way: str = Field(description="`ed25519` or `hmac`: how messages are signed.")
    public: str = Field(
        description="The public key that messages are checked with (`whpk_`); empty for `hmac`."
    )
    standing: str = Field(
        description="`running`, `retrying`, `failing`, `paused`, `revoked` (its partner) or `removed`."
    )
    made_us: int
    removed_us: int | None

    @staticmethod
    def resolve_url(row: Hook) -> str:
        """Without what may be a key."""
        return hooks.shown_url(row.url)

    @staticmethod
    def resolve_standing(row: Hook) -> str:
        """How it stands."""
        return hooks.standing(row) if row.removed_us is None else "removed"


class WebhookMessageOut(Schema):
    """A message of a webhook; of what it tells only the event."""

    object_id: UUID = Field(description="Its id; the receiver sees it as `webhook-id`, behind `msg_`.")
    event: str
    outcome: str = Field(
        description="`waiting`, `delivered`, `failed` (tried for a day) or `dropped` (not told)."
    )
    attempts: int
    words: str = Field(description="What the receiver said last, or why it was not reached.")
    begun_us: int
    ended_us: int | None = Field(description="When it was last tried.")
    again_us: int = Field(description="When it is tried next, at the earliest, while it waits.")


class WebhookEventOut(Schema):
    """What can be told."""

    name: str
    words: str


class WebhookIn(In):
    """A webhook that is to be."""

    partner: UUID = Field(description="An edge partner.")
    url: str = Field(min_length=1, max_length=2_000, description="https.")
    events: list[str] = Field(min_length=1, max_length=100)
    way: Literal["ed25519", "hmac"] = "ed25519"
    why: str = Field(min_length=1, max_length=4_000, description="What for; who approves it reads it.")


class WebhookProposed(Schema):
    """What waits for a second person, who is shown what the receiver checks messages with."""

    proposal: UUID


class WebhookTestedOut(Schema):
    """What came of a test."""

    delivered: bool
    words: str


class WebhookRemoveIn(In):
    """Why it is removed."""

    why: str = Field(min_length=1, max_length=4_000)


@router.get("", response=Page[WebhookOut], operation_id="webhooks_list", summary="Webhooks, the newest first")
@endpoint("webhooks.view")
def list_webhooks(request: HttpRequest, paging: Query[Paging]) -> Any:  # noqa: ARG001 - Ninja gives it
    """The webhooks that there are, and were."""
    return paged(Hook.objects.all(), Order("made_us", descending=True), paging)


@router.get(
    "/events", response=list[WebhookEventOut], operation_id="webhooks_events", summary="What can be told"
)
@endpoint("webhooks.view")
def list_events(request: HttpRequest) -> Any:  # noqa: ARG001 - Ninja gives it
    """The events of which partners can be told."""
    return [{"name": name, "words": words} for name, words in notices.events().items()]


@router.post(
    "", response={201: WebhookProposed}, operation_id="webhooks_propose", summary="Propose a webhook"
)
@endpoint("webhooks.edit")
def propose(request: HttpRequest, told: WebhookIn) -> Any:
    """Propose that an edge partner is told by webhook."""
    actor = signed_in(request)
    return Status(
        201, {"proposal": hooks.propose_hook(told.partner, told.url, told.events, told.way, told.why, actor)}
    )


@router.get(
    "/{uuid:hook_id}/messages",
    response=Page[WebhookMessageOut],
    operation_id="webhooks_messages",
    summary="Messages of a webhook, the newest first",
)
@endpoint("webhooks.view")
def list_messages(request: HttpRequest, hook_id: UUID, paging: Query[Paging]) -> Any:  # noqa: ARG001 - Ninja gives it
    """What became of a webhook's messages."""
    hooks.hook_of(hook_id)
    return paged(Message.objects.filter(hook=hook_id), Order("begun", descending=True), paging)


@router.post(
    "/{uuid:hook_id}/test", response=WebhookTestedOut, operation_id="webhooks_test", summary="Send a test"
)
@endpoint("webhooks.edit", waits=True)
def test(request: HttpRequest, hook_id: UUID) -> Any:
    """Send a test, which tells nothing, now."""
    came = delivering.send_test(hook_id, signed_in(request))
    return {"delivered": came.delivered, "words": came.words}


@router.post(
    "/{uuid:hook_id}/pause", response={204: None}, operation_id="webhooks_pause", summary="Pause a webhook"
)
@endpoint("webhooks.edit")
def pause(request: HttpRequest, hook_id: UUID) -> Any:
    """Send nothing until somebody lets it go on."""
    hooks.pause(hook_id, signed_in(request))
    return Status(204, None)


@router.post(
    "/{uuid:hook_id}/resume",
    response={204: None},
    operation_id="webhooks_resume",
    summary="Let a webhook go on",
)
@endpoint("webhooks.edit")
def resume(request: HttpRequest, hook_id: UUID) -> Any:
    """Let a webhook go on that was paused or that failed for a day; nothing is left out."""
    hooks.resume(hook_id, signed_in(request))
    return Status(204, None)


@router.post(
    "/{uuid:hook_id}/remove", response={204: None}, operation_id="webhooks_remove", summary="Remove a webhook"
)
@endpoint("webhooks.edit")
def remove(request: HttpRequest, hook_id: UUID, told: WebhookRemoveIn) -> Any:
    """Tell by it no more."""
    hooks.remove(hook_id, told.why, signed_in(request))
    return Status(204, None)
