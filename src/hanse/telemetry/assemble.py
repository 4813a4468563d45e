"""FLOW batches from NumPy columns: defaults for what a source does not know, and its account."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.telemetry.reading import InputReport
from hanse.telemetry.schema import FLOW

Columns = Mapping[str, npt.NDArray[Any]]

_DEFAULTS = {"sampling": 1}
_ADDRESSES = ("src", "dst", "outer_src", "outer_dst", "exporter")


def flow_batch(columns: Columns, vantage: str) -> pa.RecordBatch:
    """A FLOW batch.

    Args:
        columns: By FLOW column name: times in microseconds UTC as int64, addresses as (n, 16)
            bytes, all else as numbers. `start`, `src` and `dst` are needed; other columns that are
            missing become 0, `sampling` 1, and the nullable addresses null. A nullable
            address of all zeros is null.
        vantage: Name of the vantage point.
    """
    rows = len(columns["start"])
    arrays = []
    for field in FLOW:
        if field.name in _ADDRESSES:
            arrays.append(_address_array(columns.get(field.name), rows, nullable=field.nullable))
        elif field.name == "vantage":
            arrays.append(pa.array([vantage]).take(np.zeros(rows, np.int32)))
        elif field.name in {"start", "end"}:
            times = columns.get(field.name, columns["start"])
            arrays.append(pa.array(times.astype(np.int64, copy=False)).cast(field.type))
        else:
            values = columns.get(field.name)
            if values is None:
                values = np.full(rows, _DEFAULTS.get(field.name, 0))
            arrays.append(pa.array(values.astype(field.type.to_pandas_dtype(), copy=False)))
    return pa.RecordBatch.from_arrays(arrays, schema=FLOW)


def account(batch: pa.RecordBatch, packets: npt.NDArray[Any], report: InputReport) -> pa.RecordBatch:
    """Enter a batch in its input's report, and give it back."""
    report.flows += batch.num_rows
    report.packets += int(packets.sum())
    return batch


def _address_array(values: npt.NDArray[Any] | None, rows: int, *, nullable: bool) -> pa.Array:
    if values is None:
        return pa.nulls(rows, pa.binary(16))
    octets = np.ascontiguousarray(values, np.uint8)
    validity = None
    if nullable and not (present := octets.any(axis=1)).all():
        validity = pa.py_buffer(np.packbits(present, bitorder="little"))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), rows, [validity, pa.py_buffer(octets)])
