"""The collections of a partner: what is released to it, whole and by kind, and an inbox that takes what it sends."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from hanse.taxii.media import STIX


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection.

    Attributes:
        alias: Its name in addresses that people write.
        title: Its name for people.
        description: What is in it.
        types: STIX types of what is in it; None is any.
        inbox: Whether it takes what the partner sends, and tells nothing.
    """

    alias: str
    title: str
    description: str
    types: tuple[str, ...] | None = None
    inbox: bool = False

    def resource(self, partner: UUID) -> dict[str, Any]:
        """The collection resource (section 5.2.1) of a partner."""
        return {
            "id": str(collection_id(partner, self.alias)), "title": self.title, "description": self.description,
            "alias": self.alias, "can_read": not self.inbox, "can_write": self.inbox,
            "media_types": list(STIX),
        }  # fmt: skip


COLLECTIONS: Final = (
    Collection("everything", "Everything", "Everything that this authority releases to you."),
    Collection("reports", "Reports", "Reports that this authority releases to you.", ("report",)),
    Collection("indicators", "Indicators", "Indicators that this authority releases to you.", ("indicator",)),
    Collection("sightings", "Sightings", "Sightings that this authority releases to you.", ("sighting",)),
    Collection("inbox", "Inbox", "What you send to this authority; it tells nothing.", inbox=True),
)


def collection_id(partner: UUID, alias: str) -> UUID:
    """The id of a partner's collection: the same for ever, and another for each partner."""
    return uuid5(partner, f"taxii/{alias}")


def collection_of(partner: UUID, name: str) -> Collection | None:
    """A partner's collection by its id or its alias; None where the partner has none of that name."""
    for one in COLLECTIONS:
        if name in (one.alias, str(collection_id(partner, one.alias))):
            return one
    return None
