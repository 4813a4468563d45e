"""One thing that came by several ways: the same STIX id from partners, from a file or a feed, or written here.

Each stays an item of its own, with its own marking, and goes by itself when who sent it recalls it. Of those that a
reader may see, lists, searches and correlations count one, and its page names the others. What was written here or
brought in counts before what a partner shared, and of partners the one that created the thing, then the first. What
names another creator is not the same thing, whatever its id: nobody puts anything out of sight by sending something
under its id.
"""

from collections.abc import Collection, Sequence

from django.db import connections
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.lookups import Exact

from hanse.intel import models
from hanse.intel.item import STIX
from hanse.kernel.actors import Actor
from hanse.ledger.among import among_numbers
from hanse.ledger.routing import database

MOST = 200
"""Things that one item names, or others of one id, that are looked up at most."""


def once(actor: Actor, action: str = "intel.view") -> "QuerySet[models.Item]":
    """The items that an actor may see, each thing once."""
    seen = models.Item.objects.for_actor(actor, action)
    return seen.exclude(Q(format="partner") & Q(Exists(_before(actor, action))))


def others(row: models.Item, actor: Actor) -> "list[models.Item]":
    """The same thing as an item by other ways, as far as an actor may see it, the first first."""
    if row.format not in STIX:
        return []
    seen = models.Item.objects.for_actor(actor, "intel.view").filter(source_id=row.source_id, format__in=STIX)
    return list(seen.exclude(pk=row.pk).select_related("marking").order_by("number")[:MOST])


def repeated(numbers: Collection[int], row: models.Item | None, actor: Actor) -> set[int]:
    """Of items that an actor may see, those that are not counted: the same thing as `row`, or as another of them."""
    if not numbers:
        return set()
    seen = models.Item.objects.for_actor(actor, "intel.view")
    twice: set[int] = set()
    if row is not None and row.format in STIX:
        same = seen.filter(source_id=row.source_id, format__in=STIX, creator__in=("", row.creator))
        twice = set(same.values_list("number", flat=True)).intersection(numbers)
    if partners := _of_partners(numbers):
        some = seen.filter(number__in=among_numbers(partners)).filter(Exists(_before(actor, "intel.view")))
        twice |= set(some.values_list("number", flat=True))
    return twice


def _of_partners(numbers: Collection[int]) -> set[int]:
    """Of some items, those that came from partners: found in an index that has no others.

    The rows of a thousand items lie all over a large table; reading them takes ten times as long as this.
    """
    given = among_numbers(numbers)
    sqlite = connections[database()].vendor == "sqlite"
    by = " INDEXED BY intel_item_partner" if sqlite else ""
    with connections[database()].cursor() as cursor:
        cursor.execute(
            f"SELECT number FROM intel_item{by} WHERE format = 'partner' AND number IN ({given.sql})",  # noqa: S608 - text of this file
            given.params,
        )
        return {number for (number,) in cursor.fetchall()}


def of_ids(ids: Sequence[str], actor: Actor) -> "list[models.Item]":
    """The STIX items of some ids that an actor may see, each thing once, in the order of their coming."""
    found = once(actor).filter(source_id__in=list(dict.fromkeys(ids))[:MOST], format__in=STIX)
    return list(found.select_related("marking").order_by("number"))


def _before(actor: Actor, action: str) -> "QuerySet[models.Item]":
    """What counts before a partner's item: the same thing, as the same creator says it."""
    seen = models.Item.objects.for_actor(actor, action).filter(source_id=OuterRef("source_id"))
    said = Q(creator=OuterRef("creator")) | Q(Exact(OuterRef("creator"), Value("")))
    sooner = Q(first_hand__gt=OuterRef("first_hand")) | Q(
        first_hand=OuterRef("first_hand"), number__lt=OuterRef("number")
    )
    return seen.filter(said).filter(Q(format__in=("stix", "own")) | (Q(format="partner") & sooner))
