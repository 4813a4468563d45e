"""The values of items as a CSV list that `csv_list` reads again, and in which no spreadsheet calculates."""

from collections.abc import Iterable, Iterator
from typing import Final

from hanse.intel.item import Item
from hanse.intel.reading import facts_of
from hanse.intel.values import shown
from hanse.kernel import units
from hanse.kernel.markings import Marking
from hanse.web.exports import csv_lines

COLUMNS: Final = ("value", "kind", "comment", "tlp", "pap", "confidence", "valid_until", "role", "item")
"""``role`` is the part of the item that names the value; ``item`` is the item's id where it comes from."""


def written(marked: Iterable[tuple[Item, Marking]]) -> Iterator[str]:
    """The lines of a list of all that items name: one row a value and a part that names it.

    The numbers of cards are masked, so that their rows are for reading only.
    """
    yield from csv_lines(COLUMNS, _rows(marked))


def _rows(marked: Iterable[tuple[Item, Marking]]) -> Iterator[tuple[str | int | None, ...]]:
    for item, marking in marked:
        facts = facts_of(item)
        until = "" if facts.valid_until_us is None else units.iso(facts.valid_until_us)
        for value, role in facts.values:
            yield (
                shown(value), value.kind, facts.title, marking.tlp.value, marking.pap.value, facts.confidence, until, role,
                item.source_id,
            )  # fmt: skip
