"""Exporting entries with all that proves them to somebody who has no node."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from hanse.kernel import merkle, tiles
from hanse.kernel.errors import HanseError
from hanse.ledger.models import Body, Checkpoint, Entry
from hanse.ledger.reading import opened
from hanse.ledger.tree import get_tile, latest
from hanse.ledger.verify import FORMAT, Proof, SignedEntry
from hanse.ledger.witnessed import latest_witnessed, standing, verifier_keys

KEY_KINDS = ("ledger.founded", "ledger.key_rotated", "ledger.key_revoked", "ledger.key_vouched")


class NotProvableError(HanseError):
    """The entry cannot be exported: it is unknown, provisional, or purged."""


def export(sequence: int, timestamp: bytes = b"", size: int | None = None) -> bytes:
    """The proof of an entry as JSON, for `hanse verify`.

    Args:
        sequence: The entry.
        timestamp: RFC 3161 response over the checkpoint, where one was fetched.
        size: The checkpoint by its size; by default the newest that most witnesses saw and that covers the entry,
            else the newest.

    Raises:
        NotProvableError: There is no such entry, it has no place in the tree yet, or it was purged.
    """
    under = _Under.now() if size is None else _Under(None, Checkpoint.objects.filter(pk=size).first())
    return _export(sequence, under, _Vouching.now(), timestamp)


def export_all(sequences: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """The proofs of several entries as they are asked for, each with its sequence; checkpoints and errors as of `export`.

    All of them are proven under the checkpoints that are the newest at the first one.
    """
    under, vouching = _Under.now(), _Vouching.now()
    for sequence in sequences:
        yield sequence, _export(sequence, under, vouching)


def covering(entry: Entry) -> Checkpoint | None:
    """The checkpoint to prove an entry under."""
    return _Under.now().covering(entry)


def count_witnessed(sequences: Iterable[int]) -> int | None:
    """How many of some entries are proven under a checkpoint that most witnesses saw; None where nobody witnesses."""
    if not standing(None).named:
        return None
    seen = latest_witnessed()
    if seen is None:
        return 0
    # Entries come into the tree in the order of their sequence.
    return sum(one < seen.entries for one in sequences)


@dataclass(frozen=True, slots=True)
class _Under:
    """The checkpoints that entries are proven under.

    Attributes:
        seen: The newest that most of the witnesses saw; None for none.
        newest: The newest.
    """

    seen: Checkpoint | None
    newest: Checkpoint | None

    @classmethod
    def now(cls) -> "_Under":
        return cls(latest_witnessed(), latest())

    def covering(self, entry: Entry) -> Checkpoint | None:
        """The one for an entry: seen by witnesses where it is old enough for that."""
        if self.seen is not None and entry.position is not None and entry.position < self.seen.size:
            return self.seen
        return self.newest


@dataclass(frozen=True, slots=True)
class _Vouching:
    """What is the same in every proof of now: the entries about keys, and the keys of the witnesses."""

    keys: tuple[SignedEntry, ...]
    witnesses: tuple[str, ...]

    @classmethod
    def now(cls) -> "_Vouching":
        said = Entry.objects.filter(kind__in=KEY_KINDS).order_by("sequence")
        return cls(tuple(map(_signed, said)), verifier_keys())


def _export(sequence: int, under: _Under, vouching: _Vouching, timestamp: bytes = b"") -> bytes:
    entry = Entry.objects.filter(pk=sequence).first()
    if entry is None:
        raise NotProvableError(f"There is no entry {sequence:,}.")
    checkpoint = under.covering(entry)
    if checkpoint is None or entry.position is None or entry.position >= checkpoint.size:
        raise NotProvableError(
            f"Entry {sequence:,} is not under that checkpoint. Try again after the next one, in a minute."
        )
    inclusion = merkle.inclusion_proof(entry.position, checkpoint.size, tiles.read_hash(get_tile))
    proof = Proof(
        format=FORMAT,
        entry=_signed(entry),
        keys=vouching.keys,
        position=entry.position,
        inclusion=tuple(inclusion),
        checkpoint=checkpoint.note,
        timestamp=timestamp,
        witnesses=vouching.witnesses,
    )
    return msgspec.json.format(msgspec.json.encode(proof), indent=1)


def _signed(entry: Entry) -> SignedEntry:
    """The entry with its opened body."""
    body = Body.objects.filter(pk=entry.sequence).first()
    if body is None:
        raise NotProvableError(
            f"Entry {entry.sequence:,} was purged: there is nothing left but its commitment."
        )
    return SignedEntry(bytes(entry.payload), bytes(entry.signature), bytes(body.salt), opened(entry, body))
