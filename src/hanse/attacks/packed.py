"""Several small columns of flows as one number: what an engine keeps and groups costs by the column.

Nothing here reads or keeps anything; these are expressions, of which only those are computed that are asked for.
"""

import ibis
import ibis.expr.types as ir

_FIELDS = {
    "src_port": (0, 16),
    "dst_port": (16, 16),
    "icmp_type": (32, 8),
    "tcp_flags": (40, 8),
    "protocol": (48, 8),
}
_REST = {"ttl": (0, 8), "code": (8, 10)}
"""Lowest bit and number of bits of each column. A class is under 1,000."""

_BESIDE = 1 << 18
"""Above `_REST` there is room for a number under 2^45: a flow's length of a week takes 40 bits, a sampling rate 31."""


def fields(flows: ir.Table) -> ir.IntegerValue:
    """Ports, ICMP type, TCP flags and protocol as one number under 2^56."""
    return _joined(flows, _FIELDS)


def fields_of(number: ir.IntegerValue) -> dict[str, ir.IntegerValue]:
    """The columns of `fields`."""
    return _apart(number, _FIELDS)


def rest(flows: ir.Table, beside: ir.IntegerValue) -> ir.IntegerValue:
    """TTL, class and a number under 2^45 as one number."""
    return beside.cast("int64") * _BESIDE + _joined(flows, _REST)


def rest_of(number: ir.IntegerValue) -> dict[str, ir.IntegerValue]:
    """TTL and class of `rest`."""
    return _apart(number, _REST)


def beside_rest(number: ir.IntegerValue) -> ir.IntegerValue:
    """The number that `rest` was given besides."""
    return number >> ibis.literal(_BESIDE.bit_length() - 1, "int64")


def _joined(flows: ir.Table, places: dict[str, tuple[int, int]]) -> ir.IntegerValue:
    parts = [flows[name].cast("int64") * (1 << low) for name, (low, _) in places.items()]
    return sum(parts[1:], parts[0])


def _apart(number: ir.IntegerValue, places: dict[str, tuple[int, int]]) -> dict[str, ir.IntegerValue]:
    # Shifts and not divisions, which are ones of doubles.
    return {
        name: (number >> ibis.literal(low, "int64")) & ((1 << bits) - 1)
        for name, (low, bits) in places.items()
    }
