"""`hanse node fsck`: the whole ledger from its raw bytes, and every projection against a replay.

1. the head row is what the entries say;
2. every entry: its bytes are one canonical envelope, signed by a key of this node, at the next sequence;
3. every other column of the entry repeats the envelope;
4. every body is what its entry commits to; one that is missing was purged, by an entry;
5. every leaf of the tree that an entry claims is that entry's; no checkpointed entry is without a place;
6. the root, the signature and the tallies of every checkpoint, recomputed from the leaves;
7. every tile, recomputed from the leaves;
8. every row and column of every projection equals a replay (`shadow`).
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain

import msgspec

from hanse.kernel import envelope, merkle, notes, tiles
from hanse.kernel.errors import HanseError
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.kinds import known
from hanse.ledger.models import Body, Checkpoint, Entry, Head, Purged, Tile
from hanse.ledger.reading import BodyError, opened
from hanse.ledger.replay import batches
from hanse.ledger.shadow import differences
from hanse.ledger.tree import Tally, origin, recipients_root

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the ledger's bytes say.

    Attributes:
        place: Table and row.
        what: What is wrong, in a sentence.
    """

    place: str
    what: str

    def __str__(self) -> str:
        """``entry 12: its signature does not hold.``."""
        return f"{self.place}: {self.what}"


def check(progress: Progress = lambda _what, _done, _total: None) -> Iterator[Finding]:
    """All findings, as they are found; none on a sound node. Reads everything, writes nothing."""
    leaves: dict[int, bytes] = {}
    yield from _entries(leaves, lambda done, total: progress("entries", done, total))
    yield from _tree(leaves, lambda done, total: progress("tree", done, total))
    try:
        for found in differences(lambda done, total: progress("projections", done, total)):
            yield Finding(f"{found.table} {found.key}", found.what)
    except HanseError as error:
        yield Finding("projections", f"the replay stopped: {error}")


def _entries(leaves: dict[int, bytes], progress: Callable[[int, int], None]) -> Iterator[Finding]:
    """Steps 1 to 5 as far as rows go; fills `leaves` with the leaf hash at each claimed position."""
    head = Head.objects.filter(pk=1).first() or Head()
    expected, chained, gone = 0, bytes(32), dict(Purged.objects.values_list("sequence", "by"))
    for entry, body in chain.from_iterable(batches()):
        place = f"entry {entry.sequence}"
        if entry.sequence != expected:
            yield Finding(place, f"entries {expected} to {entry.sequence - 1} are missing.")
        expected = entry.sequence + 1
        hashed = merkle.leaf_hash(envelope.leaf(bytes(entry.payload), bytes(entry.signature)))
        chained = sha256(chained + hashed).digest()
        if entry.position is not None:
            leaves[entry.position] = hashed
        for what in (*_wrong_entry(entry), *_wrong_body(entry, body, purged=entry.sequence in gone)):
            yield Finding(place, what)
        progress(expected, head.next_sequence)
    if head.next_sequence != expected:
        yield Finding("ledger_head", f"it says {head.next_sequence} entries; there are {expected}.")
    elif bytes(head.chain) != chained:
        yield Finding("ledger_head", "its chain is not that of the entries.")


def _wrong_entry(entry: Entry) -> Iterator[str]:
    """Steps 2 and 3 for one entry."""
    try:
        key = keyring.current().verify_key(entry.key)
        said = envelope.verify(bytes(entry.payload), bytes(entry.signature), key)
    except HanseError as error:
        yield f"its signed bytes do not hold: {error}"
        return
    columns = {
        "sequence": (entry.sequence, said.seq),
        "key": (entry.key, said.key),
        "kind": (entry.kind, said.kind),
        "object_id": (entry.object_id.hex, said.object),
        "version": (entry.version, said.version),
        "recipient": (entry.recipient, said.recipient or ""),
        "time_us": (entry.time_us, said.time),
        "origin": (authority(), said.origin),
    }
    for name, (column, signed) in columns.items():
        if column != signed:
            yield f"{name} is {column!r}; the signed envelope says {signed!r}."


def _wrong_body(entry: Entry, body: Body | None, *, purged: bool) -> Iterator[str]:
    """Step 4 for one entry."""
    if body is None:
        if not purged:
            yield "its body is missing, and no entry purged it."
        return
    if purged:
        yield "its body was purged and is there again."
    kind = known(entry.kind)
    try:
        said = envelope.decode(bytes(entry.payload))
        if envelope.commit(bytes(body.salt), opened(entry, body)).hex() != said.commitment:
            yield "its body or salt is not what it commits to."
        elif kind is not None and body.sealed != (kind.sealed or bool(said.marking.get("handling"))):
            yield "its body is not sealed as its kind and marking ask for."
    except (HanseError, BodyError) as error:
        yield f"its body cannot be opened: {error}"


