"""What follows from an item alone, whatever its format: its facts, and what tells it from others."""

from typing import NamedTuple

import msgspec

from hanse.intel import csv_list, fingerprint, misp_facts, stix_facts
from hanse.intel.facts import Facts
from hanse.intel.item import Heading, Item
from hanse.ledger.objects import digest

READERS = {
    "stix": stix_facts.facts,
    "own": stix_facts.facts,
    "partner": stix_facts.facts,
    "misp": misp_facts.facts,
    "csv": csv_list.facts,
    "ddosdb": fingerprint.facts,
}
"""By format; what is written here and what partners share is STIX."""


class Known(NamedTuple):
    """An item, with what follows from it.

    Attributes:
        item: The item, or its heading where what it is written from is at hand.
        facts: What is known of it.
        digest: What tells whether another says the same, as `digest_of` has it.
    """

    item: Heading
    facts: Facts
    digest: str


def facts_of(item: Item) -> Facts:
    """What is known of an item."""
    return READERS[item.format](item.type, item.raw)


def digest_of(item: Item) -> str:
    """What tells whether an item says the same as another.

    Everything counts but by which import it came, where it stood in it, and what the import says of its source.
    """
    return digest(msgspec.structs.replace(item, batch="", place=0, grade="", team=""))


def known(item: Item) -> Known:
    """An item, with what follows from it."""
    return Known(item, facts_of(item), digest_of(item))
