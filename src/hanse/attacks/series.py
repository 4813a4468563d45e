"""Traffic per victim and class over time, exact to the second without unrolling a flow into its seconds.

A flow's packets are spread evenly over the seconds it touches: it adds its rate at its first second
and takes it away after its last. The running sum of these changes is the rate in every second, and
between two changes it is constant (a difference array, or sweep line).
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.attacks.screen import MINUTE_US

SECOND_US = 1_000_000
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def close_look(traffic: ir.Table, minutes: ir.Table, spoke: ir.Table | None) -> ir.Table:
    """The flows of busy minutes, without those that belong to the victim's own conversations.

    Args:
        traffic: `traffic.classified`.
        minutes: Columns ``victim``, ``code``, ``minute``, and ``cell``, a number for victim and class.
        spoke: `traffic.conversations` with ``spoke`` = 1, or None where no victim sends anything.

    Returns:
        The columns of `traffic` and ``cell``, ``minute``.
    """
    flows = traffic.mutate(minute=(traffic.start_us / MINUTE_US).floor().cast("int64"))
    flows = flows.inner_join(minutes, ["victim", "code", "minute"])
    if spoke is None:
        return flows
    return without_conversations(flows, spoke)


def without_conversations(flows: ir.Table, spoke: ir.Table) -> ir.Table:
    """Flows whose class counts only unasked, without those whose source the victim spoke to that day.

    ICMP answers are excused by anything the victim sent; other classes by the same protocol only.
    """
    reasons = spoke.union(spoke.mutate(protocol=ibis.literal(-1, "int32"))).distinct()
    flows = flows.mutate(
        _day=(flows.start_us / 86_400_000_000).floor().cast("int64"),
        _protocol=flows.protocol.isin((1, 58)).ifelse(-1, flows.protocol.cast("int32")),
    )
    asked = flows.filter(flows.unasked).anti_join(
        reasons,
        [
            ("victim", "victim"),
            ("src", "remote"),
            ("_protocol", "protocol"),
            ("_day", "day"),
        ],
    )
    return flows.filter(~flows.unasked).union(asked.select(flows.columns)).drop("_day", "_protocol")


def changes(flows: ir.Table) -> ir.Table:
    """Changes of the rate by cell and second.

    Returns:
        Columns ``cell``, ``second`` (s since the epoch), ``packets`` (change of packets/s),
        ``octets`` (change of octets/s).
    """
    spread = flows.mutate(
        first=(flows.start_us / SECOND_US).floor().cast("int64"),
        last=(flows.end_us / SECOND_US).floor().cast("int64"),
    )
    spread = spread.mutate(length=(spread.last - spread.first + 1).cast("float64"))
    spread = spread.mutate(pps=spread.packets / spread.length, ops=spread.octets / spread.length)
    begin = spread.group_by("cell", second=spread.first).agg(
        packets=spread.pps.sum(), octets=spread.ops.sum()
    )
    finish = spread.group_by("cell", second=spread.last + 1).agg(
        packets=-spread.pps.sum(), octets=-spread.ops.sum()
    )
    both = begin.union(finish)
    return both.group_by("cell", "second").agg(packets=both.packets.sum(), octets=both.octets.sum())


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


def series_by_cell(rows: pa.Table) -> dict[int, Series]:
    """The series of every cell in the result of `changes`."""
    cell = rows["cell"].to_numpy()
    order = np.lexsort((rows["second"].to_numpy(), cell))
    cell = cell[order]
    second = rows["second"].to_numpy()[order]
    packets = rows["packets"].to_numpy()[order]
    octets = rows["octets"].to_numpy()[order]
    bounds = np.flatnonzero(np.diff(cell)) + 1
    starts = np.concatenate(([0], bounds))
    ends = np.concatenate((bounds, [len(cell)]))
    found = {}
    for low, high in zip(starts, ends, strict=True) if len(cell) else ():
        # A running sum of doubles leaves dust where the rate should be 0.
        pps = np.maximum(np.cumsum(packets[low:high]), 0.0).round(6)
        ops = np.maximum(np.cumsum(octets[low:high]), 0.0).round(6)
        found[int(cell[low])] = Series(second[low:high], pps, ops)
    return found


def total(parts: list[Series]) -> tuple[Series, Floats]:
    """Sum of several series, and at each of its seconds the packet share of the largest part."""
    second = np.unique(np.concatenate([part.second for part in parts]))
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
