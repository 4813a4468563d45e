"""The integrator: gives entries their place in the Merkle tree, among random leaves, and signs its head."""

import random
import secrets
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from django.db import connections
from django.db.models import QuerySet

from hanse.kernel import envelope, merkle, notes, tiles
from hanse.kernel.clock import now_us
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.models import Checkpoint, Entry, Head, Lost, Tile
from hanse.ledger.routing import database
from hanse.ledger.tallies import Tally, line, next_chain
from hanse.ledger.writing import writing

LEAST = 16
"""Leaves that a checkpoint adds at least (DESIGN.md): one entry looks like sixteen."""
MOST = 65_536
"""Entries that one checkpoint takes in at most, to bound the memory and the time under the lock."""
TILE = 256
"""Hashes in a full tile (C2SP tlog-tiles, height 8)."""

_places = random.SystemRandom()


def origin() -> str:
    """The ledger's name in checkpoints, as C2SP asks for: without a scheme, one per log."""
    return f"hanse/{authority()}"


def integrate() -> Checkpoint | None:
    """Put waiting entries into the tree and sign its new head; None when nothing waits."""
    last = latest()
    if not waiting_after(last).exists() and not _lost_after(last).exists():
        return None
    with writing():
        last = latest()
        waiting = _waiting(last)
        if not waiting:
            return None
        size = last.size if last else 0
        added = max(LEAST, 1 << (len(waiting) - 1).bit_length())
        leaves = [secrets.token_bytes(32) for _ in range(added)]
        places = _places.sample(range(added), len(waiting))
        for one, place in zip(waiting, places, strict=True):
            leaves[place] = one.hashed
        _set_positions((size + place, one.sequence) for one, place in zip(waiting, places, strict=True))
        add_leaves(size, leaves)
        return _sign(size, added, (last.entries if last else 0) + len(waiting), _tally(last, waiting))


class _Waiting(NamedTuple):
    """An entry without a place yet: its sequence, recipient and leaf hash."""

    sequence: int
    recipient: str
    hashed: bytes


def waiting_after(last: Checkpoint | None) -> QuerySet[Entry]:
    """The entries that have no place in the tree yet, in order: they come into it in the order of their sequence."""
    return Entry.objects.filter(sequence__gte=last.entries if last else 0).order_by("sequence")


def _lost_after(last: Checkpoint | None) -> QuerySet[Lost]:
    """Entries that were lost before they had a place in the tree, in order."""
    return Lost.objects.filter(sequence__gte=last.entries if last else 0).order_by("sequence")


def _waiting(last: Checkpoint | None) -> list[_Waiting]:
    """The next entries that wait, in order."""
    rows = waiting_after(last)[:MOST]
    here = [
        _Waiting(sequence, recipient, envelope.hashed(bytes(payload), bytes(signature)))
        for sequence, recipient, payload, signature in rows.values_list(
            "sequence", "recipient", "payload", "signature"
        )
    ]
    lost = [_Waiting(one.sequence, one.recipient, bytes(one.hashed)) for one in _lost_after(last)[:MOST]]
    return sorted([*here, *lost])[:MOST] if lost else here


def _set_positions(places: Iterable[tuple[int, int]]) -> None:
    """Give entries their leaf; a statement per entry is twenty times as fast as Django's CASE."""
    told = list(places)
    with connections[database()].cursor() as cursor:
        cursor.executemany("UPDATE ledger_entry SET position = %s WHERE sequence = %s", told)
        if Lost.objects.filter(position=None).exists():
            cursor.executemany("UPDATE ledger_lost SET position = %s WHERE sequence = %s", told)


def latest() -> Checkpoint | None:
    """The newest checkpoint, or None before the first."""
    return Checkpoint.objects.order_by("-size").first()


def add_leaves(size: int, leaves: Iterable[bytes]) -> None:
    """Append hashes to the tiles of level 0, and what follows to the levels above."""
    level, first, new = 0, size, list(leaves)
    while new:
        above = []
        rows = []
        at = 0
        while at < len(new):
            index, within = divmod(first + at, TILE)
            took = new[at : at + TILE - within]
            name = f"{level}/{index}"
            held = b"" if not within else bytes(Tile.objects.get(pk=name).hashes)
            held += b"".join(took)
            rows.append(Tile(name=name, hashes=held))
            if len(held) == TILE * 32:
                above.append(tiles.top(held))
            at += len(took)
        Tile.objects.bulk_create(
            rows, batch_size=200, update_conflicts=True, update_fields=["hashes"], unique_fields=["name"]
        )
        level, first, new = level + 1, first // TILE, above


def get_tile(level: int, index: int) -> bytes:
    """The hashes of a tile as far as it is filled."""
    return bytes(Tile.objects.get(pk=f"{level}/{index}").hashes)


def _tally(last: Checkpoint | None, taken: Iterable[_Waiting]) -> list[Tally]:
    """Every recipient's count and chain after these entries, with fresh salts."""
    chains = {one.recipient: (one.count, bytes.fromhex(one.chain)) for one in tallies_of(last)}
    for one in taken:
        for recipient in {"", one.recipient}:
            count, chain = chains.get(recipient, (0, bytes(32)))
            chains[recipient] = count + 1, next_chain(chain, one.hashed)
    return [
        Tally(recipient, count, chain.hex(), secrets.token_hex(16))
        for recipient, (count, chain) in sorted(chains.items())
    ]


def tallies_of(checkpoint: Checkpoint | None) -> list[Tally]:
    """What a checkpoint says to each recipient; keep it in the node, and show each its own `tallies.opening`."""
    return [] if checkpoint is None else msgspec.json.decode(checkpoint.tallies, type=list[Tally])


def tallies_text(tallies: Sequence[Tally]) -> str:
    """Tallies as they are stored."""
    return msgspec.json.encode(list(tallies)).decode()


def consistency(old: int, new: int) -> tuple[bytes, ...]:
    """The proof that the tree of a later checkpoint only added to that of an earlier one (sizes of both).

    Raises:
        TreeError: The tree does not reach so far.
    """
    return tuple(merkle.consistency_proof(old, new, tiles.read_hash(get_tile)))


def _sign(size: int, added: int, entries: int, tallies: Sequence[Tally]) -> Checkpoint:
    """The new head, signed and stored."""
    time_us = now_us()
    root = merkle.frontier_of(size + added, tiles.read_hash(get_tile)).root()
    head = notes.Checkpoint(origin(), size + added, root, (line(tallies), f"time {time_us}"))
    return Checkpoint.objects.create(
        size=head.size,
        first=size,
        entries=entries,
        time_us=time_us,
        note=notes.sign(head.text(), origin(), keyring.signing(Head.objects.get(pk=1).key)),
        tallies=tallies_text(tallies),
    )
