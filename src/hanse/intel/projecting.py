"""Items become rows: by the thousand, and the same rows in whichever order decisions and purges came."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, Self
from uuid import UUID

import msgspec
from django.db import connections
from django.db.models import F
from django.db.models.expressions import RawSQL

from hanse.intel import full_text, models
from hanse.intel.facts import Facts
from hanse.intel.item import Heading
from hanse.intel.reading import Known
from hanse.intel.spans import bounds
from hanse.intel.stix_extension import identity_id
from hanse.intel.values import Value
from hanse.intel.values.value import MASKED
from hanse.kernel import sealing
from hanse.kernel.errors import HanseError
from hanse.kernel.markings import Marking
from hanse.kernel.printable import printable
from hanse.ledger import keyring, storing
from hanse.ledger.among import among_numbers
from hanse.ledger.recorded import Recorded
from hanse.ledger.routing import database
from hanse.policy.models import digest_of, stored, team_of

CHUNK = 400
"""Rows of one statement that names each: well below what either database takes."""

_PLACES = 24
"""Bits for the rows of one item: none of the largest size allowed names as many as 2^24 things."""

_ITEM = {
    "object_id": "uuid", "marking_id": "text", "team": "text", "number": "int8", "format": "text", "type": "text",
    "source_id": "text", "source_version": "text", "title": "text", "creator": "text", "created_us": "int8",
    "modified_us": "int8", "valid_until_us": "int8", "parent": "text", "place": "int4", "revoked": "bool",
    "confidence": "int2", "grade": "text", "graded": "text", "graded_confidence": "int2", "graded_sequence": "int8",
    "sealed": "bool", "problems": "int4", "batch": "text", "sequence": "int8", "version": "int4", "digest": "text",
    "holding": "int8", "moved": "int8", "origin": "text", "first_hand": "bool", "passed_on": "bool",
    "embargoed": "bool",
}  # fmt: skip
_VALUE = {"id": "int8", "kind": "text", "text": "text"}
_POSTING = {"id": "int8", "value": "int8", "item": "int8", "role": "text", "holding": "int8"}
_SPAN = {"value": "int8", "first": "text", "last": "text"}
_HOLDING = {"id": "int8", "marking_id": "text", "team": "text", "items": "int8"}
_REFERENCE = {"id": "int8", "item": "int8", "target": "int8", "role": "text"}
"""Columns of each table, with PostgreSQL's types of them."""


class HoldingError(HanseError):
    """Two holdings would have one id."""


class _Kept(NamedTuple):
    """What of an item's row outlives a newer version: its number, and what somebody here thinks of it."""

    number: int
    graded: str = ""
    confidence: int | None = None
    sequence: int | None = None


class _Coming(msgspec.Struct, frozen=True):
    """One item on its way into the tables.

    Attributes:
        recorded: Its entry.
        item: Its heading.
        facts: What is known of it.
        digest: What tells it from others.
        kept: What of an earlier version outlives it.
        number: By which postings name it.
        marking: Key of its marking.
        team: Id of its team.
        holding: Id of its holding.
        sealed: Whether a handling code keeps it sealed.
    """

    recorded: Recorded
    item: Heading
    facts: Facts
    digest: str
    kept: _Kept
    number: int
    marking: str
    team: str
    holding: int
    sealed: bool


def value_id(value: Value) -> int:
    """The id of a value: 63 bits of its keyed hash, so that tables tell nothing of values that are sealed.

    Two of ten million values share an id with a probability of 5 in a million (birthday bound, n^2 / 2^64).
    """
    hashed = sealing.blind(keyring.current().index, "intel.value", f"{value.kind}\0{value.text}")
    return int.from_bytes(hashed[:8]) >> 1


def reference_id(source_id: str) -> int:
    """By which references name an item of that `source_id`: 63 bits of its keyed hash, as of `value_id`.

    A fifth of the bytes of the id itself, in the table and in its index, and the ids that sealed items name are not told.
    """
    hashed = sealing.blind(keyring.current().index, "intel.reference", source_id)
    return int.from_bytes(hashed[:8]) >> 1


def holding_id(marking: str, team: str) -> int:
    """The id of the holding of a marking (its key) and a team: 47 bits of their keyed hash.

    The key is secret, so that nobody can look for two markings with one id; should two meet by chance, `_count_in` finds
    it. Of ten thousand holdings two do with a probability of 4 in ten million (birthday bound, n^2 / 2^48).
    """
    return _holding_id(keyring.current().index, marking, team)


