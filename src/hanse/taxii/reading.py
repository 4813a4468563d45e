"""Pages of what a shelf offers: things in order, each checked before it is told; a bad one is left out and noted.

What costs is done once for a page. Bytes are joined as they lie in the ledger, and no object is read and written anew.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, NamedTuple

import msgspec

from hanse.kernel.strict_json import canonical
from hanse.taxii.added import place_at
from hanse.taxii.asked import MOST_BYTES, Asked, Place
from hanse.taxii.media import is_stamp, version_key
from hanse.taxii.shelves import Piece, Shelf, Sought

_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,249}--[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The id of a STIX object (STIX 2.1, section 2.9), the digits of its UUID in lower case as RFC 9562 writes them."""
_PREFIX: Final = -len("--00000000-0000-0000-0000-000000000000")
"""Where the type ends in an id."""


class _Head(msgspec.Struct, gc=False):
    """What tells versions of an object apart."""

    type: str
    id: str
    spec_version: str = ""
    created: str = ""
    modified: str = ""


_HEAD: Final = msgspec.json.Decoder(_Head)
_HEADS: Final = msgspec.json.Decoder(list[_Head])


class Told(NamedTuple):
    """One object of an answer.

    Attributes:
        piece: The object.
        version: Its time of change, or of making, as it writes it; empty for one that has neither.
        spec_version: Of STIX.
    """

    piece: Piece
    version: str
    spec_version: str


class Fault(NamedTuple):
    """An object that is left out.

    Attributes:
        piece: The object.
        why: What is wrong with it, in words.
    """

    piece: Piece
    why: str


@dataclass(slots=True)
class Page:
    """One page.

    Attributes:
        told: Its objects in order.
        following: Where the next page begins; None at the end.
        faults: What was left out.
        definitions: How many at its beginning are definitions that the things refer to.
        after: Behind which place it was read.
    """

    told: list[Told] = field(default_factory=list)
    following: Place | None = None
    faults: list[Fault] = field(default_factory=list)
    definitions: int = 0
    after: int = -1

    @property
    def things(self) -> Sequence[Told]:
        """Without the definitions."""
        return self.told[self.definitions :]


def page(shelf: Shelf, asked: Asked) -> Page:
    """The page of a shelf that is asked for; see `Place` for where it begins."""
    start = _start(asked)
    found = Page(after=start.moved)
    if asked.last_alone:
        _fill(found, shelf, asked, start.moved)
    else:
        _fill_versions(found, shelf, asked, start)
    if asked.after is None and (found.told or asked.ids):
        _put_before(found, shelf, asked, start)
    return found


