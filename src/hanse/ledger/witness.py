"""Witnessing a ledger: what a witness is given, what it remembers, and what it refuses. Pure.

A witness is a partner that remembers every checkpoint of a ledger and cosigns the next only if its tree continues the
one before (C2SP tlog-witness gives it a proof of that; here it gets the new leaf hashes, from which the root follows,
so that it can give them back to a ledger that was lost). So nobody can be shown another history than it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from hanse.kernel import merkle, notes
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import VerifyKey

HASH_BYTES: Final = 32
LONGEST_NOTE: Final = 32_768
"""Characters of a note: its text, and a line for each witness."""
LONGEST_SEALED: Final = 3_000_000
"""Bytes that a witness keeps for a ledger with one checkpoint."""


class WitnessError(HanseError):
    """A witness does not cosign."""


class ConflictError(WitnessError):
    """There are two histories: a checkpoint does not continue what the same ledger signed before.

    Attributes:
        before: The note that was believed; empty where it is only known that there was another.
        now: The one that contradicts it.
    """

    def __init__(self, words: str, before: str, now: str) -> None:
        super().__init__(words)
        self.before, self.now = before, now


class Record(msgspec.Struct, frozen=True, array_like=True):
    """One checkpoint as a witness is given it, and gives it back.

    Attributes:
        note: The note, signed by the ledger.
        leaves: The leaf hashes that it added, one after the other.
        sealed: What only the ledger's owner can open, to find its way again after a loss.
    """

    note: str
    leaves: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Followed:
    """A ledger as far as a witness has followed it.

    Attributes:
        size: Leaves.
        peaks: Hashes of the complete subtrees (`merkle.Frontier`), one after the other.
        note: The note over them; empty before the first.
    """

    size: int = 0
    peaks: bytes = b""
    note: str = ""


def log_of(authority: str) -> str:
    """The name of an authority's ledger, under which it also cosigns."""
    return f"hanse/{authority}"


def opened(note: str, authority: str, keys: Iterable[VerifyKey]) -> notes.Checkpoint:
    """The checkpoint of an authority's ledger, if one of its keys signed it.

    Raises:
        WitnessError: None did, or it is no checkpoint of that ledger.
    """
    if len(note) > LONGEST_NOTE:
        raise WitnessError(f"A note of {len(note):,} characters is longer than one can be.")
    failed = f"{authority} has no key that is believed."
    for key in keys:
        try:
            return notes.open_checkpoint(note, log_of(authority), key)
        except notes.NoteError as error:
            failed = str(error)
    raise WitnessError(f"The checkpoint of {authority} cannot be believed: {failed}")


def follow(before: Followed, record: Record, authority: str, keys: Sequence[VerifyKey]) -> Followed:
    """Go on by one checkpoint.

    Raises:
        WitnessError: The record is none, or does not begin where the last one ended.
        ConflictError: Its tree does not continue the one before.
    """
    head = opened(record.note, authority, keys)
    added, rest = divmod(len(record.leaves), HASH_BYTES)
    if rest or before.size + added != head.size or not added or len(record.sealed) > LONGEST_SEALED:
        raise WitnessError(
            f"{authority} gave {added:,} leaves after {before.size:,} for a checkpoint of {head.size:,}."
        )
    tree = merkle.Frontier(before.size, parted(before.peaks))
    for leaf in parted(record.leaves):
        tree.append(leaf)
    if tree.root() != head.root:
        raise ConflictError(
            f"{authority} shows a history of {head.size:,} leaves that does not continue that of {before.size:,} "
            "leaves which it signed before.",
            before.note, record.note,
        )  # fmt: skip
    return Followed(tree.size, b"".join(tree.peaks), record.note)


def parted(hashes: bytes) -> list[bytes]:
    """Hashes that are written one after the other."""
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]


def compare(shown: notes.Checkpoint, note: str, known: str, authority: str) -> None:
    """Refuse a checkpoint of the same size and another root, or of a size that the ledger's history never had.

    Args:
        shown: The checkpoint that somebody else was shown.
        note: Its note.
        known: The note over the same number of leaves, or over the next greater one where there is none; may be empty.
        authority: Whose ledger it is.

    Raises:
        ConflictError: The two contradict each other.
    """
    head = notes.parse_checkpoint(notes.parse(known)[0]) if known else None
    if head is None or (head.size, head.root) != (shown.size, shown.root):
        raise ConflictError(
            f"{authority} signed two histories: it showed others a tree of {shown.size:,} leaves that is not part of "
            "the one that it showed here.",
            known, note,
        )  # fmt: skip


def seen_by(note: str, keys: Mapping[str, Sequence[VerifyKey]]) -> dict[str, int]:
    """Which witnesses cosigned a checkpoint, and when, s UTC.

    Args:
        note: The note.
        keys: The keys of each witness, by its id.
    """
    found = {}
    for authority, some in keys.items():
        for key in some:
            try:
                found[authority] = notes.verify_cosignature(note, log_of(authority), key)
                break
            except notes.NoteError:
                continue
    return found


def is_witnessed(seen: int, named: int) -> bool:
    """Whether so many of the named witnesses are a majority; without any, nothing is witnessed."""
    return seen * 2 > named