@lru_cache(maxsize=4_096)
def _holding_id(key: bytes, marking: str, team: str) -> int:
    return int.from_bytes(sealing.blind(key, "intel.holding", f"{marking} {team}")[:6]) >> 1


def project_many(entries: Sequence[tuple[Recorded, Known]]) -> None:
    """Write the rows of items that follow each other; of several versions of one, the last counts."""
    firsts: dict[UUID, int] = {}
    last: dict[UUID, tuple[Recorded, Known]] = {}
    for recorded, known in entries:
        firsts.setdefault(recorded.object_id, recorded.sequence)
        last[recorded.object_id] = (recorded, known)
    kept = _kept([one for one, told in last.items() if not _is_first(*told)])
    # By identity: most of them are the very same, and to hash one takes longer than all else that is done with it.
    markings = {id(recorded.marking): recorded.marking for recorded, _ in last.values()}
    digests = {one: digest_of(marking.text) for one, marking in markings.items()}
    coming = []
    for one, (recorded, known) in last.items():
        marking, team = digests[id(recorded.marking)], known.item.team
        if not _is_first(recorded, known):
            team = team_of(one) or team
        before = kept.get(one) or _Kept(firsts[one])
        holding, sealed = holding_id(marking, team), bool(recorded.marking.handling)
        coming.append(_Coming(recorded, *known, before, before.number, marking, team, holding, sealed))
    touched = _take_out([one.number for one in kept.values()])
    _put_in(coming, set(markings.values()))
    _settle(touched)


def _is_first(recorded: Recorded, known: Known) -> bool:
    """Whether nothing of the item can be here yet: a partner counts its versions, and they come by several ways."""
    return recorded.version == 1 and known.item.format != "partner"


def project(recorded: Recorded, known: Known) -> None:
    """Write the rows of one item."""
    project_many([(recorded, known)])


def forget(object_id: UUID) -> None:
    """Remove everything that follows from an item."""
    numbers = [one.number for one in _kept([object_id]).values()]
    _settle(_take_out(numbers))


def _kept(ids: Sequence[UUID]) -> dict[UUID, _Kept]:
    found: dict[UUID, _Kept] = {}
    for some in _chunks(ids):
        rows = models.Item.projected.filter(pk__in=some)
        told = rows.values_list("pk", "number", "graded", "graded_confidence", "graded_sequence")
        found |= {
            one: _Kept(number, graded, confidence, sequence)
            for one, number, graded, confidence, sequence in told
        }
    return found


def _take_out(numbers: Sequence[int]) -> set[int]:
    """Remove items by number, with what hangs on them; the values that they named."""
    touched: set[int] = set()
    for some in _chunks(numbers):
        postings = models.Posting.objects.filter(pk__in=_rows_of("intel_posting", some))
        touched |= set(postings.values_list("value", flat=True))
        rows = models.Item.projected.filter(number__in=some)
        _count_out(Counter(rows.values_list("holding", flat=True)))
        postings.delete()
        models.Reference.objects.filter(pk__in=_rows_of("intel_reference", some)).delete()
        models.Item.projected.filter(number__in=some).delete()
        full_text.remove(some)
    return touched


def _rows_of(table: str, numbers: Sequence[int]) -> RawSQL:
    """The ids of the rows of some items: each item's stand beside each other, so that no index of items is kept.

    They are read first: no database sees from a question how few they are.
    """
    connection = connections[database()]
    given = (
        "unnest(%s::bigint[]) AS told (value)"
        if connection.vendor == "postgresql"
        else "json_each(%s) AS told"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT held.id FROM {given} CROSS JOIN {table} AS held"  # noqa: S608 - names of this file
            f" WHERE held.id >= told.value << {_PLACES} AND held.id < (told.value + 1) << {_PLACES}",
            [list(numbers) if connection.vendor == "postgresql" else json.dumps(list(numbers))],
        )
        return among_numbers([one for (one,) in cursor.fetchall()])


def _count_out(gone: Counter[int]) -> None:
    """Take items out of their holdings; one without items is none."""
    for holding, count in gone.items():
        models.Holding.projected.filter(pk=holding).update(items=F("items") - count)
    models.Holding.projected.filter(pk__in=list(gone), items=0).delete()


