"""What was written here as a bundle that says all of it: who tells it, how it is marked, its values, and what it cites.

It is a file for whoever takes it out, and keeps the ids that things have here: what is cited stands in it too, as far as
this person may take that out, and joins what else they take out. Whom they give it to is theirs to decide; what the node
itself gives others goes without these ids (`for_others`).
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from hanse.intel import cited, own, recalled_cites, telling
from hanse.intel.item import Item
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking


def objects(held: Iterable[tuple[Item, Marking]], actor: Actor | None) -> list[dict[str, Any]]:
    """The STIX objects of items that were written here, each before those that name it.

    Args:
        held: The items, with the markings that they have now.
        actor: Who takes them out: what is cited goes along as far as they may take that out, and a note says what its
            originator recalled; None for nothing of it.
    """
    items = list(held)
    told: list[dict[str, Any]] = []
    for item, marking in items:
        written = own.typed(item.raw)
        if item.type == "report":
            told += own.observables(written.values)
        along = {}
        for one in written.cites:
            if actor is not None and one.sort in cited.sorts:
                along[one] = cited.sorts[one.sort].objects(UUID(one.object), actor)
                told += along[one]
        whole = marked(item.raw, marking)
        told.append(whole)
        if actor is not None:
            gone = recalled_cites.recalled(written.cites, item.team, actor, "intel.export")
            told += [
                recalled_cites.note(one, gone[UUID(one.object)], whole)
                for one in written.cites
                if UUID(one.object) in gone and not along.get(one)
            ]
    head = telling.head({marking.text: marking for _, marking in items})
    return telling.once([*head, *told])


def marked(raw: dict[str, Any], marking: Marking) -> dict[str, Any]:
    """An object that says how it is marked now, which is no part of what was written."""
    return {**raw, "object_marking_refs": list(telling.marking_refs(marking))}
