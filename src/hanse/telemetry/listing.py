"""Flows as people and programs read them: addresses in text, times in ISO 8601."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hanse.kernel.addresses import unpack
from hanse.telemetry.parquet import FlowWriter
from hanse.telemetry.schema import FLOW
from hanse.web import exports

ROWS = 16_384
"""Rows put into text at once."""

Row = dict[str, Any]


def batches(files: Sequence[Path], limit: int | None = None) -> Iterator[pa.RecordBatch]:
    """FLOW batches of Parquet files one after the other, at most `limit` rows."""
    left = limit
    for path in files:
        for batch in pq.ParquetFile(path).iter_batches(ROWS, columns=FLOW.names):
            if left is not None and left <= 0:
                return
            some = batch if left is None else batch.slice(0, left)
            left = None if left is None else left - some.num_rows
            yield pa.RecordBatch.from_arrays([some.column(name) for name in FLOW.names], schema=FLOW)


def in_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with addresses in text and times as ``2007-05-09T14:32:07.123456Z``."""
    columns = []
    for field in FLOW:
        column = batch.column(field.name)
        if pa.types.is_timestamp(field.type):
            column = pc.strftime(column, "%Y-%m-%dT%H:%M:%SZ")
        elif pa.types.is_fixed_size_binary(field.type):
            column = _addresses(column)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names=FLOW.names)


def _addresses(column: pa.Array) -> pa.Array:
    encoded = pc.dictionary_encode(column)
    texts = pa.array([unpack(raw) for raw in encoded.dictionary.to_pylist()], pa.string())
    return texts.take(encoded.indices)


_VANTAGE = FLOW.names.index("vantage")


def write_csv(flows: Iterable[pa.RecordBatch], out: IO[str]) -> None:
    """A header line with the schema's names, then a line per flow; unknown addresses are empty.

    The vantage point may be called as a file is, by whoever sent it: no spreadsheet takes that for a formula.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FLOW.names)
    for batch in flows:
        columns = [column.to_pylist() for column in in_text(batch).columns]
        names = {name: exports.cell(name) for name in set(columns[_VANTAGE])}
        columns[_VANTAGE] = [names[name] for name in columns[_VANTAGE]]
        writer.writerows(zip(*columns, strict=True))


def write_json(flows: Iterable[pa.RecordBatch], inputs: list[Row], out: IO[str]) -> None:
    """One object: ``{"flows": [...], "inputs": [...]}``, one flow per line."""
    out.write('{"flows": [')
    before = "\n"
    for batch in flows:
        for row in in_text(batch).to_pylist():
            out.write(before + json.dumps(row))
            before = ",\n"
    out.write('\n], "inputs": ' + json.dumps(inputs) + "}\n")


def write_parquet_stream(flows: Iterable[pa.RecordBatch], out: IO[bytes]) -> None:
    """One Parquet file in the flow schema."""
    with FlowWriter(out) as writer:
        for batch in flows:
            writer.write(batch)
