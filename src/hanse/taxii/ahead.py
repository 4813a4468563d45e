"""Answers made ready before they are asked for, so that the first partner after a start or a change waits no longer.

Nothing of policy is decided here: an answer is kept for what a partner was offered when it was made, and whoever asks is
judged anew; who is offered something else finds nothing. Only what partners may have is looked at, so that neither when
this works nor how long tells of anything hidden. It is made in small parts with long rests, it stands still while a partner
is answered, and it writes nothing.
"""

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final
from uuid import UUID

from django.db import DatabaseError, close_old_connections

from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.taxii import answers, kept, partners
from hanse.taxii.asked import Asked, Place
from hanse.taxii.models import Partner
from hanse.taxii.reading import page
from hanse.taxii.shelves import AT_ONCE, Piece, Sought, Together

_log = logging.getLogger(__name__)

FIRST_S: Final = 2.0
"""Seconds after a start in which the first requests have the process to themselves."""
LOOK_S: Final = 5.0
"""Seconds between looks at whether something is to be made ready."""
LATELY_US: Final = 7 * 86_400_000_000
"""For partners who fetched, or were let in, since so long."""
MOST_BYTES: Final = kept.MOST_BYTES * 3 // 4
"""Of what is made ready: the rest is left to what is asked otherwise."""
REST: Final = 2.0
"""How long a rest is, in times of the work before it."""

_answering = 0
_free = threading.Condition()
_LEAST: Final = 500
"""Objects of a page: listings with smaller ones have too many pages."""

_noticed: dict[UUID, dict[Asked, None]] = {}
_MOST_NOTICED: Final = 4
"""Listings of one partner that are made ready: those that it asked for last."""

_passed: dict[tuple[Hashable, Asked], tuple[int, Place | None]] = {}
"""Pages that cannot be kept, such as one with a bad object in it: the last place of all then, and where the next begins."""
_MOST_PASSED: Final = 1_000

Rest = Callable[[float], None]
"""Told how many seconds of work there were; rests."""


def noticed(partner: UUID, wanted: Asked) -> None:
    """Remember what a partner lists from the beginning, to make it ready when it changes."""
    begins = wanted.after is None and wanted.added_after_us is None
    if not begins or wanted.limit < _LEAST or not kept.can_be(wanted):
        return
    mine = dict(_noticed.get(partner, {}))
    mine.pop(wanted, None)
    mine[wanted] = None
    _noticed[partner] = dict(list(mine.items())[-_MOST_NOTICED:])


@contextmanager
def standing_still() -> Iterator[None]:
    """While a partner is answered, nothing is made ready: Python does one thing at a time."""
    global _answering  # noqa: PLW0603 - how many are answered in this process
    with _free:
        _answering += 1
    try:
        yield
    finally:
        with _free:
            _answering -= 1
            _free.notify_all()


def make_ready(rest: Rest = lambda _worked_s: None) -> int:
    """Make the answers ready that are not; how many bytes stand ready.

    Args:
        rest: Called between parts of the work.
    """
    ready, seen = 0, set()
    for partner in _lately():
        actor = partners.active(partner)
        if actor is None:
            continue
        shelf = Together(actor)
        for wanted in dict.fromkeys([*reversed(_noticed.get(partner, {})), Asked()]):
            if (shelf.view, wanted) not in seen and ready < MOST_BYTES:
                seen.add((shelf.view, wanted))
                ready += _listing(shelf, wanted, MOST_BYTES - ready, rest)
    return ready


def start() -> threading.Thread:
    """Begin to make answers ready, for as long as this process lives."""
    thread = threading.Thread(target=_again, name="taxii-ahead", daemon=True)
    thread.start()
    return thread


def _lately() -> list[UUID]:
    """The partners for whom it is worth while."""
    since = now_us() - LATELY_US
    found = []
    for row in Partner.objects.filter(revoked_us=None).order_by("-made_us"):
        last = None if row.made_us >= since else partners.last_fetched(row.pk)
        if row.made_us >= since or (last is not None and last.time_us >= since):
            found.append(row.pk)
    return found


def _listing(shelf: Together, wanted: Asked, most: int, rest: Rest) -> int:
    """Make all pages of a listing ready, from its first one on, up to so many bytes; how many they are."""
    size = 0
    while size < most:
        told = kept.answer(shelf, wanted)
        made, following = _made(shelf, wanted, rest) if told is None else (len(told.body), told.following)
        size += made
        if following is None:
            break
        wanted = replace(wanted, after=following)
    return size


def _made(shelf: Together, wanted: Asked, rest: Rest) -> tuple[int, Place | None]:
    """Make one page ready; its bytes, and where the next one begins.

    One that could not be kept is not made anew until something changed.
    """
    key, newest = (shelf.view, wanted), shelf.newest()
    if (before := _passed.get(key)) is not None and before[0] == newest:
        return 0, before[1]
    found = page(_Resting(shelf, rest), wanted)
    made = answers.objects(found)
    kept.keep(shelf, wanted, found, newest, made)
    if kept.answer(shelf, wanted) is None:
        while len(_passed) >= _MOST_PASSED:
            del _passed[next(iter(_passed))]
        _passed[key] = newest, found.following
        return 0, found.following
    return len(made.body), found.following


class _Resting:
    """A shelf that is read in small parts, with a rest after each, while no transaction is open.

    What changes meanwhile may be in it twice or not at all; such a page is not kept.
    """

    def __init__(self, shelf: Together, rest: Rest) -> None:
        self._shelf, self._rest = shelf, rest
        self.view, self.versions, self.definitions = shelf.view, shelf.versions, shelf.definitions
        self.count, self.newest, self.hides_since = shelf.count, shelf.newest, shelf.hides_since

    def pieces(self, sought: Sought) -> Iterator[list[Piece]]:
        """As of `hanse.taxii.shelves.Shelf`."""
        left, after = sought.most, sought.after
        while left > 0:
            began = time.perf_counter()
            part = replace(sought, after=after, most=min(left, AT_ONCE))
            some = [piece for pieces in self._shelf.pieces(part) for piece in pieces]
            self._rest(time.perf_counter() - began)
            if some:
                yield some
            if len(some) < part.most:
                return
            left, after = left - len(some), some[-1].moved


def _rest(worked_s: float) -> None:
    """Rest after some work, and for as long as a partner is answered."""
    time.sleep(worked_s * REST)
    with _free:
        _free.wait_for(lambda: not _answering, timeout=LOOK_S)


def _again() -> None:
    """Make answers ready, and look again."""
    time.sleep(FIRST_S)
    while True:
        close_old_connections()
        try:
            make_ready(_rest)
        except (HanseError, DatabaseError, OSError):
            _log.exception("answers for partners could not be made ready; it is tried again")
        close_old_connections()
        time.sleep(LOOK_S)
