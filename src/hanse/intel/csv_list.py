"""Lists of values as CSV: one value a row, with what it is and what is said of it.

Columns are told by their names, in any order: ``value`` is needed, ``kind`` (one of `values.KINDS`), ``comment``,
``tlp``, ``confidence`` and ``valid_until`` are taken, others are kept.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from hanse.intel.facts import Facts, Gathering, plain, time_us
from hanse.intel.item import Item
from hanse.intel.values import KINDS, ValueProblem, digests, normalise
from hanse.kernel.errors import UsageError

MOST_ROWS: Final = 1_000_000
_NAMES: Final = {"indicator": "value", "ioc": "value", "type": "kind", "description": "comment", "note": "comment"}
_TRIED: Final = ("address", "network", "url", "email", "domain", "cve", "asn", "iban", "wallet", "phone")


def read(text: str, batch: str = "") -> Iterator[Item | str]:
    """The items of a list, in the order of its rows; a text says what is wrong with a row that is left out.

    Raises:
        UsageError: It has no column of values, or too many rows.
    """
    rows = csv.reader(io.StringIO(text, newline=""))
    try:
        head = [_NAMES.get(name.strip().lower(), name.strip().lower()) for name in next(rows, [])]
    except csv.Error as error:
        raise UsageError(f"This is no CSV: {error}.") from None
    if "value" not in head:
        raise UsageError("The first row names the columns; one of them has to be called value.")
    for number, cells in enumerate(rows, 2):
        if number > MOST_ROWS:
            raise UsageError(f"The list has more than {MOST_ROWS:,} rows. Bring it in parts.")
        if not any(cell.strip() for cell in cells):
            continue
        raw = {name: cell.strip() for name, cell in zip(head, cells, strict=False) if cell.strip()}
        yield _row(number, raw, batch)


def kind_of(text: str) -> str:
    """Which kind of value a text is, where nobody says.

    Raises:
        ValueProblem: It looks like none.
    """
    try:
        return digests.kind_of(text) if text.isalnum() else _looks_like(text)
    except ValueProblem:
        return _looks_like(text)


def facts(_: str, raw: dict[str, Any]) -> Facts:
    """What is known of a row."""
    found = Gathering()
    found.value(raw["kind"], raw["value"], "value")
    confidence = plain(raw.get("confidence"))
    return Facts(
        title=plain(raw["value"])[:500],
        text=plain(raw.get("comment")),
        valid_until_us=time_us(raw.get("valid_until")),
        confidence=int(confidence) if confidence.isascii() and confidence.isdigit() and int(confidence) <= 100 else None,
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
    return Item(format="csv", type="row", source_id=name, raw={**raw, "kind": kind}, place=number, batch=batch)


def _looks_like(text: str) -> str:
    for kind in _TRIED:
        try:
            normalise(kind, text)
        except ValueProblem:
            continue
        return kind
    raise ValueProblem(f"{text[:60]!r} looks like no value known here. Say its kind in a column of that name.")
