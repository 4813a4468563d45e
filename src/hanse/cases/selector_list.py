"""Lists of selectors as CSV: one a row. Bad rows are named with their column and the reason, good ones are taken.

Columns are told by their names, in any order: ``value`` is needed; ``kind`` (one of `selector.KINDS`, told from the
value where it is empty), ``born``, ``country`` and ``note`` are taken. Any other column is refused: what it says would
be lost in silence.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hanse.cases.selector import Selector, read
from hanse.intel.values import ValueProblem
from hanse.kernel.errors import UsageError
from hanse.kernel.printable import printable

COLUMNS: Final = ("kind", "value", "born", "country", "note")
MOST_ROWS: Final = 10_000
MOST_BYTES: Final = 1_000_000
LONGEST_NOTE: Final = 2_000
LONGEST_CELL: Final = 10_000
"""Characters of a cell; a longer one is a document, or a quotation mark that is never closed."""

_NAMES: Final = {
    "selector": "value",
    "type": "kind",
    "comment": "note",
    "date of birth": "born",
    "birth date": "born",
}
_NEUTRALISED: Final = re.compile(r"'(?=[=+\-@])")


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says.

    Attributes:
        number: Its number, the head being row 1.
        selector: What it is; None where it is wrong.
        note: What is said of it.
        column: Which column is wrong; empty where none is.
        problem: What is wrong with it, and what to do; empty where nothing is.
    """

    number: int
    selector: Selector | None
    note: str = ""
    column: str = ""
    problem: str = ""


def rows(data: bytes) -> Iterator[Row]:
    """The rows of a list in their order; empty ones are left out.

    Raises:
        UsageError: It is no list: too large, no UTF-8, without a column of values, with columns that nobody knows or
            that are there twice.
    """
    text = _text(data)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        head = _head(next(reader, []))
    except csv.Error as error:
        raise UsageError(f"Row 1 is no CSV: {error}.") from None
    return _rows(reader, head)


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise UsageError(f"The list has {len(data):,} bytes; {MOST_BYTES:,} are the most. Bring it in parts.")
    if b"\0" in data:
        raise UsageError("The list holds the character NUL. Save it as CSV in UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"The list is no UTF-8 at byte {error.start:,}. Save it as CSV in UTF-8.") from None


def _delimiter(text: str) -> str:
    """What parts the cells: the one of comma, semicolon and tab that the first row has most of."""
    return max(",;\t", key=text.partition("\n")[0].count)


def _head(cells: list[str]) -> list[str]:
    """The names of the columns."""
    told = [_NAMES.get(name, name) for name in (" ".join(cell.lower().split()) for cell in cells)]
    if unknown := [name for name in told if name not in COLUMNS]:
        raise UsageError(
            f"Nobody knows the column {printable(unknown[0][:40])!r}. The columns are {', '.join(COLUMNS)}."
        )
    if "value" not in told:
        raise UsageError(
            f"The first row names the columns: {', '.join(COLUMNS)}. The column value is missing."
        )
    if twice := [name for name in told if told.count(name) > 1]:
        raise UsageError(f"Two columns are called {twice[0]}: which is meant? Leave one.")
    return told


def _rows(reader: Iterator[list[str]], head: list[str]) -> Iterator[Row]:
    number = 1
    while True:
        number += 1
        if number > MOST_ROWS + 1:
            raise UsageError(f"The list has more than {MOST_ROWS:,} rows. Bring it in parts.")
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Row(number, None, problem=f"It is no CSV: {error}. Look at its quotation marks.")
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield _row(number, cells, head)


def _row(number: int, cells: list[str], head: list[str]) -> Row:
    if len(cells) > len(head):
        words = f"It has {len(cells)} cells and the head {len(head)}. Put quotation marks around a cell with a comma."
        return Row(number, None, problem=words)
    told = {name: _NEUTRALISED.sub("", cell.strip(), count=1) if _NEUTRALISED.match(cell.strip()) else cell.strip()
            for name, cell in zip(head, cells, strict=False)}  # fmt: skip
    for name, cell in told.items():
        if len(cell) > (LONGEST_NOTE if name == "note" else LONGEST_CELL):
            return Row(number, None, column=name, problem="It is too long. Is a quotation mark missing?")
        if name != "note" and ("\n" in cell or "\r" in cell):
            return Row(number, None, column=name, problem="It holds a line end. Is a quotation mark missing?")
    if not told.get("value"):
        return Row(
            number, None, column="value", problem="It is empty. Give the selector, or take the row out."
        )
    try:
        found = read(
            told.get("kind", ""), told["value"], born=told.get("born", ""), country=told.get("country", "")
        )
    except ValueProblem as problem:
        return Row(number, None, column=problem_column(str(problem), told), problem=str(problem))
    return Row(number, found, told.get("note", ""))


def problem_column(words: str, told: dict[str, str]) -> str:
    """The column that a problem is about, by what it says."""
    if "no kind" in words and told.get("kind"):
        return "kind"
    if "country code" in words and told.get("country"):
        return "country"
    if any(part in words for part in ("is no day", "was born", "day of birth")):
        return "born"
    return "country" if "needs its country" in words else "value"
