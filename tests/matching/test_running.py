"""Comparing whole sets on the ledger: both learn the hits and nothing else, whatever stops in the middle."""

from uuid import UUID

import pytest

from hanse.accounts import approvals
from hanse.cases import working
from hanse.cases.selector import read
from hanse.intel.values import Value
from hanse.kernel.errors import HanseError, UsageError
from hanse.ledger.check import check
from hanse.ledger.replay import rebuild
from hanse.ledger.service import purge
from hanse.matching import agreeing, hits, running, withholding
from hanse.matching.contents import Proposed, RunEnded
from hanse.matching.models import Agreement, Hit, Reference, Run, RunPart
from hanse.matching.names import keys_of
from hanse.matching.offering import offered
from hanse.policy.asking import RefusedError
from hanse.policy.guarded import NotVisibleError
from tests.accounts.people import acting, newcomer, several_at_once
from tests.federation.peer import Peer
from tests.matching.cast import (
    BOSS,
    PHONE,
    agree,
    compare,
    compare_without_learning,
    finish,
    fresh,
    has,
    terms,
)
from tests.matching.partner import Comparer, turn
from tests.shared import as_read

pytestmark = pytest.mark.usefixtures("founded")


def _with_boss(gb: Comparer) -> Comparer:
    has(gb, ("email", BOSS))
    return gb


def test_both_learn_what_both_have_and_nothing_else(officer, approver, case, gb):
    """The hit is on each side's own selector; the other's case, name and selectors stay there."""
    made, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS), ("email", "only@gb.example"), ("phone", "+442079460018"))
    row = compare(gb, kaja)
    assert (row.state, row.hits, gb.learnt) == ("finished", 1, [Value("email", BOSS)])
    [hit] = hits.visible_hits(kaja)
    assert (hit.case, hit.kind, hit.partner, hit.keys) == (made, "email", "gb-ncas", 0)
    assert row.transcript == gb.transcript() == gb.ended()[-1].transcript
    sent = b"".join(
        bytes(data) for data in RunPart.objects.exclude(name="values").values_list("data", flat=True)
    )
    assert BOSS.encode() not in sent
    assert list(check()) == []


def test_a_run_that_the_other_side_opens_is_the_same(officer, approver, case, gb):
    """Nobody here does anything: what was agreed is compared."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("phone", PHONE))
    gb.opens()
    turn(gb)
    gb.heard(gb.addressed("matching.run_proposed", Proposed)[-1][1])
    finish(gb)
    [row] = Run.objects.all()
    assert (row.ours, row.state, gb.learnt) == (False, "finished", [Value("phone", PHONE)])
    assert [one.kind for one in hits.visible_hits(kaja)] == ["phone"]


def test_a_person_spelled_otherwise_is_a_lead_and_no_hit(officer, approver, case, gb):
    """It says how many keys of the name both have, and counts as no hit."""
    _, kaja = case
    agree(officer, approver)
    has(
        gb,
        ("person", "Iwan Petrow", {"born": "1980-02-01"}),
        ("person", "Mary Smith", {"born": "1980-02-01"}),
    )
    gb.has = tuple(v for one in gb.has for v in (one, *keys_of(one)))
    row = compare(gb, kaja)
    [hit] = hits.visible_hits(kaja)
    assert (row.hits, hit.kind) == (0, "person")
    assert hit.is_lead
    assert hit.keys >= 1


def test_who_does_not_work_on_the_case_sees_no_hit(officer, approver, case, gb):
    """Not even that there is one; who works on it sees it on the case's timeline."""
    _, kaja = case
    agree(officer, approver)
    compare(_with_boss(gb), kaja)
    [hit] = Hit.objects.all()
    stranger = acting(newcomer("investigator", name="Not In It"))
    assert not hits.visible_hits(stranger).exists()
    with pytest.raises(NotVisibleError):
        hits.hit_for(stranger, hit.pk)


def test_victims_and_what_is_kept_out_are_not_compared(officer, approver, case, gb):
    """A victim's selector, an informant's and an embargoed case's stay out; an officer's are seen by that one alone."""
    made, kaja = case
    agree(officer, approver)
    victim = working.add_person(made, working.Told(category="victim", name="Eha"), kaja)
    working.add_selector(made, read("email", "victim@home.example"), kaja, person=victim)
    informant = working.add_selector(made, read("email", "informant@home.example"), kaja)
    special = working.add_selector(made, read("email", "special@home.example"), kaja)
    withholding.keep_out(made, informant, None, "An informant's.", kaja)
    with pytest.raises(UsageError, match="in the case's team"):
        withholding.keep_out(made, special, UUID(officer.id), "Ask Olev.", kaja)
    alone = newcomer("officer", name="Alone", teams=tuple(UUID(one) for one in kaja.teams))
    withholding.keep_out(made, special, alone, "Ask her.", kaja)
    has(gb, *(("email", f"{name}@home.example") for name in ("victim", "informant", "special")))
    row = compare(gb, kaja)
    assert (row.hits, gb.learnt) == (1, [Value("email", "special@home.example")])
    assert not hits.visible_hits(kaja).exists()
    assert hits.visible_hits(acting(alone)).count() == 1
    withholding.let_in(made, informant, "Not one any more.", kaja)
    assert [one.value.text for one in offered(agreeing.agreement_with("gb-ncas"))].count(
        "informant@home.example"
    ) == 1


