"""pcapng: sections, interfaces with their own link type and clock, and the three packet blocks.

Source: draft-ietf-opsawg-pcapng: section header (4.1), interface description (4.2, options
if_tsresol 9 and if_tsoffset 14), enhanced (4.3) and simple (4.4) packet blocks, and the obsolete
packet block (appendix A). Section and interface blocks are rare and read in Python; everything
between them is walked by one kernel.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hanse.kernel.clock import LAST_MOMENT_US
from hanse.telemetry.packets.compiled import kernel
from hanse.telemetry.packets.frames import CHUNK_BYTES, CHUNK_FRAMES, FRAME, NO_LINK, Bytes, Int, Records, Row
from hanse.telemetry.reading import InputReport

SECTION_MAGIC = b"\x0a\x0d\x0d\x0a"
ORDER_MAGIC = 0x1A2B3C4D
SECTION, INTERFACE, OBSOLETE, SIMPLE, ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
SECTION_LEAST, INTERFACE_LEAST = 28, 20
OPTION_RESOLUTION, OPTION_OFFSET = 9, 14
MAX_INTERFACES = 65_536
"""Interfaces kept per section: the obsolete packet block can name no more."""
MAX_HEADERS = 200_000
"""Section and interface blocks read per file: a thousand joined captures of a hundred interfaces each
have half as many, and reading this many in Python takes about two seconds."""

LINK, SNAP, UNITS, TIMES, DIVIDE, DROP, OFFSET_S = 0, 1, 2, 3, 4, 5, 6
"""Columns of the interface table: link type, snap length, clock units per second, how the rest of a
second becomes microseconds (drop bits, multiply, divide), and seconds to add."""
COLUMNS = 7
LAST_SECOND = LAST_MOMENT_US // 1_000_000

FULL, END, RARE, CUT, BAD_LENGTH, BAD_TRAILER, BAD_PACKET = 0, 1, 2, 3, 4, 5, 6


@dataclass(slots=True)
class Section:
    """One section of a file: its byte order and the interfaces described so far."""

    big: bool = False
    known: int = 0
    table: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((4, COLUMNS), np.int64))
    last_us: int = 0
    headers: int = 0

    def add(self, row: list[int]) -> bool:
        """Take one more interface; False when there are `MAX_INTERFACES` already."""
        if self.known == MAX_INTERFACES:
            return False
        if self.known == len(self.table):
            self.table = np.concatenate([self.table, np.zeros_like(self.table)])
        self.table[self.known] = row
        self.known += 1
        return True

    def number(self, data: Bytes, pos: int, octets: int) -> int:
        """An unsigned number of the section's byte order."""
        return int.from_bytes(data[pos : pos + octets].tobytes(), "big" if self.big else "little")


