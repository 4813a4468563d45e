"""Delivering messages: in order, at least once under one id, tried again ever later for a day.

Each attempt asks policy anew: what the partner may not know any more is not told, however long it has waited. The
disclosure (Directive (EU) 2016/680, article 25) is on record before the first attempt.
"""

from typing import Any, Final
from uuid import UUID, uuid4

from hanse.accounts import consultations, reaching
from hanse.egress import destination, standard_webhooks
from hanse.egress.client import Client
from hanse.egress.errors import EgressError, TemporaryError
from hanse.egress.rules import Rules
from hanse.federation.sharing import shared_id
from hanse.kernel import units
from hanse.kernel.actors import Actor, system
from hanse.kernel.clock import now_us
from hanse.kernel.printable import printable
from hanse.kernel.strict_json import canonical
from hanse.ledger.identity import authority
from hanse.ledger.writing import append
from hanse.policy.asking import require
from hanse.taxii import partners
from hanse.webhooks import contents, hooks, notices, service
from hanse.webhooks.models import Hook, Message, Outcome
from hanse.webhooks.notices import ACTION, RECALLED, Notice
from hanse.webhooks.upcoming import standing_of

WAITS_S: Final = (10, 60, 300, 1_800, 3_600, 10_800, 21_600, 43_200)
"""Seconds before each further attempt; together less than a day."""
LONGEST_US: Final = 86_400_000_000
"""How long a message is tried, from its first attempt on."""
_SHORT: Final = 500


def client() -> Client:
    """The way out."""
    return Client(Rules())


def send_due(row: Hook, partner: Actor) -> int:
    """Send what waits for a webhook and is due, in order, until one is not taken; how many were.

    Args:
        row: The webhook.
        partner: Who is told, as policy sees it now.
    """
    delivered = 0
    waiting = Message.objects.filter(hook=row.pk, outcome__in=(Outcome.WAITING, Outcome.FAILED))
    for message in waiting.order_by("begun"):
        if message.outcome == Outcome.FAILED or message.again_us > now_us():
            break
        # A receiver that takes its time must not get what waits behind after it was revoked, paused or removed.
        if delivered and not _goes_on(row):
            break
        told = _told(message, partner)
        if told is None:
            append(service.DROPPED, contents.Dropped(row.pk.hex), actor=_node(), object_id=message.pk)
            continue
        if not _tried(row, message, told, partner):
            break
        delivered += 1
    return delivered


def _goes_on(row: Hook) -> bool:
    """Whether a webhook is still one that tells, as it stands now."""
    return Hook.objects.filter(pk=row.pk, removed_us=None, paused=False).exists() and (
        partners.active(row.partner) is not None
    )


def send_test(hook: UUID, actor: Actor) -> contents.HookTested:
    """Send a test, which tells nothing, now; what came of it.

    Raises:
        RefusedError: The actor may not.
        NotVisibleError: There is no such webhook.
    """
    require(actor, "webhooks.edit")
    row = hooks.hook_of(hook)
    body = _body("webhook.test", now_us(), {"authority": authority()})
    try:
        words, delivered = f"It answered {_posted(row, uuid4(), body)}.", True
    except EgressError as error:
        words, delivered = _shown(error, row), False
    told = contents.HookTested(delivered, words)
    append(service.TESTED, told, actor=actor, object_id=hook)
    return told


def _told(message: Message, partner: Actor) -> dict[str, Any] | None:
    """What a message tells now; None where the partner may not know it any more, or has nothing to be taken back."""
    thing = {"id": str(shared_id(message.thing)), "authority": authority()}
    if message.event.endswith(f".{RECALLED}"):
        before = Message.objects.filter(hook=message.hook, thing=message.thing, begun__lt=message.begun)
        return thing if before.filter(tried=True).exists() else None
    notice = _standing(message, partner)
    if notice is None:
        return None
    return {**thing, "marking": notice.marking.banner(), **notice.summary}


def _standing(message: Message, partner: Actor) -> Notice | None:
    """How a message's thing stands for the partner."""
    sort = message.event.partition(".")[0]
    for source in notices.sources():
        if source.sort == sort:
            return standing_of(source, partner, [message.thing]).get(message.thing)
    return None


def _tried(row: Hook, message: Message, told: dict[str, Any], partner: Actor) -> bool:
    """Send a message once and put on record what came of it; whether the receiver took it."""
    if not message.tried:
        recipient = f"{partner.name} ({partner.authority}), by webhook at {hooks.shown_url(row.url)}"
        consultations.record(partner, ACTION, [message.thing], row.why, recipient)
    body = _body(message.event, message.begun_us, told)
    again_us, delivered = None, False
    try:
        words, delivered = f"It answered {_posted(row, message.pk, body)}.", True
    except EgressError as error:
        words, again_us = _shown(error, row), _again_us(message, error)
    content = contents.Tried(row.pk.hex, delivered, words, again_us)
    append(service.TRIED, content, actor=_node(), object_id=message.pk)
    return delivered


def _posted(row: Hook, message: UUID, body: bytes) -> int:
    """Hand a message to the receiver; its status.

    Raises:
        EgressError: It was not taken.
    """
    sent = standard_webhooks.headers(f"msg_{message.hex}", now_us() // 1_000_000, body, hooks.signer(row))
    return standard_webhooks.deliver(client(), row.url, sent, body, allow=reaching.allowed())


def _again_us(message: Message, error: EgressError) -> int | None:
    """When a message is tried again, microseconds UTC; None once it was tried for a day."""
    now = now_us()
    wait_s = WAITS_S[min(message.attempts, len(WAITS_S) - 1)]
    if isinstance(error, TemporaryError) and error.retry_after_s:
        wait_s = max(wait_s, error.retry_after_s)
    again = now + wait_s * 1_000_000
    return again if again - (message.first_us or now) <= LONGEST_US else None


def _body(event: str, at_us: int, told: dict[str, Any]) -> bytes:
    return canonical({"type": event, "timestamp": units.iso(at_us), "data": told})


def _shown(error: EgressError, row: Hook) -> str:
    """An error's words, with scheme and host for the address, whose path may be a key."""
    text, shown = str(error), hooks.shown_url(row.url)
    there = destination.read(
        row.url
    )  # errors name it as it was written, as it is read, and receivers its path alone
    for form in (row.url, there.url):
        text = text.replace(form, shown).replace(form[:200], shown)
    if there.target != "/":
        text = text.replace(there.target, "/...")
    return printable(text)[:_SHORT]


def _node() -> Actor:
    return system("webhooks", authority(), "")
