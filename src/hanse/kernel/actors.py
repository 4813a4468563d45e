"""Actors: on whose behalf something is done, with all that policy needs to know of them."""

import re
from dataclasses import dataclass
from typing import Final, Literal

_AUTHORITY: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?")
AUTHORITY_ID: Final = "lower-case letters, digits, dots and dashes, such as fi-cert"
"""What ids of authorities are made of, in words."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that acts on a node.

    Attributes:
        kind: A person of this authority, a token that a person made, the node itself, or a partner authority.
        id: Id of the person, also where a token of theirs acts, of the part of the node, or of the partner; the
            ledger keeps it.
        name: The name to show.
        authority: Id of the authority that the actor belongs to.
        country: State of that authority, ISO 3166 with two capital letters; empty where it has none.
        tier: Tier of that authority, one of `hanse.kernel.markings.TIERS`.
        roles: Names of roles, as in `policy/roles.toml`.
        teams: Ids of the need-to-know teams that the actor is in.
        scopes: Actions that a token is limited to; None for what is no token.
        token: Id of the token; empty for what is no token.
        stepped_up_us: When the person last proved a passkey for an action, microseconds UTC; None is never.
    """

    kind: Literal["person", "token", "system", "partner"]
    id: str
    name: str
    authority: str
    country: str = ""
    tier: str = "member"
    roles: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    token: str = ""
    stepped_up_us: int | None = None


def is_authority_id(text: str) -> bool:
    """Whether a text can be the id of an authority: a node's, a partner's, or one that fetches at the open edge.

    Ids are compared as they are written: two that differ in capitals alone would be two authorities, and a release to the
    one would never reach the other.
    """
    return _AUTHORITY.fullmatch(text) is not None


def system(part: str, authority: str, country: str = "", tier: str = "member") -> Actor:
    """The node itself, acting through one of its parts, such as the collector or the worker.

    It works on everything inside the node; what leaves the node is held back by markings as for people.
    """
    return Actor("system", f"system:{part}", part, authority, country, tier)
