"""Whether two attacks start closer together than shuffled starts would.

The null: an attack could have started at any other moment of the hours around it. Shuffling starts within
`SMOOTH_S` keeps how busy each part of each day is, so that evenings and busy days are not taken for
coordination; only agreement in finer time counts. For one pair the share of shuffles that bring the two
starts within g seconds has a closed form, the density of starts there times 2g + 1 seconds, which the
tests check against shuffles.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hanse.attacks.attack import Attack

SMOOTH_S = 7_200.0
"""Half the width of the shuffle, s: wide against the seconds that tell of coordination, narrow against
the daily rhythm (interval jitter; Amarasingham et al. 2012, J. Neurophysiology 107)."""

Index = npt.NDArray[np.int64]


class Starts:
    """The starts of all attacks and how dense they lie.

    Args:
        attacks: The attacks.
        span_us: First and last microsecond of the telemetry; by default from first to last start.
    """

    def __init__(self, attacks: Sequence[Attack], span_us: tuple[int, int] | None = None) -> None:
        micros = np.array([attack.start_us for attack in attacks], np.int64)
        self.seconds = (micros - micros.min()) / 1e6
        first, last = span_us or (int(micros.min()), int(micros.max()))
        self.span_s = max((last - first) / 1e6, float(self.seconds.max()), 1.0)
        victims: dict[str, int] = {}
        vectors: dict[str, int] = {}
        self.victim = np.array([victims.setdefault(each.victim, len(victims)) for each in attacks], np.int64)
        self._vector = np.array([vectors.setdefault(each.vector, len(vectors)) for each in attacks], np.int64)
        ordered = np.sort(self.seconds)
        self._near = np.searchsorted(ordered, self.seconds + SMOOTH_S, "right") - np.searchsorted(
            ordered, self.seconds - SMOOTH_S, "left"
        )
        self._others = max(len(attacks) - 2, 1)

    def gaps(self, rows: Index, cols: Index) -> npt.NDArray[np.float64]:
        """Seconds between the starts of each row and each column attack."""
        return np.asarray(np.abs(np.subtract.outer(self.seconds[rows], self.seconds[cols])), np.float64)

    def comparable(self, rows: Index, cols: Index) -> npt.NDArray[np.bool_]:
        """Where starts may be compared: not for one vector on one victim, where the gap rule spaces them."""
        same_victim = self.victim[rows][:, None] == self.victim[cols][None, :]
        same_vector = self._vector[rows][:, None] == self._vector[cols][None, :]
        return np.asarray(~(same_victim & same_vector), np.bool_)

    def log_p(self, rows: Index, cols: Index) -> npt.NDArray[np.float64]:
        """Logarithms of p-values of each row attack with each column attack, shape (rows, cols)."""
        gaps = self.gaps(rows, cols)
        # The two attacks themselves do not count for how busy the time around them is.
        near = np.maximum(self._near[rows][:, None], self._near[cols][None, :]) - 1 - (gaps <= SMOOTH_S)
        density = np.maximum(near / self._others / (2 * SMOOTH_S), 1 / self.span_s)
        chance = np.minimum((2 * np.floor(gaps) + 1) * density, 1.0)
        return np.where(self.comparable(rows, cols), np.log(chance), 0.0)