def clock(resolution: int) -> tuple[int, int, int, int] | None:
    """Units per second, multiplier, divisor and dropped bits for an if_tsresol octet.

    Seconds are ``stamp // units`` and microseconds ``((stamp % units) >> drop) * multiply // divide``,
    none of which leaves 63 bits. None for clocks finer than 10^-18 s or 2^-62 s, whose seconds do not
    fit the 64-bit stamp usefully.
    """
    power = resolution & 0x7F
    if resolution & 0x80:
        drop = max(0, power - 43)
        return (1 << power, 1_000_000, 1 << (power - drop), drop) if power <= 62 else None
    if power > 18:
        return None
    return (10**power, 10 ** max(0, 6 - power), 10 ** max(0, power - 6), 0)


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
def _moment(high: Int, low: Int, row: npt.NDArray[np.int64]) -> Int:
    """Microseconds UTC of a 64-bit stamp, held between 1970 and 9999."""
    stamp = (np.uint64(high) << np.uint64(32)) | np.uint64(low)
    units = np.uint64(row[UNITS])
    seconds = np.int64(min(stamp // units, np.uint64(LAST_SECOND)))
    rest = (np.int64(stamp % units) >> row[DROP]) * row[TIMES] // row[DIVIDE]
    seconds += row[OFFSET_S]
    if seconds < 0:
        return 0
    return seconds * 1_000_000 + rest if seconds < LAST_SECOND else LAST_SECOND * 1_000_000


@kernel
def _packet(
    data: Bytes,
    pos: Int,
    length: Int,
    kind: Int,
    big: bool,
    table: npt.NDArray[np.int64],
    known: Int,
    frame: Row,
) -> bool:
    """Fill `frame` from the packet block at `pos`; False when its captured length cannot be true."""
    first = 12 if kind == SIMPLE else 28
    if length < first + 4:
        return False
    interface = 0
    if kind == ENHANCED:
        interface = _word(data, pos + 8, big)
    elif kind == OBSOLETE:
        at = pos + 8
        interface = (
            (np.int64(data[at]) << 8) | data[at + 1] if big else (np.int64(data[at + 1]) << 8) | data[at]
        )
    if kind == SIMPLE:
        wire = _word(data, pos + 8, big)
        captured = min(wire, length - 16)
        if interface < known and table[interface, SNAP] > 0:
            captured = min(captured, table[interface, SNAP])
    else:
        captured = _word(data, pos + 20, big)
        wire = _word(data, pos + 24, big)
        if captured > length - first - 4:
            return False
    frame.offset = pos + first
    frame.captured = captured
    frame.wire = wire
    frame.link = NO_LINK
    if interface < known:
        frame.link = table[interface, LINK]
        if kind != SIMPLE:
            frame.time_us = _moment(_word(data, pos + 12, big), _word(data, pos + 16, big), table[interface])
    return True


@kernel
def _scan(
    data: Bytes,
    start: Int,
    big: bool,
    table: npt.NDArray[np.int64],
    known: Int,
    last_us: Int,
    span: Int,
    out: Records,
) -> tuple[Int, Int, Int, Int]:
    """Fill `out` from byte `start` on: (frames, next byte, why it stopped, frames without a time)."""
    size = len(data)
    pos, count, untimed, why = start, 0, 0, FULL
    while count < len(out) and pos - start < span:
        if size - pos < 12:
            why = END if pos == size else CUT
            break
        kind, length = _word(data, pos, big), _word(data, pos + 4, big)
        if kind in (SECTION, INTERFACE):
            why = RARE
        elif length < 12 or length % 4:
            why = BAD_LENGTH
        elif length > size - pos:
            why = CUT
        elif _word(data, pos + length - 4, big) != length:
            why = BAD_TRAILER
        if why != FULL:
            break
        if kind in (ENHANCED, SIMPLE, OBSOLETE):
            # A packet without a time of its own (simple block, unknown interface) has its forerunner's.
            out[count].time_us = last_us
            if not _packet(data, pos, length, kind, big, table, known, out[count]):
                why = BAD_PACKET
                break
            last_us = out[count].time_us
            untimed += kind == SIMPLE
            count += 1
        pos += length
    return count, pos, why, untimed


def pcapng_frames(data: Bytes, report: InputReport) -> Iterator[Records]:
    """Frames of a pcapng file in chunks; a chunk is overwritten by the next one.

    A block that is cut short or whose lengths cannot be true ends the reading with a fatal problem
    at its byte; what came before it was given out.
    """
    report.format = "pcapng"
    out = np.zeros(CHUNK_FRAMES, FRAME)
    section, untimed = Section(), 0
    pos, why = 0, RARE
    while why in {FULL, RARE}:
        if why == RARE:
            pos = _rare_block(data, pos, section, report)
            if pos < 0:
                break
        count, pos, why, without = _scan(
            data, pos, section.big, section.table, section.known, section.last_us, CHUNK_BYTES, out
        )
        untimed += without
        if count:
            section.last_us = int(out[count - 1]["time_us"])
            yield out[:count]
    if pos >= 0:
        _tell(pos, why, report)
    if untimed:
        report.add(
            f"{untimed} packets are in simple packet blocks, which carry no time",
            field="time",
            do="They were given the time of the packet before them.",
            fatal=False,
        )


def _tell(pos: int, why: int, report: InputReport) -> None:
    whats = {
        CUT: ("the file ends inside a block", 4, "block total length"),
        BAD_LENGTH: ("a block's length is under 12 or no multiple of 4", 4, "block total length"),
        BAD_TRAILER: ("the two lengths of a block differ", 4, "block total length"),
        BAD_PACKET: ("a packet claims more octets than its block has", 20, "captured length"),
    }
    if why in whats:
        what, at, name = whats[why]
        do = "The file is damaged or incomplete from here on; everything before was read."
        report.add(what, offset=pos + at, field=name, do=do)


def _rare_block(data: Bytes, pos: int, section: Section, report: InputReport) -> int:
    """Read the section or interface block at `pos`: the byte after it, -1 when that cannot be known."""
    section.headers += 1
    if section.headers > MAX_HEADERS:
        report.add(
            f"more than {MAX_HEADERS} section and interface blocks",
            offset=pos,
            do="Split the file; everything before was read.",
        )
        return -1
    starts = data[pos : pos + 4].tobytes() == SECTION_MAGIC
    if starts:
        order = data[pos + 8 : pos + 12].tobytes()
        if order not in {ORDER_MAGIC.to_bytes(4, "big"), ORDER_MAGIC.to_bytes(4, "little")}:
            report.add(
                "a section states no byte order",
                offset=pos + 8,
                field="byte-order magic",
                do="The file is damaged from here on; everything before was read.",
            )
            return -1
        section.big = order == ORDER_MAGIC.to_bytes(4, "big")
        section.known = 0
    length = section.number(data, pos + 4, 4)
    least = SECTION_LEAST if starts else INTERFACE_LEAST
    why = RARE
    if length < least or length % 4:
        why = BAD_LENGTH
    elif length > len(data) - pos:
        why = CUT
    elif section.number(data, pos + length - 4, 4) != length:
        why = BAD_TRAILER
    if why != RARE:
        _tell(pos, why, report)
        return -1
    if starts:
        return _section(data, pos, length, section, report)
    return _interface(data, pos, length, section, report)


def _section(data: Bytes, pos: int, length: int, section: Section, report: InputReport) -> int:
    major = section.number(data, pos + 12, 2)
    if major == 1:
        return pos + length
    report.add(
        f"a section of pcapng version {major}; only version 1 is known",
        offset=pos + 12,
        field="major version",
        do="Convert the file with a program that knows this version.",
    )
    return -1


def _interface(data: Bytes, pos: int, length: int, section: Section, report: InputReport) -> int:
    resolution, offset_s = 6, 0
    for code, at, size in _options(data, pos + 16, pos + length - 4, section):
        if code == OPTION_RESOLUTION and size >= 1:
            resolution = int(data[at])
        elif code == OPTION_OFFSET and size >= 8:
            offset_s = section.number(data, at, 8)
            offset_s -= (offset_s >> 63) << 64
    parts = clock(resolution)
    if parts is None:
        report.add(
            "an interface's clock is finer than 10^-18 s; its packets have no usable time",
            offset=pos,
            field="if_tsresol",
        )
        parts = (1 << 62, 0, 1, 0)
    # Kept within what the clamp to 1970..9999 leaves meaningful, so that the sum stays within 64 bits.
    offset_s = min(max(offset_s, -LAST_SECOND), LAST_SECOND)
    link, snap = section.number(data, pos + 8, 2), section.number(data, pos + 12, 4)
    units, times, divide, drop = parts
    if not section.add([link, snap, units, times, divide, drop, offset_s]):
        report.add(
            f"more than {MAX_INTERFACES} interfaces in one section; packets of the others are left out",
            offset=pos,
        )
    return pos + length


def _options(data: Bytes, pos: int, end: int, section: Section) -> Iterator[tuple[int, int, int]]:
    """Code, first byte and length of each option that lies wholly before `end`."""
    while end - pos >= 4:
        code, size = section.number(data, pos, 2), section.number(data, pos + 2, 2)
        if code == 0 or pos + 4 + size > end:
            return
        yield code, pos + 4, size
        pos += 4 + (size + 3) // 4 * 4
