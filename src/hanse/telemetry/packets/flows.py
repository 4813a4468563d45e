"""Captures to flow records: the reader that the telemetry room calls for pcap and pcapng."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.telemetry.packets import dissection
from hanse.telemetry.packets.dissection import PACKET, dissect
from hanse.telemetry.packets.flowtable import FlowTable
from hanse.telemetry.packets.frames import CHUNK_FRAMES, Bytes, Records, as_bytes
from hanse.telemetry.packets.pcap import MAGICS, pcap_frames
from hanse.telemetry.packets.pcapng import SECTION_MAGIC, pcapng_frames
from hanse.telemetry.reading import InputReport
from hanse.telemetry.schema import ADDRESS, FLOW, TIMESTAMP

ACTIVE_US = 10_000_000
"""Longest flow record, 10 s. Routers export long flows once a minute (the common active timeout);
attacks are dated to the second, and a record says nothing of when inside it its packets came."""
INACTIVE_US = 2_000_000
"""Longest silence inside a record, 2 s: a rate computed over a record's span must not be thinned by
a pause. Routers wait 15 s to save records on the wire; here a record costs less than one packet."""


def recognise(head: bytes) -> bool:
    """Whether a file that begins with these bytes (12 are enough) is a pcap or pcapng capture."""
    magic = head[:4]
    classic = {number.to_bytes(4, order) for number in MAGICS for order in ("big", "little")}
    orders = {b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"}
    return magic in classic or (magic == SECTION_MAGIC and head[8:12] in orders)


def frames_of(data: Bytes, report: InputReport) -> Iterator[Records]:
    """Frames (arrays of `FRAME`) of a capture; a chunk is overwritten by the next one."""
    is_ng = data[:4].tobytes() == SECTION_MAGIC
    return pcapng_frames(data, report) if is_ng else pcap_frames(data, report)


class Packets:
    """Frames of a capture with their dissection, and the account of what could not be dissected.

    Args:
        data: The whole file.
        report: Told of everything wrong; `packets` and `skipped` are counted in it.
    """

    def __init__(self, data: npt.NDArray[np.uint8], report: InputReport) -> None:
        self.data = as_bytes(data)
        self._report = report
        self._counts = np.zeros(len(WORDS), np.int64)
        self._firsts = np.zeros(len(WORDS), np.int64)
        self._links: set[int] = set()

    def __iter__(self) -> Iterator[tuple[Records, Records]]:
        """Frames and rows (`PACKET`) of each chunk; both are overwritten by the next one."""
        rows = np.zeros(CHUNK_FRAMES, PACKET)
        for frames in frames_of(self.data, self._report):
            some = rows[: len(frames)]
            if dissect(self.data, frames, some):
                self._note(frames, some["fault"])
            self._report.packets += len(frames)
            yield frames, some
        self._tell()

    def _note(self, frames: Records, faults: npt.NDArray[np.uint8]) -> None:
        self._report.skipped += int(np.count_nonzero(faults))
        for fault in np.unique(faults[faults > 0]):
            which = faults == fault
            if not self._counts[fault]:
                self._firsts[fault] = frames["offset"][which.argmax()]
            self._counts[fault] += np.count_nonzero(which)
            if fault == dissection.UNKNOWN_LINK and len(self._links) < MAX_NAMED_LINKS:
                self._links.update(np.unique(frames["link"][which]).tolist())

    def _tell(self) -> None:
        for fault, (what, name, do, fatal) in WORDS.items():
            count = int(self._counts[fault])
            if count and what:
                links = ", ".join(str(link) for link in sorted(self._links)[:MAX_NAMED_LINKS])
                words = f"{count} packets {what.format(links=links)}"
                self._report.add(words, offset=int(self._firsts[fault]), field=name, do=do, fatal=fatal)


MAX_NAMED_LINKS = 8
WORDS = {
    dissection.OK: ("", None, "", False),
    dissection.NOT_IP: ("", None, "", False),
    dissection.CUT: (
        "end before their IP header does and were left out",
        None,
        "Capture with a larger snap length.",
        False,
    ),
    dissection.BAD_IHL: ("have an IPv4 header shorter than 20 octets and were left out", "IHL", "", False),
    dissection.BAD_LENGTH: (
        "have an IPv4 total length shorter than their header and were left out",
        "total length",
        "",
        False,
    ),
    dissection.BAD_VERSION: (
        "say to be IP but have another version and were left out",
        "IP version",
        "",
        False,
    ),
    dissection.UNKNOWN_LINK: (
        "have a link type that is not known ({links}) and were left out",
        "link type",
        "Known are Ethernet, Linux cooked, raw IP and loopback; convert the capture to one of them.",
        True,
    ),
}


def read_flows(data: npt.NDArray[np.uint8], report: InputReport, vantage: str) -> Iterator[pa.RecordBatch]:
    """Flow records of a pcap or pcapng capture.

    Each record spans at most `ACTIVE_US`, with no silence over `INACTIVE_US`. Octets are those of the
    IP header (of the inner packet in a tunnel). Memory is fixed: about 40 MB, whatever the capture.

    Args:
        data: The whole, decompressed file; memory-mapped if it is large.
        report: Filled with the format, packets, flows, packets that are not IP, and problems.
        vantage: Name of the vantage point, written to every record.

    Yields:
        Batches in `telemetry.schema.FLOW` of at most `flowtable.MAX_FLOWS` rows, in the order in
        which the flows began in the file.
    """
    table = FlowTable(ACTIVE_US, INACTIVE_US)
    for _, rows in Packets(data, report):
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
        "start": _times(rows["start"]),
        "end": _times(rows["end"]),
        "src": _addresses(rows["src_hi"], rows["src_lo"]),
        "dst": _addresses(rows["dst_hi"], rows["dst_lo"]),
        "src_port": pa.array((kind >> 48).astype(np.uint16)),
        "dst_port": pa.array((kind >> 32).astype(np.uint16)),
        "protocol": pa.array((kind >> 24).astype(np.uint8)),
        "tcp_flags": pa.array(rows["flags"].copy()),
        "icmp_type": pa.array((kind >> 8).astype(np.uint8)),
        "icmp_code": pa.array(kind.astype(np.uint8)),
        "packets": pa.array(rows["packets"].copy()),
        "bytes": pa.array(rows["bytes"].copy()),
        "sampling": pa.array(np.ones(len(rows), np.int32)),
        "fragments": pa.array(rows["fragments"].copy()),
        "ttl": pa.array(rows["ttl"].copy()),
        "tunnel": pa.array((kind >> 16).astype(np.uint8)),
        "outer_src": _addresses(rows["outer_src_hi"], rows["outer_src_lo"], bare),
        "outer_dst": _addresses(rows["outer_dst_hi"], rows["outer_dst_lo"], bare),
        "exporter": pa.nulls(len(rows), ADDRESS),
        "vantage": pa.repeat(pa.scalar(vantage, pa.string()), len(rows)),
    }
    return pa.record_batch(columns, schema=FLOW)


def _times(us: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(us.copy()).view(TIMESTAMP)


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
