"""Where objects come from: rooms that have some to offer register a shelf each, and one that takes objects in.

The room knows no kinds of things. A shelf gives, for an actor, what policy lets that actor fetch: in the order of the
ledger's entries that last changed each thing, so that several shelves make one list without gaps and doubles.
"""

import heapq
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final, NamedTuple, Protocol

from hanse.kernel.actors import Actor
from hanse.kernel.errors import HanseError

ACTION: Final = "taxii.fetch"
"""What policy calls it when a partner fetches."""
AT_ONCE: Final = 200
"""Things that are read at once."""


class Piece(NamedTuple):
    """One version of one thing, as it is told.

    Attributes:
        moved: Sequence of the ledger's entry that last changed the thing or its marking: its place in the list.
        object_id: The thing's id in the ledger, hexadecimal.
        id: Its STIX id.
        type: Its STIX type.
        data: The object as JSON, its present marking in it; empty where it cannot be read.
    """

    moved: int
    object_id: str
    id: str
    type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Sought:
    """What is wanted of a shelf.

    Attributes:
        after: Only things behind this place.
        most: How many at most.
        ids: Only those with one of these STIX ids; None is any.
        types: Only those of one of these STIX types; None is any.
    """

    after: int
    most: int
    ids: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None


class Shelf(Protocol):
    """What a room offers to one actor: nothing in it says anything of what the actor may not fetch.

    Attributes:
        view: What tells the views of actors apart: those with the same are offered the same.
    """

    view: Hashable

    def pieces(self, sought: Sought) -> Iterator[list[Piece]]:
        """The last version of each thing that is wanted, in order of place; some at a time, read as they are taken."""

    def versions(self, piece: Piece) -> Sequence[Piece]:
        """All versions of a thing that the actor may have, the oldest first and the given one last."""

    def definitions(self, after: int) -> Iterable[dict[str, Any]]:
        """What things behind a place refer to: marking definitions, who tells them, extensions."""

    def count(self, after: int, through: int | None, types: tuple[str, ...] | None) -> int:
        """How many things stand behind a place up to another one, those included that another of their id hides.

        A thing that changes moves to the end, and none ever comes to stand before another that was there: a stretch
        with as many things as before has the same ones.
        """

    def newest(self) -> int:
        """The last place of all; -1 where there is none."""

    def hides_since(self, place: int) -> bool:
        """Whether one of the things behind a place has the id of another: which is told may be another now."""


class Received(NamedTuple):
    """What came of what was sent.

    Attributes:
        taken: How many objects are on record now, new or known.
        failures: Of those that are not: STIX id, version and why, as far as they have one.
        account: Address of the page that tells it.
    """

    taken: int
    failures: list[tuple[str, str, str]]
    account: str


Offers = Callable[[Actor], Shelf]
"""Given an actor, what a room offers to them."""

Takes = Callable[[bytes, str, Actor, Callable[[int, int], None]], Received]
"""Takes a STIX bundle in: its bytes, what it is called, who sent it, and whom to tell how many objects are done of how many."""

_offers: list[Offers] = []
_takes: list[Takes] = []


class NobodyTakesError(HanseError):
    """No room takes objects in."""

    status = 503


def offer(offers: Offers) -> None:
    """Register what a room offers; the composition calls it once per room and process."""
    if offers not in _offers:
        _offers.append(offers)


def take(takes: Takes) -> None:
    """Register the room that takes in what partners send."""
    _takes[:] = [takes]


def taker() -> Takes:
    """The room that takes in what partners send.

    Raises:
        NobodyTakesError: None does.
    """
    if not _takes:
        raise NobodyTakesError("Nothing takes objects in here. Start the node anew.")
    return _takes[0]


class Together:
    """All shelves as one, for one actor."""

    def __init__(self, actor: Actor) -> None:
        self._shelves = [offers(actor) for offers in _offers]
        self.view: Hashable = tuple(shelf.view for shelf in self._shelves)

    def pieces(self, sought: Sought) -> Iterator[list[Piece]]:
        """As of `Shelf`; places are the ledger's, so that no two shelves have the same."""
        found = [shelf.pieces(sought) for shelf in self._shelves]
        if len(found) == 1:
            return found[0]
        each = [chain.from_iterable(one) for one in found]
        merged = heapq.merge(*each, key=lambda one: one.moved)
        return iter(lambda: list(islice(merged, AT_ONCE)), [])

    def versions(self, piece: Piece) -> Sequence[Piece]:
        """As of `Shelf`."""
        for shelf in self._shelves:
            if told := shelf.versions(piece):
                return told
        return []

    def definitions(self, after: int) -> Iterator[dict[str, Any]]:
        """As of `Shelf`, each once."""
        seen = set()
        for shelf in self._shelves:
            for one in shelf.definitions(after):
                if one["id"] not in seen:
                    seen.add(one["id"])
                    yield one

    def count(self, after: int, through: int | None, types: tuple[str, ...] | None) -> int:
        """As of `Shelf`."""
        return sum(shelf.count(after, through, types) for shelf in self._shelves)

    def newest(self) -> int:
        """As of `Shelf`."""
        return max((shelf.newest() for shelf in self._shelves), default=-1)

    def hides_since(self, place: int) -> bool:
        """As of `Shelf`."""
        return any(shelf.hides_since(place) for shelf in self._shelves)
