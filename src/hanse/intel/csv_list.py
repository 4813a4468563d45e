"""Lists of values as CSV: one value a row, with what it is and what is said of it.

Columns are told by their names, in any order: ``value`` is needed, ``kind`` (one of `values.KINDS`), ``comment``,
``tlp``, ``confidence`` and ``valid_until`` are taken, others are kept. Lines before that begin with ``#`` are comments.
A plain list, one value a line and no names, is taken as such: so most block lists are written.
"""

import csv
import io
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final, Self
from uuid import NAMESPACE_URL, uuid5

from hanse.intel.facts import Facts, Gathering, plain, time_us, titled, whole
from hanse.intel.item import Item
from hanse.intel.values import KINDS, ValueProblem, digests, normalise
from hanse.kernel.errors import UsageError

MOST_ROWS: Final = 1_000_000
LONGEST_ROW: Final = 500_000
"""Characters of a row, its line ends within quotes among them."""
_NAMES: Final = {
    "indicator": "value",
    "ioc": "value",
    "type": "kind",
    "description": "comment",
    "note": "comment",
}
_TRIED: Final = ("address", "network", "url", "email", "domain", "cve", "asn", "iban", "wallet", "phone")


def read(text: str, batch: str = "") -> Iterator[Item | str]:
    """The items of a list, in the order of its rows; a text says what is wrong with a row that is left out.

    Raises:
        UsageError: It has no column of values, two columns of one name, or too many rows.
    """
    if text.count("\n") > MOST_ROWS:
        raise UsageError(f"The list has more than {MOST_ROWS:,} rows. Bring it in parts.")
    before, start = _comments(text)
    lines = _Lines(text[start:])
    rows = csv.reader(lines, delimiter=_delimiter(text[start:]))
    try:
        first = next(rows, [])
    except csv.Error as error:
        raise UsageError(f"This is no CSV: {error}.") from None
    if _is_value(first):
        return _items(_without_comments(chain([first], rows)), lines, ["value"], before, batch)
    return _items(rows, lines, _head(first), before + 1, batch)


def not_understood(row: Item) -> Iterator[str]:
    """What of a row that comes in says nothing here, in words: it is kept, and nothing follows from it."""
    confidence, until = row.raw.get("confidence"), row.raw.get("valid_until")
    if confidence and whole(confidence, 100) is None:
        yield f"row {row.place:,}: the confidence {confidence[:40]!r} is no whole number from 0 to 100; the row has none."
    if until and time_us(until) is None:
        yield f"row {row.place:,}: valid_until {until[:40]!r} is no time, such as 2027-01-31; the row holds for good."


def _comments(text: str) -> tuple[int, int]:
    """How many lines stand before the first that is neither empty nor a comment, and where that one begins."""
    lines = start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end + 1
        line = text[start:end].strip()
        if line and not line.startswith("#"):
            break
        lines, start = lines + 1, end
    return lines, start


def _is_value(cells: list[str]) -> bool:
    """Whether a first row names no column, but is the first value of a plain list."""
    if len(cells) != 1 or cells[0].strip().lower() in {"value", *_NAMES}:
        return False
    try:
        kind_of(cells[0].strip())
    except ValueProblem:
        return False
    return True


def _without_comments(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows of a plain list, comments emptied, so that rows count as they stand."""
    for cells in rows:
        yield [] if cells and cells[0].lstrip().startswith("#") else cells


class _Lines:
    """The lines of a text, as many as a row may have.

    Attributes:
        used: Characters since the row began.
    """

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.used = 0

    def __iter__(self) -> Self:
        """It is its own iterator."""
        return self

    def __next__(self) -> str:
        """The next line.

        Raises:
            csv.Error: The row would be longer than any.
        """
        line = next(self._lines)
        self.used += len(line)
        if self.used > LONGEST_ROW:
            raise csv.Error(f"the row has more than {LONGEST_ROW:,} characters")
        return line


def _items(
    rows: Iterator[list[str]], lines: _Lines, head: list[str], number: int, batch: str
) -> Iterator[Item | str]:
    """The items of rows; `number` rows stand before them."""
    while True:
        number += 1
        lines.used = 0
        try:
            cells = next(rows, None)
        except csv.Error as error:
            yield f"row {number:,}: {error}. It was left out."
            continue
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(head):
            yield f"row {number:,}: it has {len(cells)} cells, and the head names {len(head)}: which is which?"
            continue
        yield _row(
            number,
            {name: cell.strip() for name, cell in zip(head, cells, strict=False) if cell.strip()},
            batch,
        )


def _delimiter(text: str) -> str:
    """What parts the cells: the one of comma, semicolon and tab that the first row has most of."""
    first = text[: text.find("\n")] if "\n" in text else text[:LONGEST_ROW]
    return max(",;\t", key=first.count)


def _head(cells: list[str]) -> list[str]:
    """The names of the columns, in the words of this module where it has some."""
    names = [name.strip().lower() for name in cells]
    told = [_NAMES.get(name, name) if _NAMES.get(name) not in names else name for name in names]
    if "value" not in told:
        raise UsageError(
            "The first row names the columns, and one of them has to be called value; or it is a plain list, one value a "
            "line."
        )
    for name in told:
        if told.count(name) > 1:
            raise UsageError(f"Two columns of the list are called {name[:40]!r}: which is meant? Rename one.")
    return told


def kind_of(text: str) -> str:
    """Which kind of value a text is, where nobody says.

    Raises:
        UnknownKindError: It looks like none.
    """
    try:
        return digests.kind_of(text)
    except ValueProblem:
        return _looks_like(text)


def facts(_: str, raw: dict[str, Any]) -> Facts:
    """What is known of a row."""
    found = Gathering()
    found.value(raw["kind"], raw["value"], "value")
    return Facts(
        title=titled(raw["kind"], plain(raw["value"])),
        text=plain(raw.get("comment")),
        valid_until_us=time_us(raw.get("valid_until")),
        confidence=whole(raw.get("confidence"), 100),
        values=tuple(found.values),
        problems=tuple(found.problems),
    )


def _row(number: int, raw: dict[str, str], batch: str) -> Item | str:
    try:
        kind = raw.get("kind") or kind_of(raw.get("value", ""))
        if kind not in KINDS:
            return f"row {number:,}: there is no kind {kind[:40]!r}. It is one of {', '.join(KINDS)}."
        value = normalise(kind, raw.get("value", ""))
    except ValueProblem as problem:
        return f"row {number:,}: {problem}"
    name = str(uuid5(NAMESPACE_URL, f"hanse:csv:{value.kind}:{value.text}"))
    return Item(
        format="csv", type="row", source_id=name, raw={**raw, "kind": kind}, place=number, batch=batch
    )


class UnknownKindError(ValueProblem):
    """Nobody says of which kind a text is, and it looks like none."""


def _looks_like(text: str) -> str:
    for kind in _TRIED:
        if kind in {"asn", "phone"} and text.isdigit():
            continue
        try:
            normalise(kind, text)
        except ValueProblem:
            continue
        return kind
    raise UnknownKindError(
        f"{text[:60]!r} looks like no value known here. Say its kind in a column of that name."
    )
