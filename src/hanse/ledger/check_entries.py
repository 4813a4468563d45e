"""Steps 1 to 4 of `check`: entries, bodies and the head, read as the database holds them.

Nothing is read through Django's models here: SQLite keeps any type in any column, and a converter would hide it
or fail on it.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import msgspec
from django.db import connections

from hanse.kernel import envelope, sealing
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import key_id
from hanse.ledger import carried, keyring
from hanse.ledger.finding import Finding, Placed, raw
from hanse.ledger.identity import authority
from hanse.ledger.kinds import known
from hanse.ledger.reading import Written
from hanse.ledger.routing import database
from hanse.ledger.tallies import next_chain

BATCH = 1_000
"""Entries read at once."""
ROTATED = "ledger.key_rotated"
_ROWS = """
SELECT e.sequence, e.payload, e.signature, e.key, e.kind, e.object_id, e.version, e.recipient, e.time_us,
       e.marking, e.retention_us, e.position, b.salt, b.data, CASE WHEN b.sealed THEN 1 ELSE 0 END
FROM ledger_entry e LEFT JOIN ledger_body b ON b.sequence = e.sequence
WHERE e.sequence > %s ORDER BY e.sequence LIMIT %s
"""


class _Row(NamedTuple):
    """An entry and its body, as the database holds them."""

    sequence: Any
    payload: Any
    signature: Any
    key: Any
    kind: Any
    object_id: Any
    version: Any
    recipient: Any
    time_us: Any
    marking: Any
    retention_us: Any
    position: Any
    salt: Any
    data: Any
    sealed: Any


def entries(placed: list[Placed], progress: Callable[[int, int], None]) -> Iterator[Finding]:
    """Steps 1 to 4; fills `placed` with the entries that claim a leaf, in order of sequence."""
    heads = _select("SELECT id, next_sequence, chain, key FROM ledger_head ORDER BY id")
    total = heads[0][1] if heads and isinstance(heads[0][1], int) else 0
    walk = _Walk(placed)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for batch in _batches():
            said = _envelopes(pool, batch)
            for row, head in zip(batch, said, strict=True):
                yield from (Finding(f"entry {row.sequence}", what) for what in walk.step(row, head))
            progress(walk.expected, total)
    yield from walk.wrong_lost()
    yield from walk.wrong_markings()
    yield from walk.left_clear()
    if heads or walk.expected:
        yield from walk.wrong_head(heads)
    for (sequence,) in _select(
        "SELECT b.sequence FROM ledger_body b LEFT JOIN ledger_entry e ON e.sequence = b.sequence"
        " WHERE e.sequence IS NULL"
    ):
        yield Finding(f"body {sequence}", "there is no entry that commits to it.")


def _select(query: str, *values: int) -> list[tuple[Any, ...]]:
    with connections[database()].cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def _batches() -> Iterator[list[_Row]]:
    """All entries in order of sequence."""
    last: Any = -(2**63)
    while batch := [_Row(*one) for one in _select(_ROWS, last, BATCH)]:
        yield batch
        last = batch[-1].sequence


def _envelopes(pool: ThreadPoolExecutor, batch: Sequence[_Row]) -> list[envelope.Envelope | str]:
    """Each row's envelope, or why its bytes do not hold; checked on all cores, signatures being what costs."""
    width = max(1, -(-len(batch) // (os.cpu_count() or 1)))
    parts = [batch[at : at + width] for at in range(0, len(batch), width)]
    return [one for part in pool.map(_envelopes_of, parts) for one in part]


def _envelopes_of(rows: Sequence[_Row]) -> list[envelope.Envelope | str]:
    """Step 1 for some rows, but for the order."""
    keys = {key.id: key for key in keyring.current().verify_keys()}
    said: list[envelope.Envelope | str] = []
    for row in rows:
        try:
            head = envelope.decode(raw(row.payload))
            if head.key not in keys:
                said.append(f"key {head.key} is none of this node's.")
            else:
                said.append(envelope.verify(raw(row.payload), raw(row.signature), keys[head.key]))
        except HanseError as error:
            said.append(f"its signed bytes do not hold: {error}")
    return said


class _Walk:
    """What goes along from entry to entry."""

    def __init__(self, placed: list[Placed]) -> None:
        self.expected = 0
        self._chain = bytes(32)
        self._key = ""
        self._places: dict[str, int] = {}
        self._markings: dict[str, int] = {}
        self._placed = placed
        self._purged = dict(_select("SELECT sequence, by FROM ledger_purged"))
        self._lost = {
            sequence: told
            for sequence, *told in _select("SELECT sequence, position, recipient, hashed FROM ledger_lost")
        }

    def step(self, row: _Row, said: envelope.Envelope | str) -> Iterator[str]:
        """What is wrong with the next entry."""
        self._over_lost()
        if row.sequence in self._lost:
            yield "it is here, and among the lost ones as well."
        if row.sequence != self.expected:
            yield f"entries {self.expected} up to this one are missing."
        self.expected = row.sequence + 1 if isinstance(row.sequence, int) else self.expected + 1
        hashed = envelope.hashed(raw(row.payload), raw(row.signature))
        self._chain = next_chain(self._chain, hashed)
        if isinstance(row.position, int):
            recipient = "" if isinstance(said, str) else said.recipient or ""
            self._placed.append(Placed(row.position, recipient, hashed))
        elif row.position is not None:
            yield f"its place in the tree is {row.position!r}, which is no number."
        if isinstance(said, str):
            yield said
            return
        yield from self._wrong_columns(row, said)
        yield from self._wrong_body(row, said)
        yield from self._wrong_key(row, said)

    def _over_lost(self) -> None:
        """Go over the entries that were lost with a database: the tree has the hash of each."""
        while self.expected in self._lost:
            position, recipient, hashed = self._lost.pop(self.expected)
            self._chain = next_chain(self._chain, raw(hashed))
            if isinstance(position, int):
                self._placed.append(Placed(position, recipient, raw(hashed)))
            if recipient:
                self._places[recipient] = self._places.get(recipient, -1) + 1
            self.expected += 1

    def wrong_lost(self) -> Iterator[Finding]:
        """Lost entries that stand in no place of the order; those behind the last entry are gone over first."""
        self._over_lost()
        for sequence in sorted(self._lost, key=str):
            yield Finding(f"lost entry {sequence!r}", "there is no such place in the order of entries.")

    def _wrong_columns(self, row: _Row, said: envelope.Envelope) -> Iterator[str]:
        """Step 2, and the place in the recipient's order."""
        place = row.sequence
        if said.recipient:
            place = self._places[said.recipient] = self._places.get(said.recipient, -1) + 1
        native = connections[database()].features.has_native_uuid_field
        marking = self._markings.setdefault(carried.text_of(said.marking), row.sequence)
        for name, column, signed in (
            ("sequence", place, said.seq),
            ("key", row.key, said.key),
            ("kind", row.kind, said.kind),
            ("object_id", row.object_id.hex if native else row.object_id, said.object),
            ("version", row.version, said.version),
            ("recipient", row.recipient, said.recipient or ""),
            ("time_us", row.time_us, said.time),
            ("marking", row.marking, marking),
            ("retention_us", row.retention_us, said.marking.get("retention_us")),
            ("origin", authority(), said.origin),
        ):
            if column != signed:
                yield f"{name} is {column!r}; the signed envelope says {signed!r}."

    def _wrong_body(self, row: _Row, said: envelope.Envelope) -> Iterator[str]:
        """Step 3 for one entry."""
        purged = row.sequence in self._purged
        if row.salt is None:
            if not purged:
                yield "its body is missing, and no entry purged it."
            return
        if purged:
            yield "its body was purged and is there again."
        kind = known(row.kind)
        if kind is not None and kind.sealed and not row.sealed:
            yield "its body is not sealed as its kind asks for."
        try:
            if envelope.commit(raw(row.salt), _opened(row)) != said.commitment:
                yield "its body or salt is not what it commits to."
        except HanseError as error:
            yield f"its body cannot be opened: {error}"

    def _wrong_key(self, row: _Row, said: envelope.Envelope) -> Iterator[str]:
        """Step 1: whether the key was the node's at this place."""
        self._key = self._key or said.key
        if said.key != self._key:
            yield f"key {said.key} signed it; at this place the node's key was {self._key}."
        if said.kind == ROTATED and row.salt is not None:
            try:
                content = msgspec.json.decode(msgspec.json.decode(_opened(row), type=Written).content)
                self._key = key_id(bytes.fromhex(content["verify"]))
            except (HanseError, msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
                yield f"the key that it brings cannot be read: {error}"

    def wrong_markings(self) -> Iterator[Finding]:
        """Step 2: the markings that entries carry, each once, and nothing else."""
        said = {(number, carried.digest_of(text), text) for text, number in self._markings.items()}
        held = set(_select("SELECT number, digest, text FROM ledger_carriedmarking"))
        for number, *_ in sorted(said ^ held, key=str):
            yield Finding(f"marking {number}", "it is not what entries carry.")

    def left_clear(self) -> Iterator[Finding]:
        """Step 3: bodies that rest in the clear though their object had, or later got, a handling code."""
        handled = [
            number for text, number in self._markings.items() if msgspec.json.decode(text).get("handling")
        ]
        if not handled:
            return
        marks = ", ".join(["%s"] * len(handled))
        for (sequence,) in _select(
            "SELECT b.sequence FROM ledger_body b JOIN ledger_entry e ON e.sequence = b.sequence JOIN"  # noqa: S608 - placeholders
            f" (SELECT object_id, max(sequence) AS last FROM ledger_entry WHERE marking IN ({marks}) GROUP BY object_id) h"
            " ON h.object_id = e.object_id WHERE b.sealed IS NOT TRUE AND b.sequence <= h.last ORDER BY b.sequence",
            *handled,
        ):
            yield Finding(
                f"entry {sequence}", "its body is not sealed as its object's handling codes ask for."
            )

    def wrong_head(self, heads: Sequence[tuple[Any, ...]]) -> Iterator[Finding]:
        """Step 4."""
        if len(heads) != 1 or heads[0][0] != 1:
            yield Finding("ledger_head", f"it has {len(heads)} rows in place of one.")
            return
        _, following, chain, key = heads[0]
        if following != self.expected:
            yield Finding("ledger_head", f"it says {following!r} entries; there are {self.expected}.")
        elif raw(chain) != self._chain:
            yield Finding("ledger_head", "its chain is not that of the entries.")
        if key != self._key:
            yield Finding("ledger_head", f"it says that key {key!r} signs; the entries say {self._key!r}.")


def _opened(row: _Row) -> bytes:
    """The committed bytes of a body."""
    if not row.sealed:
        return raw(row.data)
    return sealing.open_rest(keyring.current(), raw(row.payload), raw(row.data))
