"""Flows of just now whose dates cannot be right: they are dated by when they were received.

An exporter fills a datagram, writes the time of its own clock into the header and sends it. Over a live socket that time and
the time of receipt are one moment on two clocks, but for seconds on the way. What each datagram says is compared with its own
receipt and with no other datagram: a forged one with a wrong clock misdates nothing but itself, and a clock that is set right
counts from its next datagram on.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Table = npt.NDArray[Any]

CLOCK_US = 60_000_000
"""How far an exporter's clock may be from this machine's, either way. A datagram is milliseconds on its way and may lie in
the kernel's buffer for seconds; a clock that NTP keeps is right to a fraction of a second. Beyond a minute it is the clock.
Below a minute it is left as it is: peaks and intervals are told by the second, and rest within one exporter on its clock alone."""

LATE_US = 3_600_000_000
"""How long before its receipt a flow may have ended. Routers send a flow 600 s after its last packet at the latest (the
longest inactive timeout that they take), and what gathers the flows of others holds them for a quarter of an hour or so.
It is far more than `CLOCK_US`: the header's clock may be right where the records' is not."""

SAMPLES = 31
"""Blocks of datagrams whose clocks are compared, six seconds and more of a live stream. The median of so many, each of
them the median of its block, does not move for some datagrams that came late or are forged."""

NO_SKEW = np.iinfo(np.int64).min

TALLY = np.dtype(
    [
        ("datagrams", np.int64),
        ("flows", np.int64),
        ("mark", np.int64),  # flows when the present stretch of `RECENT_US` began
        ("mark_before", np.int64),  # and when the one before it did
        ("dated", np.int64),  # flows dated by receipt
        ("changes", np.int64),  # times that a template came to mean something else
        ("samples", np.int64),  # clocks compared so far
        ("skew", np.int64, SAMPLES),  # the latest of them, microseconds that the exporter is ahead
    ],
    align=True,
)
"""What is counted of each stream."""


def fresh(count: int) -> Table:
    """The tallies of `count` streams of which nothing was heard."""
    tallies = np.zeros(count, TALLY)
    tallies["skew"] = NO_SKEW
    return tallies


def hear(tallies: Table, rows: Ints, stream_of: Ints, skew_us: Ints | None) -> None:
    """Count datagrams, and compare the clock of each stream, by the middle one of its datagrams.

    Args:
        tallies: Rows of `TALLY`, changed in place.
        rows: The row of each stream, shape (streams,).
        stream_of: Index of the stream of each datagram, shape (n,); each stream has one at least.
        skew_us: How far each datagram's clock is ahead, microseconds, shape (n,); None where datagrams tell no time.
    """
    counts = np.bincount(stream_of, minlength=len(rows))
    tallies["datagrams"][rows] += counts
    if skew_us is None or not len(rows):
        return
    order = np.lexsort((skew_us, stream_of))
    middle = order[np.cumsum(counts) - counts + counts // 2]
    places = tallies["samples"][rows] % SAMPLES
    tallies["skew"][rows, places] = skew_us[middle]
    tallies["samples"][rows] += 1


def skew_of(tally: Table) -> int | None:
    """The median of a tally's latest clocks: microseconds that the exporter is ahead; None where it told no time."""
    told = tally["skew"][tally["skew"] != NO_SKEW]
    return int(np.median(told)) if len(told) else None


def skews_of(tallies: Table) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """As `skew_of`, of many at once, shape (n,): the medians, and which of them told the time; the others' are zero."""
    skews = np.sort(tallies["skew"], axis=1)  # `NO_SKEW` is less than any: what was told stands at the end
    told = np.count_nonzero(skews != NO_SKEW, axis=1)
    first, rows = SAMPLES - told, np.arange(len(skews))
    low = skews[rows, np.minimum(first + (told - 1) // 2, SAMPLES - 1)]
    high = skews[rows, np.minimum(first + told // 2, SAMPLES - 1)]
    return np.where(told > 0, low / 2 + high / 2, 0.0), told > 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """When records were received, and where it is counted how many are dated by that.

    Attributes:
        sets_us: When each of their sets was received, microseconds UTC by this machine's clock, shape (sets,).
        counts: Records of each set, shape (sets,).
        tally: The `TALLY` row of their stream, shape (1,).
    """

    sets_us: Ints
    counts: Ints
    tally: Table

    def some(self, which: npt.NDArray[np.bool_]) -> "Receipt":
        """The same of some of the records."""
        received = np.repeat(self.sets_us, self.counts)[which]
        return Receipt(received, np.ones(len(received), np.int64), self.tally)

    def shifts(self, export_us: Ints, end_us: Ints) -> Ints | None:
        """How much to add to the times of flows, microseconds, shape (n,); None where all may be right.

        A datagram whose clock is wrong is shifted by as much as it is; a flow that even then ended long ago, or ends ahead of
        its receipt, ends when it was received.

        Args:
            export_us: When each was exported, by the exporter's clock.
            end_us: When each ended, by the record.
        """
        if self._may_all_be_right(export_us, end_us):
            return None
        received = np.repeat(self.sets_us, self.counts)
        skew = export_us - received
        shift = np.where(np.abs(skew) > CLOCK_US, -skew, 0)
        after = end_us + shift - received
        shift = np.where((after > CLOCK_US) | (after < -LATE_US), received - end_us, shift)
        self.tally["dated"] += np.count_nonzero(shift)
        return shift

    def _may_all_be_right(self, export_us: Ints, end_us: Ints) -> bool:
        """Whether no record can need a shift, by the first and the last of all times: nearly always, and quickly told."""
        if not len(end_us):
            return True
        first, last = self.sets_us.min(), self.sets_us.max()
        return bool(
            export_us.max() - first <= CLOCK_US
            and last - export_us.min() <= CLOCK_US
            and end_us.max() - first <= CLOCK_US
            and last - end_us.min() <= LATE_US
        )
