"""Sizes and numbers that say nothing."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hanse.matching.padding import LEAST, padded_size, shares


@given(st.integers(0, 10**8), st.integers(0, 10**8))
def test_sizes_are_few_and_cost_little(number, other):
    """Never less than the number, at most an eighth more (or the least), growing, and one of eight between powers of two."""
    size = padded_size(number)
    assert number <= size <= max(LEAST, number * 9 / 8)
    assert size % (1 << max(0, size.bit_length() - 4)) == 0
    assert padded_size(size) == size
    if number <= other:
        assert size <= padded_size(other)


def test_few_look_like_a_thousand():
    """Whoever has one selector sends as much as whoever has a thousand."""
    assert (padded_size(0), padded_size(1), padded_size(1_024)) == (1_024,) * 3


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=30), st.integers(64, 2_000))
def test_each_turn_adds_and_takes_away_the_same_whatever_waits(turns, decoys):
    """Turn after turn: there are always decoys enough for the next, and some of each that waits get through."""
    new = gone = 0
    for more, closed in turns:
        new, gone = new + more, gone + closed
        part = shares(new, gone, decoys, added=128, taken=64)
        assert part.gone == min(gone, 64)
        assert min(new, 64) <= part.new <= min(new, 128)
        decoys += (128 - part.new) - (64 - part.gone)
        assert decoys >= 64
        new, gone = new - part.new, gone - part.gone


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_too_few_decoys_are_an_error(new, gone, decoys):
    """Not a turn that would show how many it takes away."""
    assume(decoys < 64)
    with pytest.raises(ValueError, match="decoys"):
        shares(new, gone, decoys, added=128, taken=64)
