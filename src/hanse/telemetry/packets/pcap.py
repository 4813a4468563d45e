"""Classic pcap: both byte orders, micro- and nanoseconds, and the long record header of 1990s Linux.

Source: draft-ietf-opsawg-pcap; the modified form (magic 0xa1b2cd34, 24-byte record headers) is
described in libpcap's savefile code.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hanse.telemetry.packets.compiled import kernel
from hanse.telemetry.packets.frames import CHUNK_BYTES, CHUNK_FRAMES, FRAME, MAX_CAPTURED, Bytes, Int, Records
from hanse.telemetry.reading import InputReport

FILE_HEADER = 24
MAGICS = {0xA1B2C3D4: (16, 1), 0xA1B23C4D: (16, 1000), 0xA1B2CD34: (24, 1)}
"""Magic number to (octets of a record header, units of the sub-second field per microsecond)."""

FULL, END, CUT_HEADER, CUT_PACKET, LYING = 0, 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Layout:
    """What the file header says of the records: byte order, their header, time unit, link, snap length."""

    big: bool
    header: int
    per_us: int
    link: int
    limit: int


def layout_of(head: bytes) -> Layout | None:
    """The layout behind a file header of 24 octets; None when this is no classic pcap."""
    for order in ("little", "big"):
        magic = int.from_bytes(head[:4], "big" if order == "big" else "little")
        if len(head) >= 4 and magic in MAGICS:
            header, per_us = MAGICS[magic]
            big = order == "big"
            snap, link = (int.from_bytes(head[at : at + 4], "big" if big else "little") for at in (16, 20))
            return Layout(big, header, per_us, link & 0xFFFF, max(min(snap, 1 << 31), MAX_CAPTURED))
    return None


@kernel
def _word(data: Bytes, pos: Int, big: bool) -> Int:
    if big:
        return (
            (np.int64(data[pos]) << 24)
            | (np.int64(data[pos + 1]) << 16)
            | (np.int64(data[pos + 2]) << 8)
            | np.int64(data[pos + 3])
        )
    return (
        (np.int64(data[pos + 3]) << 24)
        | (np.int64(data[pos + 2]) << 16)
        | (np.int64(data[pos + 1]) << 8)
        | np.int64(data[pos])
    )


@kernel
def _scan(
    data: Bytes,
    start: Int,
    big: bool,
    header: Int,
    per_us: Int,
    link: Int,
    limit: Int,
    span: Int,
    out: Records,
) -> tuple[Int, Int, Int]:
    """Fill `out` with the frames from byte `start` on: (frames, next byte, why it stopped)."""
    size = len(data)
    pos = start
    count = 0
    while count < len(out) and pos - start < span:
        if pos == size:
            return count, pos, END
        if size - pos < header:
            return count, pos, CUT_HEADER
        captured = _word(data, pos + 8, big)
        if captured > limit:
            return count, pos, LYING
        if captured > size - pos - header:
            return count, pos, CUT_PACKET
        frame = out[count]
        frame.offset = pos + header
        frame.time_us = _word(data, pos, big) * 1_000_000 + _word(data, pos + 4, big) // per_us
        frame.captured = captured
        frame.wire = _word(data, pos + 12, big)
        frame.link = link
        count += 1
        pos += header + captured
    return count, pos, FULL


def pcap_frames(data: Bytes, report: InputReport) -> Iterator[Records]:
    """Frames of a classic pcap file in chunks; a chunk is overwritten by the next one.

    A packet cut short at the end of the file, or a record header that cannot be true, ends the
    reading with a fatal problem at its byte; what came before it was given out.
    """
    report.format = "pcap"
    layout = layout_of(bytes(data[:FILE_HEADER]))
    if layout is None or len(data) < FILE_HEADER:
        report.add(
            "the file header is cut short", offset=len(data), do="Copy the file again from its origin."
        )
        return
    out = np.zeros(CHUNK_FRAMES, FRAME)
    pos, why = FILE_HEADER, FULL
    while why == FULL:
        count, pos, why = _scan(
            data, pos, layout.big, layout.header, layout.per_us, layout.link, layout.limit, CHUNK_BYTES, out
        )
        if count:
            yield out[:count]
    _tell(data, pos, why, layout, report)


def _tell(data: Bytes, pos: int, why: int, layout: Layout, report: InputReport) -> None:
    if why == CUT_HEADER:
        report.add(
            "the file ends inside a record header",
            offset=pos,
            do="The capture was still being written or was copied in part; everything before was read.",
        )
    elif why == CUT_PACKET:
        report.add(
            f"the last packet claims {_word(data, pos + 8, layout.big)} octets,"
            f" the file has {len(data) - pos - layout.header} more.",
            offset=pos + 8,
            field="captured length",
            do="The capture was still being written or was copied in part; everything before was read.",
        )
    elif why == LYING:
        report.add(
            f"a packet claims {_word(data, pos + 8, layout.big)} octets, more than any packet can have",
            offset=pos + 8,
            field="captured length",
            do="The file is damaged from here on; everything before was read.",
        )
