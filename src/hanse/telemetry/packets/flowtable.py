"""Packets to flows: an append-only table of flow records with a hash index over the open ones.

A record that reached a timeout is left where it is and a new one is appended under the same key.
When the table is full everything in it is handed out and the index cleared, so memory is fixed and
nothing is ever searched for victims of eviction.

Fragments: the first fragment of a datagram notes its flow in a ring; later ones join that flow.
Later fragments that come first wait in the ring as counters, until their first fragment claims them
or the ring needs their place; then they become a flow without ports.
"""

import numpy as np
import numpy.typing as npt

from hanse.telemetry.packets.compiled import kernel
from hanse.telemetry.packets.frames import Int, Records, Row

ROW = np.dtype(
    [
        ("src_hi", np.uint64),
        ("src_lo", np.uint64),
        ("dst_hi", np.uint64),
        ("dst_lo", np.uint64),
        ("outer_src_hi", np.uint64),
        ("outer_src_lo", np.uint64),
        ("outer_dst_hi", np.uint64),
        ("outer_dst_lo", np.uint64),
        ("kind", np.uint64),
        ("hash", np.uint64),
        ("start", np.int64),
        ("end", np.int64),
        ("packets", np.int64),
        ("bytes", np.int64),
        ("fragments", np.int64),
        ("flags", np.uint8),
        ("ttl", np.uint8),
    ],
    align=True,
)
"""A flow record; names as in `dissection.PACKET`, times in microseconds UTC."""

NOTE = np.dtype(
    [
        ("datagram", np.uint64),
        ("older", np.int64),  # serial number of the next older note in the same bucket, -1 for none
        ("seen_us", np.int64),
        ("known", np.uint8),  # 1: its `ROW` has the first fragment's key; 0: counts fragments that wait
    ],
    align=True,
)
"""What is remembered of a fragmented datagram, beside one `ROW` for its flow."""

MAX_FLOWS = 1 << 17
"""Records held before they are handed out: 131,072, 17 MB, and as many rows per Arrow batch at most."""
MAX_WAITING = 1 << 14
"""Fragmented datagrams remembered, the newest 16,384: 3 MB. At 30 s (below) that serves 546
fragmented datagrams a second with no loss, and faster floods as long as a datagram's fragments come
within 16,384 datagrams of each other."""
FRAGMENT_US = 30_000_000
"""How long a datagram's fragments are held together, 30 s: Linux' ipfrag_time; RFC 791 says 15 s at
least, RFC 8200 says 60 s. An identification of 16 bits can come round again after that."""

FIRST, LATER = 1, 2
Limits = tuple[int, int]
"""Active and inactive timeout, microseconds."""


@kernel
def _same(flow: Row, row: Row) -> Int:
    """Whether both have one key; the outer addresses are zero on both sides without a tunnel."""
    return (
        flow.src_lo == row.src_lo
        and flow.dst_lo == row.dst_lo
        and flow.kind == row.kind
        and flow.src_hi == row.src_hi
        and flow.dst_hi == row.dst_hi
        and flow.outer_src_lo == row.outer_src_lo
        and flow.outer_dst_lo == row.outer_dst_lo
        and flow.outer_src_hi == row.outer_src_hi
        and flow.outer_dst_hi == row.outer_dst_hi
    )


@kernel
def _copy_key(flow: Row, row: Row) -> None:
    flow.src_hi, flow.src_lo, flow.dst_hi, flow.dst_lo = row.src_hi, row.src_lo, row.dst_hi, row.dst_lo
    flow.outer_src_hi, flow.outer_src_lo = row.outer_src_hi, row.outer_src_lo
    flow.outer_dst_hi, flow.outer_dst_lo = row.outer_dst_hi, row.outer_dst_lo
    flow.kind, flow.hash = row.kind, row.hash


@kernel
def _start(flow: Row, moment: Int) -> None:
    """Zero the counters."""
    flow.start, flow.end = moment, moment
    flow.packets, flow.bytes, flow.fragments = 0, 0, 0
    flow.flags, flow.ttl = 0, 255


