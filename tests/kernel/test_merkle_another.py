"""The tree beside another's implementation of it (pymerkle): neither has seen a line of the other."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.kernel import merkle

pymerkle = pytest.importorskip("pymerkle", reason="pymerkle is not installed")

LEAVES = [sha256(bytes([number])).digest() for number in range(200)]
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]
READ = merkle.reader_of(HASHES)


@pytest.fixture(scope="module")
def another():
    """Their tree of the same leaves."""
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for leaf in LEAVES:
        tree.append_entry(leaf)
    return tree


@given(size=st.integers(1, len(LEAVES)))
def test_roots_are_theirs(another, size):
    """At every size both have one root."""
    assert merkle.root(HASHES[:size]) == another.get_root(size)


@given(st.data())
def test_inclusion_is_theirs(another, data):
    """Each proof of inclusion holds on the other's side, and not for another leaf."""
    size = data.draw(st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    theirs, root = another.prove_inclusion(index + 1, size), another.get_root(size)
    assert merkle.verify_inclusion(index, size, HASHES[index], theirs.path[1:], root)
    theirs.path[1:] = merkle.inclusion_proof(index, size, READ)
    pymerkle.verify_inclusion(HASHES[index], root, theirs)
    with pytest.raises(pymerkle.InvalidProof):
        pymerkle.verify_inclusion(merkle.leaf_hash(b"another"), root, theirs)


@given(st.data())
def test_consistency_is_theirs(another, data):
    """Our proof of consistency holds between their roots and between no others, as theirs does.

    The two are cut differently: theirs goes down to single leaves where RFC 9162 stops at whole subtrees.
    """
    new = data.draw(st.integers(2, len(LEAVES)))
    old = data.draw(st.integers(1, new - 1))
    ours, theirs = merkle.consistency_proof(old, new, READ), another.prove_consistency(old, new)
    old_root, new_root = another.get_root(old), another.get_root(new)
    assert merkle.verify_consistency(old, new, old_root, new_root, ours)
    pymerkle.verify_consistency(merkle.root(HASHES[:old]), merkle.root(HASHES[:new]), theirs)
    forged = merkle.leaf_hash(b"another")
    assert not merkle.verify_consistency(old, new, forged, new_root, ours)
    with pytest.raises(pymerkle.InvalidProof):
        pymerkle.verify_consistency(forged, new_root, theirs)
