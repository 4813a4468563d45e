"""A STIX object as partners get it, and as the item that it is for who gets it."""

from typing import Any

import msgspec

from hanse.intel.item import Item
from hanse.intel.reading import Known, known
from hanse.intel.stix_bundle import version_of


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """A STIX object as a partner gets it.

    Attributes:
        object: The object.
        grade: What the one who shares it thinks of its source, such as ``admiralty B2``; empty for nothing.
        confidence: How far it believes it, 0 to 100; None for unsaid.
        withheld: Names of the parts that it left out.
    """

    object: dict[str, Any]
    grade: str = ""
    confidence: int | None = None
    withheld: tuple[str, ...] = ()


def item_in(content: Shared) -> Item:
    """A partner's item."""
    raw = content.object
    return Item(
        format="partner", type=raw["type"], source_id=raw["id"], source_version=version_of(raw.get("modified")), raw=raw,
        grade=content.grade,
    )  # fmt: skip


def known_of(content: Shared) -> Known:
    """A partner's item with what follows from it; the confidence of who shares it counts."""
    told = known(item_in(content))
    if content.confidence is None:
        return told
    facts = told.facts._replace(confidence=content.confidence)  # noqa: SLF001 - public, of a named tuple
    return Known(told.item, facts, told.digest)
