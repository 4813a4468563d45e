"""Parquet tables of strangers: what takes far more memory than its size is refused, and what is no flow is left out.

A dictionary lets a file of 100 kB stand for gigabytes of text, one run for a billion rows. So texts are read as dictionaries,
and written out where they have room.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hanse.kernel.printable import printable
from hanse.telemetry.assemble import account
from hanse.telemetry.columns import is_flow_parquet, layout_for, say_defaults, usable
from hanse.telemetry.reading import InputReport
from hanse.telemetry.schema import FLOW
from hanse.telemetry.tabular import Layout, Rows

ROWS: Final = 65_536
"""Rows decoded at once."""
TEXT_BYTES: Final = 256 << 20
"""Bytes of all texts of so many rows: four thousand for each row."""
WIDEST: Final = 1_024
"""Bytes of a value of fixed length: an address has 16."""
DENSEST: Final = 100
"""Rows for each byte of the file, from `MANY` rows on: real flows take bytes, each."""
MANY: Final = 10_000_000
MOST_VANTAGES: Final = 64
"""Vantage points of one flow table; where there are more, the table itself is the one."""
LONGEST_NAME: Final = 200
"""Characters of a vantage point's name."""


def read_parquet(
    data: pa.Buffer, report: InputReport, vantage: str, told: Layout | None = None
) -> Iterator[pa.RecordBatch]:
    """FLOW batches of a Parquet table, whatever its columns; rows of the flow table as they are, where they can be flows.

    Args:
        data: All bytes of the file.
        report: Receives flows, packets, skipped rows and problems.
        vantage: Name of the vantage point where the table names none.
        told: What the columns mean, where the user says so.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        what = f"the Parquet footer is missing or damaged: {str(error).rstrip('.')}."
        report.add(what, do="Write or fetch it again.")
        return
    if file.metadata.num_rows > max(MANY, DENSEST * data.size):
        report.add("it says to have more rows than such a file can hold; nothing of it was read.")
        return
    texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
    lean = pq.ParquetFile(pa.BufferReader(data), read_dictionary=texts)
    try:
        if is_flow_parquet(file):
            yield from _flow_table(lean, report, vantage)
        else:
            yield from _mapped(lean, report, vantage, told)
    except (pa.ArrowException, OSError) as error:
        report.add(f"the Parquet file is damaged: {error}.", do="Write or fetch it again.")


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )  # fmt: skip


def _flow_table(file: pq.ParquetFile, report: InputReport, vantage: str) -> Iterator[pa.RecordBatch]:
    """The rows of a flow table that can be flows."""
    names = _vantages(file)
    wrong = 0
    for batch in file.iter_batches(ROWS, columns=FLOW.names):
        good = _can_be(batch)
        wrong += batch.num_rows - int(np.count_nonzero(good))
        taken = batch if good.all() else batch.filter(pa.array(good))
        columns = [
            _named(taken.column(field.name), names, vantage) if field.name == "vantage"
            else taken.column(field.name)
            for field in FLOW
        ]  # fmt: skip
        packets = taken.column("packets").to_numpy() * taken.column("sampling").to_numpy()
        yield account(pa.RecordBatch.from_arrays(columns, schema=FLOW), packets, report)
    if wrong:
        report.skipped += wrong
        rows = "1 row counts" if wrong == 1 else f"{wrong:,} rows count"
        report.add(
            f"{rows} below zero or end before they start; they are no flows and were left out.",
            do="Ask who wrote the file.",
        )


def _can_be(batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Which rows can be flows: counters below zero would take away from what others saw."""
    good = batch.column("sampling").to_numpy() >= 1
    for name in ("packets", "bytes", "fragments"):
        good &= batch.column(name).to_numpy() >= 0
    start, end = (batch.column(name).cast(pa.int64()).to_numpy() for name in ("start", "end"))
    found: npt.NDArray[np.bool_] = good & (start <= end)
    return found


def _vantages(file: pq.ParquetFile) -> frozenset[str]:
    """The vantage points that a flow table names; none where they are more than a list of them can say."""
    found: set[str] = set()
    for batch in file.iter_batches(ROWS, columns=["vantage"]):
        for text in batch.column(0).unique().dictionary.slice(0, MOST_VANTAGES + 1):
            found.add(_name(text.as_py()))
        if len(found) > MOST_VANTAGES:
            return frozenset()
    return frozenset(found)


def _named(column: pa.Array, names: frozenset[str], vantage: str) -> pa.Array:
    """The vantage point of each row, by a name that can be shown."""
    if not names:
        return pa.array([vantage]).take(pa.array(np.zeros(len(column), np.int32)))
    spelt = pa.array([_name(text.as_py()) or vantage for text in column.dictionary], pa.string())
    return spelt.take(column.indices)


def _name(text: str) -> str:
    return printable(text[:LONGEST_NAME])[:LONGEST_NAME]


def _mapped(
    file: pq.ParquetFile, report: InputReport, vantage: str, told: Layout | None
) -> Iterator[pa.RecordBatch]:
    """Rows of a table of other columns."""
    schema = file.schema_arrow
    layout = layout_for(schema.names, told)
    if not usable(layout, schema.names, report):
        return
    wanted = sorted(set(layout.columns.values()))
    for name in wanted:
        kind = schema.field(name).type
        wide = pa.types.is_fixed_size_binary(kind) and kind.byte_width > WIDEST
        if wide or pa.types.is_nested(kind):
            report.add(f"column {name[:100]!r} holds {str(kind)[:100]}, which is nothing of a flow.")
            return
    say_defaults(layout, report)
    rows = Rows(layout, report, vantage)
    try:
        for batch in file.iter_batches(ROWS, columns=wanted):
            if (size := sum(map(_written_out, batch.columns))) > TEXT_BYTES:
                report.add(
                    f"the texts of {batch.num_rows:,} rows take {size:,} bytes; reading stopped there.",
                    do="If the file is genuine, write it without what is no flow.",
                )
                return
            yield from rows.flows(batch)
    finally:
        rows.finish()


def _written_out(column: pa.Array) -> int:
    """Bytes of a column's texts."""
    if not pa.types.is_dictionary(column.type) or not _is_text(column.type.value_type):
        return 0
    lengths = pc.binary_length(column.dictionary).cast(pa.int64())
    return int(pc.sum(lengths.take(column.indices)).as_py() or 0)
