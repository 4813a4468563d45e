"""`hanse node fsck`: the whole ledger from its raw bytes, and every projection against a replay.

1. every entry: its bytes are one canonical envelope, at the next sequence, signed by the key that was the node's
   at that place: the first one until an entry brings the next;
2. every other column of the entry repeats the envelope, and the markings in use are those of the envelopes;
3. every body is what its entry commits to; one that is missing was purged, by an entry; none is without an entry;
4. the head row is what the entries say;
5. every leaf of the tree that an entry claims is that entry's; no checkpointed entry is without a place;
6. the root, the signature, the note's form and the tallies of every checkpoint, recomputed from the leaves;
7. every tile, recomputed from the leaves;
8. every row and column of every projection equals a replay (`shadow`);
9. the tables are as Hanse makes them: no trigger, no further column, and what stands once cannot stand twice; on
   SQLite, each index has what its table has;
10. what is sealed in tables that are no projections is of the row that it stands in.

Steps 1 to 4 are in `check_entries`, 5 to 7 in `check_tree`, 8 in `shadow`, 9 in `check_tables`, 10 in `check_sealed`.
"""

from collections.abc import Callable, Iterator

from hanse.kernel.errors import HanseError
from hanse.ledger.as_stored import any_text
from hanse.ledger.check_entries import entries
from hanse.ledger.check_sealed import sealed_rows
from hanse.ledger.check_tables import indexes, shapes
from hanse.ledger.check_tree import tree
from hanse.ledger.finding import Finding, Placed
from hanse.ledger.reading import snapshot
from hanse.ledger.shadow import differences

__all__ = ["Finding", "check"]

Progress = Callable[[str, int, int], None]


def check(progress: Progress = lambda _what, _done, _total: None) -> Iterator[Finding]:
    """All findings, as they are found; none on a sound node.

    Reads everything as it is at one moment, while others go on writing, and writes nothing.
    """
    with snapshot(), any_text():
        yield from shapes()
        yield from indexes()
        yield from sealed_rows()
        placed: list[Placed] = []
        yield from entries(placed, lambda done, total: progress("entries", done, total))
        yield from tree(placed, lambda done, total: progress("tree", done, total))
        try:
            for found in differences(lambda done, total: progress("projections", done, total)):
                yield Finding(f"{found.table} {found.key}", found.what)
        except HanseError as error:
            yield Finding("projections", f"the replay stopped: {error}")
