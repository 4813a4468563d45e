"""The tree and its proofs, against published roots and against the definition of RFC 6962 written out."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.kernel import merkle, tiles
from hanse.kernel.merkle import Frontier, TreeError

DATA = [b"", *map(bytes.fromhex, ("00", "10", "2021", "3031", "40414243"))]
DATA += [bytes(range(0x50, 0x58)), bytes(range(0x60, 0x70))]
LEAVES = [merkle.leaf_hash(data) for data in DATA]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Roots over the first 0 to 8 leaves of Certificate Transparency's reference tests."""

SIZES = range(1, 65)
MANY = [merkle.leaf_hash(b"%d" % n) for n in range(1, 65)]


def split(width: int) -> int:
    """RFC 6962, section 2.1: the largest power of two smaller than n."""
    power = 1
    while power * 2 < width:
        power *= 2
    return power


def defined_root(leaves: list[bytes]) -> bytes:
    """MTH of section 2.1, over leaf hashes."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256().digest()
    k = split(len(leaves))
    return sha256(b"\x01" + defined_root(leaves[:k]) + defined_root(leaves[k:])).digest()


def defined_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*defined_path(m, leaves[:k]), defined_root(leaves[k:])]
    return [*defined_path(m - k, leaves[k:]), defined_root(leaves[:k])]


def defined_proof(m: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of section 2.1.2."""
    if m == len(leaves):
        return [] if whole else [defined_root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*defined_proof(m, leaves[:k], whole=whole), defined_root(leaves[k:])]
    return [*defined_proof(m - k, leaves[k:], whole=False), defined_root(leaves[:k])]


def mutations(proof: list[bytes]) -> list[list[bytes]]:
    """The proof with each hash altered or missing, one too many, and its order turned."""
    changed = [[*proof[:at], bytes([one[0] ^ 1]) + one[1:], *proof[at + 1 :]] for at, one in enumerate(proof)]
    missing = [proof[:at] + proof[at + 1 :] for at in range(len(proof))]
    turned = [proof[::-1]] if proof != proof[::-1] else []
    return [*changed, *missing, *turned, [*proof, bytes(32)], [bytes(32), *proof]]


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size: int) -> None:
    """The roots over Certificate Transparency's reference leaves are the published ones."""
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize("size", SIZES)
def test_inclusion_as_defined(size: int) -> None:
    """Each leaf's path is the RFC's, holds, and holds for no other leaf, place, size, root or path."""
    leaves, read = MANY[:size], merkle.reader_of(MANY[:size])
    top = defined_root(leaves)
    for index, leaf in enumerate(leaves):
        proof = merkle.inclusion_proof(index, size, read)
        assert proof == defined_path(index, leaves)
        assert merkle.verify_inclusion(index, size, leaf, proof, top)
        assert not merkle.verify_inclusion(index, size, bytes(32), proof, top)
        assert not merkle.verify_inclusion(index, size, leaf, proof, bytes(32))
        for other in {(index + 1) % size, size - 1 - index} - {index}:
            assert not merkle.verify_inclusion(other, size, leaf, proof, top)
        assert not any(merkle.verify_inclusion(index, size, leaf, wrong, top) for wrong in mutations(proof))


@pytest.mark.parametrize("new", SIZES)
def test_consistency_as_defined(new: int) -> None:
    """Each earlier tree's proof is the RFC's, holds, and holds for no other root, order or proof."""
    leaves, read = MANY[:new], merkle.reader_of(MANY[:new])
    top = defined_root(leaves)
    for old in range(1, new + 1):
        before = defined_root(leaves[:old])
        proof = merkle.consistency_proof(old, new, read)
        assert proof == defined_proof(old, leaves)
        assert merkle.verify_consistency(old, new, before, top, proof)
        assert not merkle.verify_consistency(old, new, bytes(32), top, proof)
        assert not merkle.verify_consistency(old, new, before, bytes(32), proof)
        assert old == new or not merkle.verify_consistency(new, old, top, before, proof)
        for wrong in mutations(proof):
            assert not merkle.verify_consistency(old, new, before, top, wrong)


def test_two_histories_have_no_proof() -> None:
    """A tree in which one early leaf differs is not consistent with the true one, by either one's proof."""
    forged = [*MANY[:20], bytes(32), *MANY[21:]]
    for old in range(21, 64):
        for leaves in (MANY, forged):
            proof = merkle.consistency_proof(old, 64, merkle.reader_of(leaves))
            before, after = merkle.root(forged[:old]), merkle.root(MANY)
            assert not merkle.verify_consistency(old, 64, before, after, proof)


def test_leaf_and_node_are_told_apart() -> None:
    """The data of a leaf cannot be chosen so that it stands for a node (RFC 6962, second preimages)."""
    left, right = LEAVES[:2]
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)
    assert not merkle.verify_inclusion(0, 1, merkle.leaf_hash(left + right), [], merkle.root(LEAVES[:2]))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 4), (4, 4), (2**70, 4)])
def test_places_outside_have_no_proof(index: int, size: int) -> None:
    """A place outside of the tree has neither a proof nor a verification."""
    with pytest.raises(TreeError):
        merkle.inclusion_proof(index, size, merkle.reader_of(MANY[:size]))
    assert not merkle.verify_inclusion(index, size, MANY[0], [], MANY[0])


