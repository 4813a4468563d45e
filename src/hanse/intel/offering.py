"""What of intelligence a partner may fetch, as STIX: bytes as they lie in the ledger, marked as they are marked now.

What was written here and rests on something is the one exception: it names that as it does for partners (`for_others`).

Things stand in the order of the entries that last said or marked them. What the partner may not have takes no part: each
holding is read for itself, and only those that policy opens.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db import connections

from hanse.intel import models, source_marking, telling
from hanse.intel.for_others import for_others
from hanse.kernel.actors import Actor
from hanse.kernel.errors import HanseError
from hanse.kernel.markings import Marking, is_at_least
from hanse.kernel.strict_json import canonical
from hanse.ledger.models import CarriedMarking, Entry
from hanse.ledger.reading import opened, snapshot
from hanse.ledger.routing import database
from hanse.policy.service import MARKED
from hanse.taxii.shelves import ACTION, AT_ONCE, Piece, Sought

_APART: Final = 200
"""Holdings that are merged in their order; SQLite takes 500 parts of a compound statement at most."""
_FORMATS: Final = "format IN ('stix', 'own')"
"""As the index of what is offered has it: a database uses that one where it finds the same condition."""
_BEGINS: Final = b'"raw":'
_ENDS: Final = b',"source_id":"'
_OWN: Final = b'"format":"own"'
_CITES: Final = b'"cites":['
_REFS: Final = b'"object_marking_refs":'
_SAYING: Final = ("intel.item", MARKED)
"""Kinds of entries that say an item, or how it is marked."""


class _Marked(msgspec.Struct):
    """What an object says of its marking by itself."""

    object_marking_refs: msgspec.Raw = msgspec.Raw()


_MARKED: Final = msgspec.json.Decoder(_Marked)


class _Team(msgspec.Struct):
    """To which team an entry says that a thing belongs."""

    team: str = ""


class _Says(msgspec.Struct):
    """The body of an entry that says it."""

    content: _Team


_SAYS: Final = msgspec.json.Decoder(_Says)


class Offer:
    """The shelf of intelligence for one actor."""

    def __init__(self, actor: Actor) -> None:
        held = models.Holding.objects.few_for(actor, ACTION)
        self._markings = {row.pk: marking for row, marking in held}
        self.view: Hashable = tuple(self._markings)

    def pieces(self, sought: Sought) -> Iterator[list[Piece]]:
        """As of `hanse.taxii.shelves.Shelf`."""
        if not self._markings or sought.types == () or sought.ids == ():
            return
        query, told = _query(list(self._markings), sought)
        refs = {holding: _refs_of(marking) for holding, marking in self._markings.items()}
        with snapshot(), connections[database()].chunked_cursor() as cursor:
            cursor.execute(query, told)
            while rows := cursor.fetchmany(AT_ONCE):
                yield [
                    Piece(
                        moved,
                        name if isinstance(name, str) else name.hex,
                        source_id,
                        kind,
                        _told(_unsealed(name) if sealed else data, refs[holding]),
                    )
                    for moved, name, source_id, kind, holding, data, sealed in rows
                ]

    def versions(self, piece: Piece) -> Sequence[Piece]:
        """As of `hanse.taxii.shelves.Shelf`: those since which the thing was never for fewer than it is now.

        Fewer are those of a stricter marking, and those of a need-to-know team.
        """
        row = models.Item.projected.filter(pk=UUID(piece.object_id), holding__in=list(self._markings)).first()
        if row is None:
            return []
        now = self._markings[row.holding]
        entries = Entry.objects.filter(object_id=row.pk, kind__in=_SAYING, recipient="").order_by("-version")
        found = []
        held = list(entries.select_related("body"))
        teams = _teams(held)
        markings = CarriedMarking.objects.in_bulk({entry.marking for entry in held})
        for entry in held:
            if teams[entry.sequence] != row.team or not is_at_least(
                now, _marking(markings[entry.marking].text)
            ):
                break
            if entry.kind == "intel.item" and (body := getattr(entry, "body", None)) is not None:
                told = _told(opened(entry, body), _refs_of(now))
                found.append(Piece(piece.moved, piece.object_id, piece.id, piece.type, told))
        return [piece, *found[1:]][::-1]

    def definitions(self, after: int) -> Iterable[dict[str, Any]]:
        """As of `hanse.taxii.shelves.Shelf`."""
        query = f"SELECT 1 FROM intel_item WHERE holding = %s AND {_FORMATS} AND moved > %s LIMIT 1"  # noqa: S608 - names of this file
        told = {}
        with connections[database()].cursor() as cursor:
            for holding, marking in self._markings.items():
                cursor.execute(query, [holding, after])
                if cursor.fetchone():
                    told[marking.text] = marking
        return telling.once(telling.head(told)) if told else []

    def count(self, after: int, through: int | None, types: tuple[str, ...] | None) -> int:
        """As of `hanse.taxii.shelves.Shelf`; it is counted in the index alone."""
        if not self._markings or types == ():
            return 0
        query = f"SELECT count(*) FROM intel_item WHERE holding IN ({_marks(self._markings)}) AND {_FORMATS} AND moved > %s"  # noqa: S608 - names of this file
        told = [*self._markings, after]
        if through is not None:
            query, told = query + " AND moved <= %s", [*told, through]
        if types is not None:
            query, told = query + f" AND type IN ({_marks(types)})", [*told, *types]
        return int(self._first(query, told) or 0)

    def newest(self) -> int:
        """As of `hanse.taxii.shelves.Shelf`."""
        query = f"SELECT max(moved) FROM intel_item WHERE holding = %s AND {_FORMATS}"  # noqa: S608 - names of this file
        places = [self._first(query, [one]) for one in self._markings]
        return max((place for place in places if place is not None), default=-1)

    def hides_since(self, place: int) -> bool:
        """As of `hanse.taxii.shelves.Shelf`."""
        if not self._markings:
            return False
        marks = _marks(self._markings)
        query = f"""
            SELECT 1 FROM intel_item i WHERE i.holding IN ({marks}) AND i.{_FORMATS} AND i.moved > %s AND EXISTS (
                SELECT 1 FROM intel_item o WHERE o.source_id = i.source_id AND o.number <> i.number
                AND o.{_FORMATS} AND o.holding IN ({marks})
            ) LIMIT 1
        """  # noqa: S608 - names of this file
        return self._first(query, [*self._markings, place, *self._markings]) is not None

    def _first(self, query: str, told: Sequence[Any]) -> Any:
        """The first column of the first row, or None."""
        with connections[database()].cursor() as cursor:
            cursor.execute(query, list(told))
            row = cursor.fetchone()
        return row[0] if row else None


def _teams(held: Sequence[Entry]) -> dict[int, str | None]:
    """To which team a thing belonged since each of its entries, the newest of which comes first; None where it is not said.

    What a marking said of it holds until the next one; where that is no team, what the item says.
    """
    found: dict[int, str | None] = {}
    marked: str | None = ""
    for entry in reversed(held):
        body = getattr(entry, "body", None)
        told = None if body is None else _SAYS.decode(opened(entry, body)).content.team
        marked = told if entry.kind == MARKED else marked
        found[entry.sequence] = told if entry.kind == MARKED or marked == "" else marked
    return found


def _marks(values: Collection[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _query(holdings: Sequence[int], sought: Sought) -> tuple[str, list[Any]]:
    """The statement that finds what is sought, and its parameters.

    Of things with one STIX id, such as one's own report that a partner sent back, the newest is told, by what the
    reader may see alone.
    """
    narrowed = ""
    more: list[Any] = []
    for column, values in (("type", sought.types), ("source_id", sought.ids)):
        if values is not None:
            narrowed += f" AND i.{column} IN ({_marks(values)})"
            more += values
    apart = len(holdings) <= _APART and sought.ids is None
    which = "= %s" if apart else "IN (SELECT id FROM seen)"
    one = f"""
        SELECT i.moved AS moved, i.object_id, i.source_id, i.type, i.holding, b.data, b.sealed
        FROM intel_item i LEFT JOIN ledger_body b ON b.sequence = i.sequence
        WHERE i.holding {which} AND i.{_FORMATS} AND i.moved > %s{narrowed} AND NOT EXISTS (
            SELECT 1 FROM intel_item o
            WHERE o.source_id = i.source_id AND o.number <> i.number AND o.{_FORMATS}
            AND o.holding IN (SELECT id FROM seen)
            AND (o.source_version > i.source_version
                OR (o.source_version = i.source_version AND o.number < i.number))
        )
    """  # noqa: S608 - names of this file, values as parameters
    told: list[Any] = [*holdings]
    for holding in holdings if apart else [None]:
        told += [*([holding] if apart else []), sought.after, *more]
    every = " UNION ALL ".join([one] * (len(holdings) if apart else 1))
    seen = ", ".join(["(%s)"] * len(holdings))
    query = f"WITH seen(id) AS (VALUES {seen}) {every} ORDER BY moved LIMIT %s"
    return query, [*told, sought.most]


def _told(body: bytes | None, refs: bytes) -> bytes:
    """An item's object as it lies in the body of its entry, with its present marking; empty where there is none.

    A body is canonical: its keys are sorted and without white space. No text within it can hold a quotation mark
    that no backslash stands before, so that these two marks are found at the item's own keys: the first one at its
    beginning, and behind its object nothing but texts follow the other.
    """
    if body is None:
        return b""
    begin, end = body.find(_BEGINS), body.rfind(_ENDS)
    if not 0 < begin < end:
        return b""
    raw = body[begin + len(_BEGINS) : end]
    if body.find(_OWN, 0, begin) > 0 and _CITES in raw:
        try:
            raw = canonical(for_others(msgspec.json.decode(raw)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return b""
    if _REFS not in raw:
        return b'{"object_marking_refs":[' + refs + (b"]," if len(raw) > 2 else b"]") + raw[1:]
    return _marked_anew(raw, refs)


def _marked_anew(raw: bytes, refs: bytes) -> bytes:
    """An object that says something of its marking, with what is to be said of it now."""
    try:
        said = bytes(_MARKED.decode(raw).object_marking_refs)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return b""
    if not said:
        return b'{"object_marking_refs":[' + refs + b"]," + raw[1:]
    if raw.count(_REFS) == 1:
        return raw.replace(_REFS + said, _REFS + _both(said, refs))
    whole = msgspec.json.decode(raw)
    whole["object_marking_refs"] = msgspec.json.decode(_both(said, refs))
    return canonical(whole)


@lru_cache(maxsize=4_096)
def _both(said: bytes, refs: bytes) -> bytes:
    """The markings that an object names, but for levels of TLP, and those that it has now."""
    named = msgspec.json.decode(said)
    kept = [one for one in named if one not in source_marking.LEVEL_IDS] if isinstance(named, list) else []
    now = msgspec.json.decode(b"[" + refs + b"]")
    return canonical(list(dict.fromkeys([*kept, *now])))


def _refs_of(marking: Marking) -> bytes:
    return _refs(marking.text)


@lru_cache(maxsize=4_096)
def _refs(text: str) -> bytes:
    """Ids of the definitions that tell a marking, as the inside of a JSON list."""
    return canonical(list(telling.marking_refs(_marking(text))))[1:-1]


@lru_cache(maxsize=4_096)
def _marking(text: str) -> Marking:
    return Marking.from_json(msgspec.json.decode(text))


def _unsealed(object_id: UUID | str) -> bytes:
    """The body of an item's entry that is encrypted at rest; empty where it cannot be opened."""
    sequence = models.Item.projected.values_list("sequence", flat=True).get(pk=object_id)
    entry = Entry.objects.select_related("body").filter(pk=sequence, body__isnull=False).first()
    try:
        return opened(entry, entry.body) if entry is not None else b""
    except HanseError:
        return b""
