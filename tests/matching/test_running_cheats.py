"""Comparing whole sets with a partner that cheats: it learns no more than it pays for, and both ledgers say so."""

from uuid import uuid4

import msgspec
import pytest

from hanse.federation.contents import Recall
from hanse.federation.models import Received
from hanse.intel.values import Value
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking
from hanse.ledger.models import Entry
from hanse.ledger.retention import purge_due
from hanse.matching import parts, quota, running
from hanse.matching.contents import Proposed, RunEnded
from hanse.matching.models import Hit, Run
from tests.matching.cast import BOSS, OTHER, PHONE, agree, compare, compare_without_learning, has, peer_again
from tests.matching.partner import turn

pytestmark = pytest.mark.usefixtures("founded")


def test_a_blanket_request_is_declined_on_both_ledgers(officer, approver, case, gb):
    """More selectors than its cases justify: nothing is computed, and both auditors can read why."""
    agree(officer, approver)
    has(gb, *(("email", f"guess{at}@example.org") for at in range(30)), cases=0)
    gb.opens()
    turn(gb)
    [row] = Run.objects.all()
    assert (row.state, row.blanket) == ("declined", True)
    [told] = gb.ended()
    assert (told.state, told.blanket, told.hits) == ("declined", True, 0)
    assert gb.given == []
    assert Entry.objects.filter(kind="matching.run_ended", recipient="").count() == 1


def test_the_quota_of_a_day_holds_for_each_kind(officer, approver, case, gb):
    """The second run of the day is declined; what was declined is not counted."""
    _, kaja = case
    agree(officer, approver, per_day=5)
    has(gb, ("email", BOSS), *(("email", f"guess{at}@example.org") for at in range(3)))
    assert compare(gb, kaja).state == "finished"
    again = peer_again(gb)
    again.opens()
    turn(again)
    row = Run.objects.latest("sequence")
    assert (row.state, row.blanket) == ("declined", True)
    assert "Try again tomorrow" in row.why


@pytest.mark.parametrize("kinds", [(), ("iban",)])
def test_a_partner_commits_to_the_kinds_that_it_has_compared(officer, approver, case, gb, kinds):
    """Its quota is counted by the kinds that it commits to: it cannot have others compared than these."""
    agree(officer, approver)
    has(gb, ("email", BOSS), says=lambda said: msgspec.structs.replace(said, kinds=kinds))
    gb.opens()
    turn(gb)
    assert not Run.objects.exists()
    assert "other kinds" in Received.objects.get(kind="matching.run_proposed").why


def test_guesses_of_another_kind_than_is_said_are_counted(officer, approver, case, gb):
    """In a run that is opened here all kinds stand that are offered: what a partner puts in can be of any of them."""
    _, kaja = case
    agree(officer, approver, per_day=5, kinds=["email", "phone", "person", "iban"])
    guesses = [("email", BOSS), *(("email", f"guess{at}@example.org") for at in range(3))]
    has(gb, *guesses, kinds=("iban",))
    assert compare(gb, kaja).state == "finished"
    assert len(gb.learnt) == 1
    assert compare(peer_again(gb), kaja).state == "declined"
    assert quota.spent("gb-ncas")["email"] == 4


def test_a_partner_opens_few_comparisons_in_a_day_and_one_at_a_time(officer, approver, case, gb, monkeypatch):
    """Each, of one selector, has all of this side's set worked through and kept for thirty days."""
    agree(officer, approver)
    has(gb, ("email", BOSS))
    monkeypatch.setattr(quota, "RUNS", 1)
    for _ in range(3):
        gb.opens()
    turn(gb)
    states = [row.state for row in Run.objects.order_by("state")]
    assert states == ["comparing", "declined", "declined"]
    [row] = Run.objects.filter(state="comparing")
    assert all("one at a time" in told.why for told in gb.ended())
    running.stop(row.pk, case[1], "The test goes on.")
    again = peer_again(gb)
    again.opens()
    turn(again)
    assert "1 comparison " in again.ended()[-1].why
    assert Run.objects.filter(state="declined").count() == 3


def test_a_lying_size_is_caught(officer, approver, case, gb):
    """Fewer or more points than it committed to end the run, and nothing of its points is answered."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS), ("email", OTHER), says=lambda said: msgspec.structs.replace(said, size=1))
    row = compare_without_learning(gb, kaja)
    assert row.state == "failed"
    assert "committed to" in row.why
    assert parts.count(row.pk, parts.TOKENS) == 0
    assert gb.learnt is None


def test_nodes_that_normalise_differently_refuse(officer, approver, case, gb):
    """They would miss what both have, and nobody would notice."""
    agree(officer, approver)
    has(gb, ("email", BOSS), normaliser="0" * 64)
    gb.opens()
    turn(gb)
    [row] = Run.objects.all()
    assert row.state == "declined"
    assert "normalisation of selectors" in row.why


def test_tokens_are_given_only_for_a_digest(officer, approver, case, gb):
    """Who has not said what its tokens are gets none: it could make up hits from ours."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS))
    running.ask("gb-ncas", kaja, "Case 12/2026 asks for it.")
    turn(gb)
    gb.takes_part()
    gb.holds = {"digest"}
    turn(gb)
    gb.goes_on()
    gb.goes_on()
    assert gb.learnt is None


