"""Who says something, by name: items name their creators by ids, which only the creators' own items explain."""

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from hanse.intel import telling
from hanse.intel.models import Item
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, is_at_least


class Creator(NamedTuple):
    """Who says something.

    Attributes:
        name: By name.
        item: The item that says so; None for this authority.
        marking: The marking of the name.
    """

    name: str
    item: UUID | None
    marking: Marking | None


def creators(ids: Iterable[str], actor: Actor) -> dict[str, Creator]:
    """The creators of some ids, as far as the actor may see the items that name them."""
    wanted = {one for one in ids if one.startswith("identity--")}
    found = {}
    if wanted:
        rows = Item.objects.for_actor(actor, "intel.view").filter(source_id__in=wanted, type="identity")
        found = {
            row.source_id: Creator(row.title, row.pk, row.marking.marking)
            for row in rows.select_related("marking").order_by("-number")
            if row.title
        }
    return found


def named(creator: str, format_: str, known: dict[str, Creator]) -> Creator | None:
    """Who says an item; None where nothing here knows the id.

    Args:
        creator: The id that the item has.
        format_: As what the item came: only what was written here is said by this authority, whatever a file claims.
        known: Of `creators`.
    """
    if creator != telling.creator():
        return known.get(creator)
    name = str(settings.HANSE_NODE.name)
    return Creator(name if format_ == "own" else _("%s, as the file claims") % name, None, None)


def signed_by(row: Item) -> Creator | None:
    """The partner that says an item, where it has signed that itself: no item has to explain its id."""
    return Creator(row.origin, None, None) if row.first_hand else None


def name_creators(rows: Iterable[Any], actor: Actor) -> None:
    """Give each of some items the name of who says it, as `said_by`, where it is known and marked no stricter than the item."""
    held = list(rows)
    known = creators([row.creator for row in held], actor)
    for row in held:
        one = signed_by(row) or named(row.creator, row.format, known)
        if one is not None and (one.marking is None or is_at_least(row.marking.marking, one.marking)):
            row.said_by = one.name
