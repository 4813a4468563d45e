"""Points are there before a partner asks for a comparison, of what is offered and of nothing else."""

import threading

import pytest

from hanse.cases import working
from hanse.cases.models import Selector
from hanse.cases.selector import read
from hanse.intel.values import Value
from hanse.ledger.check import check
from hanse.matching import agreeing, made_ahead
from hanse.matching.made_ahead import Ahead
from hanse.matching.points import Points
from tests.matching.cast import BOSS, OTHER, PHONE, agree, compare, has
from tests.matching.test_points import made_of

pytestmark = pytest.mark.usefixtures("founded")

GOES_ON = threading.Event()


def test_what_may_be_compared_is_made_ahead_once(officer, approver, case, gb, monkeypatch):
    """With the agreement all of it; then what is new, and nothing where nothing was written."""
    made, kaja = case
    held, counts = Points(), made_of(monkeypatch)
    ahead = Ahead(held)
    ahead.look(GOES_ON)
    assert made_ahead.values() == []
    assert counts == []
    agree(officer, approver)
    ahead.look(GOES_ON)
    first = made_ahead.values()
    assert {Value("email", BOSS), Value("phone", PHONE)} <= set(first)
    assert sum(counts) == len(first)
    working.add_selector(made, read("email", OTHER), kaja)
    ahead.look(GOES_ON)
    assert sum(counts) == len(first) + 1
    monkeypatch.setattr(made_ahead, "values", lambda: pytest.fail("nothing was written"))
    ahead.look(GOES_ON)


def test_nothing_is_kept_of_what_is_offered_no_more(officer, approver, case, gb, monkeypatch):
    """A selector that left its case goes with the next look, all of them with the agreement."""
    made, kaja = case
    held, counts = Points(), made_of(monkeypatch)
    ahead = Ahead(held)
    agree(officer, approver)
    ahead.look(GOES_ON)
    working.remove(made, Selector.objects.get(case=made, kind="phone").pk, "It is another's.", kaja)
    ahead.look(GOES_ON)
    del counts[:]
    held.of([Value("phone", PHONE), Value("email", BOSS)], "psi", made_ahead.month(made_ahead.now_us()))
    assert sum(counts) == 1
    agreeing.end("gb-ncas", "No longer wanted.", officer)
    ahead.look(GOES_ON)
    del counts[:]
    held.of([Value("email", BOSS)], "psi", made_ahead.month(made_ahead.now_us()))
    assert sum(counts) == 1


def test_a_comparison_takes_what_was_made_ahead(officer, approver, case, gb, monkeypatch):
    """It makes no point itself, and finds what it would have found."""
    monkeypatch.setattr("hanse.matching.comparing.OWN", held := Points())
    _, kaja = case
    agree(officer, approver)
    Ahead(held).look(GOES_ON)
    has(gb, ("email", BOSS))
    counts = made_of(monkeypatch)
    row = compare(gb, kaja)
    assert (row.state, row.hits) == ("finished", 1)
    assert sum(one for one in counts if one != len(gb.has)) == 0
    assert list(check()) == []


def test_a_worker_that_stops_does_not_wait_for_it(officer, approver, case, gb):
    """What is left is made when it is needed."""
    agree(officer, approver)
    stop = threading.Event()
    stop.set()
    held = Points()
    Ahead(held).look(stop)
    assert held.of([], "psi", "2026-11") == b""
