"""What was put together across borders, kept in the process for as long as nothing that it is made of has changed.

A campaign of ten thousand attacks takes seconds to put together, and stands on the situation page. What is kept is
one reader's view: readers whom policy knows alike share it. It is made anew after an entry about something that is
in it or that its reader can see now, and once a retention date in it, or the hour of any embargo, is past. Entries about what is hidden from the
reader leave it as it is: the time that a page takes would tell of them.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from uuid import UUID

from hanse.campaigns import across_rows
from hanse.campaigns.across import Across
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.ledger.models import Entry
from hanse.policy import embargo

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from hanse.campaigns.models import Campaign

VIEWS: Final = 8
"""Views that a process keeps."""

_TOUCHING: Final = (
    "attacks.found", "attacks.started", "attacks.ended", "attacks.absorbed", "attacks.decided", "attacks.decision_withdrawn",
    "campaigns.found", "campaigns.linked_across", "federation.received", "policy.marked",
)  # fmt: skip
"""Kinds of entries after which a view may be another one if it shows the object of the entry, or could now."""

_PURGED: Final = "ledger.purged"
_NAMING: Final = "federation.partner_added"

_Through = tuple[int, bytes]
"""The last entry that was read: its sequence, and its signature, which no entry of another ledger has."""


@dataclass(frozen=True)
class _View:
    """One reader's view: up to which entry, when it was made and until when it holds (microseconds UTC), what it shows."""

    through: _Through
    made_us: int
    until_us: int | None
    shown: frozenset[UUID]
    made: list[Across]


@dataclass
class Kept:
    """The views that a process keeps."""

    _views: OrderedDict[Hashable, _View] = field(default_factory=OrderedDict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def of(self, actor: Actor, standing: "Callable[[], QuerySet[Campaign]]") -> list[Across]:
        """What an actor is told: kept, or made now.

        Args:
            actor: Who reads.
            standing: The own campaigns that the actor may know and that no other one has taken the place of.
        """
        who = (
            actor.kind, actor.authority, actor.country, actor.tier, actor.roles, actor.teams, actor.scopes,
        )  # fmt: skip
        if not across_rows.sees_links(actor):
            return []
        through = _last()
        with self._lock:
            view = self._views.get(who)
        if view is None or not _holds(view, actor, standing()):
            view = _make(through, actor, standing())
        elif view.through != through:
            view = replace(view, through=through)
        with self._lock:
            self._views[who] = view
            self._views.move_to_end(who)
            while len(self._views) > VIEWS:
                self._views.popitem(last=False)
        return view.made


def _last() -> _Through:
    row = Entry.objects.order_by("-sequence").values_list("sequence", "signature").first()
    return (-1, b"") if row is None else (row[0], bytes(row[1]))


def _make(through: _Through, actor: Actor, standing: "QuerySet[Campaign]") -> _View:
    began = now_us()
    made = across_rows.across(actor, standing)
    dates = [one.marking.retention_us for one in made if one.marking.retention_us is not None]
    shown = frozenset(
        object_id
        for one in made
        for object_id in (
            *(each.object_id for each in one.members), *(each.object_id for each in one.bonds), *one.homes,
        )
    )  # fmt: skip
    return _View(through, began, min(dates, default=None), shown, made)


def _holds(view: _View, actor: Actor, standing: "QuerySet[Campaign]") -> bool:
    """Whether a view is still what would be made. What is asked is the same whatever is hidden from the reader."""
    now = now_us()
    if any(view.made_us < hour <= now for hour in embargo.hours()):
        return False
    sequence, signature = view.through
    still = Entry.objects.filter(pk=sequence).values_list("signature", flat=True).first()
    if (b"" if still is None else bytes(still)) != signature:
        return False  # another ledger: a node that was put back, or another node
    new = Entry.objects.filter(sequence__gt=sequence, kind__in=(*_TOUCHING, _PURGED, _NAMING))
    touched: set[UUID] = set()
    kinds: set[str] = set()
    for kind, object_id in new.values_list("kind", "object_id"):
        kinds.add(kind)
        touched.add(object_id)
    if across_rows.shows(touched, actor, standing) or _NAMING in kinds:
        return False
    if not view.shown.isdisjoint(touched) or (view.until_us is not None and now > view.until_us):
        return False
    return _PURGED not in kinds or across_rows.are_there(view.shown)
