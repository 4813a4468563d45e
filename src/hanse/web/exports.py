"""What leaves a list as a file: CSV that no spreadsheet takes for formulas, and JSON."""

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

_FORMULA = re.compile(
    r"(^|[;\t\r\n])([\s\u200b-\u200f\u2060\ufeff\x00-\x1f\"']*)([=+\-@\uff1d\uff0b\uff0d\uff20])"
)
"""The signs that make a spreadsheet calculate, full width too, at the start of a text or after what another reader
may take for the end of a cell: ``;``, a tab, a line end. Blanks and invisible signs before them do not help.

Source: OWASP, CSV injection; Excel and LibreOffice read a leading tab or carriage return as blank.
"""

_CONTROL = re.compile(r"^[\t\r\n]")

MARK = "'"
"""What spreadsheets show as the sign of a text; it goes before what would calculate."""


def neutral(text: str) -> str:
    """The text with nothing in it that a spreadsheet would calculate; equal to `text` where there is none."""
    text = _FORMULA.sub(lambda found: f"{found[1]}{found[2]}{MARK}{found[3]}", text)
    return MARK + text if _CONTROL.match(text) else text


def cell(value: Any) -> str:
    """One value of a CSV file. Numbers stay numbers, below zero too; every other text is made neutral."""
    value = _plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return neutral(value)


def csv_lines(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a CSV file (RFC 4180), all cells quoted, with a byte order mark so that Excel reads UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    out.write("\ufeff")
    writer.writerow([neutral(name) for name in head])
    for row in rows:
        writer.writerow([cell(value) for value in row])
        yield _taken(out)
    yield _taken(out)


def json_lines(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A JSON array of objects, one per line, made row by row."""
    yield "["
    for number, row in enumerate(rows):
        told = dict(zip(head, map(_plain, row), strict=True))
        yield ("," if number else "") + "\n" + json.dumps(told, ensure_ascii=False)
    yield "\n]\n"


def _plain(value: Any) -> Any:
    """The value as JSON has it; what is no number is nothing."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _taken(out: io.StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text
