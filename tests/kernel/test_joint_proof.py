"""One proof for several leaves of a tree."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.kernel import merkle


@st.composite
def _some(draw) -> tuple[int, list[int]]:
    size = draw(st.integers(1, 300))
    return size, sorted(draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=40)))


def _leaves(size: int) -> list[bytes]:
    return [sha256(at.to_bytes(4)).digest() for at in range(size)]


@given(_some())
def test_leaves_and_their_joint_proof_lead_to_the_root(told):
    """Whatever leaves of whatever tree, the proof leads to its root, with no more hashes than paths of their own."""
    size, places = told
    leaves = _leaves(size)
    read = merkle.reader_of(leaves)
    proof = merkle.joint_proof(places, size, read)
    chosen = [leaves[at] for at in places]
    assert merkle.root_of_joint(places, chosen, size, proof) == merkle.root(leaves)
    assert len(proof) <= sum(len(merkle.inclusion_proof(at, size, read)) for at in places)


@given(_some(), st.data())
def test_what_is_altered_does_not_lead_there(told, data):
    """Another leaf, another place, another hash in the proof, one more or one less: never the same root."""
    size, places = told
    leaves = _leaves(size)
    proof = merkle.joint_proof(places, size, merkle.reader_of(leaves))
    chosen = [leaves[at] for at in places]
    at = data.draw(st.integers(0, len(places) - 1))
    wrong = [*chosen[:at], bytes(32), *chosen[at + 1 :]]
    root = merkle.root(leaves)
    assert merkle.root_of_joint(places, wrong, size, proof) != root
    assert merkle.root_of_joint(places, chosen, size, [*proof, bytes(32)]) is None
    if proof:
        assert merkle.root_of_joint(places, chosen, size, proof[:-1]) is None
        assert merkle.root_of_joint(places, chosen, size, [bytes(32), *proof[1:]]) != root
    others = [one for one in range(size) if one not in places]
    if others:
        moved = sorted([*places[:at], data.draw(st.sampled_from(others)), *places[at + 1 :]])
        assert merkle.root_of_joint(moved, chosen, size, proof) != root


@pytest.mark.parametrize("places", [[3, 3], [4, 2], [-1], [8]])
def test_places_out_of_order_or_out_of_the_tree_are_refused(places):
    """They are no leaves of the tree, or say one thing twice."""
    with pytest.raises(merkle.TreeError):
        merkle.joint_proof(places, 8, merkle.reader_of(_leaves(8)))
    assert merkle.root_of_joint(places, [bytes(32)] * len(places), 8, []) is None
