"""Points of this authority's values, in this process's memory for an hour: made for one partner, they do for the next.

Making a point takes a third of the time that multiplying it does, and the points of an epoch are the same for every
partner. What the last comparison used is kept and nothing else, so that a value that left its case goes with the next
one, or after the hour; nothing is written to disk.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from threading import Lock
from typing import Final

from hanse.intel.values import Value
from hanse.matching import psi
from hanse.matching.group import CHUNK, POINT

KEPT_S: Final = 3_600.0
"""Seconds from a comparison on for which its points are kept."""
MOST: Final = 200_000
"""Values of a set that is kept, some 60 MB: a larger one is made anew each time."""


class Points:
    """What was made last.

    Args:
        clock: Seconds, of which only differences count.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._made: tuple[tuple[str, str], float, dict[Value, bytes]] | None = None

    def of(self, values: Sequence[Value], protocol: str, epoch: str, pool: Executor | None = None) -> bytes:
        """As `psi.points_of`, in one piece; what is at hand is not made again."""
        held = self._held((protocol, epoch))
        missing = [value for value in values if value not in held]
        for at, chunk in enumerate(psi.points_of(missing, protocol, epoch, pool)):
            some = missing[at * CHUNK : (at + 1) * CHUNK]
            held.update((one, chunk[k * POINT : (k + 1) * POINT]) for k, one in enumerate(some))
        used = {value: held[value] for value in values}
        with self._lock:
            self._made = ((protocol, epoch), self._clock(), used) if len(used) <= MOST else None
        return b"".join(used.values())

    def _held(self, of: tuple[str, str]) -> dict[Value, bytes]:
        """What is at hand of a protocol and epoch, to be added to."""
        with self._lock:
            if self._made is None or self._made[0] != of or self._clock() - self._made[1] > KEPT_S:
                self._made = None
                return {}
            return dict(self._made[2])


OWN: Final = Points()
"""This process's."""