def _count_in(cursor: Any, come: Counter[tuple[str, str]]) -> None:
    """Put items into their holdings, by marking and team.

    Raises:
        HoldingError: Another marking or team has the id of one of them: whoever may see one might see both.
    """
    rows = [(holding_id(*one), *one, count) for one, count in sorted(come.items())]
    if rows and (len({row[0] for row in rows}) < len(rows) or _inserted(cursor, rows) < len(rows)):
        raise HoldingError(
            "Two markings or teams would have their items under one number, and nobody could tell who may see which. "
            "Nothing was written. Give what comes another marking, and tell whoever makes this program."
        )


def _inserted(cursor: Any, rows: Sequence[tuple[Any, ...]]) -> int:
    """Insert or add to holdings; how many of them were of the same marking and team, or new."""
    same = "intel_holding.marking_id = excluded.marking_id AND intel_holding.team = excluded.team"
    add = f"(id) DO UPDATE SET items = intel_holding.items + excluded.items WHERE {same}"
    _insert(cursor, "intel_holding", _HOLDING, rows, add)
    return int(cursor.rowcount)


def follow_marking(object_id: UUID, sequence: int) -> None:
    """Move an item that has been marked anew, and its postings, to the holding of its marking and team.

    Args:
        object_id: The item.
        sequence: The entry that marks it.
    """
    row = models.Item.projected.get(pk=object_id)
    _count_out(Counter([row.holding]))
    with connections[database()].cursor() as cursor:
        _count_in(cursor, Counter([(row.marking_id, row.team)]))
    row.holding = holding_id(row.marking_id, row.team)
    row.moved = sequence
    row.embargoed = row.marking.marking.embargo_us is not None
    row.save(update_fields=["holding", "moved", "embargoed"])
    models.Posting.objects.filter(pk__in=_rows_of("intel_posting", [row.number])).update(holding=row.holding)


def _put_in(coming: Sequence[_Coming], markings: Iterable[Marking]) -> None:
    """Insert items, holdings, values, postings, spans, references and words.

    Every statement waits for the one before: rows are worked out while a server is at the largest (`storing.behind`).
    """
    connection = connections[database()]
    native = connection.features.has_native_uuid_field
    with connection.cursor() as cursor:
        items = [_row(one, native=native) for one in coming]
        for marking in markings:
            stored(marking)
        _insert(cursor, "intel_item", _ITEM, items)
        named = _Named.of(coming)
        target_id = cache(reference_id)  # many items of a chunk name the same
        references = {
            (one.number, target_id(target), role[:80])
            for one in coming
            for target, role in one.facts.references
        }
        _count_in(cursor, Counter((one.marking, one.team) for one in coming))
        _insert(
            cursor, "intel_value", _VALUE, ((number, *told) for number, told in sorted(named.values.items())),
            "(id) DO UPDATE SET text = excluded.text WHERE intel_value.text IS NULL",
        )  # fmt: skip
        covered = ((number, *span) for number, span in sorted(named.spans.items()))
        _insert(cursor, "intel_span", _SPAN, covered, "DO NOTHING")
        postings = _numbered(sorted(named.postings, key=itemgetter(1, 0, 2)), 1)
        _insert(cursor, "intel_posting", _POSTING, postings)
        _insert(cursor, "intel_reference", _REFERENCE, _numbered(sorted(references), 0))
    full_text.add((one.number, one.facts.title, one.facts.text) for one in coming if _has_words(one))


class _Named(NamedTuple):
    """The values that items name, by their ids: kind and text, the addresses that they cover, and who names them."""

    values: dict[int, tuple[str, str | None]]
    spans: dict[int, tuple[str, str]]
    postings: set[tuple[int, int, str, int]]

    @classmethod
    def of(cls, coming: Iterable[_Coming]) -> Self:
        """Those of some items."""
        named = cls({}, {}, set())
        number_of, span_of = cache(value_id), cache(bounds)  # several items of a chunk name the same
        for one in coming:
            for value, role in one.facts.values:
                number = number_of(value)
                clear = None if one.sealed or value.kind in MASKED else value.text
                if clear is not None or number not in named.values:
                    named.values[number] = (value.kind, clear)
                if clear is not None and (span := span_of(value)):
                    named.spans[number] = span
                named.postings.add((number, one.number, role[:80], one.holding))
        return named


