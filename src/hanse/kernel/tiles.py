"""Tiles: the tree in pieces that never change once they are full (C2SP tlog-tiles, height 8)."""

from collections.abc import Callable

from hanse.kernel.merkle import HashReader, TreeError, root

HEIGHT = 8
WIDTH = 1 << HEIGHT
HASH = 32

TileReader = Callable[[int, int], bytes]
"""``(level, index)`` of a tile to its hashes, as far as it is filled."""


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Where a tile is found: ``tile/0/x001/x234/067`` or, with fewer than 256 hashes, ``tile/0/067.p/5``."""
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.append(f"x{index % 1000:03}")
    return f"tile/{level}/{'/'.join(reversed(groups))}" + (f".p/{width}" if width < WIDTH else "")


def top(hashes: bytes) -> bytes:
    """The one hash that stands for a full tile on the level above."""
    return root(_cut(hashes))


def read_hash(read_tile: TileReader) -> HashReader:
    """A reader of any complete subtree of a tree that is kept in tiles; tiles are remembered while it lives."""
    held: dict[tuple[int, int], bytes] = {}

    def read(level: int, index: int) -> bytes:
        above, within = divmod(level, HEIGHT)
        first = index << within
        key = above, first // WIDTH
        if key not in held:
            held[key] = read_tile(*key)
        start = first % WIDTH * HASH
        hashes = held[key][start : start + (HASH << within)]
        if len(hashes) != HASH << within:
            raise TreeError(f"Tile {tile_path(*key)} does not hold the hashes that it should.")
        return hashes if within == 0 else root(_cut(hashes))

    return read


def _cut(hashes: bytes) -> list[bytes]:
    """One byte string as hashes."""
    return [hashes[at : at + HASH] for at in range(0, len(hashes), HASH)]
