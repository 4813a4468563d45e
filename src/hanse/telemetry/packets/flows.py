"""Captures to flow records: the reader that the telemetry room calls for pcap and pcapng."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.telemetry.packets.capture import Packets
from hanse.telemetry.packets.flowtable import FlowTable
from hanse.telemetry.packets.frames import Records
from hanse.telemetry.reading import InputReport
from hanse.telemetry.schema import ADDRESS, FLOW, TIMESTAMP

ACTIVE_US = 10_000_000
"""Longest flow record, 10 s. Routers export long flows once a minute (the common active timeout);
attacks are dated to the second, and a record says nothing of when inside it its packets came."""
INACTIVE_US = 2_000_000
"""Longest silence inside a record, 2 s: a rate computed over a record's span must not be thinned by
a pause. Routers wait 15 s to save records on the wire; here a record costs less than one packet."""


def read_flows(data: npt.NDArray[np.uint8], report: InputReport, vantage: str) -> Iterator[pa.RecordBatch]:
    """Flow records of a pcap or pcapng capture.

    Each record spans at most `ACTIVE_US`, with no silence over `INACTIVE_US` (save where fragments came
    before their datagram's first one and waited for it, 30 s at most). Octets are those of the
    IP header (of the inner packet in a tunnel). Memory is fixed, whatever the capture: about 70 MB, with
    one batch in the caller's hands and the next one in the making.

    Args:
        data: The whole, decompressed file; memory-mapped if it is large.
        report: Filled with the format, packets, flows, packets that are not IP, and problems.
        vantage: Name of the vantage point, written to every record.

    Yields:
        Batches in `telemetry.schema.FLOW` of at most `flowtable.MAX_FLOWS` rows, in the order in
        which the flows began in the file.
    """
    table = FlowTable(ACTIVE_US, INACTIVE_US)
    packets = Packets(data, report)
    for _, rows in packets:
        report.packets, report.skipped = packets.read, packets.skipped
        done = table.count(rows, 0)
        while done < len(rows):
            yield from _batches(table, report, vantage)
            done = table.count(rows, done)
    while not table.drain():
        yield from _batches(table, report, vantage)
    yield from _batches(table, report, vantage)


def _batches(table: FlowTable, report: InputReport, vantage: str) -> Iterator[pa.RecordBatch]:
    taken = table.take()
    if len(taken):
        report.flows += len(taken)
        yield _batch(taken, vantage)


def _batch(rows: Records, vantage: str) -> pa.RecordBatch:
    """Flow records (an array of `flowtable.ROW`) as Arrow; nothing of `rows` is kept."""
    kind = rows["kind"]
    bare = (kind >> 16 & 0xFF) == 0
    columns = {
        "start": _column(rows["start"], TIMESTAMP),
        "end": _column(rows["end"], TIMESTAMP),
        "src": _addresses(rows["src_hi"], rows["src_lo"]),
        "dst": _addresses(rows["dst_hi"], rows["dst_lo"]),
        "src_port": _column(kind >> 48, pa.uint16()),
        "dst_port": _column(kind >> 32, pa.uint16()),
        "protocol": _column(kind >> 24, pa.uint8()),
        "tcp_flags": _column(rows["flags"], pa.uint8()),
        "icmp_type": _column(kind >> 8, pa.uint8()),
        "icmp_code": _column(kind, pa.uint8()),
        "packets": _column(rows["packets"], pa.int64()),
        "bytes": _column(rows["bytes"], pa.int64()),
        "sampling": _column(np.ones(len(rows)), pa.int32()),
        "fragments": _column(rows["fragments"], pa.int64()),
        "ttl": _column(rows["ttl"], pa.uint8()),
        "tunnel": _column(kind >> 16, pa.uint8()),
        "outer_src": _addresses(rows["outer_src_hi"], rows["outer_src_lo"], bare),
        "outer_dst": _addresses(rows["outer_dst_hi"], rows["outer_dst_lo"], bare),
        "exporter": pa.nulls(len(rows), ADDRESS),
        "vantage": _repeated(vantage, len(rows)),
    }
    return pa.record_batch(columns, schema=FLOW)


def _column(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Numbers as an Arrow array, upper bits cut off.

    Made of buffers, as everything here: `pa.array` and `pa.scalar` import pandas where it is
    installed, which takes as long as a million packets.
    """
    width = {1: np.uint8, 2: np.uint16, 4: np.int32, 8: np.int64}[kind.bit_width // 8]
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values.astype(width))])


def _repeated(text: str, times: int) -> pa.Array:
    """One text over and over."""
    octets = text.encode()
    ends = np.arange(times + 1, dtype=np.int32) * len(octets)
    return pa.StringArray.from_buffers(times, pa.py_buffer(ends), pa.py_buffer(octets * times))


def _addresses(
    high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64], absent: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Addresses in two halves as 16-byte binaries, null where `absent`."""
    if absent is not None and absent.all():
        return pa.nulls(len(high), ADDRESS)
    both = np.empty((len(high), 2), ">u8")
    both[:, 0], both[:, 1] = high, low
    valid = None
    if absent is not None:
        valid = pa.py_buffer(np.packbits(~absent, bitorder="little"))
    return pa.FixedSizeBinaryArray.from_buffers(ADDRESS, len(high), [valid, pa.py_buffer(both)])
