"""Packets and bits per second over time, from the flows behind an attack."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

STEPS = 300
"""Most points of a curve: more than a chart on a page has room for."""

_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """A curve of equal steps.

    Attributes:
        start_us: Start of the first step, microseconds UTC.
        step_us: Length of a step, microseconds; whole seconds.
        pps: Mean packets/s in each step, estimated.
        bps: Mean bit/s in each step, estimated.
    """

    start_us: int
    step_us: int
    pps: tuple[float, ...]
    bps: tuple[float, ...]


def rates(flows: pa.Table, start_us: int, end_us: int) -> Rates:
    """The rates of flows in an interval.

    The packets of a flow are spread evenly over its time, which is all that a flow record tells.

    Args:
        flows: Rows in the flow schema.
        start_us: Start of the interval, microseconds UTC.
        end_us: Its end, microseconds UTC.
    """
    begin = start_us // _SECOND_US * _SECOND_US
    seconds = max(1, -(-(end_us - begin) // _SECOND_US))
    step = -(-seconds // STEPS) * _SECOND_US
    steps = -(-seconds * _SECOND_US // step)
    first = flows["start"].cast(pa.int64()).to_numpy().astype(np.float64) - begin
    last = flows["end"].cast(pa.int64()).to_numpy().astype(np.float64) - begin
    sampling = flows["sampling"].to_numpy().astype(np.float64)
    per_s = _SECOND_US / step
    packets = _spread(first / step, last / step, flows["packets"].to_numpy() * sampling, steps) * per_s
    octets = _spread(first / step, last / step, flows["bytes"].to_numpy() * sampling, steps) * per_s
    return Rates(
        begin,
        step,
        tuple(np.round(packets, 3).tolist()),
        tuple(np.round(octets * 8, 3).tolist()),
    )


def _spread(
    first: npt.NDArray[np.float64],
    last: npt.NDArray[np.float64],
    amounts: npt.NDArray[np.float64],
    steps: int,
) -> npt.NDArray[np.float64]:
    """Amounts per step of length 1, each spread evenly over [first, last]; shape (steps,).

    What lies outside of [0, steps] is left out.
    """
    length = np.maximum(last - first, 1e-9)
    begin, end = np.clip(first, 0, steps), np.clip(first + length, 0, steps)
    density = amounts / length
    low, high = np.floor(begin).astype(np.int64), np.floor(end).astype(np.int64)
    out = np.zeros(steps + 2)
    same = low == high
    np.add.at(out, low[same], (density * (end - begin))[same])
    more = ~same
    np.add.at(out, low[more], (density * (low + 1 - begin))[more])
    np.add.at(out, high[more], (density * (end - high))[more])
    change = np.zeros(steps + 2)
    np.add.at(change, low[more] + 1, density[more])
    np.add.at(change, high[more], -density[more])
    whole: npt.NDArray[np.float64] = (out + np.cumsum(change))[:steps]
    return whole
