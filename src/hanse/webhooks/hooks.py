"""Use cases of webhooks: two people make one, one person pauses it, lets it go on, tests it, or removes it.

A webhook discloses by itself, so that it takes two people, as a rule does by which things are shared. What it signs with
is made when the second one approves: of a key pair the public half stands on the page; a secret that the receiver shares is shown
to that person once.
"""

import re
import secrets
from base64 import b64decode, b64encode
from typing import Any, Final
from uuid import UUID, uuid4

from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from hanse.accounts import reaching
from hanse.accounts.approvals import Approvable, Pending, propose
from hanse.accounts.models import Proposal
from hanse.egress import destination, standard_webhooks
from hanse.egress.addresses import why_not_public
from hanse.egress.errors import EgressError
from hanse.egress.standard_webhooks import SECRET_BYTES, Sign
from hanse.kernel import sealing
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.keys import SigningKey
from hanse.ledger import keyring
from hanse.ledger.plain import number
from hanse.ledger.writing import append
from hanse.policy.asking import require
from hanse.policy.decision import may
from hanse.policy.guarded import NotVisibleError
from hanse.taxii import partners
from hanse.web.frame import Waiting
from hanse.webhooks import contents, notices, service
from hanse.webhooks.models import Hook, Message, Outcome

WAYS: Final = {"ed25519": "Ed25519: a key pair, of which the receiver has the public half (v1a)",
               "hmac": "HMAC-SHA256: a secret that the receiver has as well (v1)"}  # fmt: skip
"""How messages can be signed: by key, in words."""
MOST: Final = 50
"""Webhooks at once: each has a thread of its own."""


def propose_hook(partner: UUID, url: str, events: list[str], way: str, why: str, actor: Actor) -> UUID:
    """Propose that an edge partner is told by webhook; another person has to approve it.

    Args:
        partner: The edge partner.
        url: Where it is told, https.
        events: What it is told of: names of `notices.events`.
        way: One of `WAYS`.
        why: What for; it stands as the reason in each record of what is disclosed.
        actor: Who proposes.

    Raises:
        RefusedError: The actor may not.
        UsageError: One of it cannot be meant.
    """
    require(actor, "webhooks.edit")
    named = partners.active(partner)
    told = {
        "partner": partner.hex, "name": "" if named is None else named.name, "url": url.strip(),
        "events": sorted(set(events)), "way": way,
    }  # fmt: skip
    _check(told)
    return propose(APPROVABLE.action, told, why, actor)


def pause(hook: UUID, actor: Actor) -> None:
    """Send nothing until somebody lets it go on.

    Raises:
        RefusedError: The actor may not.
        NotVisibleError: There is no such webhook.
    """
    require(actor, "webhooks.edit")
    if not hook_of(hook).paused:
        append(service.PAUSED, contents.HookPaused(), actor=actor, object_id=hook)


def resume(hook: UUID, actor: Actor) -> None:
    """Let a webhook go on that was paused or that failed for a day; nothing is left out.

    Raises:
        RefusedError: The actor may not.
        NotVisibleError: There is no such webhook.
    """
    require(actor, "webhooks.edit")
    row = hook_of(hook)
    if (
        row.paused
        or Message.objects.filter(hook=hook, outcome__in=(Outcome.WAITING, Outcome.FAILED)).exists()
    ):
        append(service.RESUMED, contents.HookResumed(), actor=actor, object_id=hook)


def remove(hook: UUID, why: str, actor: Actor) -> None:
    """Tell by it no more, and forget its address and what it signs with in the tables.

    Raises:
        RefusedError: The actor may not.
        UsageError: No reason is given.
        NotVisibleError: There is no such webhook.
    """
    require(actor, "webhooks.edit")
    hook_of(hook)
    if not why.strip():
        raise UsageError("Say why it is removed: others will look for it.")
    append(service.REMOVED, contents.HookRemoved(), actor=actor, object_id=hook, reason=why.strip())


def hook_of(hook: UUID) -> Hook:
    """The webhook of an id.

    Raises:
        NotVisibleError: There is none, or it was removed.
    """
    row = Hook.objects.filter(pk=hook, removed_us=None).first()
    if row is None:
        raise NotVisibleError("There is no such webhook, or it was removed.")
    return row


def standing(row: Hook) -> str:
    """How a webhook stands: ``paused``, ``revoked``, ``failing``, ``retrying`` or ``running``."""
    if row.paused:
        return "paused"
    if partners.active(row.partner) is None:
        return "revoked"
    first = Message.objects.filter(hook=row.pk).exclude(outcome__in=(Outcome.DELIVERED, Outcome.DROPPED))
    head = first.order_by("begun").first()
    if head is None or not head.attempts:
        return "failing" if head is not None and head.outcome == Outcome.FAILED else "running"
    return "failing" if head.outcome == Outcome.FAILED else "retrying"


