"""What is of all cases together is for who oversees: neither the ledger nor a page tells an insider what other teams have."""

from uuid import UUID

import pytest

from hanse.accounts.models import Team
from hanse.cases import working
from hanse.cases.joint_models import JointCase
from hanse.cases.selector import read
from hanse.console.marking import Wish, mark_anew
from hanse.console.visible_entries import entry_for, visible_entries
from hanse.ledger.check import check
from hanse.ledger.kinds import all_kinds
from hanse.ledger.models import Entry
from hanse.ledger.replay import rebuild
from hanse.ledger.tree import integrate
from hanse.matching import contacting, hits, quota, running, showing, withholding
from hanse.matching.agreeing import agreement_with
from hanse.matching.contents import Contact
from hanse.matching.hits import references_of
from hanse.matching.models import Hit, Reference, Run
from hanse.matching.offering import offered
from hanse.policy.guarded import NotVisibleError
from tests.accounts.people import acting, newcomer
from tests.cases.made import opened
from tests.matching.cast import BOSS, PHONE, agree, compare, has, peer_again
from tests.matching.partner import turn
from tests.matching.test_contacting import There
from tests.web.conftest import client_as

__all__ = ["client_as"]

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.usefixtures("founded")]


OVERSEEN = (
    "matching.run_proposed", "matching.run_begun", "matching.run_ended", "matching.mask_made", "matching.tag_key_made",
    "matching.count_asked", "matching.standing_day",
)  # fmt: skip


def test_what_hides_a_comparison_is_read_by_who_oversees_alone(
    run, case, officer, approver, auditor, client_as
):
    """With a run's secret a partner's copy of it is opened by guessing, and its size tells what other teams have.

    Whoever works here reads entries that may read bodies, and these not; nor does anybody take them out with a proof.
    """
    integrate()
    rows = Entry.objects.filter(kind__in=OVERSEEN, object_id=run.pk)
    assert {row.kind for row in rows} == set(OVERSEEN[:3])
    for row in rows:
        for one in (case[1], officer, approver):
            for action in ("ledger.read_body", "ledger.export"):
                with pytest.raises(NotVisibleError):
                    entry_for(one, action, row.pk)
            client = client_as(one)
            page = client.post(f"/ledger/{row.pk}/", {"reason": "To see."}).content.decode()
            assert "only who oversees reads it" in page
            assert "legal_basis" not in page
            assert "transcript" not in page
            assert client.post(f"/ledger/{row.pk}/export/", {"reason": "To see."}).status_code in {403, 404}
            assert client.get(f"/api/ledger/entries/{row.pk}/proof?why=To+see").status_code in {403, 404}
        assert entry_for(auditor, "ledger.read_body", row.pk) == row


def test_each_kind_that_holds_a_secret_of_matching_is_overseen_or_its_cases_own():
    """A new one is looked at here: a question's stands with its case, to the team of that case."""
    secret = {
        kind.name for kind in all_kinds()
        if kind.name.startswith("matching.") and {"secret", "seed"} & set(kind.content.__struct_fields__)
    }  # fmt: skip
    overseen = {kind.name for kind in all_kinds() if kind.overseen}
    assert secret - overseen == {"matching.question_asked"}


def test_what_one_officer_alone_sees_the_ledger_shows_to_no_other(officer, approver, case, gb, auditor):
    """Neither to another team, which may know of every entry that is of none, nor to the case's own."""
    made, kaja = case
    agree(officer, approver)
    special = working.add_selector(made, read("email", "special@home.example"), kaja)
    alone = newcomer("officer", name="Alone", teams=tuple(UUID(one) for one in kaja.teams))
    withholding.keep_out(made, special, alone, "Ask her.", kaja)
    has(gb, ("email", "special@home.example"))
    compare(gb, kaja)
    hit = Hit.objects.get()
    contacting.offer(hit.pk, contacting.Told(name="Alone"), acting(alone))
    gb.entry(contacting.CONTACT, Contact(references=references_of(hit), name="Constable Gray"))
    turn(gb)
    stranger = acting(newcomer("investigator", name="Not In It"))
    about = {hit.pk, *Reference.objects.values_list("thing", flat=True)}
    assert len(about) == 2
    for one in (stranger, kaja, officer):
        assert not visible_entries(one, "ledger.view").filter(object_id__in=about).exists()
    assert visible_entries(auditor, "ledger.view").filter(object_id__in=about).exists()
    rebuild()
    assert list(check()) == []