def test_without_an_agreement_nothing_is_compared(case, gb):
    """Neither asked for here, nor by the other side: it is told why."""
    _, kaja = case
    has(gb, ("email", BOSS))
    with pytest.raises(agreeing.NoAgreementError):
        running.ask("gb-ncas", kaja, "Why not.")
    gb.opens()
    turn(gb)
    [row] = Run.objects.all()
    assert row.state == "declined"
    assert "Nothing is agreed" in gb.ended()[-1].why
    assert gb.given == []


def test_agreements_take_two_people_and_end_by_one(officer, approver, case, gb):
    """Who proposes cannot approve; an investigator cannot propose; runs stop with it."""
    _, kaja = case
    with pytest.raises(RefusedError):
        agreeing.propose(terms(), "Because.", fresh(kaja))
    proposal = agreeing.propose(terms(), "As agreed.", officer)
    with pytest.raises(HanseError, match="None of your roles"):
        approvals.approve(proposal, officer)
    approvals.approve(proposal, approver)
    assert agreeing.agreement_with("gb-ncas").kinds == ["email", "person", "phone"]
    agreeing.end("gb-ncas", "It ran out.", officer)
    with pytest.raises(agreeing.NoAgreementError):
        agreeing.agreement_with("gb-ncas")


@pytest.mark.parametrize("how", ["ended", "narrowed"])
def test_no_agreement_comes_back_by_an_older_proposal(officer, approver, case, gb, how):
    """What one person ended, or two made narrower, since it was proposed stays so; of another partner it matters not."""
    wide = agreeing.propose(terms(), "As agreed.", officer)
    with several_at_once():
        agree(officer, approver, kinds=["email"])
    if how == "ended":
        agreeing.end("gb-ncas", "They were broken into.", officer)
    with pytest.raises(UsageError, match="changed or ended since"):
        approvals.approve(wide, approver)
    assert [row.kinds for row in Agreement.objects.all()] == ([] if how == "ended" else [["email"]])
    approvals.reject(wide, "It is too old.", approver)
    Peer("fi-cert", "FI").joins()
    later = agreeing.propose(terms(), "As agreed.", officer)
    agree(officer, approver, partner="fi-cert")
    approvals.approve(later, approver)
    assert agreeing.agreement_with("gb-ncas").kinds == ["email", "person", "phone"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kinds": ["name"]}, "no kind that can be compared"),
        ({"kinds": []}, "at least one kind"),
        ({"categories": ["enemy"]}, "no category"),
        ({"legal_basis": " "}, "the law"),
        ({"per_day": 0}, "1 to 1,000,000"),
        ({"until_us": 5}, "next two years"),
    ],
)
def test_terms_that_cannot_be_meant_are_refused(officer, wrong, words, gb):
    """Each with what to do."""
    with pytest.raises(UsageError, match=words):
        agreeing.propose(terms(**wrong), "As agreed.", officer)


def test_a_partner_that_dies_in_the_middle_loses_nothing(officer, approver, case, gb):
    """It comes back later: nothing is fetched twice, and both learn the hits."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS))
    run = running.ask("gb-ncas", kaja, "Case 12/2026 asks for it.")
    turn(gb)
    gb.takes_part()
    gb.holds = {"digest", "tokens"}
    turn(gb)
    turn(gb)
    assert gb.given.count("points 0") == 1
    gb.goes_on()
    gb.holds = set()
    finish(gb)
    assert gb.given.count("points 0") == 1
    assert (Run.objects.get(pk=run).state, gb.learnt) == ("finished", [Value("email", BOSS)])


def test_a_stopped_run_ends_on_both_sides(officer, approver, case, gb):
    """Who stops it says why here; the other side reads that it was stopped."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS))
    run = running.ask("gb-ncas", kaja, "Case 12/2026 asks for it.")
    turn(gb)
    running.stop(run, kaja, "The judge forbade it.")
    assert Run.objects.get(pk=run).why == "It was stopped: The judge forbade it."
    assert gb.ended()[-1] == RunEnded(state="failed", why="It was stopped.", run=run.hex)
    with pytest.raises(UsageError, match="has ended"):
        running.stop(run, kaja, "Again.")


def test_hits_go_with_their_case_and_a_rebuild_makes_the_rest_again(officer, approver, case, gb):
    """Purging the case purges what was found of it; the tables follow from the entries."""
    made, kaja = case
    agree(officer, approver)
    row = compare(_with_boss(gb), kaja)
    before = as_read(Run.objects.filter(pk=row.pk))
    rebuild()
    assert as_read(Run.objects.filter(pk=row.pk)) == before
    assert Hit.objects.count() == 1
    purge([made], reason="Over.", actor=kaja)
    assert not Hit.objects.exists()
    assert not Reference.objects.exists()


def test_a_run_ends_when_what_was_agreed_does(officer, approver, case, gb):
    """Nothing more is given, and both sides read why."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS), holds={"digest", "tokens"})
    row = compare_without_learning(gb, kaja)
    assert row.state == "comparing"
    agreeing.end("gb-ncas", "It ran out.", officer)
    turn(gb)
    assert Run.objects.get(pk=row.pk).state == "failed"
    assert "Nothing is agreed" in gb.ended()[-1].why
    gb.goes_on()
    assert gb.learnt is None
