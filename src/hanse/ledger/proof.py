"""Exporting an entry with all that proves it to somebody who has no node."""

import msgspec

from hanse.kernel import merkle, tiles
from hanse.kernel.errors import HanseError
from hanse.ledger.models import Body, Checkpoint, Entry
from hanse.ledger.reading import opened
from hanse.ledger.tree import get_tile, latest
from hanse.ledger.verify import FORMAT, Proof, SignedEntry
from hanse.ledger.witnessed import latest_witnessed, verifier_keys

KEY_KINDS = ("ledger.founded", "ledger.key_rotated", "ledger.key_revoked")


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
    entry = Entry.objects.filter(pk=sequence).first()
    if entry is None:
        raise NotProvableError(f"There is no entry {sequence:,}.")
    checkpoint = covering(entry) if size is None else Checkpoint.objects.filter(pk=size).first()
    if checkpoint is None or entry.position is None or entry.position >= checkpoint.size:
        raise NotProvableError(
            f"Entry {sequence:,} is not under that checkpoint. Try again after the next one, in a minute."
        )
    inclusion = merkle.inclusion_proof(entry.position, checkpoint.size, tiles.read_hash(get_tile))
    proof = Proof(
        format=FORMAT,
        entry=_signed(entry),
        keys=tuple(_signed(said) for said in Entry.objects.filter(kind__in=KEY_KINDS).order_by("sequence")),
        position=entry.position,
        inclusion=tuple(inclusion),
        checkpoint=checkpoint.note,
        timestamp=timestamp,
        witnesses=verifier_keys(),
    )
    return msgspec.json.format(msgspec.json.encode(proof), indent=1)


def covering(entry: Entry) -> Checkpoint | None:
    """The checkpoint to prove an entry under."""
    seen = latest_witnessed()
    if seen is not None and entry.position is not None and entry.position < seen.size:
        return seen
    return latest()


def _signed(entry: Entry) -> SignedEntry:
    """The entry with its opened body."""
    body = Body.objects.filter(pk=entry.sequence).first()
    if body is None:
        raise NotProvableError(
            f"Entry {entry.sequence:,} was purged: there is nothing left but its commitment."
        )
    return SignedEntry(bytes(entry.payload), bytes(entry.signature), bytes(body.salt), opened(entry, body))