@kernel
def _flow(
    flows: Records, used: Int, index: npt.NDArray[np.int32], key: Row, span: tuple[int, int], limits: Limits
) -> Int:
    """Number of the open record for a key that may take packets from `span[0]` to `span[1]`, us.

    A number equal to `used` is a new record: the open one, if any, reached a timeout.
    """
    mask = len(index) - 1
    slot = np.int64(key.hash & np.uint64(mask))
    while index[slot] >= 0:
        flow = flows[index[slot]]
        if flow.hash == key.hash and _same(flow, key):
            begin, end = min(flow.start, span[0]), max(flow.end, span[1])
            silence = max(span[0] - flow.end, flow.start - span[1])
            if end - begin <= limits[0] and silence <= limits[1]:
                return index[slot]
            break
        slot = (slot + 1) & mask
    index[slot] = used
    _copy_key(flows[used], key)
    _start(flows[used], span[0])
    return used


@kernel
def _count(flow: Row, row: Row) -> None:
    """Add one packet to a record."""
    flow.start, flow.end = min(flow.start, row.time_us), max(flow.end, row.time_us)
    flow.packets += 1
    flow.bytes += row.bytes
    flow.fragments += row.fragment & LATER != 0
    flow.flags |= row.flags
    flow.ttl = min(flow.ttl, row.ttl)


@kernel
def _merge(flow: Row, other: Row) -> None:
    """Add the counters of one record to another."""
    flow.start, flow.end = min(flow.start, other.start), max(flow.end, other.end)
    flow.packets += other.packets
    flow.bytes += other.bytes
    flow.fragments += other.fragments
    flow.flags |= other.flags
    flow.ttl = min(flow.ttl, other.ttl)


@kernel
def _find(notes: Records, buckets: npt.NDArray[np.int64], serial: Int, row: Row) -> Int:
    """Place in the ring of the row's datagram, -1 when it is not there or too old."""
    at = buckets[np.int64(row.datagram & np.uint64(len(buckets) - 1))]
    while at >= 0 and at >= serial - len(notes):
        note = notes[at % len(notes)]
        if note.datagram == row.datagram:
            return at % len(notes) if abs(row.time_us - note.seen_us) <= FRAGMENT_US else -1
        at = note.older
    return -1


@kernel
def _remember(notes: Records, held: Records, buckets: npt.NDArray[np.int64], serial: Int, row: Row) -> Int:
    """Write the row's datagram over the oldest place of the ring and say which that was."""
    place = serial % len(notes)
    bucket = np.int64(row.datagram & np.uint64(len(buckets) - 1))
    notes[place].datagram = row.datagram
    notes[place].older = buckets[bucket]
    notes[place].seen_us = row.time_us
    notes[place].known = 0
    buckets[bucket] = serial
    _copy_key(held[place], row)
    _start(held[place], row.time_us)
    return place


@kernel
def _release(
    flows: Records,
    used: Int,
    index: npt.NDArray[np.int32],
    notes: Records,
    held: Records,
    place: Int,
    limits: Limits,
) -> Int:
    """Make fragments that waited in vain a flow without ports; the records used now."""
    waiting: Row = held[place]
    note: Row = notes[place]
    if note.known or waiting.packets == 0:
        return used
    at = _flow(flows, used, index, waiting, (waiting.start, waiting.end), limits)
    _merge(flows[at], waiting)
    waiting.packets = 0
    return max(used, at + 1)


