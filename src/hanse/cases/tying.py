"""What a case can be tied to: how things of other rooms are found and shown. Rooms above register theirs here."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.urls import reverse

from hanse.intel.models import Item
from hanse.intel.service import title_of
from hanse.kernel.actors import Actor

if TYPE_CHECKING:
    from hanse.cases.models import Link

AT_ONCE = 500
"""Things that are asked for in one query."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a case is tied to, as one reader may see it.

    Attributes:
        id: Its object's id.
        label: What it is called.
        url: Its page.
        action: The action that it is looked at by.
        row: Its row, with its marking.
    """

    id: UUID
    label: str
    url: str
    action: str
    row: Any


Find = Callable[[Sequence[UUID], Actor], list[Thing]]
"""Given ids and who looks, those of them that the actor may see."""


def _items(ids: Sequence[UUID], actor: Actor) -> list[Thing]:
    seen = Item.objects.for_actor(actor, "intel.view").filter(pk__in=ids).select_related("marking")
    return [
        Thing(row.pk, title_of(row), reverse("intel:item", args=[row.pk]), "intel.view", row) for row in seen
    ]


sorts: dict[str, Find] = {"item": _items}
"""By a key of `words.TIED`, how such things are found."""


def shown(sort: str, ids: Sequence[UUID], actor: Actor) -> dict[UUID, Thing]:
    """Those of some things that an actor may see, by id."""
    find = sorts.get(sort)
    if find is None:
        return {}
    return {one.id: one for at in range(0, len(ids), AT_ONCE) for one in find(ids[at : at + AT_ONCE], actor)}


def targets(links: "Iterable[Link]", actor: Actor) -> dict[UUID, Thing]:
    """What links lead to, as far as an actor may see it, by id."""
    named: dict[str, list[UUID]] = {}
    for one in links:
        named.setdefault(one.sort, []).append(UUID(one.target))
    found: dict[UUID, Thing] = {}
    for sort, ids in named.items():
        found |= shown(sort, ids, actor)
    return found


def sort_of(one: UUID, actor: Actor) -> str:
    """Which sort of thing an id is of, among those that the actor may see; empty for none."""
    return next((sort for sort in sorts if one in shown(sort, [one], actor)), "")
