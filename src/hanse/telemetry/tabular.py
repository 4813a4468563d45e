"""Rows of a table with a meaning for each column, to FLOW batches; bad rows are counted and left out."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.telemetry import cells
from hanse.telemetry.assemble import account, flow_batch
from hanse.telemetry.cells import Good, Values
from hanse.telemetry.reading import MAX_PROBLEMS, InputReport

FIELDS = (
    "start", "end", "duration", "src", "dst", "src_port", "dst_port", "protocol", "tcp_flags", "icmp_type",
    "icmp_code", "packets", "bytes", "reverse_packets", "reverse_bytes", "sampling", "fragments", "ttl",
    "tunnel", "outer_src", "outer_dst", "exporter",
)  # fmt: skip
"""What a column of a table can mean: FLOW columns; a duration in place of the end; and the counters of
the way back, for tables that hold both directions in one row."""

NEEDED = ("start", "src", "dst")
WORDED_ROWS = 5
"""Bad rows per input that are named one by one; the others are only counted."""

_UPPER = {
    "src_port": 0xFFFF, "dst_port": 0xFFFF, "icmp_type": 0xFF, "icmp_code": 0xFF, "sampling": 0x7FFFFFFF,
    "ttl": 0xFF, "tunnel": 0xFF, "packets": 1 << 62, "bytes": 1 << 62, "fragments": 1 << 62, "reverse_packets": 1 << 62,
    "reverse_bytes": 1 << 62,
}  # fmt: skip
_MEANING = {
    "start": "a time", "end": "a time", "duration": "a duration", "src": "an address",
    "dst": "an address", "exporter": "an address", "outer_src": "an address", "outer_dst": "an address", "protocol": "an IP protocol", "tcp_flags": "TCP flags",
}  # fmt: skip
_ZONE = re.compile(r"(?:[Zz]|[+-]\d\d:?\d\d)$")
ICMP, TCP, ICMPV6 = 1, 6, 58
_Way = tuple[dict[str, Values], npt.NDArray[np.intp]]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the columns of one table mean.

    Attributes:
        columns: Name of the column by field (see `FIELDS`).
        constants: Whole numbers for fields that have no column, such as ``sampling``.
        time: Unit of `start` and `end`: ``s``, ``ms``, ``us``, ``ns`` or ``iso``; empty to infer it.
        duration: Unit of `duration`: ``s``, ``ms``, ``us`` or ``ns``.
        icmp_in_port: Whether type x 256 + code (or ``type.code``) of ICMP stands in `dst_port`, as
            NetFlow has it.
    """

    columns: Mapping[str, str]
    constants: Mapping[str, int] = field(default_factory=dict)
    time: str = ""
    duration: str = "s"
    icmp_in_port: bool = False

    def missing(self) -> list[str]:
        """The fields without which a row is no flow, and that this layout lacks."""
        return [name for name in NEEDED if name not in self.columns]


def infer_unit(column: pa.Array) -> str:
    """The unit of a column of times, from the size of its first value; ``iso`` for text, empty if none.

    Seconds since 1970 have ten digits from 2001 to 2286, milliseconds thirteen, microseconds
    sixteen, nanoseconds nineteen; the bounds lie between, so that they hold from 1970-04-26 on.
    """
    if pa.types.is_timestamp(column.type):
        return "iso"
    real, good = cells.reals(column)
    present = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    if not len(present):
        return ""
    numeric = present[good[present]]
    if not len(numeric):
        return "iso"
    size = abs(real[numeric[0]])
    return next(
        unit for unit, bound in (("s", 1e10), ("ms", 1e13), ("us", 1e16), ("ns", np.inf)) if size < bound
    )


