"""Items as things that can be cited."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.urls import reverse

from hanse.intel import models, own_bundle, service, telling
from hanse.intel.cited import Sort, Thing
from hanse.intel.item import STIX
from hanse.intel.own import Cite
from hanse.intel.source_marking import definitions_of, marking_ids
from hanse.kernel.actors import Actor


def _thing(row: models.Item) -> Thing:
    """An item; one that is sealed is called by its id."""
    return Thing(
        Cite("item", row.pk.hex, row.source_id), str(row), reverse("intel:item", args=[row.pk]), row.marking.marking,
        frozenset({row.team} - {""}),
    )  # fmt: skip


def _seen(actor: Actor, ids: Sequence[UUID]) -> list[Thing]:
    rows = models.Item.objects.for_actor(actor, "intel.view").filter(pk__in=ids)
    return [_thing(row) for row in rows.select_related("marking")]


def _on_record(ids: Sequence[UUID]) -> list[Thing]:
    return [_thing(row) for row in models.Item.projected.filter(pk__in=ids).select_related("marking")]


def _objects(object_id: UUID, actor: Actor) -> list[dict[str, Any]]:
    """An item in STIX, marked as it is here besides as it came; nothing of one that is in no words of STIX."""
    rows = models.Item.objects.for_actor(actor, "intel.export").filter(pk=object_id)
    row = rows.select_related("marking").first()
    if row is None or row.format not in STIX:
        return []
    item, marking = service.item_of(row), row.marking.marking
    if item.format == "own":
        return own_bundle.objects([(item, marking)], None)
    definitions = definitions_of(marking, telling.creator())
    refs = dict.fromkeys([*telling.marking_refs(marking), *marking_ids(item.raw)])
    return [telling.identity(), *definitions, {**item.raw, "object_marking_refs": list(refs)}]


SORT = Sort("item", _seen, _on_record, _objects)
