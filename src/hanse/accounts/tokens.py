"""Tokens for the API: shown once, kept as a hash, limited to actions and to a time."""

import secrets
from collections.abc import Iterable
from hashlib import sha256
from uuid import UUID, uuid4

from hanse.accounts import contents
from hanse.accounts.approvals import withdraw_all_of
from hanse.accounts.models import Token
from hanse.accounts.rules import UnknownPersonError, ask, ask_own
from hanse.accounts.who import TOKEN_PREFIX
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.writing import append, writing
from hanse.policy.actions import ACTIONS
from hanse.policy.roles import grant

DAY_US = 86_400 * 1_000_000
LONGEST_DAYS = 365
"""A token is made anew at least once a year."""


def possible(actor: Actor) -> list[str]:
    """Actions that a token of the actor can have: theirs, without those that want a passkey or a second person."""
    return [
        name
        for name, action in ACTIONS.items()
        if grant(actor.roles, name).role and not action.step_up and not action.second_person
    ]


def make(name: str, scopes: Iterable[str], days: int, actor: Actor) -> str:
    """Make a token and return it: it is shown once and kept nowhere.

    Args:
        name: What it is for.
        scopes: Actions that it is limited to.
        days: How long it holds, 1 to 365.
        actor: Whose it is; it never can more than they can.

    Raises:
        UsageError: The name, a scope or the time cannot be meant.
        RefusedError: The actor may make none, or has to prove a passkey first.
    """
    ask(actor, "accounts.tokens")
    ask_own(actor, UUID(actor.id))
    wanted = sorted(set(scopes))
    if not name.strip() or not wanted:
        raise UsageError("A token needs a name and at least one action.")
    if unknown := sorted(set(wanted) - set(possible(actor))):
        raise UsageError(f"A token of yours cannot have {', '.join(unknown)}.")
    if not 1 <= days <= LONGEST_DAYS:
        raise UsageError(f"A token holds between 1 and {LONGEST_DAYS} days.")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    content = contents.TokenMade(
        actor.id, name.strip()[:100], sha256(secret.encode()).hexdigest(), wanted, now_us() + days * DAY_US
    )
    append("accounts.token_made", content, actor=actor, object_id=uuid4())
    return secret


def revoke(token: UUID, actor: Actor) -> None:
    """Revoke a token: one's own, or, for an administrator, anybody's; what tokens of theirs proposed is withdrawn.

    Raises:
        UnknownPersonError: There is no such token.
        RefusedError: The actor may not.
    """
    row = Token.objects.filter(pk=token).first()
    if row is None:
        raise UnknownPersonError("There is no such token.")
    if actor.id == row.person_id.hex:
        ask_own(actor, row.person_id, step_up=False)
    else:
        ask(actor, "accounts.grant")
    with writing():
        content = contents.TokenRevoked(row.person_id.hex)
        append("accounts.token_revoked", content, actor=actor, object_id=token)
        # Which of their tokens proposed something is not on record: what is meant is proposed anew.
        withdraw_all_of(row.person_id, "A token of theirs was revoked.", actor, tokens=True)
