"""Roles, read from `roles.toml` beside this file."""

import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from hanse.kernel.errors import HanseError
from hanse.kernel.markings import PURPOSES
from hanse.policy.actions import action_named

_FILE: Final = Path(__file__).with_name("roles.toml")


class RoleError(HanseError):
    """`roles.toml` says something that cannot be meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What those who hold a role may do.

    Attributes:
        name: Its name in entries and in `Actor.roles`.
        title: Its name on pages.
        actions: What it may do.
        purposes: What it may use purpose-limited things for.
        oversight: Whether it sees all envelopes, and embargoed bodies only once a second person opened them.
        two_people: Whether giving it takes two people.
        partners: Whether partner authorities have it, and no person can.
    """

    name: str
    title: str
    actions: frozenset[str]
    purposes: frozenset[str]
    oversight: bool = False
    two_people: bool = False
    partners: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """What a set of roles has for one action.

    Attributes:
        role: Name of the first role (by name) that gives the action; empty when none does.
        oversight: Whether a role that oversees gives it.
        ordinary: Whether a role that does not oversee gives it.
        purposes: Purposes of all roles that give it.
    """

    role: str
    oversight: bool
    ordinary: bool
    purposes: frozenset[str]


@cache
def all_roles() -> dict[str, Role]:
    """All roles by name, in the file's order.

    Raises:
        RoleError: When the file has a key or a purpose that is not known.
        UnknownActionError: When a role may do what is no action.
    """
    return read(_FILE.read_text("utf-8"))


@cache
def roles() -> dict[str, Role]:
    """The roles that people can have, by name, in the file's order; errors as of `all_roles`."""
    return {name: role for name, role in all_roles().items() if not role.partners}


def read(text: str) -> dict[str, Role]:
    """The roles that a text in TOML describes; errors as of `all_roles`."""
    found: dict[str, Role] = {}
    for name, values in tomllib.loads(text).items():
        if unknown := values.keys() - {"title", "actions", "purposes", "oversight", "two_people", "partners"}:
            raise RoleError(f"role {name} has the unknown key {min(unknown)!r}. Correct roles.toml.")
        if unknown := set(values["purposes"]) - PURPOSES.keys():
            raise RoleError(f"role {name} has the unknown purpose {min(unknown)!r}. Correct roles.toml.")
        found[name] = Role(
            name=name,
            title=values["title"],
            actions=frozenset(action_named(action).name for action in values["actions"]),
            purposes=frozenset(values["purposes"]),
            oversight=values.get("oversight", False),
            two_people=values.get("two_people", False),
            partners=values.get("partners", False),
        )
    return found


@lru_cache(maxsize=4096)
def grant(held: frozenset[str], action: str) -> Grant:
    """What those who hold these roles have for an action; roles that no longer exist give nothing."""
    giving = [role for name, role in sorted(all_roles().items()) if name in held and action in role.actions]
    if not giving:
        return Grant("", oversight=False, ordinary=False, purposes=frozenset())
    return Grant(
        giving[0].name,
        oversight=any(role.oversight for role in giving),
        ordinary=any(not role.oversight for role in giving),
        purposes=frozenset().union(*(role.purposes for role in giving)),
    )
