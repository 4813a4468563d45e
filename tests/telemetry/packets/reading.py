"""Run the reader over bytes and give rows as plain Python values, for the tests of this folder."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from hanse.kernel.addresses import unpack
from hanse.telemetry.packets import read_flows
from hanse.telemetry.reading import InputReport
from hanse.telemetry.schema import FLOW


@dataclass(frozen=True)
class Read:
    """What came of a file: the flow rows with addresses in text and times in microseconds, and the report."""

    rows: list[dict[str, Any]]
    report: InputReport

    @property
    def only(self) -> dict[str, Any]:
        """The one flow that there must be."""
        assert len(self.rows) == 1, self.rows
        return self.rows[0]

    def total(self, column: str) -> int:
        """The sum of a counter over all flows."""
        return sum(row[column] for row in self.rows)


def table_of(data: bytes | np.ndarray, report: InputReport) -> pa.Table:
    """All flows of a file's bytes."""
    array = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
    return pa.Table.from_batches(read_flows(array, report, "test"), FLOW)


def read(data: bytes) -> Read:
    """Read a file's bytes."""
    report = InputReport("made.pcap")
    table = table_of(data, report)
    table.validate(full=True)
    for name in ("start", "end"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table[name].cast(pa.int64()))
    rows = table.to_pylist()
    for row in rows:
        for name in ("src", "dst", "outer_src", "outer_dst"):
            row[name] = unpack(row[name]) if row[name] else None
    return Read(rows, report)
