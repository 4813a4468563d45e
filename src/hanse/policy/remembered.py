"""What was worked out of many rows, for whoever asks the same of the same rows again.

A sum over all attacks takes long, and a page that shows it is opened, and asks again, many times between two attacks.
Nothing that policy hides can come out of here: an answer is found by the whole text of its query and all values in it,
and the query of guarded rows (`guarded.Guarded.for_actor`) holds the markings and teams that its reader may see, judged
anew at every request. Readers of different rights ask different questions; a retention date that has passed makes
another question of it. And no answer outlives a change of its rows: every row is a projection of entries, written in
the same transaction, so that an answer holds until there is an entry that is not merely the log of who looked. A purge
and a new marking are such entries.
"""

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import EmptyResultSet

from hanse.ledger.models import Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

T = TypeVar("T")

LOGS = frozenset({"accounts.consulted", "accounts.disclosed"})
"""Kinds of which nothing follows but the log of who looked at what; they come with every page."""

LOOKED_THROUGH = 1_000
"""Entries since the last question that are looked through for a change; more count as one."""


class Remembered:
    """Answers of this process to questions about rows, as long as they hold; safe for threads."""

    def __init__(self, most: int) -> None:
        """Remember so many answers; beyond, the one that nobody asked for longest goes."""
        self._most = most
        self._lock = Lock()
        self._answers: OrderedDict[object, Any] = OrderedDict()
        self._newest: tuple[int, bytes] | None = None
        self._changes = 0

    def answer(self, rows: "QuerySet[Any, Any]", work_out: "Callable[[QuerySet[Any, Any]], T]") -> T:
        """What is worked out of rows, anew only where they may have changed.

        Args:
            rows: A query, which says all that the answer depends on.
            work_out: Reads the rows and nothing else. Nobody changes what it gives.
        """
        try:
            question = rows.query.sql_with_params()
        except EmptyResultSet:
            return work_out(rows)
        with self._lock:
            before = self._changes_until_now()
            if question in self._answers:
                self._answers.move_to_end(question)
                return self._answers[question]  # type: ignore[no-any-return]  # put there below, by the same caller
        found = work_out(rows)
        with self._lock:
            if before == self._changes:  # else it may be of rows as they were before the change
                self._answers[question] = found
                if len(self._answers) > self._most:
                    self._answers.popitem(last=False)
        return found

    def _changes_until_now(self) -> int:
        """Forget everything if there is an entry of which rows may follow; how often that was."""
        last = self._newest
        rows = Entry.objects.order_by("sequence").values_list("sequence", "signature", "kind")
        since = list(rows.filter(sequence__gte=last[0])[: LOOKED_THROUGH + 1]) if last else []
        same = bool(since) and len(since) <= LOOKED_THROUGH and (since[0][0], bytes(since[0][1])) == last
        if not same:  # the first question, too many entries, or another ledger, as after a rollback
            since = list(rows.reverse()[:1])
        if not same or any(kind not in LOGS for _, _, kind in since[1:]):
            self._answers.clear()
            self._changes += 1
        self._newest = (since[-1][0], bytes(since[-1][1])) if since else None
        return self._changes
