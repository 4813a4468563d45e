"""This ledger as its witnesses get it: checkpoint after checkpoint, and what they say of each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Final

import msgspec
from django.db import transaction
from django.db.models import Case, When

from hanse.kernel import notes, sealing
from hanse.kernel.keys import VerifyKey
from hanse.kernel.tiles import WIDTH
from hanse.ledger import keyring
from hanse.ledger.models import Body, Checkpoint, Entry, Lost
from hanse.ledger.routing import database
from hanse.ledger.tree import get_tile, origin
from hanse.ledger.witness import HASH_BYTES, Record, is_witnessed, log_of, seen_by

BUDGET_BYTES: Final = 700_000
"""Of records in one message; one record alone may have more."""
KEPT_BYTES: Final = 16_384
"""Of a body that witnesses keep a sealed copy of; a longer one is kept as its hash, as all others are."""

_ALL_OF: Final = ("ledger.", "policy.", "federation.")
_NOT: Final = frozenset({"federation.received", "federation.took"})
_TAKEN_AWAY: Final = frozenset(
    f"accounts.{what}"
    for what in (
        "deactivated", "sessions_ended", "role_revoked", "team_left", "team_closed", "passkey_removed",
        "issuer_unbound", "token_revoked", "link_closed",
    )
)  # fmt: skip
"""What took a right away comes back with a backup older than it, or whoever lost the right has it again."""


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """An entry of which witnesses keep a sealed copy; the fields are those of its rows."""

    payload: bytes
    signature: bytes
    salt: bytes | None
    data: bytes | None
    sealed: bool


class Placed(msgspec.Struct, frozen=True, array_like=True):
    """Where an entry is.

    Attributes:
        position: Its leaf.
        recipient: Whom it is addressed to; empty for the node itself.
        kept: The entry itself, where witnesses keep it.
    """

    position: int
    recipient: str
    kept: Kept | None = None


class Carried(msgspec.Struct, frozen=True, array_like=True):
    """What only this node reads of a record.

    Attributes:
        first: Position of the checkpoint's first new leaf.
        entries: Entries in the tree with it.
        time_us: When it was signed, microseconds UTC.
        tallies: As of `Checkpoint.tallies`.
        placed: Its new entries, in order of sequence; the last of them is entry number ``entries - 1``.
    """

    first: int
    entries: int
    time_us: int
    tallies: str
    placed: tuple[Placed, ...]


def is_kept(kind: str) -> bool:
    """Whether witnesses keep sealed copies of entries of a kind: what later entries and other authorities rest on."""
    return kind in _TAKEN_AWAY or (kind.startswith(_ALL_OF) and kind not in _NOT)


def records_after(size: int) -> tuple[list[int], list[Record]]:
    """The next checkpoints after one of a size, as many as a message takes: their sizes, and what a witness gets."""
    sizes: list[int] = []
    records: list[Record] = []
    taken = 0
    for row in Checkpoint.objects.filter(size__gt=size).order_by("size")[:500]:
        record = _record(row)
        taken += len(record.leaves) + len(record.sealed) + len(record.note)
        if records and taken > BUDGET_BYTES:
            break
        sizes.append(row.size)
        records.append(record)
    return sizes, records


def has_checkpoint(size: int, note: str = "") -> bool:
    """Whether this ledger has signed a checkpoint of that size, and with the root of a note where one is given.

    Of nothing, every ledger has.
    """
    if not size:
        return True
    own = Checkpoint.objects.filter(pk=size).values_list("note", flat=True).first()
    return own is not None and (not note or _root(own) == _root(note))


def _root(note: str) -> bytes:
    return notes.parse_checkpoint(notes.parse(note)[0]).root


def _record(row: Checkpoint) -> Record:
    return Record(notes.by(row.note, origin()), _leaves(row.first, row.size), _sealed(row))


def _leaves(first: int, size: int) -> bytes:
    tiles = b"".join(get_tile(0, index) for index in range(first // WIDTH, -(-size // WIDTH)))
    start = first - first // WIDTH * WIDTH
    return tiles[start * HASH_BYTES : (start + size - first) * HASH_BYTES]


def _sealed(row: Checkpoint) -> bytes:
    before = Checkpoint.objects.filter(size__lt=row.size).order_by("-size").values_list("entries", flat=True)
    since = before.first() or 0
    rows = Entry.objects.filter(sequence__gte=since, sequence__lt=row.entries).order_by("sequence")
    wanted = [one for one in rows.values_list("sequence", "kind") if is_kept(one[1])]
    kept = _kept([sequence for sequence, _ in wanted])
    lost = Lost.objects.filter(sequence__gte=since, sequence__lt=row.entries)
    named = ("sequence", "position", "recipient")
    placed = tuple(
        Placed(position, recipient, kept.get(sequence))
        for sequence, position, recipient in sorted([*rows.values_list(*named), *lost.values_list(*named)])
        if position is not None
    )
    content = Carried(row.first, row.entries, row.time_us, row.tallies, placed)
    return sealing.seal_for_recovery(keyring.current(), _bound(row.size), msgspec.msgpack.encode(content))


def _bound(size: int) -> bytes:
    return f"{origin()} {size}".encode()


def _kept(sequences: Sequence[int]) -> dict[int, Kept]:
    bodies = {one.entry_id: one for one in Body.objects.filter(entry__in=list(sequences))}
    kept = {}
    for entry in Entry.objects.filter(sequence__in=list(sequences)):
        body = bodies.get(entry.sequence)
        if body is None or len(bytes(body.data)) <= KEPT_BYTES:
            salt, data = (None, None) if body is None else (bytes(body.salt), bytes(body.data))
            kept[entry.sequence] = Kept(
                bytes(entry.payload), bytes(entry.signature), salt, data, body is not None and body.sealed
            )
    return kept


def carried(record: Record, size: int) -> Carried:
    """What this node had sealed into a record.

    Raises:
        SealingError: It was altered, or is of another ledger.
    """
    data = sealing.open_for_recovery(keyring.current(), _bound(size), record.sealed)
    return msgspec.msgpack.decode(data, type=Carried)


def add_cosignatures(lines: Iterable[tuple[int, str]]) -> None:
    """Add what witnesses said to the notes of checkpoints: size and signature line.

    Of each witness the first line stays: one that lost its database and follows the ledger anew signs all again. It is
    kept in the one form of notes, whichever of its texts the witness sent.
    """
    with transaction.atomic(using=database()):
        for size, line in lines:
            row = Checkpoint.objects.select_for_update().get(pk=size)
            *before, added = (name for name, _, _ in notes.parse(row.note + line)[1])
            if added not in before:
                Checkpoint.objects.filter(pk=size).update(note=notes.normal(row.note + line))


Keys = dict[str, Sequence[VerifyKey]]

_named: list[Callable[[], Keys]] = []
_ever: list[Callable[[], Keys]] = []


def register(named: Callable[[], Keys], ever: Callable[[], Keys]) -> None:
    """Make known who witnesses this ledger.

    Args:
        named: The keys that are believed of each partner that this node named and that consented, by its id.
        ever: All keys that any partner ever had, by its id: whose cosignatures may stand in notes.
    """
    _named[:], _ever[:] = [named], [ever]


def ever_keys() -> Keys:
    """All keys that any partner ever had, by its id."""
    return {name: keys for one in _ever for name, keys in one().items()}


def verifier_keys() -> tuple[str, ...]:
    """The keys of the named witnesses, as C2SP writes verifier keys."""
    return tuple(
        notes.verifier_key(log_of(name), key)
        for one in _named
        for name, keys in sorted(one().items())
        for key in keys
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How a checkpoint stands with the witnesses.

    Attributes:
        named: Ids of those that this node named and that consented.
        seen: When each of them saw it, s UTC.
    """

    named: tuple[str, ...] = ()
    seen: dict[str, int] = field(default_factory=dict)

    @property
    def witnessed(self) -> bool:
        """Whether most of the named ones saw it."""
        return is_witnessed(len(self.seen), len(self.named))


def standing(checkpoint: Checkpoint | None) -> Standing:
    """How a checkpoint stands with the witnesses of this ledger."""
    keys = {name: some for one in _named for name, some in one().items()}
    seen = {} if checkpoint is None else seen_by(checkpoint.note, keys)
    return Standing(tuple(sorted(keys)), seen)


_TRIED: Final = 100
"""Checkpoints whose signatures are checked to find one that was seen: a witness's key may be believed no more."""


def latest_witnessed() -> Checkpoint | None:
    """The newest checkpoint that most of the witnesses saw; None for none.

    The database passes over those that carry too few of their names: witnesses may be away for days.
    """
    named = standing(None).named
    if not named:
        return None
    signed = [Case(When(note__contains=f"\n\u2014 {log_of(one)} ", then=1), default=0) for one in named]
    rows = Checkpoint.objects.annotate(signed=reduce(add, signed)).filter(signed__gt=len(named) // 2)
    for row in rows.order_by("-size")[:_TRIED]:
        if standing(row).witnessed:
            return row
    return None