def test_no_number_says_whether_another_team_has_a_selector_too(
    officer, approver, case, gb, auditor, client_as
):
    """Neither the size of a comparison nor how many both have stands before who works on cases.

    They stay the same when an insider adds a value that another team has: that is what would tell.
    """
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS))
    insider, eve = opened(acting(newcomer("investigator", name="Eve")))
    working.add_selector(insider, read("email", "new@shop.example"), eve)
    compare(gb, kaja)
    working.add_selector(insider, read("email", BOSS), eve)
    working.add_selector(insider, read("phone", PHONE), eve)
    compare(peer_again(gb), eve)
    for one in (eve, kaja, officer, approver):
        client = client_as(one)
        client.get("/matches/", {"why": "Case work"}, follow=True)
        page = client.get("/matches/").content.decode()
        assert "Both have" not in page
        assert "Ours" not in page
        assert "is of all teams' cases" in page.replace("&#x27;", "'")
        own = {eve.id: 2, kaja.id: 1}.get(one.id, 0)
        assert f"E-mail {own}" in page
        told = client.get("/api/matching/runs", headers={"X-Reason": "Case work"}).json()["items"]
        assert [one["hits"] for one in told] == [None, None]
        told = client.get("/api/matching/standing", headers={"X-Reason": "Case work"}).json()
        assert [one["waiting"] for one in told] == [None]
    client = client_as(auditor)
    assert [one["hits"] for one in client.get("/api/matching/runs").json()["items"]] == [1, 1]
    page = client.get("/matches/").content.decode()
    assert "Both have" in page
    assert "E-mail 3" in page
    assert len({one.own.size for one in showing.runs(auditor)}) == 1
    assert [(one.own, one.same, one.left_s) for one in showing.runs(eve)] == [(None, None, None)] * 2


def test_why_a_run_was_declined_here_holds_no_number_of_this_sides(officer, approver, case, gb, monkeypatch):
    """It is read by everybody who sees comparisons, and by the partner."""
    agree(officer, approver)
    monkeypatch.setattr(quota, "PER_CASE", 1)
    run = running.ask("gb-ncas", case[1], "Case 12/2026.")
    turn(gb)
    row = Run.objects.get(pk=run)
    assert row.state == "declined"
    assert not any(letter.isdigit() for letter in row.why)


def test_what_a_partner_said_to_another_case_is_not_told_to_this_one(officer, approver, case, gb):
    """Two cases of two teams have one value: what was offered before the second found it tells of the first."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS))
    compare(gb, kaja)
    [first] = Hit.objects.all()
    gb.entry(contacting.CONTACT, Contact(references=references_of(first), name="Constable Gray"))
    turn(gb)
    assert contacting.standing([first])[first.pk].other is not None
    insider, eve = opened(acting(newcomer("investigator", name="Eve")))
    working.add_selector(insider, read("email", BOSS), eve)
    compare(peer_again(gb), kaja)
    later = Hit.objects.get(case=insider)
    assert contacting.standing([later])[later.pk].other is None
    gb.entry(contacting.CONTACT, Contact(references=references_of(later), name="Constable Gray"))
    turn(gb)
    assert contacting.standing([later])[later.pk].other is not None
    assert set(references_of(later)) < set(references_of(first))


def test_the_same_holds_where_hits_are_named_alike(officer, approver, case, gb):
    """In standing matching, and of questions of one month: what came before a hit was found is not for it."""
    agree(officer, approver)
    insider, eve = opened(acting(newcomer("investigator", name="Eve")))
    name, value = "a" * 32, read("email", BOSS).value
    hits.record("gb-ncas", "standing", None, offered(agreement_with("gb-ncas")), {value: name})
    [first] = Hit.objects.all()
    gb.entry(contacting.CONTACT, Contact(references=(name,), declined=True), object_id=UUID(int=7))
    turn(gb)
    working.add_selector(insider, read("email", BOSS), eve)
    hits.record("gb-ncas", "standing", None, offered(agreement_with("gb-ncas")), {value: name})
    later = Hit.objects.get(case=insider)
    stands = contacting.standing([first, later])
    assert (stands[first.pk].words, stands[later.pk].words) == (
        "Declined there",
        "Nobody has offered anything yet",
    )
    gb.entry(contacting.CONTACT, Contact(references=(name,), stage="begun"), object_id=UUID(int=7), version=2)
    turn(gb)
    stands = contacting.standing([first, later])
    assert [one.other.stage for one in stands.values()] == ["begun", "begun"]


def test_a_joint_case_that_is_none_ends_no_contact(officer, approver, case, gb):
    """A partner that names one it never opened would leave a hit that nobody here can answer, and waits for ever."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS))
    compare(gb, kaja)
    [hit] = Hit.objects.all()
    gb.entry(contacting.CONTACT, Contact(references=references_of(hit), agrees=True, joint="f" * 32))
    turn(gb)
    assert contacting.standing([hit], kaja)[hit.pk].joint is None
    assert contacting.offer(hit.pk, contacting.Told(name="Kaja"), kaja).own.name == "Kaja"


def test_a_joint_case_of_another_team_is_not_told_of(officer, approver, case, gb):
    """What was opened with the partner and given to a team here neither shows at another team's hit nor ends its contact."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS))
    compare(gb, kaja)
    [hit] = Hit.objects.all()
    there = There(gb, references_of(hit)[0], hit.pk)
    there.opens()
    there.says(agrees=True)
    turn(gb)
    row = JointCase.projected.get()
    assert contacting.standing([hit], kaja)[hit.pk].joint == row.pk
    team = Team.objects.create(object_id=UUID(int=77), name="Amber", said_by=0).pk.hex
    mark_anew(row.pk, Wish(row.marking.marking, team), "Need to know.", officer)
    stands = contacting.standing([hit], kaja)[hit.pk]
    assert (stands.joint, "joint case was opened" in stands.words) == (None, False)
    assert contacting.standing([hit])[hit.pk].joint == row.pk
    assert contacting.offer(hit.pk, contacting.Told(name="Kaja"), kaja).own.name == "Kaja"
