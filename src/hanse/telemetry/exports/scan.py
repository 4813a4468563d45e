"""The loops over export datagrams: headers, sets, and records gathered into one stretch of memory.

Everything that must happen per datagram or per set happens here, compiled; what follows works on
whole columns. Layouts: Cisco, "NetFlow Export Datagram Format" (v5); RFC 3954, section 5 (v9);
RFC 7011, section 3 (IPFIX).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hanse.telemetry.packets.compiled import kernel

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Table = npt.NDArray[Any]
Int = Any
"""A whole number inside a kernel: 64 bits, signed."""

HEADER = np.dtype(
    [
        ("version", np.int64),  # 5, 9, 10; SFLOW; 0 where unreadable
        ("domain", np.int64),  # v5 engine type and id, v9 source id, IPFIX observation domain
        ("sequence", np.int64),
        ("export_us", np.int64),  # microseconds UTC, by the exporter's clock
        ("uptime_ms", np.int64),  # v5 and v9: the exporter's uptime at export
        ("count", np.int64),  # v5 and v9: records, by the header
        ("sampling", np.int64),  # v5: the sampling word's interval, else 0
        ("fault", np.int64),
        ("fault_at", np.int64),  # offset in the buffer
    ],
    align=True,
)

SET = np.dtype(
    [
        ("datagram", np.int64),
        ("begin", np.int64),  # first octet behind the set's header
        ("end", np.int64),
        ("id", np.int64),  # set id; V5_SET for the records of a v5 datagram
    ],
    align=True,
)

SFLOW = 105
"""Version given to sFlow v5 datagrams, since NetFlow has a 5 of its own."""
V5_SET = 0x10005
"""Set id given to the records of v5: more than the 16 bits of a set id on the wire can say."""
V5_HEADER, V5_RECORD, V9_HEADER, IPFIX_HEADER, SFLOW_HEADER = 24, 48, 20, 16, 28

OK, SHORT, UNKNOWN, SET_SHORT, SET_LONG, COUNT, LENGTH = range(7)
FAULTS = {
    SHORT: ("the datagram ends inside its header", "header"),
    UNKNOWN: ("the datagram is no NetFlow v5, v9, IPFIX or sFlow v5", "version"),
    SET_SHORT: ("a set says that it is shorter than its own header", "set length"),
    SET_LONG: ("a set reaches beyond the end of its datagram", "set length"),
    COUNT: ("fewer records than the header counts", "count"),
    LENGTH: ("the message's length is not that of its datagram", "length"),
}
"""What is wrong with a datagram, and the field that says so."""


@kernel
def _be16(data: Bytes, at: Int) -> Int:
    return (np.int64(data[at]) << 8) | np.int64(data[at + 1])


@kernel
def _be32(data: Bytes, at: Int) -> Int:
    return (_be16(data, at) << 16) | _be16(data, at + 2)


@kernel
def _header(data: Bytes, at: Int, size: Int, head: Any) -> None:
    """Fill a HEADER row; the version stays 0 where the datagram is not readable."""
    head.version = head.domain = head.sequence = head.uptime_ms = head.export_us = 0
    head.count = head.sampling = head.fault = 0
    head.fault_at = at
    if size < 4:
        head.fault = SHORT
        return
    version = _be16(data, at)
    if version == 0 and _be16(data, at + 2) == 5:
        version = SFLOW
    needed = 0
    if version == 5:
        needed = V5_HEADER
    elif version == 9:
        needed = V9_HEADER
    elif version == 10:
        needed = IPFIX_HEADER
    elif version == SFLOW:
        needed = SFLOW_HEADER
    if needed == 0 or size < needed:
        head.fault = UNKNOWN if needed == 0 else SHORT
        return
    head.version = version
    if version == 10:
        head.export_us = _be32(data, at + 4) * 1_000_000
        head.sequence = _be32(data, at + 8)
        head.domain = _be32(data, at + 12)
    elif version != SFLOW:
        head.count = _be16(data, at + 2)
        head.uptime_ms = _be32(data, at + 4)
        head.export_us = _be32(data, at + 8) * 1_000_000
        if version == 9:
            head.sequence = _be32(data, at + 12)
            head.domain = _be32(data, at + 16)
        else:
            head.export_us += _be32(data, at + 12) // 1000
            head.sequence = _be32(data, at + 16)
            head.domain = _be16(data, at + 20)
            head.sampling = _be16(data, at + 22) & 0x3FFF


@kernel
def _sets(data: Bytes, at: Int, size: Int, head: Any, number: Int, sets: Any, row: Int, write: bool) -> Int:
    """Walk the sets of a datagram, write them from `row` on (if told to), and say where they end."""
    end = at + size
    if head.version == 5:
        stop = at + V5_HEADER + V5_RECORD * head.count
        if stop > end:
            head.fault, head.fault_at = COUNT, at + 2
            stop -= V5_RECORD * ((stop - end + V5_RECORD - 1) // V5_RECORD)
        if write:
            sets[row].datagram, sets[row].id = number, V5_SET
            sets[row].begin, sets[row].end = at + V5_HEADER, stop
        return row + 1
    if head.version == 10:
        said = _be16(data, at + 2)
        if said != size:
            head.fault, head.fault_at = LENGTH, at + 2
        end = min(end, at + max(said, IPFIX_HEADER))
    elif head.version != 9:
        return row
    at += IPFIX_HEADER if head.version == 10 else V9_HEADER
    while end - at >= 4:
        length = _be16(data, at + 2)
        if length < 4 or at + length > end:
            head.fault, head.fault_at = (SET_SHORT if length < 4 else SET_LONG), at + 2
            break
        if write:
            sets[row].datagram, sets[row].id = number, _be16(data, at)
            sets[row].begin, sets[row].end = at + 4, at + length
        row += 1
        at += length
    return row


@kernel
def read_headers(data: Bytes, offsets: Ints, lengths: npt.NDArray[np.int32], heads: Table) -> Int:
    """Fill a HEADER row for each datagram; the number of sets in all of them."""
    sets = 0
    nothing = np.empty(0, SET)
    for number in range(len(offsets)):
        at, size = offsets[number], np.int64(lengths[number])
        _header(data, at, size, heads[number])
        sets = _sets(data, at, size, heads[number], number, nothing, sets, False)
    return sets


@kernel
def read_sets(data: Bytes, offsets: Ints, lengths: npt.NDArray[np.int32], heads: Table, sets: Any) -> None:
    """Fill a SET row for each set, in the order of the datagrams; `sets` has the length found before."""
    row = 0
    for number in range(len(offsets)):
        row = _sets(data, offsets[number], np.int64(lengths[number]), heads[number], number, sets, row, True)


@kernel
def _copy(data: Bytes, at: Int, out: Bytes, to: Int, size: Int) -> None:
    """Copy octets; written so that the compiler makes it a plain move of memory."""
    source, target = data[at : at + size], out[to : to + size]
    for step in range(size):
        target[step] = source[step]


@kernel
def gather(data: Bytes, begins: Ints, octets: Ints, out: Bytes) -> None:
    """Copy stretches of the buffer behind each other."""
    to = 0
    for number in range(len(begins)):
        _copy(data, begins[number], out, to, octets[number])
        to += octets[number]


@kernel
def _variable(data: Bytes, at: Int, end: Int) -> tuple[Int, Int]:
    """Start and size of a variable-length field (RFC 7011, section 7); size -1 when it does not fit."""
    if at >= end:
        return at, -1
    size = np.int64(data[at])
    at += 1
    if size == 255:
        if end - at < 2:
            return at, -1
        size = _be16(data, at)
        at += 2
    return (at, size) if end - at >= size else (at, -1)


@kernel
def walk_variable(
    data: Bytes, begins: Ints, ends: Ints, widths: Ints, keep: Ints, size: Int, least: Int, out: Bytes
) -> Ints:
    """Records with variable-length fields, copied as fixed ones without those fields.

    Args:
        data: The buffer.
        begins: First octet of each set's records, shape (n,).
        ends: Where each set ends, shape (n,).
        widths: Octets of each field of the template, -1 for a variable one.
        keep: Where a field goes in the fixed record, -1 for one that is left out.
        size: Octets of a fixed record.
        least: Fewest octets that a record can have: what is shorter is padding.
        out: Where the records go; of length 0 to count them only.

    Returns:
        Records per set, shape (n,). A set whose last record does not fit ends before it and has its
        count made negative: ``-1 - count``.
    """
    counts = np.zeros(len(begins), np.int64)
    to = 0
    for number in range(len(begins)):
        at, end = begins[number], ends[number]
        count = 0
        cut = False
        while end - at >= least:
            for field in range(len(widths)):
                width = widths[field]
                if width < 0:
                    at, width = _variable(data, at, end)
                if width < 0 or end - at < width:
                    cut = True
                    break
                if len(out) and keep[field] >= 0:
                    _copy(data, at, out, to + keep[field], width)
                at += width
            if cut:
                break
            count += 1
            to += size
        counts[number] = -1 - count if cut else count
    return counts
