"""What is found is put on record without opening all selectors while the ledger is locked, which a partner could bring about at will."""

import pytest
from django.db import connection

from hanse.cases import working
from hanse.cases.selector import read
from hanse.intel.values import Value
from hanse.ledger.check import check
from hanse.matching import comparing, offering, padding, standing_hits, standing_quota, turning
from hanse.matching.models import Hit
from tests.cases.made import opened
from tests.matching.asker import gb, next_slot, turn
from tests.matching.cast import BOSS, OTHER, PHONE, agree, compare, has
from tests.matching.test_standing_turns import SLOTS, both, on

__all__ = ["gb", "on"]

pytestmark = pytest.mark.usefixtures("founded")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Small openings, and no slot before a test says so."""
    monkeypatch.setattr(padding, "LEAST", 128)
    monkeypatch.setattr(turning, "_schedule", lambda _epoch: SLOTS)


@pytest.fixture
def opened_while_locked(monkeypatch) -> list[int]:
    """How many selectors were opened each time that some were while the ledger was locked."""
    found: list[int] = []

    def noted(*told, **more):
        own = offering.offered(*told, **more)
        if connection.in_atomic_block:
            found.append(len(own))
        return own

    for module in (comparing, standing_hits, standing_quota, turning):
        if hasattr(module, "offered"):
            monkeypatch.setattr(module, "offered", noted)
    return found


def test_what_a_partner_sends_again_and_again_opens_what_both_have(case, on, opened_while_locked):
    """Each turn with a known value had all selectors opened, every half minute."""
    on.takes_turn(Value("phone", PHONE), Value("email", OTHER))
    turn(on)
    assert [one.kind for one in Hit.objects.all()] == ["phone"]
    assert opened_while_locked == [1]
    assert list(check()) == []


def test_a_new_selector_here_opens_itself(case, on, opened_while_locked):
    """The answer to a turn is taken in as quickly, however many others there are."""
    made, kaja = case
    on.takes_turn(read("email", "late@shop.example").value)
    turn(on)
    working.add_selector(made, read("email", "late@shop.example"), kaja)
    next_slot(SLOTS)
    turn(on)
    assert [one.kind for one in Hit.objects.all()] == ["email"]
    assert opened_while_locked == [1]


def test_a_hit_of_several_cases_is_found_for_each(case, on, opened_while_locked):
    """All that have the value are opened, and nothing else."""
    _, kaja = case
    other, kaja = opened(kaja, "Another gang")
    working.add_selector(other, read("phone", PHONE), kaja)
    on.takes_turn(Value("phone", PHONE))
    turn(on)
    assert Hit.objects.count() == 2
    assert opened_while_locked == [2]


def test_the_hits_of_a_comparison_of_whole_sets_open_themselves(gb, case, opened_while_locked):
    """At its end the hits go on record in one transaction."""
    _, kaja = case
    has(gb, ("phone", PHONE), ("email", OTHER))
    assert compare(gb, kaja).hits == 1
    assert opened_while_locked == [1]


def test_what_is_known_does_not_count_and_nothing_else_is_opened(
    gb, case, officer, approver, opened_while_locked
):
    """An opening of more known values than may newly become known: those that are in a hit are opened, to see that."""
    _, kaja = case
    has(gb, ("phone", PHONE), ("email", BOSS))
    assert compare(gb, kaja).hits == 2
    agree(officer, approver, per_day=100)
    opened_while_locked.clear()
    both(gb, officer, ("phone", PHONE), ("email", BOSS))
    assert set(opened_while_locked) == {2}
    assert gb.takes_turn().tokens