def signer(row: Hook) -> Sign:
    """What signs a webhook's messages."""
    secret = sealing.open_rest(keyring.current(), _bound(row.pk), b64decode(row.secret))
    if row.way == "hmac":
        return standard_webhooks.by_hmac(secret)
    return standard_webhooks.by_ed25519(SigningKey(secret).sign)


def shown_url(url: str) -> str:
    """An address as pages and records show it: scheme and host; what follows may be a key."""
    try:
        there = destination.read(url)
    except EgressError:
        return ""
    return f"{there.scheme}://{there.authority}"


def waiting() -> list[Proposal]:
    """What is proposed and waits for a second person, newest first."""
    open_now = Proposal.objects.filter(action=APPROVABLE.action, state="open", expires_us__gt=now_us())
    return list(open_now.order_by("-proposed_us"))


def waits(actor: Actor) -> Waiting | None:
    """Webhooks that failed for a day and need somebody; None for who cannot let them go on."""
    if not may(actor, "webhooks.view", now_us=now_us()):
        return None
    count = number(_FAILED, [Outcome.FAILED.value])
    return Waiting(str(_("Webhooks that failed")), count, reverse_lazy("webhooks:list"))


_FAILED: Final = (
    "SELECT count(DISTINCT hook) FROM webhooks_message WHERE outcome = %s AND hook IN "
    "(SELECT object_id FROM webhooks_hook WHERE removed_us IS NULL AND NOT paused)"
)


def _bound(hook: UUID) -> bytes:
    return f"webhooks.hook.secret:{hook.hex}".encode()


def _check(told: dict[str, Any]) -> None:
    """Refuse what cannot be meant.

    Raises:
        UsageError: So it is.
    """
    if partners.active(UUID(told["partner"])) is None:
        raise UsageError(
            "There is no such edge partner. Let it come first; it is told no more than it may fetch."
        )
    if told["way"] not in WAYS:
        raise UsageError(f"There is no way to sign called {told['way'][:20]!r}; known are {', '.join(WAYS)}.")
    if not told["events"]:
        raise UsageError("Choose at least one event.")
    if unknown := sorted(set(told["events"]) - notices.events().keys()):
        raise UsageError(f"There is no event {unknown[0][:40]!r}; known are {', '.join(notices.events())}.")
    if Hook.objects.filter(removed_us=None).count() >= MOST:
        raise UsageError(f"There are {MOST} webhooks, which is the most. Remove one first.")
    _check_url(told["url"])


def _check_url(url: str) -> None:
    """Whether an address may be told; names are looked up at each attempt, by `egress`.

    Raises:
        UsageError: It is none, or lies inside.
    """
    try:
        there = destination.read(url)
    except EgressError as error:
        raise UsageError(str(error)) from None
    if re.search(r"@|%40", url.partition("?")[0]) or len(url) > 2_000:
        raise UsageError("The address has up to 2,000 characters and names no user.")
    address = there.address
    reason = None if address is None else why_not_public(address)
    if reason and not any(
        one.covers(there.host, there.port, address) for one in reaching.allowed() if address
    ):
        raise UsageError(
            f"{there.host} is not public ({reason}), so that the node does not connect to its port {there.port}. If it "
            "is meant, have two people allow it under Settings first."
        )


def _words(subject: dict[str, Any]) -> str:
    return (
        f"Tell {subject['name']} by webhook at {subject['url']} of {', '.join(subject['events'])}, as far as markings release "
        "it to that partner."
    )


def _execute(proposal: Pending, approver: Actor) -> str:
    told = proposal.subject
    _check(told)
    hook, secret = uuid4(), secrets.token_bytes(SECRET_BYTES)
    public = ""
    if told["way"] == "ed25519":
        public = standard_webhooks.public_text(SigningKey(secret).public.raw)
    sealed = b64encode(sealing.seal_rest(keyring.current(), _bound(hook), secret)).decode()
    content = contents.HookMade(
        told["partner"], told["url"], told["events"], told["way"], public, sealed, proposal.id.hex
    )
    append(service.MADE, content, actor=approver, reason=proposal.why, object_id=hook)
    return public or standard_webhooks.secret_text(secret)


_ONCE: Final = (
    "With this the receiver checks what it is told: a public key (whpk_), which also stands on the webhook's page, or a "
    "secret (whsec_), which is shown this once and kept nowhere else in the open. Give a secret to the partner by a way that only they can "
    "read."
)

APPROVABLE = Approvable(
    "webhooks.hook", "webhooks.edit", _words, _execute, lambda _subject: "/webhooks/", _ONCE,
    about=lambda subject: [f"{subject['partner']} {subject['url']}"],
)  # fmt: skip
"""What the two people agree on."""
