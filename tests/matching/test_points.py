"""Points that are held: the same as made anew, made once, and of nothing but what is offered."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.intel.values import Value
from hanse.matching import points, psi
from hanse.matching.points import Points

EPOCH = "2026-11"
VALUES = psi.prepare(Value("phone", f"+3725{at:07}") for at in range(40))


@cache
def psi_points() -> tuple[bytes, ...]:
    """The points of all values, made anew."""
    return tuple(psi.each(b"".join(psi.points_of(VALUES, "psi", EPOCH))))


def made_of(monkeypatch) -> list[int]:
    """How many points are really made, each time that some are."""
    counts: list[int] = []
    before = psi.points_of

    def counted(values, *more):
        counts.append(len(values))
        return before(values, *more)

    monkeypatch.setattr(points.psi, "points_of", counted)
    return counts


def test_what_is_kept_is_what_is_made(monkeypatch):
    """A second partner's comparison makes only what is new, and gets the same points in its own order."""
    counts = made_of(monkeypatch)
    kept = Points()
    assert kept.of(VALUES[:30], "psi", EPOCH) == b"".join(psi.points_of(VALUES[:30], "psi", EPOCH))
    del counts[:]
    told = kept.of(VALUES[10:], "psi", EPOCH)
    assert counts == [10]
    assert told == b"".join(psi.points_of(VALUES[10:], "psi", EPOCH))


def test_another_epoch_or_protocol_has_its_own(monkeypatch):
    """Nothing made for one epoch or protocol is used in another."""
    kept = Points()
    first = kept.of(VALUES, "psi", EPOCH)
    assert kept.of(VALUES, "psi", "2026-12") != first
    counts = made_of(monkeypatch)
    assert kept.of(VALUES, "psi-ca", "2026-12") != first
    assert counts == [40]


def test_what_is_kept_is_that_and_nothing_else(monkeypatch):
    """A value that is offered no more goes, and one that is new is there before it is asked for."""
    kept = Points()
    kept.keep(VALUES[:20], "psi", EPOCH)
    kept.keep(VALUES[1:], "psi", EPOCH)
    counts = made_of(monkeypatch)
    assert kept.of(VALUES, "psi", EPOCH) == b"".join(psi.points_of(VALUES, "psi", EPOCH))
    assert counts[0] == 1
    kept.keep([], "psi", EPOCH)
    kept.of(VALUES, "psi", EPOCH)
    assert counts[-1] == 40


def test_no_more_are_held_than_is_said(monkeypatch):
    """Of a set that is larger nothing is held, and its points are right all the same."""
    monkeypatch.setattr(points, "MOST", 39)
    kept = Points()
    counts = made_of(monkeypatch)
    kept.keep(VALUES, "psi", EPOCH)
    for _ in range(2):
        assert kept.of(VALUES, "psi", EPOCH) == b"".join(psi.points_of(VALUES, "psi", EPOCH))
    assert [one for one in counts if one] == [40, 40, 40, 40]


@given(st.lists(st.lists(st.integers(0, 39), unique=True), max_size=6), st.integers(1, 40))
@settings(max_examples=25)
def test_points_are_those_of_the_values_in_any_order_of_asking(asked, most):
    """Whatever was asked for and kept before, and however little is held."""
    every = dict(zip(VALUES, psi_points(), strict=True))
    kept = Points()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points, "MOST", most)
        for number, some in enumerate(asked):
            chosen = [VALUES[at] for at in some]
            if number % 3 == 2:
                kept.keep(chosen, "psi", EPOCH)
            assert kept.of(chosen, "psi", EPOCH) == b"".join(every[one] for one in chosen)
