"""Standing matching tells an insider nothing of other teams' cases, and a partner that answers nothing does not go on."""

import pytest

from hanse.cases import working
from hanse.cases.selector import read
from hanse.intel.values import Value
from hanse.ledger.check import check
from hanse.matching import standing_on, standing_quota, turning
from hanse.matching.agreeing import agreement_with
from hanse.matching.models import Hit
from hanse.matching.standing_models import OwnTurns, StandingSide, TheirTurns
from tests.accounts.people import acting, newcomer
from tests.cases.made import opened
from tests.matching.asker import gb, turn
from tests.matching.cast import BOSS, PHONE, agree, fresh, has
from tests.matching.test_standing_turns import _slots, both, due, on, tomorrow

__all__ = ["_slots", "gb", "on"]

pytestmark = pytest.mark.usefixtures("founded")


def test_what_another_case_has_already_is_found_with_what_is_new(case, on):
    """In the turn in which it would be sent if nobody here had it: not the next day, which told that somebody had it."""
    on.takes_turn(Value("phone", PHONE), Value("email", "new@shop.example"))
    turn(on)
    assert Hit.objects.count() == 1
    other, eve = opened(acting(newcomer("investigator", name="Eve")), "Another gang")
    working.add_selector(other, read("phone", PHONE), eve)
    working.add_selector(other, read("email", "new@shop.example"), eve)
    turn(on)
    assert not Hit.objects.filter(case=other).exists()
    due(on)
    found = Hit.objects.filter(case=other)
    assert sorted(one.kind for one in found) == ["email", "phone"]
    first, last = found.order_by("found_us")
    assert last.found_us == first.found_us
    before = Hit.objects.count()
    due(on)
    assert Hit.objects.count() == before
    assert list(check()) == []


def test_what_the_partner_took_back_is_found_for_no_other_case(case, on):
    """It has it no more."""
    on.takes_turn(Value("phone", PHONE))
    turn(on)
    [token] = on.own
    on.takes_turn(gone=(token,))
    other, eve = opened(acting(newcomer("investigator", name="Eve")), "Another gang")
    working.add_selector(other, read("phone", PHONE), eve)
    due(on)
    assert not Hit.objects.filter(case=other).exists()


def test_a_value_that_several_cases_have_counts_once_against_the_partner(gb, case, officer, approver):
    """It learnt it once: who adds it to case after case here does not turn standing matching off."""
    agree(officer, approver, per_day=200)
    both(gb, officer)
    gb.takes_turn(Value("phone", PHONE))
    turn(gb)
    for at in range(4):
        other, eve = opened(acting(newcomer("investigator", name=f"Eve {at}")), f"Gang {at}")
        working.add_selector(other, read("phone", PHONE), eve)
    due(gb)
    assert Hit.objects.count() == 5
    assert standing_quota.newly_found("gb-ncas") == 1
    assert standing_on.is_on("gb-ncas")
    gb.takes_turn(Value("email", BOSS))
    turn(gb)
    assert standing_quota.newly_found("gb-ncas") == 2
    assert not standing_quota.spent(agreement_with("gb-ncas"))


def test_a_partner_that_is_answered_and_answers_nothing_is_turned_off_when_the_day_is_over(
    gb, case, officer, monkeypatch
):
    """Its opening may have been guesses, and it can compare at home: it is on record, and it can do so once."""
    gb.away = {"standing-turn"}
    has(gb, ("phone", PHONE))
    standing_on.turn_on("gb-ncas", "As the directors agreed.", officer)
    gb.wants_standing()
    turn(gb)
    assert gb.takes_turn().tokens
    turn(gb)
    turning.tidy()
    assert standing_on.is_on("gb-ncas")
    assert not Hit.objects.exists()
    tomorrow(monkeypatch)
    turning.tidy()
    assert not standing_on.is_on("gb-ncas")
    side = StandingSide.objects.get(theirs=False)
    assert "gb-ncas was answered, and answered nothing" in side.why
    assert "not on" in gb.takes_turn().refused
    standing_on.turn_on("gb-ncas", "It was a broken line.", fresh(officer))
    turning.tidy()
    assert standing_on.is_on("gb-ncas")
    assert list(check()) == []


@pytest.mark.parametrize("how", ["answers", "was not answered"])
def test_who_answers_or_was_not_answered_goes_on(gb, case, officer, monkeypatch, how):
    """A day on which one side was down, or the line was, takes nothing away."""
    has(gb)
    if how == "was not answered":
        gb.away = {"standing-turn"}
    standing_on.turn_on("gb-ncas", "As the directors agreed.", officer)
    gb.wants_standing()
    turn(gb)
    if how == "answers":
        assert gb.takes_turn().tokens
        turn(gb)
    assert OwnTurns.objects.get().number == (how == "answers")
    assert TheirTurns.objects.exists() == (how == "answers")
    tomorrow(monkeypatch)
    turning.tidy()
    assert standing_on.is_on("gb-ncas")
