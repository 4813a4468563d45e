"""Threat 5: a split view. Two witnesses that are shown two histories compare, and both consoles show the proof."""

from collections.abc import Iterator

import pytest

from tests.federation.sovereign import Sovereign
from tests.node.living import until

pytestmark = pytest.mark.xdist_group("partners")  # what is made once is made on one worker


@pytest.fixture
def witnesses(partners: tuple[Sovereign, Sovereign]) -> Iterator[tuple[Sovereign, Sovereign]]:
    """Estonia's and Finland's node, partners of each other; both witness the ledger of Latvia, which lies."""
    yield partners
    for node in partners:  # nothing comes after this in its group
        node.close()


def test_two_trees_of_one_size_are_shown_on_both_consoles(witnesses) -> None:
    """Each witness is given a tree of its own, signed by one key, over as many leaves; the same notes stand on both partners' pages."""
    notes = []
    for node, fellow, tree in zip(witnesses, ("fi-cert", "ee-cert"), (b"first", b"second"), strict=True):
        notes.append(node.do("latvia", fellow=fellow, tree=tree.hex()))
    assert notes[0] != notes[1]
    for node in witnesses:
        found = until(lambda one=node: one.do("contradictions_of", partner="lv-cert"), seconds=90)
        assert {found[0]["before"], found[0]["now"]} == set(notes), (
            "the proof is not both notes as they were signed"
        )
        page = node.do("page", path="/partners/lv-cert/")
        assert "This partner contradicts what it signed before." in page
        assert all(note.splitlines()[2] in page for note in notes)
