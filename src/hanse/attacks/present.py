"""Attacks as a table for people, and as rows for programs."""

import csv
import io
from collections.abc import Mapping, Sequence

import pyarrow as pa
from rich.markup import escape
from rich.table import Table

from hanse.attacks.attack import Attack
from hanse.kernel import units
from hanse.kernel.printable import printable
from hanse.web import exports

COLUMNS = (
    "id",
    "victim",
    "vector",
    "start",
    "end",
    "duration_s",
    "peak_bps",
    "mean_bps",
    "peak_pps",
    "mean_pps",
    "packets",
    "bytes",
    "flows",
    "sources",
    "source_class",
    "confidence",
    "threshold",
    "linked",
)


def rows(attacks: Sequence[Attack]) -> list[dict[str, object]]:
    """One flat row per attack, with `COLUMNS`."""
    found = []
    for attack in attacks:
        row = attack.as_json()
        row["confidence"] = attack.confidence
        row["threshold"] = attack.threshold
        row["linked"] = " ".join(attack.linked)
        found.append({name: row[name] for name in COLUMNS})
    return found


def as_csv(attacks: Sequence[Attack]) -> str:
    """One line per attack, with a header."""
    return csv_text(COLUMNS, rows(attacks))


def csv_text(columns: Sequence[str], lines: Sequence[Mapping[str, object]]) -> str:
    """CSV with a header; cells that a spreadsheet would take for a formula get a leading apostrophe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: _harmless(value) for name, value in line.items()})
    return text.getvalue()


def _harmless(value: object) -> object:
    if not isinstance(value, str):
        return value
    # Tabs and line ends are escaped too: a spreadsheet may skip them and compute what follows, and
    # Python's writer leaves a lone carriage return unquoted.
    return exports.neutral(printable(value))


def as_arrow(attacks: Sequence[Attack]) -> pa.Table:
    """An Arrow table with `COLUMNS`; times as timestamps in UTC."""
    columns: dict[str, list[object]] = {name: [row[name] for row in rows(attacks)] for name in COLUMNS}
    columns["start"] = [attack.start_us for attack in attacks]
    columns["end"] = [attack.end_us for attack in attacks]
    return pa.table(
        {name: pa.array(values, _ARROW.field(name).type) for name, values in columns.items()}, _ARROW
    )


_ARROW = pa.schema(
    [
        pa.field(
            name,
            pa.timestamp("us", tz="UTC")
            if name in {"start", "end"}
            else pa.float64()
            if name in {"duration_s", "peak_pps", "mean_pps"}
            else pa.int64()
            if name in {"peak_bps", "mean_bps", "packets", "bytes", "flows", "sources"}
            else pa.string(),
        )
        for name in COLUMNS
    ]
)


MEDIUM = 112
"""Columns of a terminal from which the organisation is shown too."""
WIDE = 170
"""Columns of a terminal from which volume, sources, confidence and id are shown too."""


def as_table(attacks: Sequence[Attack], organisation: Mapping[str, str], width: int) -> Table:
    """A table for a terminal of `width` columns, one line per attack; a narrow one shows what matters most."""
    columns = [
        name for name, least in _SHOWN.items() if width >= least and (organisation or name != "organisation")
    ]
    table = Table(
        box=None, pad_edge=False, padding=(0, 1, 0, 0) if width < MEDIUM else (0, 1), header_style="bold"
    )
    for name in columns:
        right = name in {"duration", "peak", "volume", "sources"}
        room = 28 if name == "organisation" else None
        table.add_column(
            name, no_wrap=True, justify="right" if right else "left", overflow="ellipsis", max_width=room
        )
    for attack in attacks:
        cells = {
            "start (UTC)": units.second(attack.start_us)[: 19 if width >= MEDIUM else 16],
            "duration": units.duration(attack.duration_s),
            "victim": attack.victim,
            "organisation": organisation.get(attack.victim, ""),
            "vector": attack.vector,
            "peak": units.bit_rate(attack.peak_bps),
            "volume": units.volume(attack.bytes),
            "sources": units.count(attack.sources),
            "source test": attack.source_class,
            "sure": attack.confidence,
            "id": attack.id,
        }
        table.add_row(*(escape(printable(cells[name])) for name in columns))
    return table


_SHOWN = {
    "start (UTC)": 0,
    "duration": 0,
    "victim": 0,
    "organisation": MEDIUM,
    "vector": 0,
    "peak": 0,
    "volume": WIDE,
    "sources": WIDE,
    "source test": MEDIUM + 16,
    "sure": WIDE,
    "id": WIDE,
}
"""Columns, and the width of a terminal from which each is shown."""
