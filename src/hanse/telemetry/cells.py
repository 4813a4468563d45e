"""Columns of text, numbers or times, as other programs write them, to the numbers of a flow.

Every function takes an Arrow array and gives NumPy values with a mask of the rows that are good; a
bad cell never raises, so that one bad row costs one row.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hanse.kernel.address_columns import v4_column
from hanse.kernel.addresses import V4_MAPPED, pack
from hanse.telemetry.dotted import parse_dotted

Values = npt.NDArray[Any]
Good = npt.NDArray[np.bool_]

UNITS = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
"""Microseconds per unit of time."""

PROTOCOLS = {
    "icmp": 1, "igmp": 2, "ipip": 4, "ipencap": 4, "tcp": 6, "egp": 8, "igp": 9, "udp": 17, "dccp": 33,
    "ipv6": 41, "6in4": 41, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "icmp6": 58, "icmpv6": 58,
    "ipv6-icmp": 58, "icmp-ipv6": 58, "eigrp": 88, "ospf": 89, "ospfigp": 89, "pim": 103, "vrrp": 112,
    "l2tp": 115, "sctp": 132, "udplite": 136, "unknown_transport": 255,
}  # fmt: skip
"""Names that programs print for IP protocols (IANA protocol numbers). Zeek's `unknown_transport`
becomes 255, which IANA reserves and nobody sends."""

_FLAG_LETTERS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128}
_LARGEST = float(1 << 62)


def text_of(column: pa.Array, row: int, limit: int = 60) -> str:
    """A cell as it can be shown in a message, whatever bytes it holds."""
    value = column[row].cast(pa.binary()).as_py() if is_text(column.type) else column[row].as_py()
    if value is None:
        return "(empty)"
    shown = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "".join(c if c.isprintable() else "?" for c in shown)[:limit]


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array without dictionary or large offsets; text trimmed, empty text null."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if is_text(column.type):
        column = pc.ascii_trim_whitespace(column.cast(pa.string()))
        column = pc.if_else(pc.equal(pc.binary_length(column), 0), None, column)
    return column


def numbers(column: pa.Array) -> tuple[Values, Good]:
    """Whole numbers as int64; an empty cell is 0 and good, fractions are cut off."""
    good = np.ones(len(column), bool)
    if is_text(column.type):
        try:
            column = pc.cast(column, pa.int64())
        except pa.ArrowInvalid:
            return _odd_numbers(column)
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        if pa.types.is_uint64(column.type):
            good = pc.fill_null(pc.less_equal(column, (1 << 63) - 1), True).to_numpy(zero_copy_only=False)
        return pc.fill_null(column, 0).cast(pa.int64(), safe=False).to_numpy(zero_copy_only=False), good
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return _cut(pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy(zero_copy_only=False))
    return np.zeros(len(column), np.int64), np.zeros(len(column), bool)


def _cut(real: npt.NDArray[np.float64]) -> tuple[Values, Good]:
    good = np.isfinite(real) & (np.abs(real) < _LARGEST)
    return np.where(good, real, 0).astype(np.int64), good


def _odd_numbers(column: pa.Array) -> tuple[Values, Good]:
    """Text among which there is something else than decimal whole numbers: fractions, 0x, or rubbish."""
    values = np.zeros(len(column), np.int64)
    good = np.ones(len(column), bool)
    encoded = pc.dictionary_encode(column)
    table = [_odd_number(raw) for raw in _raw(encoded.dictionary)]
    lookup = np.array([value or 0 for value in table] or [0], np.int64)
    known = np.array([value is not None for value in table] or [True], bool)
    present = column.is_valid().to_numpy(zero_copy_only=False)
    index = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
    values[present] = lookup[index[present]]
    good[present] = known[index[present]]
    return values, good


def _odd_number(raw: bytes) -> int | None:
    try:
        value = int(raw, 16) if raw[:2].lower() == b"0x" else int(float(raw))
    except (ValueError, OverflowError):
        return None
    return value if abs(value) < _LARGEST else None


def _raw(column: pa.Array) -> list[bytes]:
    raw: list[bytes] = column.cast(pa.binary()).to_pylist()
    return raw


def times(column: pa.Array, unit: str) -> tuple[Values, Good]:
    """Microseconds UTC as int64; an empty cell is bad.

    Args:
        column: Numbers, timestamps, or text with either.
        unit: One of `UNITS`, or ``iso`` for text such as ``2007-05-09 14:32:07.123``, which is UTC
            where it names no zone.
    """
    present = column.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_timestamp(column.type):
        stamps = column.cast(pa.timestamp("us", column.type.tz), safe=False)
        return pc.fill_null(stamps.cast(pa.int64()), 0).to_numpy(zero_copy_only=False), present
    if unit == "iso":
        values, good = _iso_times(column)
        return values, good & present
    scale = UNITS[unit]
    if pa.types.is_integer(column.type):
        whole, good = numbers(column)
        return _scaled(whole, good & present, scale)
    if is_text(column.type):
        try:
            whole = pc.fill_null(pc.cast(column, pa.int64()), 0).to_numpy(zero_copy_only=False)
            return _scaled(whole, present, scale)
        except pa.ArrowInvalid:
            pass
    real, good = reals(column)
    micros = np.round(np.where(good, real, 0) * scale)
    good &= present & (np.abs(micros) < _LARGEST)
    return np.where(good, micros, 0).astype(np.int64), good


def _scaled(whole: Values, good: Good, scale: float) -> tuple[Values, Good]:
    if scale < 1:
        return whole // round(1 / scale), good
    good = good & (np.abs(whole.astype(np.float64)) < _LARGEST / scale)
    return np.where(good, whole, 0) * int(scale), good


def reals(column: pa.Array) -> tuple[npt.NDArray[np.float64], Good]:
    """Numbers with fractions; an empty cell is 0 and good."""
    if is_text(column.type):
        try:
            column = pc.cast(column, pa.float64())
        except pa.ArrowInvalid:
            encoded = pc.dictionary_encode(column)
            table = np.array([_real(raw) for raw in _raw(encoded.dictionary)] or [0.0])
            index = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
            present = column.is_valid().to_numpy(zero_copy_only=False)
            real = np.where(present, table[index], 0.0)
            return np.nan_to_num(real), np.isfinite(real)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or _is_decimal(column)):
        return np.zeros(len(column)), np.zeros(len(column), bool)
    real = pc.fill_null(column.cast(pa.float64(), safe=False), 0.0).to_numpy(zero_copy_only=False)
    return np.nan_to_num(real), np.isfinite(real)


def _is_decimal(column: pa.Array) -> bool:
    return bool(pa.types.is_decimal(column.type))


def _real(raw: bytes) -> float:
    try:
        return float(raw)
    except ValueError:
        return float("nan")


def _iso_times(column: pa.Array) -> tuple[Values, Good]:
    """ISO 8601 text; Arrow reads a column in one form at once, mixed forms go one by one."""
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            stamps = pc.cast(column, kind)
        except pa.ArrowInvalid:
            continue
        good = stamps.is_valid().to_numpy(zero_copy_only=False)
        return pc.fill_null(stamps.cast(pa.int64()), 0).to_numpy(zero_copy_only=False), good
    return each(column, _iso_time)


def _iso_time(raw: bytes) -> int | None:
    try:
        when = datetime.fromisoformat(raw.decode("ascii"))
    except ValueError:
        return None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    try:
        return round((when - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6)
    except OverflowError:
        return None


def protocols(column: pa.Array) -> tuple[Values, Good]:
    """IP protocol numbers from numbers or names; an empty cell is bad."""
    if is_text(column.type):
        try:
            column = pc.cast(column, pa.int64())
        except pa.ArrowInvalid:
            return each(column, _protocol)
    values, good = numbers(column)
    good = good & column.is_valid().to_numpy(zero_copy_only=False) & (values >= 0) & (values <= 255)
    return values, good


def _protocol(raw: bytes) -> int | None:
    text = raw.decode("ascii", "replace").lower()
    if text.isdecimal() and int(text[:4]) <= 255:
        return int(text)
    return PROTOCOLS.get(text)


def tcp_flags(column: pa.Array) -> tuple[Values, Good]:
    """TCP flags from numbers (decimal or 0x) or letters (``.AP.SF``); an empty cell is 0.

    Only the low eight bits are kept: some exporters put the data offset into the others.
    """
    if is_text(column.type):
        try:
            column = pc.cast(column, pa.int64())
        except pa.ArrowInvalid:
            values, good = each(column, _flags)
            return values, good | ~column.is_valid().to_numpy(zero_copy_only=False)
    values, good = numbers(column)
    return values & 0xFF, good & (values >= 0)


def _flags(raw: bytes) -> int | None:
    text = raw.decode("ascii", "replace").upper()
    if text.isdecimal() or text.startswith("0X"):
        number = _odd_number(raw)
        return None if number is None else number & 0xFF
    if set(text) - set(_FLAG_LETTERS) - set(".-_* "):
        return None
    return sum(_FLAG_LETTERS.get(letter, 0) for letter in set(text))


def addresses(column: pa.Array) -> tuple[npt.NDArray[np.uint8], Good]:
    """Addresses as (n, 16) bytes, from text, 4 or 16 raw bytes, or IPv4 as a 32-bit number; empty is bad."""
    present = column.is_valid().to_numpy(zero_copy_only=False)
    if is_text(column.type):
        return _text_addresses(column, present)
    if pa.types.is_binary(column.type) or pa.types.is_fixed_size_binary(column.type):
        packed, good = each(column, _raw_address, np.dtype("V16"))
        return packed.view(np.uint8).reshape(-1, 16), good
    whole, good = numbers(column)
    good = good & present & (whole >= 0) & (whole <= 0xFFFFFFFF)
    return v4_column(np.where(good, whole, 0).astype(np.uint32)), good


def _raw_address(raw: bytes) -> bytes | None:
    return {4: V4_MAPPED + raw, 16: raw}.get(len(raw))


def _text_address(raw: bytes) -> bytes | None:
    try:
        return pack(raw.decode("ascii").strip().strip("[]"))
    except ValueError:
        return None


def _text_addresses(column: pa.Array, present: Good) -> tuple[npt.NDArray[np.uint8], Good]:
    out = np.zeros((len(column), 16), np.uint8)
    if not present.any():
        return out, present.copy()
    buffers = column.buffers()
    offsets = np.frombuffer(buffers[1], np.int32, len(column) + 1, column.offset * 4)
    text = np.frombuffer(buffers[2] or b"", np.uint8)
    done = np.zeros(len(column), bool)
    parse_dotted(text, offsets, out, done)
    done &= present
    rest = np.flatnonzero(present & ~done)
    if len(rest):
        packed, good = each(column.take(rest), _text_address, np.dtype("V16"))
        out[rest] = packed.view(np.uint8).reshape(-1, 16)
        done[rest] = good
    return out, done


def each(
    column: pa.Array, read: Callable[[bytes], Any], dtype: np.dtype[Any] | None = None
) -> tuple[Values, Good]:
    """Read each distinct cell once with a Python function that gives None for a bad one; empty is bad."""
    encoded = pc.dictionary_encode(column)
    dtype = dtype or np.dtype(np.int64)
    empty = bytes(dtype.itemsize) if dtype.kind == "V" else 0
    table = [read(raw) for raw in _raw(encoded.dictionary)]
    lookup = np.array([empty if value is None else value for value in table] or [empty], dtype)
    known = np.array([value is not None for value in table] or [False], bool)
    index = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
    good = known[index] & column.is_valid().to_numpy(zero_copy_only=False)
    return np.where(good, lookup[index], np.array(empty, dtype)), good