def checked(piece: Piece) -> Told | str:
    """An object that can be told, or why it cannot."""
    if _ID.fullmatch(piece.id) is None or piece.id[:_PREFIX] != piece.type:
        return f"{piece.id[:80]!r} is no id of a STIX object of type {piece.type[:40]!r}."
    try:
        head = _HEAD.decode(piece.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"It cannot be read: {error}."
    if (head.id, head.type) != (piece.id, piece.type):
        return "It says another id or type than it is on record with."
    version = head.modified or head.created
    if version and not version_key(version):
        return f"Its time of change {version[:40]!r} is none as STIX writes times."
    return Told(piece, version, head.spec_version or ("2.0" if version else "2.1"))


def _checked(pieces: Sequence[Piece]) -> Iterable[Told | str]:
    """As `checked`, of many: they are read at once, and one by one only where one of them is bad."""
    try:
        heads = _HEADS.decode(b"[%b]" % b",".join([piece.data for piece in pieces]))
    except (msgspec.DecodeError, UnicodeDecodeError):
        heads = []
    told = []
    for piece, head in zip(pieces, heads, strict=False):
        version = head.modified or head.created
        if (
            head.id != piece.id
            or head.type != piece.type
            or piece.id[:_PREFIX] != piece.type
            or not _ID.fullmatch(piece.id)
            or (version and not is_stamp(version))
        ):
            break
        told.append(Told(piece, version, head.spec_version or ("2.0" if version else "2.1")))
    return told if len(told) == len(pieces) == len(heads) else map(checked, pieces)


def _start(asked: Asked) -> Place:
    """Where a page begins."""
    if asked.after is not None:
        return asked.after
    return Place() if asked.added_after_us is None else Place(place_at(asked.added_after_us))


def _things(shelf: Shelf, asked: Asked, after: int) -> Iterator[list[Piece]]:
    """The last versions of things behind a place, some at a time, as many of them as are taken."""
    while True:
        found = 0
        for some in shelf.pieces(Sought(after, asked.limit + 1, asked.ids, asked.types)):
            found, after = found + len(some), some[-1].moved
            yield some
        if found <= asked.limit:
            return


def _fill(found: Page, shelf: Shelf, asked: Asked, after: int) -> None:
    """Tell the last version of each thing."""
    size = 0
    for some in _things(shelf, asked, after):
        for piece, told in zip(some, _checked(some), strict=True):
            if len(found.told) == asked.limit or size > MOST_BYTES:
                found.following = Place(after)
                return
            after, size = piece.moved, size + len(piece.data)
            if isinstance(told, str):
                found.faults.append(Fault(piece, told))
            elif asked.spec_versions is None or told.spec_version in asked.spec_versions:
                found.told.append(told)


def _fill_versions(found: Page, shelf: Shelf, asked: Asked, start: Place) -> None:
    """Tell the wanted versions of each thing, all of them at the place of its last one."""
    size = 0
    every = _things(shelf, asked, start.moved - 1 if start.versions else start.moved)
    for piece in chain.from_iterable(every):
        skipped = start.versions if piece.moved == start.moved else 0
        wanted = list(_wanted(found, shelf, asked, piece))
        for at, told in enumerate(wanted[skipped:], skipped):
            if len(found.told) == asked.limit or size > MOST_BYTES:
                found.following = Place(piece.moved, at) if at else Place(start.moved)
                return
            size += len(told.piece.data)
            found.told.append(told)
        start = Place(piece.moved)


def _wanted(found: Page, shelf: Shelf, asked: Asked, piece: Piece) -> Iterator[Told]:
    """The versions of one thing that are wanted, the oldest first."""
    told_apart: dict[str, Told] = {}
    for one in shelf.versions(piece):
        told = checked(one)
        if isinstance(told, str):
            found.faults.append(Fault(one, told))
        elif asked.spec_versions is None or told.spec_version in asked.spec_versions:
            told_apart[version_key(told.version)] = told
    good = list(told_apart.values())
    for at, told in enumerate(good):
        first, last = at == 0, at == len(good) - 1
        if (
            "all" in asked.versions
            or ("first" in asked.versions and first)
            or ("last" in asked.versions and last)
            or version_key(told.version) in asked.versions
        ):
            yield told


def _put_before(found: Page, shelf: Shelf, asked: Asked, start: Place) -> None:
    """Tell the definitions that a listing needs before its first thing, where the page has room for them."""
    place = found.told[0].piece.moved if found.told else 0
    told = []
    for one in shelf.definitions(start.moved):
        if (asked.types and one["type"] not in asked.types) or (asked.ids and one["id"] not in asked.ids):
            continue
        if asked.spec_versions is None or "2.1" in asked.spec_versions:
            piece = Piece(place, "", one["id"], one["type"], canonical(one))
            told.append(Told(piece, one.get("modified") or one.get("created", ""), "2.1"))
    if len(told) + len(found.told) <= asked.limit or _made_room(found, asked, len(told)):
        found.told[:0] = told
        found.definitions = len(told)


def _made_room(found: Page, asked: Asked, needed: int) -> bool:
    """Leave the last things of a full page to the next one, if some stay; whether there is room now."""
    if needed >= asked.limit or not asked.last_alone:
        return False
    kept = asked.limit - needed
    del found.told[kept:]
    found.following = Place(found.told[-1].piece.moved)
    return True
