"""Attacks as a table for people, and as rows for programs."""

import csv
import io
from collections.abc import Mapping, Sequence

import pyarrow as pa
from rich.table import Table

from hanse.attacks.attack import Attack
from hanse.kernel import units

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
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins with one of these for a formula."""


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
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


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


def as_table(attacks: Sequence[Attack], organisation: Mapping[str, str]) -> Table:
    """A table for a terminal, one line per attack."""
    table = Table(box=None, pad_edge=False, header_style="bold", row_styles=("", "dim"))
    table.add_column("start (UTC)", no_wrap=True)
    table.add_column("duration", justify="right", no_wrap=True)
    table.add_column("victim", no_wrap=True)
    table.add_column("organisation", overflow="ellipsis", no_wrap=True, max_width=30)
    table.add_column("vector", no_wrap=True)
    table.add_column("peak", justify="right", no_wrap=True)
    table.add_column("volume", justify="right", no_wrap=True)
    table.add_column("sources", justify="right", no_wrap=True)
    table.add_column("source test", no_wrap=True)
    table.add_column("sure", no_wrap=True)
    table.add_column("id", no_wrap=True)
    for attack in attacks:
        table.add_row(
            units.second(attack.start_us),
            units.duration(attack.duration_s),
            attack.victim,
            organisation.get(attack.victim, ""),
            attack.vector,
            units.bit_rate(attack.peak_bps),
            units.volume(attack.bytes),
            units.count(attack.sources),
            attack.source_class,
            attack.confidence,
            attack.id,
        )
    return table
