"""The integrator: gives entries their place in the Merkle tree, among random leaves, and signs its head.

A checkpoint's line for recipients commits to one tally per recipient (how many entries are addressed to it, and
a hash chain over them), each salted, the list padded with random leaves: a recipient can be shown its own tally
and nothing of the others, and an entry withheld from it shows.
"""

import random
import secrets
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec

from hanse.kernel import envelope, merkle, notes, tiles
from hanse.kernel.clock import now_us
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.models import Checkpoint, Entry, Tile
from hanse.ledger.writing import writing

LEAST = 16
"""Leaves that a checkpoint adds at least (DESIGN.md): one entry looks like sixteen."""
MOST = 65_536
"""Entries that one checkpoint takes in at most, to bound the memory and the time under the lock."""
TILE = 256
"""Hashes in a full tile (C2SP tlog-tiles, height 8)."""

_places = random.SystemRandom()


class Tally(msgspec.Struct, frozen=True):
    """What is addressed to one recipient up to a checkpoint; the node itself is the recipient of everything.

    Attributes:
        recipient: The authority; empty for all entries of the ledger.
        count: How many entries.
        chain: SHA-256 chain over their leaf hashes in order, hexadecimal.
        salt: 16 random bytes, hexadecimal: without them nobody can try out who the recipients are.
    """

    recipient: str
    count: int
    chain: str
    salt: str

    def leaf(self) -> bytes:
        """The leaf hash that a checkpoint commits to."""
        return merkle.leaf_hash(msgspec.json.encode(self, order="sorted"))


def origin() -> str:
    """The ledger's name in checkpoints, as C2SP asks for: without a scheme, one per log."""
    return f"hanse/{authority()}"


def integrate() -> Checkpoint | None:
    """Put waiting entries into the tree and sign its new head; None when nothing waits."""
    with writing():
        waiting = list(Entry.objects.filter(position=None).order_by("sequence")[:MOST])
        if not waiting:
            return None
        last = latest()
        size = last.size if last else 0
        added = max(LEAST, 1 << (len(waiting) - 1).bit_length())
        leaves = [secrets.token_bytes(32) for _ in range(added)]
        hashes = []
        for entry, place in zip(waiting, _places.sample(range(added), len(waiting)), strict=True):
            hashed = merkle.leaf_hash(envelope.leaf(bytes(entry.payload), bytes(entry.signature)))
            entry.position, leaves[place] = size + place, hashed
            hashes.append(hashed)
        Entry.objects.bulk_update(waiting, ["position"], batch_size=500)
        _add_leaves(size, leaves)
        tallies = _tally(last, waiting, hashes)
        return _sign(size, added, (last.entries if last else 0) + len(waiting), tallies)


def latest() -> Checkpoint | None:
    """The newest checkpoint, or None before the first."""
    return Checkpoint.objects.order_by("-size").first()


def _add_leaves(size: int, leaves: Iterable[bytes]) -> None:
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


def _tally(last: Checkpoint | None, entries: Iterable[Entry], hashes: Iterable[bytes]) -> list[Tally]:
    """Every recipient's count and chain after these entries, with fresh salts."""
    before = msgspec.json.decode(last.tallies, type=list[Tally]) if last else []
    chains = defaultdict(lambda: (0, bytes(32)))
    chains |= {one.recipient: (one.count, bytes.fromhex(one.chain)) for one in before}
    for entry, hashed in zip(entries, hashes, strict=True):
        for recipient in {"", entry.recipient}:
            count, chain = chains[recipient]
            chains[recipient] = (count + 1, sha256(chain + hashed).digest())
    return [
        Tally(recipient, count, chain.hex(), secrets.token_hex(16))
        for recipient, (count, chain) in sorted(chains.items())
    ]


def recipients_root(tallies: Sequence[Tally]) -> bytes:
    """The root that a checkpoint commits to, over its tallies padded to a power of two, at least `LEAST`."""
    return merkle.root(_padded(tallies))


def _padded(tallies: Sequence[Tally]) -> list[bytes]:
    """Leaf hashes of tallies; the padding follows from the tallies' salts, so that it need not be kept."""
    leaves = [tally.leaf() for tally in tallies]
    wanted = max(LEAST, 1 << (len(leaves) - 1).bit_length())
    secret = b"".join(bytes.fromhex(tally.salt) for tally in tallies)
    return leaves + [
        sha256(b"hanse/padding/1" + secret + at.to_bytes(4)).digest() for at in range(len(leaves), wanted)
    ]


def _sign(size: int, added: int, entries: int, tallies: Sequence[Tally]) -> Checkpoint:
    """The new head, signed and stored."""
    time_us = now_us()
    extensions = (f"recipients {b64encode(recipients_root(tallies)).decode()}", f"time {time_us}")
    root = merkle.frontier_of(size + added, tiles.read_hash(get_tile)).root()
    head = notes.Checkpoint(origin(), size + added, root, extensions)
    return Checkpoint.objects.create(
        size=head.size,
        first=size,
        entries=entries,
        time_us=time_us,
        note=notes.sign(head.text(), origin(), keyring.current().signing),
        tallies=msgspec.json.encode(list(tallies)).decode(),
    )
