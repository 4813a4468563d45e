"""What stood in cases, by the entries that brought it, and what the ledger says of that which was purged since."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final
from uuid import UUID

from hanse.cases.contents import SelectorAdded
from hanse.cases.models import Happening
from hanse.intel.values import Value
from hanse.kernel.errors import HanseError
from hanse.ledger.among import among, among_numbers
from hanse.ledger.kinds import kind_of
from hanse.ledger.models import Entry
from hanse.ledger.reading import content_of
from hanse.matching.alike import keys_of

_log = logging.getLogger(__name__)

ADDED: Final = "cases.selector_added"
OF_ONE: Final = 64
"""Points that one selector can have in a run or a day: itself, and the keys of its name."""
_LAST: Final = 2**63
"""No entry has this number: columns take none so large."""
_CLOSED: Final = "{} not open that brought selectors into cases: what they brought counts as invented. Run `hanse node fsck`."


def brought_by(entry: Entry) -> set[Value]:
    """What may be compared of the selector that an entry brought: itself, and the keys of a name."""
    content = content_of(entry, entry.body, kind_of(ADDED))
    assert isinstance(content, SelectorAdded)  # noqa: S101 - the kind says so
    value = Value(content.kind, content.text)
    return {value, *keys_of(value)}


def on_record(before: int) -> tuple[dict[Value, int], list[str]]:
    """All that stood in a case before an entry, whether it is still there or not, with the keys of names; since which entry.

    And a sentence on entries that do not open: else who alters one keeps all that was ever compared from being done again.
    """
    found: dict[Value, int] = {}
    entries = Entry.objects.filter(kind=ADDED, sequence__lt=before, body__isnull=False).select_related("body")
    read = 0
    for entry, values in _readable(entries.order_by("sequence").iterator()):
        read += 1
        for value in values:
            found.setdefault(value, entry.sequence)
    closed = entries.count() - read
    if not closed:
        return found, []
    return found, [_CLOSED.format(f"{closed:,} entries do" if closed > 1 else "1 entry does")]


def of_purged(purged: Sequence[UUID]) -> dict[Value, int]:
    """What may have been compared of selectors that are purged, taken out of their case before or not; each by its entry."""
    parts = Happening.objects.filter(case__in=among(purged)).values_list("object_id", flat=True)
    some = among({*purged, *parts})
    rows = Entry.objects.filter(kind=ADDED, object_id__in=some, body__isnull=False).select_related("body")
    found: dict[Value, int] = {}
    for row, values in _readable(rows.order_by("sequence")):
        for value in values:
            found.setdefault(value, row.sequence)
    return found


def _readable(rows: Iterable[Entry]) -> Iterator[tuple[Entry, set[Value]]]:
    for row in rows:
        try:
            yield row, brought_by(row)
        except HanseError:
            # It was altered. What it held cannot be known, and must not keep the rest from being purged, or done again.
            _log.warning("entry %d does not open: it is not known which selector it brought", row.sequence)


class Excused:
    """Whether the ledger bears out that inputs were of selectors which were purged since.

    Args:
        entries: The entries that are said to have brought them.
    """

    def __init__(self, entries: Iterable[int]) -> None:
        asked = among_numbers([one for one in set(entries) if one < _LAST])
        rows = Entry.objects.filter(kind=ADDED, sequence__in=asked).select_related("body")
        self._entries = {row.sequence: row for row in rows}
        self._points: defaultdict[int, set[bytes]] = defaultdict(set)

    def holds(self, point: bytes, entry: int, before: int, point_of: Callable[[Value], bytes]) -> bool:
        """Whether an entry brought a selector in time, and was purged or tells it; one excuses `OF_ONE` points.

        Args:
            point: What was sent of the selector.
            entry: What is said to have brought it.
            before: The entry by which it had to stand in a case.
            point_of: What is sent of a selector.
        """
        self._points[entry].add(point)
        row = self._entries.get(entry)
        if row is None or entry >= before or len(self._points[entry]) > OF_ONE:
            return False
        if not hasattr(row, "body"):
            return True
        return any(point in map(point_of, values) for _, values in _readable([row]))
