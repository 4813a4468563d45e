"""Flows as a page shows them, and as a spreadsheet takes them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from hanse.kernel import units
from hanse.kernel.addresses import unpack
from hanse.telemetry.listing import in_text
from hanse.telemetry.protocols import flag_words, protocol_name
from hanse.telemetry.schema import FLOW
from hanse.web import exports

_TCP = 6
_ICMP = (1, 58)


@dataclass(frozen=True, slots=True)
class Shown:
    """One flow as a row of a table.

    Attributes:
        start_us: First packet, microseconds UTC.
        lasted_us: Up to the last packet, microseconds.
        source: Address in text.
        source_port: Port; None where the protocol has none.
        target: Address in text.
        target_port: Port; None where the protocol has none.
        protocol: Its name, or its number.
        told: TCP flags, or type and code of ICMP; may be empty.
        packets: As observed.
        octets: As observed.
        sampling: 1 in how many packets was observed.
        vantage: Name of the vantage point.
    """

    start_us: int
    lasted_us: int
    source: str
    source_port: int | None
    target: str
    target_port: int | None
    protocol: str
    told: str
    packets: int
    octets: int
    sampling: int
    vantage: str

    @property
    def started(self) -> str:
        """The start to the second, in UTC."""
        return units.second(self.start_us)


def shown(table: pa.Table) -> list[Shown]:
    """The rows of a table in the flow schema."""
    times = [table[name].cast(pa.int64()).to_pylist() for name in ("start", "end")]
    rest = table.drop_columns(["start", "end"]).to_pylist()
    return [_shown(start, end, row) for start, end, row in zip(*times, rest, strict=True)]


def csv_lines(flows: pa.Table | Iterable[pa.RecordBatch]) -> Iterator[str]:
    """All columns of the flow schema as CSV; names from outside are made neutral for spreadsheets."""
    batches = flows.to_batches(16_384) if isinstance(flows, pa.Table) else flows
    columns = (in_text(batch).columns for batch in batches)
    rows = (row for batch in columns for row in zip(*(column.to_pylist() for column in batch), strict=True))
    return exports.csv_lines(FLOW.names, rows)


def _shown(start: int, end: int, row: dict[str, object]) -> Shown:
    protocol = int(str(row["protocol"]))
    ports = protocol not in _ICMP and bool(row["src_port"] or row["dst_port"])
    told = ""
    if protocol == _TCP:
        told = flag_words(int(str(row["tcp_flags"])))
    elif protocol in _ICMP:
        told = f"type {row['icmp_type']}, code {row['icmp_code']}"
    return Shown(
        start,
        end - start,
        unpack(_raw(row["src"])),
        int(str(row["src_port"])) if ports else None,
        unpack(_raw(row["dst"])),
        int(str(row["dst_port"])) if ports else None,
        protocol_name(protocol),
        told,
        int(str(row["packets"])),
        int(str(row["bytes"])),
        int(str(row["sampling"])),
        str(row["vantage"]),
    )


def _raw(value: object) -> bytes:
    return value if isinstance(value, bytes) else bytes(16)
