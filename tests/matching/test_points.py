"""Points that are kept: the same as made anew, made once, and not kept longer than is said."""

from hanse.intel.values import Value
from hanse.matching import points, psi
from hanse.matching.points import KEPT_S, Points

EPOCH = "2026-11"
VALUES = psi.prepare(Value("phone", f"+3725{at:07}") for at in range(40))


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


def test_a_value_that_is_offered_no_more_is_forgotten_with_the_next_comparison(monkeypatch):
    """What the last comparison did not use is made anew, as nothing of it was kept."""
    kept = Points()
    kept.of(VALUES, "psi", EPOCH)
    kept.of(VALUES[1:], "psi", EPOCH)
    counts = made_of(monkeypatch)
    kept.of(VALUES, "psi", EPOCH)
    assert counts == [1]


def test_points_go_after_the_hour(monkeypatch):
    """They are as secret as the values, and stay no longer than is said; nor are more kept than is said."""
    now = [0.0]
    kept = Points(lambda: now[0])
    kept.of(VALUES, "psi", EPOCH)
    counts = made_of(monkeypatch)
    now[0] = KEPT_S
    kept.of(VALUES, "psi", EPOCH)
    now[0] = 2 * KEPT_S + 1
    kept.of(VALUES, "psi", EPOCH)
    monkeypatch.setattr(points, "MOST", 39)
    kept.of(VALUES, "psi", EPOCH)
    kept.of(VALUES, "psi", EPOCH)
    assert counts == [0, 40, 0, 40]
