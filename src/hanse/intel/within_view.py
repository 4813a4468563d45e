"""Look-ups of values that what the reader may not see takes no part in, neither in their answer nor in their time.

Postings stand in the order of value, holding and item. A look-up reads the newest of each holding that the reader may
see, and never touches another.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from django.db import connections

from hanse.intel import models
from hanse.kernel.actors import Actor
from hanse.ledger.routing import database

_APART: Final = 200
"""Pairs of value and holding that are read one by one; SQLite takes 500 parts of a compound statement at most."""


class View(NamedTuple):
    """What of all items a reader may see.

    Attributes:
        holdings: Ids of the holdings.
        items: How many items are in them.
    """

    holdings: tuple[int, ...]
    items: int


def view_of(actor: Actor, action: str = "intel.view") -> View:
    """The holdings with which an actor may do an action."""
    found = models.Holding.objects.few_for(actor, action)
    return View(tuple(row.pk for row, _ in found), sum(row.items for row, _ in found))


def naming(values: Sequence[int], view: View, most: int, *, beside: int | None = None) -> list[int]:
    """Numbers of the items in a view that name any of some values, the newest first, each once.

    Args:
        values: Ids of the values.
        view: What the reader may see.
        most: How many at most.
        beside: Number of an item to leave out.
    """
    pairs = [(value, holding) for value in values for holding in view.holdings]
    if not pairs:
        return []
    if len(pairs) <= _APART:
        # A limit for each: many postings of one value cost no more than a thousand.
        part = "SELECT item FROM (SELECT DISTINCT item FROM intel_posting WHERE value = %s AND holding = %s ORDER BY item DESC LIMIT %s) AS part"
        inner = " UNION ALL ".join([part] * len(pairs))
        told: list[Any] = [given for pair in pairs for given in (*pair, most + 1)]
    else:
        marks = [", ".join(["%s"] * len(some)) for some in (values, view.holdings)]
        inner = f"SELECT item FROM intel_posting WHERE value IN ({marks[0]}) AND holding IN ({marks[1]})"  # noqa: S608 - marks alone
        told = [*values, *view.holdings]
    return _newest(inner, told, most, beside)


def _newest(inner: str, told: Sequence[Any], most: int, beside: int | None) -> list[int]:
    query = f"SELECT DISTINCT item FROM ({inner}) AS found ORDER BY item DESC LIMIT {most + 1}"  # noqa: S608 - numbers of this program
    with connections[database()].cursor() as cursor:
        cursor.execute(query, list(told))
        return [number for (number,) in cursor.fetchall() if number != beside][:most]