def _has_words(one: _Coming) -> bool:
    """Whether full text finds more of an item than the search by value does."""
    if one.sealed:
        return False
    title = one.facts.title
    return bool(one.facts.text) or all(value.text != title for value, _ in one.facts.values)


def _numbered(rows: Sequence[tuple[Any, ...]], item: int) -> Iterator[tuple[Any, ...]]:
    """Rows with their ids in front: the item's number and their place among those of the item.

    So a replay gives the same ids, and new rows come last in the table, which databases do quickest.

    Args:
        rows: Those of an item beside each other, in an order that a replay gives too.
        item: Where in a row the item's number stands.
    """
    for number, some in groupby(rows, key=itemgetter(item)):
        for place, row in enumerate(some):
            yield (number << _PLACES | place, *row)


def _readable(text: str) -> str:
    """A text with what no reader could see, such as marks that turn writing round, as escapes."""
    return text if text.isprintable() else printable(text)


def _row(one: _Coming, *, native: bool) -> tuple[Any, ...]:
    recorded, item, facts = one.recorded, one.item, one.facts
    origin = recorded.actor_name if item.format == "partner" else ""
    object_id = recorded.object_id if native else recorded.object_id.hex
    title, creator = ("", "") if one.sealed else (_readable(facts.title), _readable(facts.creator))
    return (
        object_id, one.marking, one.team, one.number, item.format, item.type[:100], item.source_id, item.source_version, title,
        creator, facts.created_us, facts.modified_us, facts.valid_until_us, item.parent, item.place, facts.revoked,
        facts.confidence, item.grade or facts.grade, *one.kept[1:], one.sealed, len(facts.problems), item.batch, recorded.sequence, recorded.version,
        one.digest, one.holding, recorded.sequence, origin, bool(origin) and facts.creator == identity_id(origin),
        bool(origin) and recorded.actor_id != f"authority:{origin}", recorded.marking.embargo_us is not None,
    )  # fmt: skip


def _settle(touched: Iterable[int]) -> None:
    """Values that nothing names any more go; those that only sealed items name lose their text."""
    for some in _chunks(sorted(touched)):
        held = set(models.Posting.objects.filter(value__in=some).values_list("value", flat=True))
        gone = [one for one in some if one not in held]
        models.Value.objects.filter(pk__in=gone).delete()
        named = models.Posting.objects.filter(value__in=list(held)).values("item")
        clear_items = models.Item.projected.filter(number__in=named, sealed=False).values("number")
        clear = set(
            models.Posting.objects.filter(value__in=list(held), item__in=clear_items).values_list(
                "value", flat=True
            )
        )
        models.Value.objects.filter(pk__in=held - clear).update(text=None)
        models.Span.objects.filter(pk__in=[*gone, *(held - clear)]).delete()


def _insert(
    cursor: Any, table: str, columns: dict[str, str], rows: Iterable[tuple[Any, ...]], conflict: str = ""
) -> None:
    """Insert rows in the quickest way that each database has.

    Args:
        cursor: In the caller's transaction.
        table: Its name.
        columns: PostgreSQL's type of each, in the order of the rows.
        rows: What to insert.
        conflict: What to do where there is such a row.
    """
    told = list(rows)
    if not told:
        return
    named, clause = ", ".join(columns), f" ON CONFLICT {conflict}" if conflict else ""
    if cursor.db.vendor == "sqlite":
        marks = ", ".join(["%s"] * len(columns))
        cursor.executemany(f"INSERT INTO {table} ({named}) VALUES ({marks}){clause}", told)  # noqa: S608 - names of this file
    elif not conflict:
        storing.copy(cursor, table, columns, told)
    else:
        # As arrays, a column each: COPY knows no conflicts.
        given = ", ".join(f"%s::{of}[]" for of in columns.values())
        statement = f"INSERT INTO {table} ({named}) SELECT * FROM unnest({given}){clause}"  # noqa: S608 - names of this file
        cursor.execute(statement, [list(column) for column in zip(*told, strict=True)])


def _chunks(some: Sequence[Any]) -> Iterator[list[Any]]:
    for at in range(0, len(some), CHUNK):
        yield list(some[at : at + CHUNK])