class Rows:
    """Turns batches of one table into FLOW batches, and keeps its report.

    Args:
        layout: What the columns mean.
        report: Receives flows, packets, skipped rows and problems.
        vantage: Name of the vantage point.
        line_of: Line in the input of a row, counted over all batches; None where rows have no lines.
        adapt: Changes the decoded fields before they become flows (what only one format knows).
    """

    def __init__(
        self,
        layout: Layout,
        report: InputReport,
        vantage: str,
        *,
        line_of: Callable[[int], int] | None = None,
        adapt: Callable[[dict[str, Values], pa.RecordBatch | pa.Table], None] | None = None,
    ) -> None:
        self.layout = layout
        self.bad_rows = 0
        self._report = report
        self._vantage = vantage
        self._line_of = line_of
        self._adapt = adapt
        self._row = 0
        self._empty = 0
        self._worded = 0

    def flows(self, table: pa.RecordBatch | pa.Table) -> Iterator[pa.RecordBatch]:
        """FLOW batches of the rows: one, and a second one where rows tell of the way back."""
        columns = {
            name: cells.plain(table.column(source))
            for name, source in self.layout.columns.items()
            if name in FIELDS
        }
        values, good = self._decode(columns)
        if self._adapt is not None:
            self._adapt(values, table)
        self._row += table.num_rows
        kept = np.flatnonzero(good)
        values = {name: column[kept] for name, column in values.items()}
        self._complete(values)
        forward, backward = _directions(values)
        self._empty += len(kept) - len(np.unique(np.concatenate([forward[1], backward[1]])))
        for way, rows in (forward, backward):
            if len(rows):
                taken = {name: column[rows] for name, column in way.items()}
                yield account(
                    flow_batch(taken, self._vantage), taken["packets"] * taken["sampling"], self._report
                )

    def finish(self) -> None:
        """Enter what was only counted so far in the report."""
        self._report.skipped += self.bad_rows + self._empty
        more = self.bad_rows - self._worded
        if more > 0:
            self._report.add(f"{more} more rows could not be read and were left out.", do=_MAPPING_ADVICE)
        if self._empty:
            what = f"{self._empty} rows count neither packets nor bytes and are no flows."
            self._report.add(what, fatal=False)

    def _decode(self, columns: Mapping[str, pa.Array]) -> tuple[dict[str, Values], Good]:
        rows = len(columns["start"])
        if not self.layout.time and (unit := infer_unit(columns["start"])):
            self.layout = replace(self.layout, time=unit)
            self._say_inferred(unit, columns["start"])
        good = np.ones(rows, bool)
        blank = _blank(columns)
        values: dict[str, Values] = {}
        for name, column in columns.items():
            values[name], fine = self._field(name, column)
            if not fine.all():
                self._word(name, column, good & ~fine & ~blank)
                good &= fine
        for name, number in self.layout.constants.items():
            values.setdefault(name, np.full(rows, number, np.int64))
        self.bad_rows += int((~good & ~blank).sum())
        return values, good

    def _field(self, name: str, column: pa.Array) -> tuple[Values, Good]:
        if name in {"start", "end"}:
            return cells.times(column, self.layout.time or "s")
        if name == "duration":
            return _durations(column, cells.UNITS[self.layout.duration])
        if name == "dst_port" and self.layout.icmp_in_port:
            return _port_or_icmp(column)
        if name in _READERS:
            return _READERS[name](column)
        numbers, good = cells.numbers(column)
        return numbers, good & (numbers >= 0) & (numbers <= _UPPER[name])

    def _complete(self, values: dict[str, Values]) -> None:
        """Fill in what follows from other fields, and bring the end behind the start."""
        rows = len(values["start"])
        if "end" not in values:
            values["end"] = values["start"] + values.pop("duration", np.zeros(rows, np.int64))
        values.pop("duration", None)
        values["end"] = np.maximum(values["start"], values["end"])
        values.setdefault("packets", np.ones(rows, np.int64))
        values.setdefault("bytes", np.zeros(rows, np.int64))
        values["sampling"] = np.maximum(values.get("sampling", np.ones(rows, np.int64)), 1)
        protocol = values.setdefault("protocol", np.zeros(rows, np.int64))
        icmp = (protocol == ICMP) | (protocol == ICMPV6)
        if self.layout.icmp_in_port and "dst_port" in values and "icmp_type" not in values:
            values["icmp_type"] = np.where(icmp, values["dst_port"] >> 8, 0)
            values["icmp_code"] = np.where(icmp, values["dst_port"] & 0xFF, 0)
        for name in ("icmp_type", "icmp_code"):
            if name in values:
                values[name] = np.where(icmp, values[name], 0)
        for name in ("src_port", "dst_port"):
            if name in values:
                values[name] = np.where(icmp, 0, values[name])
        if "tcp_flags" in values:
            values["tcp_flags"] = np.where(protocol == TCP, values["tcp_flags"], 0)

    def _say_inferred(self, unit: str, column: pa.Array) -> None:
        first = int(np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))[0])
        shown = cells.text_of(column, first)
        if unit == "iso" and (pa.types.is_timestamp(column.type) or _ZONE.search(shown)):
            return
        names = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
        what = (
            f"times such as {shown} are read as {names[unit]} since 1970."
            if unit in names
            else (f"times such as {shown} name no zone and are read as UTC.")
        )
        self._report.add(what, field=self.layout.columns["start"], fatal=False)

    def _word(self, name: str, column: pa.Array, bad: npt.NDArray[np.bool_]) -> None:
        """Name the first bad rows."""
        for row in np.flatnonzero(bad)[: WORDED_ROWS - self._worded]:
            self._worded += 1
            number = self._row + int(row)
            place = f"line {self._line_of(number)}" if self._line_of else f"row {number + 1}"
            meaning = _MEANING.get(name, f"a number from 0 to {_UPPER.get(name, 0)}")
            what = f"{place}: {cells.text_of(column, int(row))!r} is not {meaning}; the row was left out."
            self._report.add(
                what, field=self.layout.columns[name], do="" if self._worded > 1 else _MAPPING_ADVICE
            )


