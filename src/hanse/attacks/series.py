"""Traffic per victim and class over time, exact to the second without unrolling a flow into its seconds.

A flow's packets are spread evenly over the seconds it touches: it adds its rate at its first second
and takes it away after its last. The running sum of these changes is the rate in every second, and
between two changes it is constant (a difference array, or sweep line).
"""

from dataclasses import dataclass
from itertools import pairwise

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.attacks.packed import beside_rest, fields, fields_of, rest, rest_of
from hanse.attacks.screen import MINUTE_US
from hanse.attacks.traffic import counts_only_unasked, source_key
from hanse.engine import Engine, remembered

SECOND_US = 1_000_000
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


_BASE = 1 << 32


def slot_of(cell: Integers, minute: Integers) -> Integers:
    """One number for a cell and a minute since the epoch, early enough clocks included."""
    return cell * _BASE + minute + (_BASE >> 1)


@remembered
def close_look(
    engine: Engine, traffic: ir.Table, minutes: ir.Table, keys: ir.Table | None, *, hosts: bool
) -> ir.Table:
    """The flows of busy minutes, without those that belong to the victim's own conversations.

    They are packed, to be opened by `unpacked`: what is kept costs by the column, more than by the octet.

    Args:
        engine: Where the query runs.
        traffic: `traffic.classified`.
        minutes: Columns ``_minute_key`` (`minute_key`) and ``slot`` (`slot_of`).
        keys: `traffic.conversation_keys`, or None where no victim sends anything.
        hosts: Whether victims are hosts, so that the cell says to which host a flow went.

    Returns:
        Columns ``slot``, ``src``, ``dst`` where victims are no hosts, ``fields`` (protocol, TCP flags, ICMP type, ports),
        ``rest`` (length, class, TTL), ``packets``, ``octets``, ``observed``, ``start_us``.
    """
    flows = traffic.mutate(minute=(traffic.start_us / MINUTE_US).floor().cast("int64"))
    flows = flows.mutate(_minute_key=minute_key(engine, flows))
    flows = flows.inner_join(minutes, "_minute_key")
    if keys is not None:
        # One pass for all: flows that count anyway look up 0, which is no key of a conversation.
        looked_up = counts_only_unasked(flows.code).ifelse(source_key(engine, flows), 0)
        flows = engine.without(flows.mutate(_key=looked_up), keys, "_key")
    names = ("slot", "src", "packets", "octets", "observed", "start_us", *(() if hosts else ("dst",)))
    return flows.select(*names, fields=fields(flows), rest=rest(flows, flows.end_us - flows.start_us))


@remembered
def unpacked(flows: ir.Table) -> ir.Table:
    """`close_look` with all that its numbers hold, each of which costs only who asks for it.

    Returns:
        What it had, and ``cell``, ``end_us``, and the columns of `fields_of` and `rest_of`.
    """
    return flows.mutate(
        cell=flows.slot >> ibis.literal(32, "int64"),
        end_us=flows.start_us + beside_rest(flows.rest),
        **fields_of(flows.fields),
        **rest_of(flows.rest),
    )


def minute_key(engine: Engine, rows: ir.Table) -> ir.IntegerValue:
    """One number for victim, class and minute: classes are under 1,000."""
    return engine.hashed_with(rows.victim, rows.minute * 1_000 + rows.code)


@remembered
def spans(flows: ir.Table) -> ir.Table:
    """Rates summed over the flows of a cell that touch the same seconds.

    Returns:
        Columns ``cell``, ``first`` and ``last`` (s since the epoch), ``packets`` (packets/s), ``octets``
        (octets/s).
    """
    touched = flows.select(
        cell=flows.cell,
        first=(flows.start_us / SECOND_US).floor().cast("int64"),
        last=(flows.end_us / SECOND_US).floor().cast("int64"),
        packets=flows.packets,
        octets=flows.octets,
    )
    sums = touched.group_by("cell", "first", "last").agg(
        packets=touched.packets.sum().cast("float64"), octets=touched.octets.sum().cast("float64")
    )
    length = (sums.last - sums.first + 1).cast("float64")
    return sums.mutate(packets=sums.packets / length, octets=sums.octets / length)


@dataclass(frozen=True, slots=True)
class Series:
    """The rate of one cell: constant from each second of `second` until the next.

    Attributes:
        second: Where the rate changes, s since the epoch, ascending, shape (n,).
        pps: Packets/s from there on, shape (n,).
        ops: Octets/s from there on, shape (n,).
    """

    second: Integers
    pps: Floats
    ops: Floats


def series_by_cell(spread: pa.Table) -> dict[int, Series]:
    """The series of every cell, from the rows of `spans`."""
    cell, first, last, packets, octets = (spread[name].to_numpy() for name in _SPREAD)
    # One number to sort by: several times as fast as two. A second of the year 9999 is under 2^38 (`traffic.LAST_START`).
    key = np.concatenate(((cell << _SECOND_BITS) | first, (cell << _SECOND_BITS) | (last + 1)))
    order = np.argsort(key)
    key = key[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    key = key[starts]
    pps, ops = (
        np.add.reduceat(np.concatenate((rate, -rate))[order], starts) if len(starts) else rate
        for rate in (packets, octets)
    )
    second = key & ((1 << _SECOND_BITS) - 1)
    cell = key >> _SECOND_BITS
    bounds = [*np.flatnonzero(np.diff(cell, prepend=-1)).tolist(), len(cell)]
    found = {}
    for low, high in pairwise(bounds):
        # A running sum of doubles leaves dust where the rate should be 0.
        found[int(cell[low])] = Series(
            second[low:high],
            np.maximum(np.cumsum(pps[low:high]), 0.0).round(6),
            np.maximum(np.cumsum(ops[low:high]), 0.0).round(6),
        )
    return found


_SPREAD = ("cell", "first", "last", "packets", "octets")
_SECOND_BITS = 38


def total(parts: list[Series]) -> tuple[Series, Floats]:
    """Sum of several series, and at each of its seconds the packet share of the largest part."""
    # The parts are sorted: merging them is several times faster than numpy's hashing of distinct values.
    second = np.sort(np.concatenate([part.second for part in parts]), kind="stable")
    second = second[np.concatenate(([True], second[1:] != second[:-1]))]
    pps = np.zeros((len(parts), len(second)))
    ops = np.zeros(len(second))
    for row, part in enumerate(parts):
        at = np.searchsorted(part.second, second, side="right") - 1
        known = at >= 0
        pps[row, known] = part.pps[at[known]]
        ops[known] += part.ops[at[known]]
    sums = pps.sum(axis=0)
    share = np.divide(pps.max(axis=0), sums, out=np.ones_like(sums), where=sums > 0)
    return Series(second, sums, ops), share