def test_before_the_first_leaf_there_is_one_root() -> None:
    """Every tree grows from the empty one, whose root is the hash of nothing, and from no other of size 0."""
    empty, top = bytes.fromhex(ROOTS[0]), merkle.root(MANY)
    assert merkle.consistency_proof(0, 64, merkle.reader_of(MANY)) == []
    assert merkle.verify_consistency(0, 64, empty, top, [])
    assert not merkle.verify_consistency(0, 64, bytes(32), top, [])
    assert not merkle.verify_consistency(0, 64, empty, top, [bytes(32)])


def test_sizes_in_the_wrong_order_have_no_proof() -> None:
    """A larger tree never comes before a smaller one."""
    with pytest.raises(TreeError):
        merkle.consistency_proof(5, 4, merkle.reader_of(MANY[:5]))


@given(st.integers(0, 64), st.integers(0, 64))
def test_frontier_needs_nothing_but_its_peaks(first: int, more: int) -> None:
    """A frontier that is written down and taken up again grows to the same root as the whole tree."""
    grown = Frontier()
    for leaf in MANY[:first]:
        grown.append(leaf)
    resumed = Frontier(grown.size, tuple(grown.peaks))
    stored = merkle.frontier_of(first, merkle.reader_of(MANY[:first]))
    for leaf in MANY[:more]:
        resumed.append(leaf)
        stored.append(leaf)
    assert resumed.root() == stored.root() == defined_root(MANY[:first] + MANY[:more])
    assert len(resumed.peaks) == (first + more).bit_count()


PATHS = [
    (0, 0, 256, "tile/0/000"),
    (0, 67, 256, "tile/0/067"),
    (1, 42, 17, "tile/1/042.p/17"),
    (0, 999, 255, "tile/0/999.p/255"),
    (0, 1000, 256, "tile/0/x001/000"),
    (0, 1234067, 256, "tile/0/x001/x234/067"),
    (0, 1234067, 8, "tile/0/x001/x234/067.p/8"),
    (0, 1000000, 1, "tile/0/x001/x000/000.p/1"),
]


@pytest.mark.parametrize(("level", "index", "width", "path"), PATHS)
def test_paths_of_tiles(level: int, index: int, width: int, path: str) -> None:
    """Paths are those of C2SP tlog-tiles: three digits at a time, `x` before all but the last, width if partial."""
    assert tiles.tile_path(level, index, width) == path


def tiled(leaves: list[bytes]) -> dict[tuple[int, int], bytes]:
    """All tiles of a tree: 256 hashes each, a level above for each full one."""
    kept, level, hashes = {}, 0, leaves
    while hashes:
        groups = [hashes[at : at + 256] for at in range(0, len(hashes), 256)]
        kept.update({(level, index): b"".join(group) for index, group in enumerate(groups)})
        hashes = [defined_root(group) for group in groups if len(group) == 256]
        level += 1
    return kept


@pytest.fixture(scope="module")
def big() -> list[bytes]:
    """The leaves of a tree with three levels of tiles."""
    return [merkle.leaf_hash(b"big %d" % n) for n in range(66_000)]


@pytest.fixture(scope="module")
def big_tiles(big: list[bytes]) -> dict[tuple[int, int], bytes]:
    """Its tiles."""
    return tiled(big)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 4097, 65_535, 65_536, 65_537, 66_000])
def test_proofs_from_tiles(size: int, big: list[bytes], big_tiles: dict[tuple[int, int], bytes]) -> None:
    """Across the edges of tiles and levels, proofs read from tiles hold, and read few tiles."""
    fetched: list[tuple[int, int]] = []

    def fetch(level: int, index: int) -> bytes:
        fetched.append((level, index))
        return big_tiles[level, index]

    top = merkle.root(big[:size])
    for index in {0, size // 2, size - 1}:
        fetched.clear()
        proof = merkle.inclusion_proof(index, size, tiles.read_hash(fetch))
        assert merkle.verify_inclusion(index, size, big[index], proof, top)
        assert len(fetched) == len(set(fetched)) <= 6
    for old in {1, size // 2 or 1, size - 1 or 1}:
        proof = merkle.consistency_proof(old, size, tiles.read_hash(fetch))
        assert merkle.verify_consistency(old, size, merkle.root(big[:old]), top, proof)
    assert merkle.frontier_of(size, tiles.read_hash(fetch)).root() == top


def test_short_tile_is_an_error(big_tiles: dict[tuple[int, int], bytes]) -> None:
    """A tile that holds fewer hashes than the tree needs is named, never read as something else."""
    read = tiles.read_hash(lambda level, index: big_tiles[level, index][:-1])
    with pytest.raises(TreeError, match="tile/0/000"):
        read(0, 255)


def test_full_tile_stands_for_one_hash(big: list[bytes], big_tiles: dict[tuple[int, int], bytes]) -> None:
    """The hash above a full tile is the root over its 256 hashes."""
    assert tiles.top(b"".join(big[:256])) == defined_root(big[:256]) == big_tiles[1, 0][:32]


@pytest.mark.parametrize("size", range(1, 34))
def test_all_paths_at_once(size: int) -> None:
    """Root and audit paths that are made in one go are those of the definition."""
    assert merkle.root_and_paths(MANY[:size]) == (
        defined_root(MANY[:size]),
        [b"".join(defined_path(index, MANY[:size])) for index in range(size)],
    )
