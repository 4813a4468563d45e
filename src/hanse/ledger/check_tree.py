"""Steps 5 to 7 of `check`: leaves, checkpoints and tiles, each recomputed from what lies below it."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from hanse.kernel import merkle, notes, tiles
from hanse.kernel.errors import HanseError
from hanse.ledger import keyring
from hanse.ledger.finding import Finding, Placed, raw
from hanse.ledger.models import Checkpoint, Tile
from hanse.ledger.tallies import line, next_chain
from hanse.ledger.tree import origin, tallies_of, tallies_text
from hanse.ledger.witness import log_of, seen_by
from hanse.ledger.witnessed import ever_keys


def tree(placed: Sequence[Placed], progress: Callable[[int, int], None]) -> Iterator[Finding]:
    """Steps 5 to 7, from the entries that claim a leaf, in order of sequence."""
    rows = list(Checkpoint.objects.order_by("size"))
    checkpoints = [row for row in rows if isinstance(row.size, int) and row.size > 0]
    for row in rows:
        if row not in checkpoints:
            yield Finding(f"checkpoint {row.size!r}", "its size is no number of leaves.")
    size = checkpoints[-1].size if checkpoints else 0
    leaves: dict[int, bytes] = {}
    for one in placed:
        if leaves.setdefault(one.position, one.hashed) != one.hashed:
            yield Finding(f"leaf {one.position}", "two entries claim it.")
    for position in sorted(one for one in leaves if not 0 <= one < size):
        yield Finding(f"leaf {position}", "an entry claims it, and the tree does not reach it.")
    held = _Tiles()
    yield from _leaves(checkpoints, leaves, held, progress)
    yield from _tallies(checkpoints, iter(placed))
    yield from held.wrong_above(size)


def _leaves(
    checkpoints: Sequence[Checkpoint],
    leaves: dict[int, bytes],
    held: "_Tiles",
    progress: Callable[[int, int], None],
) -> Iterator[Finding]:
    """Step 5, and the roots of step 6."""
    frontier = merkle.Frontier()
    for row in checkpoints:
        for position in range(frontier.size, row.size):
            leaf = held.leaf(position)
            if leaf is None:
                yield Finding(f"leaf {position}", "its tile is missing or short.")
                return
            if leaves.get(position, leaf) != leaf:
                yield Finding(
                    f"leaf {position}", "the tree holds another hash than the entry that claims it."
                )
            frontier.append(leaf)
        yield from (Finding(f"checkpoint {row.size}", what) for what in _wrong_note(row, frontier.root()))
        progress(row.size, checkpoints[-1].size)


def _wrong_note(row: Checkpoint, root: bytes) -> Iterator[str]:
    """Step 6 for one checkpoint, but for its tallies."""
    try:
        said = _opened(row.note)
    except HanseError as error:
        yield str(error)
        return
    if said.size != row.size:
        yield f"its note is over {said.size} leaves."
    if said.root != root:
        yield "the leaves do not give the root that it signs."
    if f"time {row.time_us}" not in said.extensions:
        yield "its time is not what it signs."
    if notes.normal(row.note) != row.note:
        yield "its note has another form than it was written in."


def _opened(note: str) -> notes.Checkpoint:
    """The signed checkpoint, under the one of the node's keys that signed it.

    No other line may stand there but those of partners that witnessed it.
    """
    _, signatures = notes.parse(note)
    own = [hashed for signer, hashed, _ in signatures if signer == origin()]
    if len(own) != 1:
        raise notes.NoteError(f"It has {len(own)} signatures of the node in place of one.")
    others = {signer for signer, _, _ in signatures} - {origin()}
    keys = {name: some for name, some in ever_keys().items() if log_of(name) in others}
    held = seen_by(note, keys)
    if len(signatures) - 1 != len(held) or len(held) != len(others):
        raise notes.NoteError("A cosignature in it holds under no key that a partner ever had.")
    hashed = own[0]
    for key in keyring.current().verify_keys():
        if hashed == notes.key_hash(origin(), key):
            return notes.open_checkpoint(note, origin(), key)
    raise notes.NoteError("It is signed by none of this node's keys.")


def _tallies(checkpoints: Sequence[Checkpoint], placed: Iterator[Placed]) -> Iterator[Finding]:
    """Step 6: each checkpoint's count of entries, and its tallies, from the entries that it took in."""
    before: dict[str, tuple[int, bytes]] = {}
    first = entries = 0
    following = next(placed, None)
    for row in checkpoints:
        while following is not None and first <= following.position < row.size:
            for recipient in {"", following.recipient}:
                count, chained = before.get(recipient, (0, bytes(32)))
                before[recipient] = count + 1, next_chain(chained, following.hashed)
            entries += 1
            following = next(placed, None)
        place = f"checkpoint {row.size}"
        yield from (Finding(place, what) for what in _wrong_tallies(row, before))
        if (row.first, row.entries) != (first, entries):
            yield Finding(
                place, f"it says first leaf {row.first} and {row.entries} entries; found {first}, {entries}."
            )
        first = row.size


def _wrong_tallies(row: Checkpoint, counted: dict[str, tuple[int, bytes]]) -> Iterator[str]:
    """Whether a checkpoint's tallies are signed for, in their one form, and those of the entries."""
    try:
        said = tallies_of(row)
        if tallies_text(said) != row.tallies:
            yield "its tallies have another form than they were written in."
        if line(said) not in notes.parse_checkpoint(notes.parse(row.note)[0]).extensions:
            yield "its tallies are not those that it signs."
        if {one.recipient: (one.count, bytes.fromhex(one.chain)) for one in said} != counted:
            yield "its tallies are not those of the entries."
    except (msgspec.DecodeError, ValueError, TypeError, HanseError) as error:
        yield f"its tallies cannot be read: {error}"


class _Tiles:
    """The stored tiles, and what follows from the lowest of them."""

    def __init__(self) -> None:
        self._rows = dict(Tile.objects.values_list("name", "hashes").iterator(chunk_size=500))

    def leaf(self, position: int) -> bytes | None:
        """The hash of a leaf, or None where the tile does not have it."""
        index, within = divmod(position, tiles.WIDTH)
        hashed = self._hashes(f"0/{index}")[within * 32 : within * 32 + 32]
        return hashed if len(hashed) == 32 else None

    def wrong_above(self, size: int) -> Iterator[Finding]:
        """Step 7: every tile above the leaves, lengths, and tiles that nothing needs."""
        level, used = 0, set()
        while size:
            for index in range(-(-size // tiles.WIDTH)):
                name = f"{level}/{index}"
                used.add(name)
                width = min(tiles.WIDTH, size - index * tiles.WIDTH)
                if len(self._hashes(name)) != width * 32:
                    yield Finding(
                        f"tile {name}", "it is missing or has another length than the tree gives it."
                    )
                elif level and self._hashes(name) != self._below(level, index, width):
                    yield Finding(f"tile {name}", "it does not follow from the tiles below it.")
            level, size = level + 1, size // tiles.WIDTH
        for name in sorted(map(str, self._rows.keys() - used)):
            yield Finding(f"tile {name}", "the tree does not have it.")

    def _hashes(self, name: str) -> bytes:
        return raw(self._rows.get(name))

    def _below(self, level: int, index: int, width: int) -> bytes:
        """The hashes of a tile, from the full tiles below it."""
        names = (f"{level - 1}/{index * tiles.WIDTH + at}" for at in range(width))
        return b"".join(tiles.top(self._hashes(name)) for name in names)
