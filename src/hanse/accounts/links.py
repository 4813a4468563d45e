"""One-time links: how a person comes in for the first time, or back after losing every passkey.

Only the hash of a link is kept, and it holds for a day. One that brings somebody back also asks for a code that
another person has: neither the one who proposed it nor the one who approved it can use it alone.
"""

import secrets
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID, uuid4

from django.urls import get_script_prefix

from hanse.accounts import contents
from hanse.accounts.models import Invitation
from hanse.accounts.proof import Said, histories
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.writing import append, writing

HOLDS_US = 86_400 * 1_000_000
"""A link holds for a day."""


class LinkError(UsageError):
    """The link is unknown, used, replaced or too old; the texts are the same for all four."""

    status = 410

    def __init__(self) -> None:
        super().__init__("This link holds no more. Ask your administrator for a new one.")


@dataclass(frozen=True, slots=True)
class Link:
    """A link that holds.

    Attributes:
        id: Its object.
        person: Whose it is.
        purpose: ``join`` or ``recover``.
        roles: Roles that joining gives while the node is being founded.
        code_digest: SHA-256 of the code it asks for; empty where it asks for none.
    """

    id: UUID
    person: UUID
    purpose: str
    roles: tuple[str, ...]
    code_digest: str


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return sha256(secret.encode()).hexdigest()


def make(person: UUID, purpose: str, roles: list[str], actor: Actor, *, code_digest: str = "") -> str:
    """Make a link in place of any earlier one of the person, and return its address on this node."""
    secret = secrets.token_urlsafe(32)
    content = contents.LinkMade(
        person.hex, purpose, digest_of(secret), roles, now_us() + HOLDS_US, code_digest
    )
    with writing():
        close_all(person, actor)
        append("accounts.link_made", content, actor=actor, object_id=uuid4())
    return welcome(secret)


def welcome(secret: str) -> str:
    """The address of a link's page on this node.

    It is said here and not asked of Django, which would load every page of the node for it: half of the time in which
    a node is made. A test holds it against what the page is found under.
    """
    return f"{get_script_prefix()}people/welcome/{secret}/"


def close_all(person: UUID, actor: Actor) -> None:
    """Close every open link of a person."""
    for row in Invitation.objects.filter(person=person, open=True):
        content = contents.LinkClosed(person.hex, used=False)
        append("accounts.link_closed", content, actor=actor, object_id=row.object_id)


def open_for(person: UUID) -> Invitation | None:
    """The row of the link with which a person can come in now, to be shown; `find` says whether one holds."""
    return Invitation.objects.filter(person=person, open=True, expires_us__gt=now_us()).first()


def carried(person: UUID) -> list[str]:
    """Roles that a person's newest invitation was made to give, open or not, as its signed entry says it."""
    row = Invitation.objects.filter(person=person, purpose="join").order_by("-said_by").first()
    said: tuple[Said, ...] = histories([row.object_id])[row.object_id] if row is not None else ()
    made = said[0].content if said else None
    return list(made.roles) if isinstance(made, contents.LinkMade) else []


def find(digest: str) -> Link:
    """The link whose secret has this hash, as its signed entry says it.

    Raises:
        LinkError: It does not hold.
    """
    row = Invitation.objects.filter(digest=digest).first()
    said: tuple[Said, ...] = histories([row.object_id])[row.object_id] if row is not None else ()
    content = said[-1].content if said else None
    if (
        row is None
        or not isinstance(content, contents.LinkMade)
        or content.digest != digest
        or content.expires_us <= now_us()
    ):
        raise LinkError
    return Link(
        row.object_id, UUID(content.person), content.purpose, tuple(content.roles), content.code_digest
    )


def use(link: Link, actor: Actor) -> None:
    """Close a link because it was used; the caller's transaction does what it was for."""
    content = contents.LinkClosed(link.person.hex, used=True)
    append("accounts.link_closed", content, actor=actor, object_id=link.id)