@kernel
def _fragment(
    flows: Records,
    used: Int,
    index: npt.NDArray[np.int32],
    notes: Records,
    held: Records,
    place: Int,
    row: Row,
    limits: Limits,
) -> Int:
    """Count a fragment whose datagram is remembered at `place`; the records used now."""
    mine: Row = held[place]
    note: Row = notes[place]
    moment = row.time_us
    if row.fragment & FIRST:
        waited = note.known == 0 and mine.packets > 0
        span = (min(moment, mine.start), max(moment, mine.end)) if waited else (moment, moment)
        at = _flow(flows, used, index, row, span, limits)
        if waited:
            _merge(flows[at], mine)
        _copy_key(mine, row)
        note.known = 1
    elif note.known:
        at = _flow(flows, used, index, mine, (moment, moment), limits)
    else:
        _count(mine, row)
        return used
    _count(flows[at], row)
    return max(used, at + 1)


@kernel
def _collect(
    rows: Records,
    begin: Int,
    flows: Records,
    used: Int,
    index: npt.NDArray[np.int32],
    notes: Records,
    held: Records,
    buckets: npt.NDArray[np.int64],
    serial: Int,
    limits: Limits,
) -> tuple[Int, Int, Int]:
    """Count rows from number `begin` on until the table is full: (next row, records, datagrams)."""
    for number in range(begin, len(rows)):
        if used + 2 > len(flows):  # a packet can open two records: its own, and one of fragments given up
            return number, used, serial
        row = rows[number]
        if row.fault:
            continue
        if row.fragment == 0:
            at = _flow(flows, used, index, row, (row.time_us, row.time_us), limits)
            _count(flows[at], row)
            used = max(used, at + 1)
            continue
        place = _find(notes, buckets, serial, row)
        if place < 0:
            used = _release(flows, used, index, notes, held, serial % len(notes), limits)
            place = _remember(notes, held, buckets, serial, row)
            serial += 1
        used = _fragment(flows, used, index, notes, held, place, row, limits)
    return len(rows), used, serial


@kernel
def _drain(
    begin: Int,
    flows: Records,
    used: Int,
    index: npt.NDArray[np.int32],
    notes: Records,
    held: Records,
    limits: Limits,
) -> tuple[Int, Int]:
    """Give up all waiting fragments from place `begin` on until the table is full: (next place, records)."""
    for place in range(begin, len(notes)):
        if used == len(flows):
            return place, used
        used = _release(flows, used, index, notes, held, place, limits)
    return len(notes), used


class FlowTable:
    """Flow records under construction, of fixed size.

    Args:
        active_us: Longest span of one record, microseconds.
        inactive_us: Longest silence inside one record, microseconds.
        records: Records held before they must be taken.
        datagrams: Fragmented datagrams remembered.
    """

    def __init__(
        self, active_us: int, inactive_us: int, records: int = MAX_FLOWS, datagrams: int = MAX_WAITING
    ) -> None:
        self._limits = (active_us, inactive_us)
        self._flows = np.zeros(records, ROW)
        self._used = 0
        slots = 1 << (2 * records - 1).bit_length()
        self._index = np.full(slots, -1, np.int32)
        self._notes = np.zeros(datagrams, NOTE)
        self._held = np.zeros(datagrams, ROW)
        self._buckets = np.full(1 << (2 * datagrams - 1).bit_length(), -1, np.int64)
        self._serial = 0
        self._drained = 0

    def count(self, rows: Records, begin: int) -> int:
        """Count the packets (array of `PACKET`) from number `begin` on.

        Returns:
            The number of the first packet that found no room: call `take`, then go on from there.
            The length of `rows` when all were counted.
        """
        done, self._used, self._serial = _collect(
            rows,
            begin,
            self._flows,
            self._used,
            self._index,
            self._notes,
            self._held,
            self._buckets,
            self._serial,
            self._limits,
        )
        return int(done)

    def drain(self) -> bool:
        """Make records of the fragments that still wait; False when `take` and another call are due."""
        self._drained, self._used = _drain(
            self._drained, self._flows, self._used, self._index, self._notes, self._held, self._limits
        )
        return bool(self._drained == len(self._notes))

    def take(self) -> Records:
        """All records held, in order of their first packet's place; valid until the next `count`."""
        taken = self._flows[: self._used]
        self._used = 0
        self._index.fill(-1)
        return taken