_MAPPING_ADVICE = "If the column means something else, say so with --columns."
assert WORDED_ROWS < MAX_PROBLEMS  # noqa: S101 - the summary of the other rows must find a place


def _blank(columns: Mapping[str, pa.Array]) -> Good:
    """Rows without any cell, which is what an empty line becomes."""
    valid = [column.is_valid().to_numpy(zero_copy_only=False) for column in columns.values()]
    blank: Good = ~np.any(valid, axis=0)
    return blank


def _durations(column: pa.Array, scale: float) -> tuple[Values, Good]:
    real, good = cells.reals(column)
    micros = real * scale
    good &= (micros >= 0) & (micros < _LONGEST_US)
    return np.round(np.where(good, micros, 0)).astype(np.int64), good


def _addresses_or_none(column: pa.Array) -> tuple[Values, Good]:
    """Addresses that may be unknown, which empty cells and 0.0.0.0 mean."""
    octets, good = cells.addresses(column)
    octets[~octets[:, 12:].any(axis=1)] = 0
    return octets, good | ~column.is_valid().to_numpy(zero_copy_only=False)


_LONGEST_US = 1e17
"""Longest duration that is believed, microseconds (3,170 years); a larger number is a mistake."""

_READERS: dict[str, Callable[[pa.Array], tuple[Values, Good]]] = {
    "src": cells.addresses,
    "dst": cells.addresses,
    "exporter": _addresses_or_none,
    "outer_src": _addresses_or_none,
    "outer_dst": _addresses_or_none,
    "protocol": cells.protocols,
    "tcp_flags": cells.tcp_flags,
}


def _port_or_icmp(column: pa.Array) -> tuple[Values, Good]:
    """A port, or ICMP type and code as type x 256 + code or ``type.code``; the latter becomes the former."""
    if cells.is_text(column.type):
        try:
            column = column.cast(pa.int64())
        except pa.ArrowInvalid:
            return cells.each(column, _one_port_or_icmp)
    values, good = cells.numbers(column)
    return values, good & (values >= 0) & (values <= 0xFFFF)


def _one_port_or_icmp(raw: bytes) -> int | None:
    kind, dot, code = raw.partition(b".")
    if not kind.isdigit() or (dot and not code.isdigit()):
        return None
    value = int(kind) * 256 + int(code) if dot else int(kind)
    return value if value <= 0xFFFF and (not dot or int(code) <= 0xFF) else None


def _directions(values: dict[str, Values]) -> tuple[_Way, _Way]:
    """The fields and rows of the way there and of the way back; rows that count nothing are in neither.

    `tcp_flags_back` and `icmp_type_back` are the way back's own, where a format keeps them apart.
    """
    zeros = np.zeros(len(values["start"]), np.int64)
    apart = ("reverse_packets", "reverse_bytes", "tcp_flags_back", "icmp_type_back")
    ahead = {name: column for name, column in values.items() if name not in apart}
    back = dict(ahead)
    back["packets"] = values.get("reverse_packets", zeros)
    back["bytes"] = values.get("reverse_bytes", zeros)
    back["src"], back["dst"] = ahead["dst"], ahead["src"]
    back["src_port"], back["dst_port"] = ahead.get("dst_port", zeros), ahead.get("src_port", zeros)
    for name in ("tcp_flags", "icmp_type"):
        if f"{name}_back" in values:
            back[name] = values[f"{name}_back"]
    return (ahead, _counting(ahead)), (back, _counting(back))


def _counting(way: dict[str, Values]) -> npt.NDArray[np.intp]:
    return np.flatnonzero((way["packets"] > 0) | (way["bytes"] > 0))
