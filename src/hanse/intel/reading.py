"""Which reader knows the facts of which format."""

from hanse.intel import csv_list, fingerprint, misp_facts, stix_facts
from hanse.intel.facts import Facts
from hanse.intel.item import Item

READERS = {
    "stix": stix_facts.facts,
    "own": stix_facts.facts,
    "misp": misp_facts.facts,
    "csv": csv_list.facts,
    "ddosdb": fingerprint.facts,
}
"""By format; what is written here is STIX of our own."""


def facts_of(item: Item) -> Facts:
    """What is known of an item."""
    return READERS[item.format](item.type, item.raw)
