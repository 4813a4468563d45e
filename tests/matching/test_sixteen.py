"""Rows of sixteen bytes are ordered, told apart and found exactly, also those that somebody made to begin alike."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hanse.matching import sixteen

PARTS = st.sampled_from([bytes(8), b"\0" * 7 + b"\1", b"\xff" * 8]) | st.binary(min_size=8, max_size=8)
ROWS = st.lists(st.tuples(PARTS, PARTS).map(b"".join), max_size=40)


def numbers(row: bytes) -> tuple[int, int]:
    """A row as its two numbers."""
    return int.from_bytes(row[:8], "little"), int.from_bytes(row[8:], "little")


@given(ROWS)
def test_order_and_distinctness_are_those_of_the_numbers(rows: list[bytes]) -> None:
    """By the first number, then the second; equal rows are found wherever they stand."""
    made = sixteen.rows_of(b"".join(rows))
    ordered = made[sixteen.order_of(made)].tolist()
    assert [tuple(one) for one in ordered] == sorted(map(numbers, rows))
    assert sixteen.are_distinct(made) == (len(set(rows)) == len(rows))


@given(ROWS, ROWS)
def test_what_is_there_is_found_and_nothing_else(rows: list[bytes], others: list[bytes]) -> None:
    """Each row's place leads to itself; a row that is not there is not found."""
    held = sixteen.rows_of(b"".join(set(others)))
    held = held[sixteen.order_of(held)]
    looked_for = sixteen.rows_of(b"".join(rows))
    places, found = sixteen.places_in(looked_for, held)
    assert found.tolist() == [one in set(others) for one in rows]
    assert np.array_equal(held[places[found]], looked_for[found])