def test_who_learns_and_gives_nothing_pays_with_its_quota(officer, approver, case, gb):
    """The run is broken off after a day, shown, and the partner's quota of the day is spent."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS))
    gb.holds = {"tokens"}
    run = compare(gb, kaja)
    assert gb.learnt == [Value("email", BOSS)]
    assert run.state == "comparing"
    assert running.give_up(now_us() + running.DEADLINE_US) == 1
    row = Run.objects.get(pk=run.pk)
    assert (row.state, gb.ended()[-1].state) == ("broken", "broken")
    again = peer_again(gb)
    again.opens()
    turn(again)
    assert Run.objects.latest("sequence").blanket


@pytest.mark.parametrize("word", ["declined", "failed"])
def test_who_learns_and_says_that_it_ended_pays_alike(officer, approver, case, gb, word):
    """Whatever the partner calls it, here it was broken off: its word changes no quota."""
    agree(officer, approver)
    gb.holds = {"tokens"}
    has(gb, ("email", BOSS))
    gb.opens()
    turn(gb)
    gb.heard(gb.addressed("matching.run_proposed", Proposed)[-1][1])
    for _ in range(3):
        turn(gb)
        gb.goes_on()
    assert gb.learnt == [Value("email", BOSS)]
    gb.entry("matching.run_ended", RunEnded(state=word, why="Sorry.", run=gb.run.hex))
    turn(gb)
    row = Run.objects.get(there=gb.run)
    assert (row.state, row.other_state) == ("broken", word)
    again = peer_again(gb)
    again.opens()
    turn(again)
    assert Run.objects.latest("sequence").blanket


def test_a_run_that_ended_there_gives_nothing_more(officer, approver, case, gb):
    """Not between the partner's word and this side's own."""
    agree(officer, approver)
    has(gb, ("email", BOSS))
    gb.opens()
    turn(gb)
    gb.heard(gb.addressed("matching.run_proposed", Proposed)[-1][1])
    turn(gb)
    run = Run.objects.get(there=gb.run)
    Run.objects.filter(pk=run.pk).update(other_state="declined")
    assert gb._fetched("points", 32) is None
    turn(gb)
    assert Run.objects.get(pk=run.pk).state == "declined"


def test_a_run_cannot_be_recalled_nor_purge_itself(officer, approver, case, gb):
    """That it was asked for is held against the partner: it stays on record on both sides."""
    agree(officer, approver)
    has(gb, ("email", BOSS))
    run = gb.opens()
    turn(gb)
    gb.entry("federation.recalled", Recall(run.hex, "Sorry."))
    turn(gb)
    refused = Received.objects.get(kind="federation.recalled")
    assert "stays on record" in refused.why
    assert Run.objects.filter(there=run).exists()
    marking = Marking(originators=frozenset({"gb-ncas"}), retention_us=now_us() + 10**6)
    gb.run = uuid4()
    gb.entry("matching.run_proposed", gb._proposes(), object_id=gb.run, marking=marking)
    turn(gb)
    assert "purge itself" in Received.objects.exclude(why="").latest("number").why
    assert not Run.objects.filter(there=gb.run).exists()


def test_neither_the_page_it_came_in_nor_another_kind_under_its_id_takes_a_run_away(
    officer, approver, case, gb
):
    """Recalled in the same page, or with a date in the past by an entry of another kind: it is still held against it."""
    agree(officer, approver)
    has(gb, ("email", BOSS))
    run = gb.opens()
    gb.entry("federation.recalled", Recall(run.hex, "Sorry."))
    turn(gb)
    assert Run.objects.filter(there=run).exists()
    past = Marking(originators=frozenset({"gb-ncas"}), retention_us=now_us() - 10**6)
    gb.entry("things.unheard", object_id=run, version=2, marking=past)
    turn(gb)
    purge_due()
    assert Run.objects.filter(there=run).exists()
    assert quota.spent("gb-ncas")


def test_points_of_one_value_sent_twice_end_the_run(officer, approver, case, gb):
    """Before any token of them is given: equal tokens would say which of them are hits."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS), ("phone", PHONE))
    gb.gives = lambda name, data: data[:32] + data[:32] if name == "points" else data
    run = compare(gb, kaja)
    assert (run.state, gb.learnt) == ("failed", None)
    assert "twice" in run.why


def test_forged_tokens_end_the_run(officer, approver, case, gb):
    """Tokens that are not those announced are nothing: no hit is made of them."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS))
    gb.gives = lambda name, data: bytes(len(data)) if name == "tokens" else data
    row = compare(gb, kaja)
    assert (row.state, row.hits) == ("failed", 0)
    assert not Hit.objects.exists()


def test_a_proposal_in_anothers_name_is_refused(officer, approver, case, gb):
    """What it commits to is its own, for this run, or the entry is refused."""
    agree(officer, approver)
    has(gb, ("email", BOSS), says=lambda said: msgspec.structs.replace(said, authority="fi-cert"))
    gb.opens()
    turn(gb)
    assert not Run.objects.exists()
    assert Received.objects.filter(state="refused").count() == 1


def test_the_quota_holds_in_a_run_that_this_side_opened_too(officer, approver, case, gb):
    """The partner commits to its guesses only when it takes part: nothing of ours is sent for too many of them."""
    _, kaja = case
    agree(officer, approver, per_day=5)
    has(gb, *(("email", f"guess{at}@example.org") for at in range(6)))
    row = compare_without_learning(gb, kaja)
    assert (row.state, row.blanket) == ("declined", True)
    assert parts.count(row.pk, parts.POINTS) == 0
    assert gb.ended()[-1].blanket


def test_a_partner_that_takes_part_with_another_normalisation_is_refused(officer, approver, case, gb):
    """Whoever opened the run: the two would miss what both have."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS), normaliser="0" * 64)
    row = compare_without_learning(gb, kaja)
    assert row.state == "failed"
    assert "normalisation of selectors" in row.why
