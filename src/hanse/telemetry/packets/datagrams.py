"""UDP payloads of a capture of an export stream, for the decoders of NetFlow, IPFIX and sFlow."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hanse.telemetry.packets.capture import Packets
from hanse.telemetry.packets.dissection import LAST, LATER, UDP
from hanse.telemetry.packets.exports import is_export
from hanse.telemetry.packets.frames import Bytes, Records
from hanse.telemetry.reading import InputReport

UDP_HEADER = 8
LOOKED_AT = 512
"""Packets at the head of a capture by which it is judged: a few seconds of any export stream."""
EXPORT_SHARE = 0.1
"""Least share of exports among them: other traffic of the collector may be in the same capture, but
one chance match must not turn a capture of an attack into an export stream."""

MAX_DATAGRAMS = 256
MAX_DATAGRAM = 65_535
"""Fragmented datagrams under assembly, and octets of each (RFC 791): 16 MB at most. Exporters keep
below the path's packet size, so few are ever open at once."""


@dataclass(frozen=True, slots=True)
class Datagrams:
    """UDP payloads in order of arrival; row `i` is ``buffer[offsets[i] : offsets[i] + lengths[i]]``.

    Attributes:
        buffer: The capture itself, or a copy of a part of it with reassembled datagrams added.
        offsets: First octet of each payload, shape (n,).
        lengths: Octets of each payload, shape (n,).
        sender: Source addresses as 16 bytes, IPv4 as ::ffff:a.b.c.d, shape (n, 16).
        sender_port: Source ports, shape (n,).
        destination_port: Destination ports, shape (n,).
        received_us: When the capture saw them, microseconds UTC, shape (n,).
    """

    buffer: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int32]
    sender: npt.NDArray[np.uint8]
    sender_port: npt.NDArray[np.uint16]
    destination_port: npt.NDArray[np.uint16]
    received_us: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.offsets)


@dataclass(slots=True)
class _Open:
    """A fragmented datagram whose pieces are being gathered: offset to octets."""

    pieces: dict[int, bytes] = field(default_factory=dict)
    size: int = -1
    held: int = 0

    def whole(self) -> bytes | None:
        """The datagram, if every octet is there exactly once."""
        if self.held != self.size:
            return None
        joined = b""
        for offset in sorted(self.pieces):
            if offset != len(joined):
                return None
            joined += self.pieces[offset]
        return joined


