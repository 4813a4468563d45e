"""From a rate over time to intervals over a threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hanse.attacks.series import Series

KEEP_SHARE = 0.5
"""Once over its threshold, traffic counts while it stays over half of it: a rate that trembles about
the threshold is one interval, as in a Schmitt trigger."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A run of seconds over the threshold, shorter gaps bridged.

    Attributes:
        first: First second, s since the epoch.
        end: First second after it, s since the epoch.
        peak_pps: Highest rate over one second, packets/s.
        peak_ops: Highest rate over one second, octets/s.
        threshold: The threshold at the peak, packets/s.
    """

    first: int
    end: int
    peak_pps: float
    peak_ops: float
    threshold: float


def find_intervals(
    series: Series,
    threshold: float | npt.NDArray[np.float64],
    gap_s: int,
    counts: npt.NDArray[np.bool_] | None = None,
) -> list[Interval]:
    """Intervals in which a series is over its threshold.

    Args:
        series: Rates.
        threshold: Packets/s; one number or one per element of the series.
        gap_s: Quiet time up to which two runs are one interval, s.
        counts: Elements that may count at all; all by default.
    """
    limit = np.broadcast_to(np.asarray(threshold, np.float64), series.pps.shape)
    held = series.pps >= limit * KEEP_SHARE
    if counts is not None:
        held &= counts
    begins, ends = _runs(held)
    found = []
    for low, high in _bridged(series, begins, ends, gap_s):
        inside = slice(low, high)
        over = held[inside] & (series.pps[inside] >= limit[inside])
        if not over.any():
            continue
        peak = low + int(np.argmax(np.where(held[inside], series.pps[inside], -1.0)))
        found.append(
            Interval(
                int(series.second[low]),
                int(series.second[high]) if high < len(series.second) else int(series.second[high - 1]) + 1,
                float(series.pps[peak]),
                float(series.ops[inside][held[inside]].max()),
                float(limit[peak]),
            )
        )
    return found


def _runs(held: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Begin and end (exclusive) of each run of True."""
    edges = np.diff(np.concatenate(([0], held.astype(np.int8), [0])))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _bridged(
    series: Series,
    begins: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    gap_s: int,
) -> list[tuple[int, int]]:
    """Runs as (begin, end), joined where the quiet between them is at most `gap_s`."""
    joined: list[tuple[int, int]] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        if (
            joined
            and series.second[begin] - series.second[min(joined[-1][1], len(series.second) - 1)] <= gap_s
        ):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined


@dataclass(frozen=True)
class Gaps:
    """Which quiet ends an attack, and what an analyst has decided otherwise.

    Attributes:
        default_s: Quiet time that ends an attack, s.
        longer_s: By victim and class, a longer one (from attacks that were merged), s.
        cuts: By victim and class, seconds (since the epoch) at which attacks were split.
    """

    default_s: int
    longer_s: Mapping[tuple[bytes, int], int] = field(default_factory=dict)
    cuts: Mapping[tuple[bytes, int], Sequence[int]] = field(default_factory=dict)

    def intervals(
        self,
        victim: bytes,
        code: int,
        series: Series,
        threshold: npt.NDArray[np.float64],
        counts: npt.NDArray[np.bool_] | None = None,
    ) -> list[Interval]:
        """The intervals of one victim and class (see `find_intervals`), cut where it was decided."""
        gap_s = max(self.default_s, self.longer_s.get((victim, code), 0))
        cuts = self.cuts.get((victim, code), ())
        if not cuts:
            return find_intervals(series, threshold, gap_s, counts)
        everything = np.ones(len(series.second), np.bool_) if counts is None else counts
        edges = [-(2**62), *sorted(cuts), 2**62]
        found: list[Interval] = []
        for low, high in pairwise(edges):
            part = everything & (series.second >= low) & (series.second < high)
            found += find_intervals(series, threshold, gap_s, part)
        return found
