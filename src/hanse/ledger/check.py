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

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from hanse.kernel import envelope, merkle
from hanse.kernel.errors import HanseError
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.kinds import known
from hanse.ledger.models import Body, Checkpoint, Entry, Head, Purged, Tile
from hanse.ledger.reading import BodyError, opened
from hanse.ledger.replay import entries_with_bodies
from hanse.ledger.shadow import differences

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
    expected, chain, gone = 0, bytes(32), dict(Purged.objects.values_list("sequence", "by"))
    for entry, body in entries_with_bodies():
        place = f"entry {entry.sequence}"
        if entry.sequence != expected:
            yield Finding(place, f"entries {expected} to {entry.sequence - 1} are missing.")
        expected = entry.sequence + 1
        hashed = merkle.leaf_hash(envelope.leaf(bytes(entry.payload), bytes(entry.signature)))
        chain = sha256(chain + hashed).digest()
        if entry.position is not None:
            leaves[entry.position] = hashed
        for what in (*_wrong_entry(entry), *_wrong_body(entry, body, purged=entry.sequence in gone)):
            yield Finding(place, what)
        progress(expected, head.next_sequence)
    if head.next_sequence != expected:
        yield Finding("ledger_head", f"it says {head.next_sequence} entries; there are {expected}.")
    elif bytes(head.chain) != chain:
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
