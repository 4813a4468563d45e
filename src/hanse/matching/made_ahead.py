"""Having the points of all values that partners may compare, before any of them asks for a comparison."""

import threading
from typing import Final

from hanse.federation.models import Partner, Standing
from hanse.intel.values import Value
from hanse.kernel.clock import now_us
from hanse.ledger.service import next_entry
from hanse.matching.epochs import month
from hanse.matching.models import Agreement
from hanse.matching.offering import offered, values_of
from hanse.matching.points import OWN, Points
from hanse.matching.running import PROTOCOL

LOOK_S: Final = 30.0
"""Seconds between looks at whether there are other values."""
SHARE: Final = 20
"""After a look there is a rest of so many times its length, so that looks take a twentieth of a core at most."""
_BLOCK: Final = 8_192
"""Values between two looks at whether to stop: a tenth of a second of one core."""


def values() -> list[Value]:
    """All values that may be compared under an agreement in force with an active partner, sorted, each once."""
    active = Partner.objects.filter(state=Standing.ACTIVE).values_list("pk", flat=True)
    found: set[Value] = set()
    for agreement in Agreement.objects.filter(until_us__gt=now_us(), partner__in=list(active)):
        found.update(values_of(offered(agreement)))
    return sorted(found)


class Ahead:
    """Keeps the points up to what is on record.

    Args:
        points: Where they are held.
    """

    def __init__(self, points: Points = OWN) -> None:
        self._points = points
        self._seen: tuple[str, int] | None = None

    def look(self, stop: threading.Event) -> None:
        """Make what is missing and let go of what is offered no more, if anything was written since the last look."""
        seen = (month(now_us()), next_entry())
        if seen == self._seen:
            return
        wanted = values()
        for at in range(0, len(wanted), _BLOCK):
            if stop.is_set():
                return
            self._points.of(wanted[at : at + _BLOCK], PROTOCOL, seen[0])
        self._points.keep(wanted, PROTOCOL, seen[0])
        self._seen = seen
