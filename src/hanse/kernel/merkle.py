"""The Merkle tree of RFC 6962 (SHA-256), as RFC 9162, section 2.1, defines it, with its two proofs.

A tree is read through a `HashReader`: it gives the hash of the complete subtree of ``2**level`` leaves that
begins at leaf ``index * 2**level``. Everything else is put together from such hashes.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from hmac import compare_digest
from itertools import pairwise

from hanse.kernel.errors import HanseError

HashReader = Callable[[int, int], bytes]
"""``(level, index)`` to the hash of a complete subtree."""


class TreeError(HanseError):
    """A leaf or a size is not in the tree."""


LEAF = b"\0"
"""What is hashed before a leaf's data, so that no leaf is an inner node."""


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of a leaf's data."""
    return sha256(LEAF + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\1" + left + right).digest()


class Frontier:
    """A tree that only grows: the hashes of its complete subtrees, which is all that its root needs."""

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)

    def append(self, leaf: bytes) -> None:
        """Add the hash of a leaf."""
        hashed, size = leaf, self.size
        while size & 1:
            hashed, size = node_hash(self.peaks.pop(), hashed), size >> 1
        self.peaks.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        """The root; of an empty tree, the hash of nothing."""
        if not self.peaks:
            return sha256(b"").digest()
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    tree = Frontier()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def root_and_paths(leaves: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """The root over a few leaf hashes, at least one, and the audit path of each, its hashes joined.

    Level by level, each inner node once: a node without a neighbour goes up as it is, which gives the tree of RFC 9162.
    """
    levels = [leaves]
    while len(level := levels[-1]) > 1:
        above = [sha256(b"\1" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
        levels.append([*above, level[-1]] if len(level) % 2 else above)
    paths = [b""]
    for level in levels[-2::-1]:
        alone = len(level) - 1 if len(level) % 2 else -1
        paths = [
            paths[at >> 1] if at == alone else level[at ^ 1] + paths[at >> 1] for at in range(len(level))
        ]
    return levels[-1][0], paths


def reader_of(leaves: Sequence[bytes]) -> HashReader:
    """A reader of a tree whose leaf hashes are all in memory."""
    return lambda level, index: root(leaves[index << level : (index + 1) << level])


def frontier_of(size: int, read: HashReader) -> Frontier:
    """The frontier of a stored tree."""
    return Frontier(size, [read(level, start >> level) for start, level in _complete(0, size)])


def inclusion_proof(index: int, size: int, read: HashReader) -> list[bytes]:
    """The audit path of a leaf (RFC 9162, section 2.1.3.1).

    Raises:
        TreeError: The tree has no such leaf.
    """
    if not 0 <= index < size:
        raise TreeError(f"Leaf {index:,} is not in a tree of {size:,}.")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_subtree(middle, end, read))
            end = middle
        else:
            path.append(_subtree(start, middle, read))
            start = middle
    return path[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether a leaf hash is at a place in the tree of that root (RFC 9162, section 2.1.3.2)."""
    found = root_of_path(index, size, leaf, proof)
    return found is not None and compare_digest(found, root)


def root_of_path(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The root to which a leaf hash and its audit path lead; None where the path has another length."""
    if not 0 <= index < size:
        return None
    node, last, hashed = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return None
        if node & 1 or node == last:
            hashed = node_hash(step, hashed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            hashed = node_hash(hashed, step)
        node, last = node >> 1, last >> 1
    return hashed if last == 0 else None


def joint_proof(places: Sequence[int], size: int, read: HashReader) -> list[bytes]:
    """The hashes that lead several leaves together to the root: those of the largest subtrees without any of them.

    Args:
        places: Distinct leaves, in order.
        size: Leaves of the tree.
        read: The tree.

    Raises:
        TreeError: The tree has no such leaf, or they are not in order.
    """
    if any(one >= other for one, other in pairwise(places)) or (
        places and not 0 <= places[0] <= places[-1] < size
    ):
        raise TreeError(f"These are not distinct leaves in order of a tree of {size:,}.")
    proof: list[bytes] = []

    def walk(start: int, end: int, first: int, last: int) -> None:
        if first == last:
            proof.append(_subtree(start, end, read))
        elif end - start > 1:
            middle = start + _split(end - start)
            between = bisect_left(places, middle, first, last)
            walk(start, middle, first, between)
            walk(middle, end, between, last)

    if places:
        walk(0, size, 0, len(places))
    return proof


def root_of_joint(
    places: Sequence[int], leaves: Sequence[bytes], size: int, proof: Sequence[bytes]
) -> bytes | None:
    """The root to which leaf hashes at places and their `joint_proof` lead; None where the proof has another shape."""
    if len(places) != len(leaves) or any(one >= other for one, other in pairwise(places)):
        return None
    if not places or not 0 <= places[0] <= places[-1] < size:
        return None
    steps = iter(proof)

    def walk(start: int, end: int, first: int, last: int) -> bytes:
        if first == last:
            return next(steps)
        if end - start == 1:
            return leaves[first]
        middle = start + _split(end - start)
        between = bisect_left(places, middle, first, last)
        return node_hash(walk(start, middle, first, between), walk(middle, end, between, last))

    try:
        root = walk(0, size, 0, len(places))
    except StopIteration:
        return None
    return root if next(steps, None) is None else None


def consistency_proof(old: int, new: int, read: HashReader) -> list[bytes]:
    """That the tree of `old` leaves is the beginning of that of `new` (RFC 9162, section 2.1.4.1).

    Raises:
        TreeError: The sizes are in the wrong order.
    """
    if not 0 <= old <= new:
        raise TreeError(f"A tree of {old:,} leaves does not come before one of {new:,}.")
    if old in {0, new}:
        return []
    path, start, end, whole = [], 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_subtree(middle, end, read))
            end = middle
        else:
            path.append(_subtree(start, middle, read))
            start, whole = middle, False
    return ([] if whole else [_subtree(start, end, read)]) + path[::-1]


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a consistency proof holds (RFC 9162, section 2.1.4.2)."""
    if old == new:
        return not proof and compare_digest(old_root, new_root)
    if old == 0:
        return not proof and compare_digest(old_root, Frontier().root())
    if not 0 < old < new or not proof:
        return False
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, step)
        node, last = node >> 1, last >> 1
    return last == 0 and compare_digest(first, old_root) and compare_digest(second, new_root)


def _split(width: int) -> int:
    """The largest power of two smaller than a width."""
    return 1 << (width - 1).bit_length() - 1


def _complete(start: int, end: int) -> list[tuple[int, int]]:
    """The complete subtrees, as first leaf and level, that make up a subtree beginning at a multiple of its size."""
    parts = []
    while start < end:
        level = (end - start).bit_length() - 1
        parts.append((start, level))
        start += 1 << level
    return parts


def _subtree(start: int, end: int, read: HashReader) -> bytes:
    """Hash over leaves `start` to `end`."""
    peaks = [read(level, first >> level) for first, level in _complete(start, end)]
    hashed = peaks[-1]
    for peak in reversed(peaks[:-1]):
        hashed = node_hash(peak, hashed)
    return hashed
