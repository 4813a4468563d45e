"""What is kept out while a run goes on is not told of, as long as neither side was given tokens."""

import pytest

from hanse.cases import working
from hanse.cases.models import Selector
from hanse.cases.selector import read
from hanse.ledger.check import check
from hanse.matching import running, withdrawing, withholding
from hanse.matching.models import Hit, Run
from tests.matching.cast import PHONE, agree, compare, finish, has
from tests.matching.partner import turn

pytestmark = pytest.mark.usefixtures("founded")


@pytest.fixture
def begun(officer, approver, case, gb):
    """A run to which both sides committed: the partner has the telephone number too."""
    agree(officer, approver)
    has(gb, ("phone", PHONE))
    run = running.ask("gb-ncas", case[1], "Case 12/2026 asks for it.")
    turn(gb)
    gb.takes_part()
    return run


def keeps_out(case):
    """The telephone number is an informant's."""
    made, kaja = case
    selector = Selector.objects.get(case=made, kind="phone").pk
    withholding.keep_out(made, selector, None, "An informant's.", kaja)


def test_a_run_ends_where_something_of_it_is_kept_out(begun, case, gb):
    """Neither side learns a hit; the partner is not told why, and it can be begun anew."""
    keeps_out(case)
    finish(gb)
    row = Run.objects.get(pk=begun)
    assert (row.state, gb.learnt) == ("failed", None)
    assert "not to be compared any more" in row.why
    assert [told.why for told in gb.ended()] == ["It ended early. It can be begun anew."]
    assert not Hit.objects.exists()
    assert list(check()) == []


def test_it_ends_also_where_the_partner_asks_for_tokens_first(begun, case, gb):
    """They were made before it was kept out, and wait to be fetched."""
    gb.holds = {"digest"}
    turn(gb)
    gb.goes_on()
    turn(gb)
    gb.holds = {"digest", "tokens"}
    gb.goes_on()
    keeps_out(case)
    gb.holds = set()
    gb.goes_on()
    assert gb.learnt is None
    turn(gb)
    assert Run.objects.get(pk=begun).state == "failed"
    assert gb.learnt is None


def test_what_comes_into_cases_meanwhile_ends_nothing(begun, case, gb):
    """Else no run of a busy authority would ever end."""
    working.add_selector(case[0], read("email", "late@shop.example"), case[1])
    finish(gb)
    assert Run.objects.get(pk=begun).state == "finished"
    assert Hit.objects.count() == 1


def test_it_is_too_late_once_the_partner_has_tokens(begun, case, gb):
    """It knows what both have: this side learns it too, but for what is kept out here."""
    turn(gb)
    gb.goes_on()
    turn(gb)
    gb.goes_on()
    assert gb.learnt is not None
    keeps_out(case)
    turn(gb)
    turn(gb)
    assert Run.objects.get(pk=begun).state == "finished"


def test_no_selector_is_opened_where_nothing_was_put_on_record(officer, approver, case, gb, monkeypatch):
    """A run of a hundred thousand is not slowed down."""
    agree(officer, approver)
    has(gb, ("phone", PHONE))
    monkeypatch.setattr(withdrawing, "offered", lambda *_: pytest.fail("selectors were opened"))
    assert compare(gb, case[1]).state == "finished"
