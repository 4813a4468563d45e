"""Passkeys: registering, checking and removing them. allauth runs the WebAuthn ceremony; the ledger decides."""

from typing import Any
from uuid import UUID, uuid4

from allauth.mfa.models import Authenticator

from hanse.accounts import contents
from hanse.accounts.models import Issuer, Passkey
from hanse.accounts.proof import last
from hanse.accounts.rules import UnknownPersonError, ask, ask_own, refuse
from hanse.accounts.sessions import end_all
from hanse.accounts.who import person_actor
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.ledger.recorded import Recorded
from hanse.ledger.writing import append, writing
from hanse.policy.decision import STEP_UP_US


def add(person: UUID, name: str, credential: dict[str, Any], actor: Actor) -> Recorded:
    """Write down a passkey whose registration was verified.

    Args:
        person: Whose it is.
        name: What its owner calls it.
        credential: The browser's registration response.
        actor: Who adds it: the person.
    """
    content = contents.PasskeyAdded(person.hex, name[:100] or "Passkey", str(credential["id"]), credential)
    return append("accounts.passkey_added", content, actor=actor, object_id=uuid4())


def add_own(name: str, credential: dict[str, Any], actor: Actor, *, began_us: int) -> Recorded:
    """Add a passkey to one's own account.

    Args:
        name: What its owner calls it.
        credential: The browser's registration response, verified.
        actor: Its owner.
        began_us: When their session was signed in: for the first passkey, that has to be recent.

    Raises:
        RefusedError: A passkey has to be proved first, or, where there is none, the sign-in is too long ago.
    """
    person = UUID(actor.id)
    first = not Passkey.objects.filter(person=person).exists()
    ask_own(actor, person, step_up=not first)
    if first and now_us() - began_us > STEP_UP_US:
        refuse("step-up", "Sign in again, then register your first passkey within five minutes.")
    return add(person, name, credential, actor)


def remove(passkey: UUID, actor: Actor) -> None:
    """Remove a passkey: one's own, or, for an administrator, anybody's.

    Raises:
        UnknownPersonError: There is no such passkey.
        RefusedError: The actor may not, or it is the last way into the account.
    """
    row = Passkey.objects.filter(pk=passkey).first()
    if row is None:
        raise UnknownPersonError("There is no such passkey.")
    if actor.id == row.person_id.hex:
        ask_own(actor, row.person_id)
        others = Passkey.objects.filter(person=row.person_id).exclude(pk=passkey).exists()
        if not others and not Issuer.objects.filter(person=row.person_id).exists():
            refuse("last-one", "It is the last way into your account. Add another passkey first.")
    else:
        ask(actor, "accounts.grant")
    remove_all([row], actor)


def remove_all(rows: list[Passkey], actor: Actor) -> None:
    """Remove passkeys and end the sessions of their owners."""
    with writing():
        for row in rows:
            content = contents.PasskeyRemoved(row.person_id.hex)
            append("accounts.passkey_removed", content, actor=actor, object_id=row.object_id)
        for person in {row.person_id for row in rows}:
            append("accounts.sessions_ended", contents.SessionsEnded(), actor=actor, object_id=person)
            end_all(person)


def holds(authenticator: Authenticator) -> bool:
    """Whether a row with a public key is exactly what a signed entry says, of a person who is active now."""
    row = Passkey.objects.filter(said_by=authenticator.pk).first()
    said = last(row.object_id) if row is not None else None
    if said is None or said.sequence != authenticator.pk:
        return False
    content = said.content
    return (
        isinstance(content, contents.PasskeyAdded)
        and content.person == authenticator.user_id.hex
        and authenticator.type == Authenticator.Type.WEBAUTHN
        and authenticator.data.get("credential") == content.credential
        and person_actor(authenticator.user_id) is not None
    )
