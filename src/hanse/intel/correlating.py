"""What items have in common, by value: the postings of a value, within what the reader may see.

No pairs are kept: a value's items are looked up when somebody looks, at most `MOST` of them, so that a value that
ten thousand items name costs what one with ten costs.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.conf import settings

from hanse.intel import models, noise, twins, warninglists
from hanse.intel.projecting import value_id
from hanse.intel.values import Value
from hanse.intel.within_view import View, naming, view_of
from hanse.kernel import units
from hanse.kernel.actors import Actor

MOST = 1_000
"""Items of one value that are counted; beyond it is common, and the count says ``1 000+``."""
SHOWN = 20
"""Items of one value that are shown."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """A value that an item shares with others.

    Attributes:
        value: The value; its text is None where only sealed items name it.
        id: Its id.
        items: The others that name it, the newest first, at most `SHOWN`.
        count: How many others the reader may see, at most `MOST`.
        of: Among how many items.
        weight: How much it says: the logarithm to base 2 of how rare it is among what the reader may see.
        words: How rare it is.
        lists: Public lists of well-known values that name it.
        undone: The decision that it is no correlation here; None where nobody has said so.
    """

    value: Value
    id: int
    items: tuple[models.Item, ...]
    count: int
    of: int
    weight: float
    words: str
    lists: tuple[str, ...] = ()
    undone: UUID | None = None


def of_item(item: models.Item, named: Iterable[Value], actor: Actor) -> list[Correlation]:
    """What an item shares with others that the actor may see, what says most first.

    Args:
        item: The item, which the actor may see.
        named: Its values.
        actor: The reader.
    """
    wanted = {value_id(value): value for value in named if not noise.reason(value)}
    view = view_of(actor)
    undone = _undone(wanted, item.number)
    naming_it = {number: naming([number], view, MOST, beside=item.number) for number in wanted}
    twice = twins.repeated({one for rows in naming_it.values() for one in rows}, item, actor)
    found = [
        _of_value(number, wanted[number], others, view, actor, undone=undone.get(number))
        for number, rows in naming_it.items()
        if (others := [one for one in rows if one not in twice])
    ]
    return sorted(found, key=lambda one: (one.undone is not None, -one.weight, one.value))


def items_naming(value: int, actor: Actor, limit: int = SHOWN) -> list[models.Item]:
    """The items that name a value and that an actor may see, the newest first."""
    numbers = naming([value], view_of(actor), limit)
    rows = twins.once(actor).filter(number__in=numbers)
    return list(rows.select_related("marking").order_by("-number"))


def cache_folder() -> Path:
    """Where the index of warninglists is kept."""
    home: Path = settings.HANSE_NODE.home
    return home / "cache"


def index_lists() -> None:
    """Make the index of warninglists once there is something to ask about; the worker calls it."""
    if models.Item.projected.exists() and not warninglists.is_current(cache_folder()):
        warninglists.build(cache_folder())


def _of_value(
    number: int, value: Value, rows: Sequence[int], view: View, actor: Actor, *, undone: UUID | None
) -> Correlation:
    """What the items of some numbers share by a value."""
    count, of = len(rows), view.items
    share = (count + 1) / max(of, count + 1)
    words = (
        f"{units.count(MOST)}+ of {units.count(of)} items that you may see name it"
        if count >= MOST
        else f"{units.count(count + 1)} of {units.count(of)} items that you may see name it"
    )
    shown = models.Item.objects.for_actor(actor, "intel.view").filter(number__in=rows[:SHOWN])
    items = tuple(shown.select_related("marking").order_by("-number"))
    return Correlation(
        value,
        number,
        items,
        count,
        of,
        -math.log2(share),
        words,
        warninglists.naming(value, cache_folder()),
        undone,
    )


def _undone(values: Iterable[int], item: int) -> dict[int, UUID]:
    """By value, the decision that it is no correlation, everywhere or in this item."""
    rows = models.Undone.objects.filter(value__in=list(values)).order_by("sequence")
    return {row.value: row.pk for row in rows if row.item in {None, item}}


def by_id(object_id: UUID, actor: Actor) -> models.Item:
    """One item that the actor may see.

    Raises:
        NotVisibleError: There is none, or it is not for the actor to see.
    """
    return models.Item.objects.get_for(actor, "intel.view", object_id)
