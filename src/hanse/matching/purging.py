"""What is kept of selectors that are purged is worked out before the ledger is locked: a day of standing matching at a time."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from uuid import UUID

from hanse.matching import psi, running, standing_days


@contextmanager
def points_ahead(purged: Sequence[UUID]) -> Iterator[None]:
    """Hold the points of selectors until their purge is over: with each partner and day they have another.

    A thousand selectors that were compared with five partners for thirty days have 150,000, of which a quarter of a minute
    passes, and nobody writes while the ledger is locked.
    """
    with psi.remembered():
        deque(chain(running.left_of_inputs(purged), standing_days.left_of_turns(purged)), maxlen=0)
        yield
