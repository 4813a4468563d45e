"""What was put together across borders, kept in the process for as long as nothing that it is made of has changed.

A campaign of ten thousand attacks takes seconds to put together, and stands on the situation page. What is kept is
one reader's view: readers whom policy knows alike share it. It is made anew after any entry that could change it, and
once a retention date in it is past.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final

from hanse.campaigns.across import Across
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.ledger.models import Entry

VIEWS: Final = 8
"""Views that a process keeps."""

CHANGING: Final = frozenset(
    {
        "attacks.found", "attacks.started", "attacks.ended", "attacks.decided", "attacks.decision_withdrawn",
        "campaigns.found", "campaigns.linked_across", "federation.received", "federation.partner_added",
        "policy.marked", "ledger.purged",
    }
)  # fmt: skip
"""Kinds of entries after which a view may be another one."""


@dataclass
class Kept:
    """The views that a process keeps, and up to where it has read the ledger."""

    _views: OrderedDict[Hashable, tuple[bytes, int | None, list[Across]]] = field(
        default_factory=OrderedDict, init=False
    )
    _read: tuple[int, bytes, bytes] = field(default=(-1, b"", b""), init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def of(self, actor: Actor, make: Callable[[], list[Across]]) -> list[Across]:
        """What an actor is told: kept, or made now."""
        view = (
            actor.kind, actor.authority, actor.country, actor.tier, actor.roles, actor.teams, actor.scopes,
        )  # fmt: skip
        changed = self._last_change()
        with self._lock:
            held = self._views.get(view)
            if held is not None and held[0] == changed and (held[1] is None or now_us() <= held[1]):
                self._views.move_to_end(view)
                return held[2]
        made = make()
        dates = [one.marking.retention_us for one in made if one.marking.retention_us is not None]
        with self._lock:
            self._views[view] = changed, min(dates, default=None), made
            self._views.move_to_end(view)
            while len(self._views) > VIEWS:
                self._views.popitem(last=False)
        return made

    def _last_change(self) -> bytes:
        """The signature of the last entry that may have changed a view; only entries since the last time are read."""
        with self._lock:
            through, signature, found = self._read
        rows = Entry.objects.order_by("sequence").values_list("sequence", "signature", "kind")
        still = rows.filter(sequence=through).first()
        if still is None or bytes(still[1]) != signature:
            through, found = -1, b""  # another ledger: a node that was put back, or another node
        last = rows.last()
        if last is None or last[0] <= through:
            return found
        new = rows.filter(sequence__gt=through, kind__in=CHANGING).last()
        found = found if new is None else bytes(new[1]) + new[0].to_bytes(8, "big")
        with self._lock:
            self._read = last[0], bytes(last[1]), found
        return found
