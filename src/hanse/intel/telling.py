"""Who tells what in STIX, when, and how it is marked: the head of every bundle that this node writes of its own."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Max, Min

from hanse.intel import source_marking, stix_extension
from hanse.intel.stix_extension import Telling
from hanse.kernel import units
from hanse.kernel.markings import Marking
from hanse.ledger.identity import authority
from hanse.ledger.models import Entry


def identity() -> dict[str, Any]:
    """This authority as a STIX identity."""
    return stix_extension.identity(authority(), settings.HANSE_NODE.name)


def creator() -> str:
    """Id of this authority's identity."""
    return stix_extension.identity_id(authority())


def head(markings: dict[str, Marking]) -> list[dict[str, Any]]:
    """What every bundle begins with: the extension and its authors, this authority, and the markings that it uses.

    Args:
        markings: The markings that the bundle's objects carry, by their texts.
    """
    definitions = [
        one for text in sorted(markings) for one in source_marking.definitions_of(markings[text], creator())
    ]
    return [stix_extension.authors(), stix_extension.definition(), identity(), *definitions]


def marking_refs(marking: Marking) -> tuple[str, ...]:
    """Ids of the definitions that tell a marking."""
    return tuple(one["id"] for one in source_marking.definitions_of(marking, creator()))


def of(object_id: UUID, marking: Marking) -> Telling:
    """How this node tells an object of its ledger: when it was first recorded, and when last.

    Args:
        object_id: The object.
        marking: The marking that it is told with.
    """
    times = Entry.objects.filter(object_id=object_id).aggregate(first=Min("time_us"), last=Max("time_us"))
    first, last = (units.iso(times[name] or 0) for name in ("first", "last"))
    return Telling(authority(), first, last, marking_refs(marking))


def once(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each object once, in order; of two with one id the first stays."""
    told: dict[str, dict[str, Any]] = {}
    for one in objects:
        told.setdefault(one["id"], one)
    return list(told.values())
