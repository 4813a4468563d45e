"""Answers kept in memory for the next partner who asks for the same and is offered the same.

One is told again only if nothing in it has changed: as many things stand where it was read as did then, and nothing
that came since has the id of another. What policy lets a partner have is asked anew each time; it is part of the key.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from hanse.taxii.asked import Asked, Place
from hanse.taxii.reading import Page
from hanse.taxii.shelves import Shelf

MOST_BYTES: Final = 48_000_000
"""Of all that is kept by one process."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told of one page.

    Attributes:
        body: The answer as JSON.
        ids: The ledger's ids of its things, each once, 32 hexadecimal digits each.
        first_us: When its first object was added, microseconds UTC; None where there is none.
        last_us: When its last one was.
        following: Where the next page begins; None at the end.
    """

    body: bytes
    ids: list[str]
    first_us: int | None
    last_us: int | None
    following: Place | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, and what tells whether it still holds.

    Attributes:
        answer: The answer.
        after: Where it was read from.
        through: Up to which place; None is to the end.
        count: How many things stood there.
        newest: The last place of all, then.
        defined: Ids of the definitions that a listing from there began with; empty for a page that goes on.
    """

    answer: Answer
    after: int
    through: int | None
    count: int
    newest: int
    defined: tuple[str, ...]


_kept: OrderedDict[Hashable, _Kept] = OrderedDict()
_lock = Lock()


def clear() -> None:
    """Keep nothing."""
    with _lock:
        _kept.clear()


def answer(shelf: Shelf, asked: Asked) -> Answer | None:
    """The kept answer to what is asked of a shelf, if there is one that still holds."""
    key = (shelf.view, asked)
    with _lock:
        found = _kept.get(key)
    if found is None:
        return None
    newest = shelf.newest()
    holds = shelf.count(found.after, found.through, asked.types) == found.count
    if holds and newest != found.newest:
        holds = (
            found.through is not None
            and found.defined == _defined(shelf, asked, found.after)
            and not shelf.hides_since(found.newest)
        )
    with _lock:
        if not holds:
            _kept.pop(key, None)
            return None
        _kept[key] = replace(found, newest=newest)
        _kept.move_to_end(key)
    return found.answer


def can_be(asked: Asked) -> bool:
    """Whether an answer to this is kept at all: a listing of last versions."""
    return asked.last_alone and asked.spec_versions is None and asked.ids is None


def keep(shelf: Shelf, asked: Asked, page: Page, newest: int, made: Answer) -> None:
    """Keep an answer for the next one who asks; one that left out or hides anything is not kept.

    Args:
        shelf: What was asked.
        asked: For what.
        page: What was found.
        newest: The last place of all before it was read.
        made: What is told of it.
    """
    if page.faults or not can_be(asked):
        return
    through = None if page.following is None else page.following.moved
    count = shelf.count(page.after, through, asked.types)
    if count != len(page.things) or newest != shelf.newest() or len(made.body) > MOST_BYTES // 4:
        return
    defined = _defined(shelf, asked, page.after)
    with _lock:
        _kept[shelf.view, asked] = _Kept(made, page.after, through, count, newest, defined)
        _kept.move_to_end((shelf.view, asked))
        while sum(len(one.answer.body) for one in _kept.values()) > MOST_BYTES:
            _kept.popitem(last=False)


def _defined(shelf: Shelf, asked: Asked, after: int) -> tuple[str, ...]:
    """Ids of the definitions that a listing begins with."""
    return () if asked.after is not None else tuple(one["id"] for one in shelf.definitions(after))