class _Assembly:
    """IP fragments to UDP datagrams; the oldest is given up when too many are open."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}
        self.given_up = 0

    def take(self, data: Bytes, row: np.void) -> bytes | None:
        """Add one fragment: the whole datagram (UDP header first) if it was the last one missing."""
        key, offset = int(row["datagram"]), int(row["fragment_offset"])
        if key not in self._open and len(self._open) == MAX_DATAGRAMS:
            del self._open[next(iter(self._open))]
            self.given_up += 1
        entry = self._open.setdefault(key, _Open())
        begin = int(row["payload"])
        piece = data[begin : begin + int(row["payload_captured"])].tobytes()
        if row["fragment"] & LAST:
            entry.size = offset + len(piece)
        if offset not in entry.pieces:
            entry.pieces[offset] = piece
            entry.held += len(piece)
        if entry.held > MAX_DATAGRAM:
            del self._open[key]
            self.given_up += 1
            return None
        whole = entry.whole()
        if whole is not None:
            del self._open[key]
        return whole

    def left(self) -> int:
        """Datagrams that were never complete."""
        return self.given_up + len(self._open)


def udp_payloads(data: npt.NDArray[np.uint8], report: InputReport) -> Iterator[Datagrams]:
    """The UDP payloads of a capture, IP fragments reassembled, in order of arrival.

    Args:
        data: The whole, decompressed file.
        report: Told of the container's format and of problems; packets are not counted in it, since
            they are not what the flows in the payloads stand for.

    Yields:
        Payloads of one stretch of the file at a time; `Datagrams.buffer` may differ from one to the next.
    """
    packets = Packets(data, report)
    assembly = _Assembly()
    cut = 0
    for _, rows in packets:
        some = rows[(rows["fault"] == 0) & (rows["protocol"] == UDP)]
        if len(some):
            found, short = _chunk(packets.data, some, assembly)
            cut += short
            if len(found):
                yield found
    if cut:
        report.add(
            f"{cut} UDP datagrams were captured in part",
            field="captured length",
            do="Capture with a larger snap length; what was captured is decoded.",
        )
    if assembly.left():
        report.add(
            f"{assembly.left()} fragmented UDP datagrams were never complete and were left out",
            do="Capture where all fragments pass.",
        )


def _chunk(data: Bytes, rows: Records, assembly: _Assembly) -> tuple[Datagrams, int]:
    """Payloads of a chunk of UDP packets, and how many of them were captured in part."""
    joined: dict[int, bytes] = {}
    for number in np.flatnonzero(rows["fragment"]).tolist():
        whole = assembly.take(data, rows[number])
        if whole is not None and len(whole) >= UDP_HEADER:
            joined[number] = whole
    starts, held = rows["payload"].copy(), rows["payload_captured"].copy()
    held[rows["fragment"] != 0] = 0
    buffer = data
    if joined:
        low, high = int(starts.min()), int((starts + rows["payload_captured"]).max())
        buffer = np.concatenate([data[low:high], np.frombuffer(b"".join(joined.values()), np.uint8)])
        starts -= low
        at = high - low
        for number, whole in joined.items():
            starts[number], held[number] = at, len(whole)
            at += len(whole)
    keep = held >= UDP_HEADER
    starts, held, rows = starts[keep], held[keep], rows[keep]
    # The length in the UDP header leaves out link padding; 0 or nonsense there: all that was captured.
    stated = _be16(buffer, starts + 4)
    stated = np.where(stated < UDP_HEADER, held, stated)
    found = Datagrams(
        buffer=buffer,
        offsets=starts + UDP_HEADER,
        lengths=(np.minimum(stated, held) - UDP_HEADER).astype(np.int32),
        sender=np.stack([rows["src_hi"], rows["src_lo"]], axis=1)
        .astype(">u8")
        .view(np.uint8)
        .reshape(-1, 16),
        sender_port=_be16(buffer, starts).astype(np.uint16),
        destination_port=_be16(buffer, starts + 2).astype(np.uint16),
        received_us=rows["time_us"].copy(),
    )
    return found, int(np.count_nonzero(stated > held))


def _be16(buffer: Bytes, at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return (buffer[at].astype(np.int64) << 8) | buffer[at + 1]


def looks_like_export(data: npt.NDArray[np.uint8]) -> bool:
    """Whether a capture is one of an export stream: most of its first UDP payloads decode as exports.

    Judged by content, never by port, on the first `LOOKED_AT` packets; at least `EXPORT_SHARE` of
    them must be exports. Data that is no capture is none.
    """
    packets = Packets(data, InputReport(""))
    for _, rows in packets:
        head = rows[:LOOKED_AT]
        some = head[(head["fault"] == 0) & (head["protocol"] == UDP) & ((head["fragment"] & LATER) == 0)]
        exports = sum(_is_export_row(packets.data, row) for row in some)
        return 2 * exports > len(some) and exports >= EXPORT_SHARE * len(head)
    return False


def _is_export_row(data: Bytes, row: np.void) -> bool:
    """Whether the UDP packet of a row (`PACKET`) carries an export datagram, or the head of one."""
    begin, held = int(row["payload"]), int(row["payload_captured"])
    packet = data[begin : begin + held].tobytes()
    if held < UDP_HEADER:
        return False
    return is_export(packet[UDP_HEADER:], max(int.from_bytes(packet[4:6], "big"), held) - UDP_HEADER)
