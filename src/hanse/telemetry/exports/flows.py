"""Records of one template to flow columns, all of them in one step."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.kernel.addresses import V4_MAPPED
from hanse.kernel.clock import LAST_MOMENT_US
from hanse.telemetry.exports import elements as e
from hanse.telemetry.exports.receipt import Receipt
from hanse.telemetry.exports.templates import Records, Template, number_of
from hanse.telemetry.schema import ADDRESS, FLOW

Ints: TypeAlias = npt.NDArray[np.int64]
Columns: TypeAlias = dict[str, npt.NDArray[Any]]

NTP_TO_UNIX_S = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 868)."""
MOST = 2**63 - 1
ICMP, ICMP6 = 1, 58

KINDS: dict[str, Any] = {
    "start": np.int64, "end": np.int64, "src_port": np.uint16, "dst_port": np.uint16,
    "protocol": np.uint8, "tcp_flags": np.uint8, "icmp_type": np.uint8, "icmp_code": np.uint8,
    "packets": np.int64, "bytes": np.int64, "sampling": np.int32, "ttl": np.uint8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """Records of one template and one stream, with what their datagrams say.

    Attributes:
        template: How to read them.
        records: The records, shape (n,), of the template's dtype.
        export_us: When each was exported, microseconds UTC, shape (n,).
        uptime_ms: The exporter's uptime then, shape (n,); None for IPFIX, which has none.
        system_init_us: When the exporter started, microseconds UTC, for IPFIX; None where unknown.
        sampling: One in how many packets, a number or shape (n,); fields in the records go before.
        exporter: 16 bytes; all zero where unknown.
        backward: Whether to read the records' reverse direction (RFC 5103).
        receipt: By what flows are dated whose times cannot be right; None where they stay as told.
    """

    template: Template
    records: Records
    export_us: Ints
    uptime_ms: Ints | None
    system_init_us: int | None
    sampling: int | npt.NDArray[np.int64]
    exporter: bytes
    backward: bool = False
    receipt: Receipt | None = None

    def __len__(self) -> int:
        """How many flows it gives."""
        return len(self.records)

    def fill(self, columns: Columns) -> None:
        """Write them into their slice of the columns."""
        fill(self, columns)

    def read(self, number: int) -> npt.NDArray[Any] | None:
        """An element of the records' own direction, None where the template lacks it."""
        name = self.template.names.get((e.REVERSE if self.backward else 0, number))
        return None if name is None else number_of(self.records, name)

    def shared(self, number: int) -> npt.NDArray[Any] | None:
        """An element that holds for both directions, None where the template lacks it."""
        name = self.template.names.get((0, number))
        return None if name is None else number_of(self.records, name)

    def first(self, *numbers: int) -> npt.NDArray[Any] | None:
        """The first of some elements that the template has."""
        return next((column for n in numbers if (column := self.read(n)) is not None), None)


def _counter(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.minimum(column, MOST) if column.dtype.itemsize == 8 else column


def _capped(column: npt.NDArray[Any], most: int) -> Ints:
    """Unsigned numbers as signed ones, larger ones made `most`."""
    if column.dtype.itemsize < 8 and most >= 2**32:
        return column.astype(np.int64)
    return np.minimum(_counter(column).astype(np.int64), most)


def is_flow(template: Template) -> bool:
    """Whether records of this template are flows: an address, and something counted."""
    addressed = any(template.has(number) for number in e.ADDRESS_WIDTHS)
    return addressed and any(template.has(n) for n in (*e.OCTETS, *e.PACKETS, *e.LAYER2_OCTETS))


def backward(piece: Piece) -> Piece | None:
    """The records of a piece in which the other direction was seen too, as flows of their own.

    A two-way record (RFC 5103, or initiator and responder counts) stands for two flows here, since
    every room above counts what goes to a victim and what comes back apart.
    """
    there = any(piece.template.has(number, e.REVERSE) for number in (*e.OCTETS, *e.PACKETS))
    if not there and not any(piece.template.has(n) for n in (e.RESPONDER_PACKETS, e.RESPONDER_OCTETS)):
        return None
    both = replace(piece, backward=True)
    seen = np.zeros(len(piece), np.bool_)
    for column in (_packets(both), _octets(both)):
        if column is not None:
            seen |= column != 0
    if not seen.any():
        return None
    return replace(
        both,
        records=piece.records[seen],
        export_us=piece.export_us[seen],
        uptime_ms=None if piece.uptime_ms is None else piece.uptime_ms[seen],
        sampling=piece.sampling if isinstance(piece.sampling, int) else piece.sampling[seen],
        receipt=None if piece.receipt is None else piece.receipt.some(seen),
    )


def _packets(piece: Piece) -> npt.NDArray[Any] | None:
    found = piece.first(*e.PACKETS)
    return piece.shared(e.RESPONDER_PACKETS) if found is None and piece.backward else found


def _octets(piece: Piece) -> npt.NDArray[Any] | None:
    found = piece.first(*e.OCTETS)
    if found is None:
        found = piece.shared(e.RESPONDER_OCTETS) if piece.backward else piece.first(*e.LAYER2_OCTETS)
    return found


def _address(piece: Piece, v4: int, v6: int, column: npt.NDArray[np.uint8]) -> None:
    """Write one address column, shape (n, 16)."""
    four = piece.template.names.get((0, v4))
    six = piece.template.names.get((0, v6))
    if six is not None:
        column.view("V16")[:, 0] = piece.records[six]
    elif four is None:
        unknown = piece.template.has(e.SRC4) or piece.template.has(e.DST4)
        column[:] = np.frombuffer(V4_MAPPED + bytes(4), np.uint8) if unknown else 0
    if four is None:
        return
    out = column.view(np.uint32)
    words = piece.records[four]
    if six is None:
        out[:, 0] = out[:, 1] = 0
        out[:, 2] = _MAPPED[2]
        out[:, 3] = words
        return
    version = piece.shared(e.IP_VERSION)
    rows = words != 0 if version is None else version != 6
    out[rows, :3] = _MAPPED[:3]
    out[rows, 3] = words[rows]


_MAPPED = np.frombuffer(V4_MAPPED + bytes(4), np.uint32)


def _moment(piece: Piece, kind: int, column: npt.NDArray[Any]) -> Ints | None:
    """A time field as microseconds UTC; the time of export where the field is empty."""
    if kind == e.UPTIME:
        return _by_uptime(piece, column)
    if kind == e.DELTA:
        return piece.export_us - _capped(column, LAST_MOMENT_US)
    if kind == e.NTP:
        if column.dtype.itemsize != 8:
            return None
        whole = (column >> np.uint64(32)).astype(np.int64)
        part = (column & np.uint64(0xFFFFFFFF)).astype(np.int64) * 1_000_000 >> 32
        # With the top bit clear it is a time from 2036 on (RFC 4330, section 3).
        us = (whole + np.where(whole >> 31, 0, 1 << 32) - NTP_TO_UNIX_S) * 1_000_000 + part
    else:
        unit = 1_000_000 if kind == e.SECONDS else 1000
        us = _capped(column, LAST_MOMENT_US // unit) * unit
    moments: Ints = np.where(column == 0, piece.export_us, us)
    return moments


def _by_uptime(piece: Piece, column: npt.NDArray[Any]) -> Ints | None:
    """Times in milliseconds since the exporter's start, which wrap after 49.7 days."""
    since = _capped(column, 2**40)
    if piece.uptime_ms is not None:
        return piece.export_us + (since - piece.uptime_ms).astype(np.int32).astype(np.int64) * 1000
    init = piece.shared(e.SYSTEM_INIT)
    if init is not None:
        return (_capped(init, LAST_MOMENT_US // 1000) + since) * 1000
    return None if piece.system_init_us is None else piece.system_init_us + since * 1000


def _time(piece: Piece, kinds: dict[int, int]) -> Ints | None:
    for number, kind in kinds.items():
        column = piece.read(number)
        found = None if column is None else _moment(piece, kind, column)
        if found is not None:
            return found
    return None


def _duration(piece: Piece) -> Ints | None:
    for number, unit in e.DURATIONS.items():
        column = piece.read(number)
        if column is not None:
            return _capped(column, 2**40) * unit
    first, last = piece.read(22), piece.read(21)
    if first is None or last is None:
        return None
    # Times since a start that nobody tells: only how long it took is known.
    took: Ints = (_capped(last, MOST) - _capped(first, MOST)).astype(np.int32).astype(np.int64)
    return took * 1000


def _times(piece: Piece, start: Ints, end: Ints) -> None:
    first, last = _time(piece, e.STARTS), _time(piece, e.ENDS)
    if piece.backward and first is None and last is None:
        _times(replace(piece, backward=False), start, end)
        return
    if first is None:
        took = _duration(piece)
        took = np.zeros(len(piece), np.int64) if took is None else np.maximum(took, 0)
        if last is None:
            last = _time(piece, e.OBSERVED)
        last = piece.export_us if last is None else last
        first = last - took
    if last is None:
        took = _duration(piece)
        last = first if took is None else first + np.maximum(took, 0)
    if piece.receipt is not None:
        shift = piece.receipt.shifts(piece.export_us, np.maximum(first, last))
        if shift is not None:
            first, last = first + shift, last + shift
    np.clip(first, 0, LAST_MOMENT_US, out=start)
    np.clip(last, 0, LAST_MOMENT_US, out=end)
    np.maximum(start, end, out=end)


def _ports(piece: Piece, columns: Columns) -> None:
    source, target = (
        next((column for n in numbers if (column := piece.shared(n)) is not None), None)
        for numbers in (e.SRC_PORTS, e.DST_PORTS)
    )
    for name, column in (("src_port", source), ("dst_port", target)):
        columns[name][:] = 0 if column is None else column
    protocol = columns["protocol"]
    icmp = np.flatnonzero((protocol == ICMP) | (protocol == ICMP6))
    if len(icmp):
        _icmp(piece, columns, icmp)
    if piece.backward:
        columns["src_port"][:], columns["dst_port"][:] = (
            columns["dst_port"].copy(),
            columns["src_port"].copy(),
        )


def _icmp(piece: Piece, columns: Columns, rows: npt.NDArray[np.intp]) -> None:
    """Type and code of the ICMP rows: from their own fields, else from the destination port (v5, v9)."""
    pair = columns["dst_port"][rows].astype(np.int64)
    for number in e.ICMP_PAIRS:
        column = piece.shared(number)
        if column is not None:
            own = column[rows].astype(np.int64)
            pair = np.where(own != 0, own, pair)
    for numbers, shift in ((e.ICMP_TYPES, 8), (e.ICMP_CODES, 0)):
        for number in numbers:
            column = piece.shared(number)
            if column is not None:
                own = (column[rows].astype(np.int64) & 255) << shift
                pair = np.where(own != 0, (pair & ~(255 << shift)) | own, pair)
    columns["icmp_type"][rows] = pair >> 8 & 255
    columns["icmp_code"][rows] = pair & 255
    columns["src_port"][rows] = columns["dst_port"][rows] = 0


def fill(piece: Piece, columns: Columns) -> None:
    """Write a piece into its slice of the columns."""
    ends = ("dst", "src") if piece.backward else ("src", "dst")
    for name, v4, v6 in zip(ends, (e.SRC4, e.DST4), (e.SRC6, e.DST6), strict=True):
        _address(piece, v4, v6, columns[name])
    protocol = piece.shared(e.PROTOCOL)
    columns["protocol"][:] = 0 if protocol is None else protocol
    columns["icmp_type"][:] = columns["icmp_code"][:] = 0
    _ports(piece, columns)
    flags = piece.read(e.TCP_FLAGS)
    columns["tcp_flags"][:] = 0 if flags is None else (flags & 0xFF)
    ttl = piece.first(*e.TTLS)
    columns["ttl"][:] = 0 if ttl is None else ttl
    for name, column in (("packets", _packets(piece)), ("bytes", _octets(piece))):
        columns[name][:] = 0 if column is None else _counter(column)
    columns["sampling"][:] = piece.sampling
    columns["exporter"].view("V16")[:] = np.void(piece.exporter)
    _times(piece, columns["start"], columns["end"])


class Part(Protocol):
    """Some flows that can be written into columns."""

    def __len__(self) -> int:
        """How many flows it gives."""

    def fill(self, columns: Columns) -> None:
        """Write them into their slice of the columns."""


def _bitmap(valid: npt.NDArray[np.bool_]) -> pa.Buffer | None:
    """Arrow's validity bitmap; None where everything is valid."""
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


class Builder:
    """Makes record batches; columns that never change are made once and shared."""

    def __init__(self, vantage: str) -> None:
        self._vantage = vantage
        self._size = 0
        self._same: dict[str, pa.Array] = {}

    def build(self, parts: Sequence[Part]) -> pa.RecordBatch | None:
        """All parts as one batch; None where there is no flow."""
        size = sum(map(len, parts))
        if not size:
            return None
        columns: Columns = {name: np.empty(size, kind) for name, kind in KINDS.items()}
        for name in ("src", "dst", "exporter"):
            columns[name] = np.empty((size, 16), np.uint8)
        if not all(isinstance(part, Piece) for part in parts):
            columns["fragments"] = np.zeros(size, np.int64)
            columns["tunnel"] = np.zeros(size, np.uint8)
            for name in ("outer_src", "outer_dst"):
                columns[name] = np.zeros((size, 16), np.uint8)
        at = 0
        for part in parts:
            part.fill({name: column[at : at + len(part)] for name, column in columns.items()})
            at += len(part)
        return pa.RecordBatch.from_arrays(
            [self._column(name, columns, size) for name in FLOW.names], schema=FLOW
        )

    def _column(self, name: str, columns: Columns, size: int) -> pa.Array:
        values = columns.get(name)
        if values is None:
            return self._constant(name, size)
        valid = None
        if name == "exporter":
            words = values.view(np.uint64)
            valid = _bitmap((words[:, 0] | words[:, 1]) != 0)
        elif name in {"outer_src", "outer_dst"}:
            valid = _bitmap(columns["tunnel"] != 0)
        kind = FLOW.field(name).type
        return pa.Array.from_buffers(kind, size, [valid, pa.py_buffer(values)])

    def _constant(self, name: str, size: int) -> pa.Array:
        if size > self._size:
            self._size = size
            self._same = {
                "fragments": pa.array(np.zeros(size, np.int64)),
                "tunnel": pa.array(np.zeros(size, np.uint8)),
                "outer_src": pa.nulls(size, ADDRESS),
                "outer_dst": pa.nulls(size, ADDRESS),
                "vantage": pa.repeat(pa.scalar(self._vantage, pa.string()), size),
            }
        return self._same[name].slice(0, size)
