"""From which rate a second counts: fixed numbers, or more where the victim's own past asks for it."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from hanse.attacks import vectors as v

HOURS_PER_WEEK = 168
_EPOCH_HOUR_OF_WEEK = 72
"""1970-01-01 was a Thursday: 72 hours after Monday 00:00 UTC."""

Cell = tuple[bytes, int]

MOST_HARMLESS_PPS = 1_000_000.0
"""The most that an analyst's decision raises a host's threshold to, packets/s, and to `CARPET_FACTOR` of it a network's.
Peaks are what exporters say: a forged flood of any rate, rightly called a false positive, would leave its victim unwatched
for good."""

Origin = Literal["fixed", "learnt", "taught"]
"""Where a threshold comes from: the definition, the victim's own past, an analyst's decision."""


class Thresholds:
    """Thresholds by victim, class and time.

    Args:
        learnt: By victim and class, packets/s for each hour of the week (Monday 00:00 UTC first), shape (168,).
        raised: By victim and class, packets/s under which an analyst has called traffic harmless; it counts up to
            `MOST_HARMLESS_PPS`.

    Attributes:
        raised: The same, as far as it counts.
    """

    def __init__(
        self,
        learnt: Mapping[Cell, npt.NDArray[np.float64]] | None = None,
        raised: Mapping[Cell, float] | None = None,
    ) -> None:
        self._learnt = learnt or {}
        # The greatest is named first: what is no number (NaN) is not less, and comes to it.
        self.raised = {cell: min(_most(cell[0]), value) for cell, value in (raised or {}).items()}

    def untaught(self) -> "Thresholds":
        """The same thresholds without what analysts decided."""
        return Thresholds(self._learnt)

    def limit(self, victim: bytes, code: int, seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Packets/s from which each of the seconds (s since the epoch) counts."""
        limits = np.full(len(seconds), fixed_limit(victim, code))
        if (victim, code) in self._learnt:
            limits = np.maximum(limits, self._learnt[victim, code][hour_of_week(seconds)])
        raised: npt.NDArray[np.float64] = np.maximum(limits, self.raised.get((victim, code), 0.0))
        return raised

    def origin(self, victim: bytes, code: int, limit: float) -> Origin:
        """Where a limit of this victim and class comes from: the highest of the three is the one that holds."""
        if limit <= fixed_limit(victim, code):
            return "fixed"
        return "taught" if limit <= self.raised.get((victim, code), 0.0) else "learnt"


def hour_of_week(seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Hour of the week of seconds since the epoch: 0 is Monday 00:00 UTC."""
    return (seconds // 3600 + _EPOCH_HOUR_OF_WEEK) % HOURS_PER_WEEK


def _most(victim: bytes) -> float:
    """The most that a decision raises a victim's threshold to, packets/s."""
    return MOST_HARMLESS_PPS * (1.0 if len(victim) == 16 else v.CARPET_FACTOR)


def fixed_limit(victim: bytes, code: int) -> float:
    """The fixed threshold for a victim (network if shorter than 16 octets), packets/s."""
    factor = 1.0 if len(victim) == 16 else v.CARPET_FACTOR
    vector = v.vectors().get(code)
    return np.inf if vector is None else vector.min_pps * factor