def _tree(leaves: dict[int, bytes], progress: Callable[[int, int], None]) -> Iterator[Finding]:
    """Steps 5 to 7."""
    checkpoints = list(Checkpoint.objects.order_by("size"))
    size = checkpoints[-1].size if checkpoints else 0
    for position in sorted(one for one in leaves if one >= size or one < 0):
        yield Finding(f"leaf {position}", "an entry claims it, and the tree does not reach it.")
    held = _Tiles()
    frontier = merkle.Frontier()
    waiting = iter(checkpoints)
    upcoming = next(waiting, None)
    for position in range(size):
        leaf = held.leaf(position)
        if leaf is None:
            yield Finding(f"leaf {position}", "its tile is missing or short.")
            return
        if leaves.get(position, leaf) != leaf:
            yield Finding(f"leaf {position}", "the tree holds another hash than the entry that claims it.")
        frontier.append(leaf)
        if upcoming and frontier.size == upcoming.size:
            yield from _wrong_checkpoint(upcoming, frontier.root())
            upcoming = next(waiting, None)
            progress(frontier.size, size)
    yield from _tallies(checkpoints)
    yield from held.wrong_above(size)


def _wrong_checkpoint(row: Checkpoint, root: bytes) -> Iterator[Finding]:
    """Step 6 for one checkpoint, but for its tallies."""
    place = f"checkpoint {row.size}"
    try:
        said = _opened(row)
    except HanseError as error:
        yield Finding(place, str(error))
        return
    if said.size != row.size:
        yield Finding(place, f"its note is over {said.size} leaves.")
    if said.root != root:
        yield Finding(place, "the leaves do not give the root that it signs.")
    if f"time {row.time_us}" not in said.extensions:
        yield Finding(place, "its time is not what it signs.")


def _opened(row: Checkpoint) -> notes.Checkpoint:
    """The signed checkpoint, under whichever of the node's keys signed it."""
    keys = keyring.current()
    _, signatures = notes.parse(row.note)
    for key in keys.verify_keys():
        if any(hashed == notes.key_hash(origin(), key) for _, hashed, _ in signatures):
            return notes.open_checkpoint(row.note, origin(), key)
    return notes.open_checkpoint(row.note, origin(), keys.signing.public)


def _tallies(checkpoints: list[Checkpoint]) -> Iterator[Finding]:
    """Step 6: each checkpoint's count of entries, and its tallies, from the entries that it took in."""
    before: dict[str, tuple[int, bytes]] = {}
    first = entries = 0
    for row in checkpoints:
        place = f"checkpoint {row.size}"
        taken = Entry.objects.filter(position__gte=first, position__lt=row.size).order_by("sequence")
        for entry in taken.iterator():
            hashed = merkle.leaf_hash(envelope.leaf(bytes(entry.payload), bytes(entry.signature)))
            for recipient in {"", entry.recipient}:
                count, chained = before.get(recipient, (0, bytes(32)))
                before[recipient] = count + 1, sha256(chained + hashed).digest()
            entries += 1
        try:
            said = msgspec.json.decode(row.tallies, type=list[Tally])
            line = f"recipients {b64encode(recipients_root(said)).decode()}"
            if line not in notes.parse_checkpoint(notes.parse(row.note)[0]).extensions:
                yield Finding(place, "its tallies are not those that it signs.")
        except (msgspec.DecodeError, ValueError, HanseError) as error:
            yield Finding(place, f"its tallies cannot be read: {error}")
            said = []
        if {one.recipient: (one.count, bytes.fromhex(one.chain)) for one in said} != before:
            yield Finding(place, "its tallies are not those of the entries.")
        if (row.first, row.entries) != (first, entries):
            yield Finding(
                place, f"it says first leaf {row.first} and {row.entries} entries; found {first}, {entries}."
            )
        first = row.size


class _Tiles:
    """The stored tiles, read once each, lowest level first, and compared with what follows from the leaves."""

    def __init__(self) -> None:
        self._rows = {row.name: bytes(row.hashes) for row in Tile.objects.iterator(chunk_size=500)}
        self._used: set[str] = set()

    def leaf(self, position: int) -> bytes | None:
        """The hash of a leaf, or None where the tile does not have it."""
        index, within = divmod(position, tiles.WIDTH)
        hashed = self._rows.get(f"0/{index}", b"")[within * 32 : within * 32 + 32]
        return hashed if len(hashed) == 32 else None

    def wrong_above(self, size: int) -> Iterator[Finding]:
        """Step 7: every tile above the leaves, lengths, and tiles that nothing needs."""
        level = 0
        while size:
            for index in range(-(-size // tiles.WIDTH)):
                name = f"{level}/{index}"
                self._used.add(name)
                width = min(tiles.WIDTH, size - index * tiles.WIDTH)
                if len(self._rows.get(name, b"")) != width * 32:
                    yield Finding(
                        f"tile {name}", "it is missing or has another length than the tree gives it."
                    )
                elif level and self._rows[name] != self._below(level, index, width):
                    yield Finding(f"tile {name}", "it does not follow from the tiles below it.")
            level, size = level + 1, size // tiles.WIDTH
        for name in sorted(self._rows.keys() - self._used):
            yield Finding(f"tile {name}", "the tree does not have it.")

    def _below(self, level: int, index: int, width: int) -> bytes:
        """The hashes of a tile, from the full tiles below it."""
        names = (f"{level - 1}/{index * tiles.WIDTH + at}" for at in range(width))
        return b"".join(tiles.top(self._rows.get(name, b"")) for name in names)
