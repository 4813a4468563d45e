"""What can be cited, whichever room it is in: rooms above register their things here when Django starts.

A report rests on what it cites: it is never marked weaker, and belongs to the team that alone may know of it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from hanse.intel.own import Cite
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking


class Thing(NamedTuple):
    """Something that can be cited.

    Attributes:
        cite: By which it is cited.
        title: What it is called.
        url: Its page.
        marking: Its marking.
        teams: Ids of the need-to-know teams that alone may know of it, or of a part of it.
    """

    cite: Cite
    title: str
    url: str
    marking: Marking
    teams: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of things.

    Attributes:
        name: Such as ``attack``.
        seen: Given who looks and ids, those of them that they may see.
        on_record: Given ids, those that are on record, for the node's own use.
        objects: Given an id and who takes it, its STIX objects; none where it may not leave.
    """

    name: str
    seen: Callable[[Actor, Sequence[UUID]], list[Thing]]
    on_record: Callable[[Sequence[UUID]], list[Thing]]
    objects: Callable[[UUID, Actor], list[dict[str, Any]]]


sorts: dict[str, Sort] = {}
"""By name."""


def register(sort: Sort) -> None:
    """Make a sort of things known to this process."""
    sorts[sort.name] = sort


def seen(ids: Iterable[UUID], actor: Actor) -> dict[UUID, Thing]:
    """Things that an actor may see, by id, in the order of the ids; what they may not see is left out."""
    wanted = list(dict.fromkeys(ids))
    found = {UUID(one.cite.object): one for sort in sorts.values() for one in sort.seen(actor, wanted)}
    return {one: found[one] for one in wanted if one in found}


def cited(ids: Iterable[UUID], actor: Actor) -> list[Thing]:
    """Things that an actor cites.

    Raises:
        UsageError: One of them is not there, or not for the actor to see; the two are not told apart.
    """
    wanted = list(dict.fromkeys(ids))
    found = seen(wanted, actor)
    if missing := [one for one in wanted if one not in found]:
        raise UsageError(
            f"{missing[0]} is nothing that you may cite: no attack, campaign or item that you may see. Copy the address "
            "of its page."
        )
    return list(found.values())


def on_record(cites: Iterable[Cite]) -> list[Thing]:
    """What is cited, for the node's own use; what is gone is left out."""
    by_sort: dict[str, list[UUID]] = {}
    for one in cites:
        by_sort.setdefault(one.sort, []).append(UUID(one.object))
    return [thing for name, ids in by_sort.items() if name in sorts for thing in sorts[name].on_record(ids)]


def team_of(things: Iterable[Thing], wanted: str) -> str:
    """The team that what rests on things belongs to.

    Args:
        things: What it rests on.
        wanted: Id of the team that was chosen; empty for none.

    Raises:
        UsageError: They belong to several teams, or to another than the chosen one.
    """
    teams = {team for one in things for team in one.teams if team}
    if not teams:
        return wanted
    if len(teams) > 1:
        raise UsageError(
            "It cites things of several need-to-know teams: nobody may know all of it. Write one report for each team."
        )
    (only,) = teams
    if wanted not in {"", only}:
        raise UsageError(
            "It cites something of another need-to-know team. Choose the team of what it cites, or cite something else."
        )
    return only
