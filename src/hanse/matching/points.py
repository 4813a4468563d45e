"""Points of this authority's values, in this process's memory: made when selectors come, not while a partner waits.

Making a point takes a third of the time that multiplying it does, and the points of an epoch are the same for every
partner. Those of all values that may be compared are held (`made_ahead` says which), so that a comparison begins as
quickly whether or not there was one before it, and a partner cannot tell from that whether there was. They are as
secret as the values: nothing is written to disk, and what is offered to nobody any more goes with the next look.
"""

import secrets
from collections.abc import Sequence
from concurrent.futures import Executor
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

from hanse.intel.values import Value
from hanse.matching import psi, sixteen
from hanse.matching.group import POINT
from hanse.matching.later import np

if TYPE_CHECKING:
    import numpy.typing as npt

MOST: Final = 1_000_000
"""Values whose points are held, 48 MB: those of a larger set are made anew each time."""


class _Held(NamedTuple):
    """Points, and by what they are found.

    Attributes:
        of: Protocol and epoch.
        keys: In the order of `sixteen.order_of`. Two of a million values have the same with a chance of 10^12 / 2^129.
        points: In the order of the keys, shape (n, 32).
    """

    of: tuple[str, str]
    keys: "npt.NDArray[np.uint64]"
    points: "npt.NDArray[np.uint8]"


class Points:
    """The points that are held, of one protocol and epoch."""

    def __init__(self) -> None:
        self._secret, self._lock = secrets.token_bytes(16), Lock()
        self._held: _Held | None = None

    def of(self, values: Sequence[Value], protocol: str, epoch: str, pool: Executor | None = None) -> bytes:
        """As `psi.points_of`, in one piece; what is held is not made again, and what is made is held."""
        return self._all((protocol, epoch), self._keys(values), values, pool).tobytes()

    def keep(self, values: Sequence[Value], protocol: str, epoch: str, pool: Executor | None = None) -> None:
        """Hold the points of these values and of no others; what is missing is made.

        Args:
            values: Each once; more than `MOST`, and none are held.
            protocol: As for `of`; so is the epoch.
            epoch: Points of another are let go of.
            pool: Threads.
        """
        if not values or len(values) > MOST:
            with self._lock:
                self._held = None
            return
        keys = self._keys(values)
        points = self._all((protocol, epoch), keys, values, pool)
        order = sixteen.order_of(keys)
        with self._lock:
            self._held = _Held((protocol, epoch), keys[order], points[order])

    def _all(
        self,
        of: tuple[str, str],
        keys: "npt.NDArray[np.uint64]",
        values: Sequence[Value],
        pool: Executor | None,
    ) -> "npt.NDArray[np.uint8]":
        """The points of values in their order, shape (n, 32)."""
        with self._lock:
            held = self._held if self._held is not None and self._held.of == of else None
        points = np.empty((len(values), POINT), np.uint8)
        missing = np.ones(len(values), bool)
        if held is not None:
            places, found = sixteen.places_in(keys, held.keys)
            points[found], missing = held.points[places[found]], ~found
        if not missing.any():
            return points
        made = b"".join(psi.points_of([values[at] for at in np.flatnonzero(missing).tolist()], *of, pool))
        points[missing] = np.frombuffer(made, np.uint8).reshape(-1, POINT)
        self._add(of, keys[missing], points[missing])
        return points

    def _add(
        self, of: tuple[str, str], keys: "npt.NDArray[np.uint64]", points: "npt.NDArray[np.uint8]"
    ) -> None:
        """Hold points beside those that are held, or in place of those of another protocol or epoch."""
        with self._lock:
            before = self._held
            if before is not None and before.of == of:
                keys, points = np.concatenate((before.keys, keys)), np.concatenate((before.points, points))
            if not 0 < len(keys) <= MOST:
                return
            order = sixteen.order_of(keys)
            keys, points = keys[order], points[order]
            once = np.concatenate(([True], (keys[1:] != keys[:-1]).any(axis=1)))
            self._held = _Held(of, keys[once], points[once])

    def _keys(self, values: Sequence[Value]) -> "npt.NDArray[np.uint64]":
        """What values are found by: a hash under this process's own secret."""
        told = b"".join(
            blake2b(
                f"{one.kind}\0{one.text}".encode(), digest_size=sixteen.SIXTEEN, key=self._secret
            ).digest()
            for one in values
        )
        return sixteen.rows_of(told)


OWN: Final = Points()
"""This process's."""
