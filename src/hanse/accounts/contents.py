"""What entries about people hold. Ids are UUIDs in hexadecimal, times microseconds UTC."""

from typing import Any

import msgspec

from hanse.kernel.clock import Moment


class Invited(msgspec.Struct):
    """A person is to come; the object is the person."""

    name: str
    email: str = ""


class LinkMade(msgspec.Struct):
    """A one-time link for a person; the object is the link.

    Attributes:
        person: Whose it is.
        purpose: ``join`` or ``recover``.
        digest: SHA-256 of the secret in it, hexadecimal.
        roles: Roles that joining gives.
        expires_us: Until when it can be used.
        code_digest: SHA-256 of the code that is asked for beside it; empty where none is.
    """

    person: str
    purpose: str
    digest: str
    roles: list[str]
    expires_us: Moment
    code_digest: str = ""


class LinkClosed(msgspec.Struct):
    """A one-time link was used, or replaced by another."""

    person: str
    used: bool


class Joined(msgspec.Struct):
    """A person signed in for the first time, under a name they chose; the object is the person."""

    name: str


class Renamed(msgspec.Struct):
    """A person has another name or address to write to; the object is the person."""

    name: str
    email: str = ""


class Preferred(msgspec.Struct):
    """How a person wants the pages; the object is the person."""

    language: str
    theme: str


class Deactivated(msgspec.Struct):
    """A person may not sign in any more; the object is the person."""


class Reactivated(msgspec.Struct):
    """A person may sign in again; the object is the person."""

    proposal: str = ""


class SessionsEnded(msgspec.Struct):
    """All sessions of a person end; the object is the person."""


class RoleGranted(msgspec.Struct):
    """A person has a role; the object is the grant. `proposal` is what a second person approved."""

    person: str
    role: str
    proposal: str = ""


class RoleRevoked(msgspec.Struct):
    """A person no longer has a role; the object is the grant."""

    person: str
    role: str


class TeamMade(msgspec.Struct):
    """A need-to-know team; the object is the team."""

    name: str


class TeamClosed(msgspec.Struct):
    """A team takes nobody in any more; the object is the team."""


class TeamJoined(msgspec.Struct):
    """A person is in a team; the object is the membership."""

    team: str
    person: str
    proposal: str = ""


class TeamLeft(msgspec.Struct):
    """A person is no longer in a team; the object is the membership."""

    team: str
    person: str


class PasskeyAdded(msgspec.Struct):
    """A passkey opens a person's account; the object is the passkey.

    Attributes:
        person: Whose it is.
        name: What its owner calls it.
        credential_id: WebAuthn credential id, base64url.
        credential: The browser's registration response, which holds the public key.
    """

    person: str
    name: str
    credential_id: str
    credential: dict[str, Any]


class PasskeyRemoved(msgspec.Struct):
    """A passkey opens nothing any more; the object is the passkey."""

    person: str


class IssuerBound(msgspec.Struct):
    """A person is who an OpenID Connect issuer calls by a subject; the object is the binding."""

    person: str
    issuer: str
    subject: str


class IssuerUnbound(msgspec.Struct):
    """An issuer's subject is nobody here any more; the object is the binding."""

    person: str


class TokenMade(msgspec.Struct):
    """A token for the API; the object is the token. `digest` is SHA-256 of it, hexadecimal."""

    person: str
    name: str
    digest: str
    scopes: list[str]
    expires_us: Moment


class TokenRevoked(msgspec.Struct):
    """A token holds no more; the object is the token."""

    person: str


class SignedIn(msgspec.Struct):
    """A person signed in; `method` is ``passkey``, ``link`` or the issuer's URL. The object is the sign-in."""

    person: str
    method: str


class Proposed(msgspec.Struct):
    """One person proposes something that takes two; the object is the proposal."""

    action: str
    subject: dict[str, Any]
    expires_us: Moment


class Decided(msgspec.Struct):
    """A proposal was approved, refused or withdrawn, as the entry's kind says; the object is the proposal."""

    words: str = ""


class Opened(msgspec.Struct):
    """An embargoed object may be read by a person who oversees, until a time."""

    opened: str
    person: str
    until_us: Moment
    proposal: str


class Consulted(msgspec.Struct):
    """Objects were consulted or disclosed; the entry's reason and recipient go with it."""

    action: str
    objects: list[str]
    recipient: str = ""
