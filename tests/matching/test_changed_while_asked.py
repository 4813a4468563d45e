"""What becomes of a selector while a partner answers a question about it counts: no hit is put on record of what is gone."""

import msgspec
import pytest

from hanse.cases import working
from hanse.cases.models import Selector
from hanse.cases.selector import read
from hanse.ledger.check import check
from hanse.ledger.fields import sealed
from hanse.ledger.models import Entry
from hanse.ledger.service import purge
from hanse.matching import agreeing, hits, who_else, withholding
from hanse.matching.models import Hit
from hanse.matching.tag_models import Reply
from tests.cases.made import opened
from tests.matching.asker import Asker, gb, turn
from tests.matching.cast import BOSS
from tests.matching.test_who_else import published, selectors

__all__ = ["gb"]

pytestmark = pytest.mark.usefixtures("founded")


def asks(gb: Asker, case, meanwhile, *kinds: str) -> Reply:
    """What comes of a question, where something is done while the partner answers it."""
    made, kaja = case

    def answers(told):
        meanwhile()
        return told

    gb.evaluates = answers
    question = who_else.ask(made, selectors(made, *kinds), ["gb-ncas"], "Case 12/2026 asks for it.", kaja)
    turn(gb)
    return Reply.objects.get(question=question)


@pytest.mark.parametrize("kinds", [("email",), ("email", "phone")])
def test_no_hit_of_a_selector_that_is_purged_while_the_partner_answers(case, gb, kinds):
    """Else the ledger would hold of the erased what was found of them after they were erased."""
    made, kaja = case
    published(gb, ("email", BOSS))
    [boss] = selectors(made, "email")
    row = asks(gb, case, lambda: purge([boss], kaja, "It was a victim's."), *kinds)
    assert not Hit.objects.exists()
    assert not Entry.objects.filter(kind=hits.FOUND).exists()
    assert row.state == ("nothing" if "phone" in kinds else "refused")
    assert row.hits == 0
    assert list(check()) == []


def test_no_hit_of_what_is_kept_out_while_the_partner_answers(case, gb):
    """Whoever works on the case would be told of it, and one officer alone answers for it from now on."""
    made, kaja = case
    published(gb, ("email", BOSS))
    [boss] = selectors(made, "email")
    row = asks(gb, case, lambda: withholding.keep_out(made, boss, None, "Ask her.", kaja), "email")
    assert not Hit.objects.exists()
    assert row.state == "refused"


def test_no_hit_once_nothing_is_agreed_any_more(case, gb, officer):
    """The agreement ended while the partner answered: the question says so, and is not put again."""
    published(gb, ("email", BOSS))
    row = asks(gb, case, lambda: agreeing.end("gb-ncas", "The treaty ended.", officer), "email")
    assert not Hit.objects.exists()
    assert row.state == "refused"
    assert "Nothing is agreed" in row.why


@pytest.mark.parametrize(
    "more", [{"version": 2**63}, {"version": -1}, {"serial": "\0" * 32}, {"deltas": ((b"", b""),) * 61}]
)
def test_a_set_that_no_column_takes_is_said_and_not_fetched_again_for_a_day(case, gb, more):
    """It was an error of the database: the question was put again and again, and all else with the partner waited."""
    published(gb, ("email", BOSS))
    gives = gb.gives_set
    gb.gives_set = lambda wanted: msgspec.structs.replace(gives(wanted), **more)
    row = asks(gb, case, lambda: None, "email")
    assert row.state == "failed"
    assert "as none can be" in row.why


def test_a_question_opens_no_selector_of_other_cases(case, gb, caplog):
    """Asking takes as long however many selectors other cases have, for the ledger is locked meanwhile."""
    made, kaja = case
    other, kaja = opened(kaja, "Another gang")
    elsewhere = working.add_selector(other, read("email", "late@else.example"), kaja)
    wrong = sealed(Selector, made, text="late@else.example")  # bound to another row: it does not open
    Selector.objects.filter(pk=elsewhere).update(**wrong)
    published(gb, ("email", BOSS))
    row = asks(gb, (made, kaja), lambda: None, "email")
    assert row.state == "found"
    assert "compared with nobody" not in caplog.text
