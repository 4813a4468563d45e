"""Two people decide on one thing at a time, and whoever gets something by it is not one who approves it."""

import json
from uuid import UUID

import pytest

from hanse.accounts import approvals, openings, service
from hanse.accounts.approvals import ProposedAlreadyError
from hanse.accounts.models import Proposal
from hanse.accounts.rules import RefusedError
from hanse.console import quota
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.ledger.models import Entry
from tests.accounts.browsing import founder
from tests.accounts.people import acting, newcomer

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    """An administrator."""
    return acting(newcomer("administrator", name="Mari"))


@pytest.fixture
def other():
    """Another administrator."""
    return acting(newcomer("administrator", name="Kati"))


@pytest.fixture
def approver():
    """Who decides."""
    return acting(newcomer("approver", name="Jaan"))


def _proposed() -> int:
    return Entry.objects.filter(kind="accounts.proposed").count()


def test_a_second_proposal_about_the_same_is_refused_and_names_the_first(admin, other, approver):
    """Of two quotas that wait, the one approved last would hold, whatever was read of the first; one waits at a time."""
    first = quota.propose_fewer(10, "The disk is full.", admin)
    with pytest.raises(ProposedAlreadyError, match=r"Mari proposed.*Keep 10 GiB") as refusal:
        quota.propose_fewer(5, "Still full.", other)
    assert (refusal.value.status, refusal.value.proposal) == (409, first)
    assert refusal.value.there == f"/people/approvals/?proposal={first}"
    assert _proposed() == 1
    approvals.approve(first, approver)
    quota.propose_fewer(5, "Still full.", other)


@pytest.mark.parametrize("how", ["refused", "withdrawn", "expired"])
def test_what_waits_no_more_is_in_nobodys_way(admin, other, approver, how, monkeypatch):
    """Refused, taken back or too old, the first one is followed by another."""
    first = quota.propose_fewer(10, "The disk is full.", admin)
    if how == "refused":
        approvals.reject(first, "Buy a disk.", approver)
    elif how == "withdrawn":
        approvals.withdraw(first, admin)
    else:
        at = now_us() + approvals.EXPIRES_US + 1
        monkeypatch.setattr(approvals, "now_us", lambda: at)
    assert quota.propose_fewer(5, "Still full.", other) != first


def test_what_its_proposer_may_no_longer_propose_gives_way(admin, other, approver):
    """Nobody approves it, so that it keeps nothing out: it is withdrawn with a word, and the next one waits."""
    first = quota.propose_fewer(10, "The disk is full.", admin)
    service.revoke_role(UUID(admin.id), "administrator", "She is analyst now.", other)
    second = quota.propose_fewer(5, "Still full.", other)
    row = Proposal.objects.get(pk=first)
    assert row.state == "withdrawn"
    assert "may not propose it any more. Another proposal takes its place." in approvals.why_not([row])[first]
    approvals.approve(second, approver)


def test_what_is_proposed_of_another_thing_is_in_nobodys_way(admin, other):
    """Another role of the same person, and the same role of another, are other things."""
    one, two = newcomer("analyst"), newcomer("analyst")
    service.grant_role(one, "officer", "Leads.", admin)
    service.grant_role(one, "investigator", "Leads.", admin)
    service.grant_role(two, "officer", "Leads.", other)
    with pytest.raises(ProposedAlreadyError):
        service.grant_role(one, "officer", "Leads.", other)


def test_two_who_oversee_ask_for_the_same_body_each(approver):
    """It is opened to one person: the other one's question is another one."""
    first, second = (acting(newcomer("auditor", name=name)) for name in ("Aino", "Ants"))
    openings.ask_for(UUID(int=7), "The inspection.", first)
    openings.ask_for(UUID(int=7), "The inspection.", second)
    with pytest.raises(ProposedAlreadyError):
        openings.ask_for(UUID(int=7), "Again.", first)


def test_another_code_for_the_same_person_is_a_second_proposal(admin, other):
    """Who lost every passkey is brought back by one code: the proposal differs by nothing but that."""
    lost = newcomer("analyst", name="Piret")
    service.propose_recovery(lost, "Her bag was stolen.", admin)
    with pytest.raises(ProposedAlreadyError):
        service.propose_recovery(lost, "Her bag was stolen.", other)


def test_a_row_put_in_by_sql_is_in_nobodys_way(admin):
    """Only what was signed waits: whoever writes to the database cannot keep others from proposing."""
    first = quota.propose_fewer(10, "The disk is full.", admin)
    row = Proposal.objects.get(pk=first)
    Proposal.objects.all().delete()
    row.pk = UUID(int=9)
    row.save(force_insert=True)
    quota.propose_fewer(10, "The disk is full.", admin)


@pytest.mark.parametrize("what", ["role", "team", "back"])
def test_whoever_gets_something_by_it_does_not_approve_it(admin, approver, what):
    """An administrator and one who is to have a role are not two people who look at it: another approver is needed."""
    gainer = acting(newcomer("approver", name="Ivo"))
    if what == "role":
        proposal = service.grant_role(UUID(gainer.id), "auditor", "Please.", admin)
    elif what == "team":
        team = service.make_team("Operation Amber", admin)
        proposal = service.add_to_team(team, UUID(gainer.id), "Please.", admin)
    else:
        proposal, _ = service.propose_recovery(UUID(gainer.id), "Lost.", admin)
    with pytest.raises(RefusedError, match="another approver") as refusal:
        approvals.approve(proposal, gainer)
    assert refusal.value.decision.rules == ("own-gain",)
    assert Proposal.objects.get(pk=proposal).state == "open"
    assert approvals.waiting_for(gainer) == []
    assert (approvals.count_waiting_for(gainer), approvals.count_waiting_for(approver)) == (0, 1)
    approvals.approve(proposal, approver)


def test_what_is_for_nobody_waits_for_every_approver(admin, approver):
    """A proposal that gives no person anything is counted for all who decide but its proposer."""
    quota.propose_fewer(10, "The disk is full.", admin)
    assert approvals.count_waiting_for(approver) == len(approvals.waiting_for(approver)) == 1


def test_the_page_and_a_program_are_led_to_the_first():
    """Who proposes the second reads what the first is, and comes to it; a stranger to such things does not."""
    browser = founder()
    kati = acting(newcomer("administrator", name="Kati"))
    friend = newcomer("analyst", name="Piret")
    first = service.grant_role(friend, "officer", "She leads it now.", kati)
    browser.step_up()
    answer = browser.post(f"/people/{friend}/grant/", {"role": "officer", "why": "Leads."})
    there = f"/people/approvals/?proposal={first}"
    assert answer.status_code == 409
    assert f'href="{there}"' in answer.content.decode()
    text = browser.get(there).content.decode()
    assert "Give Piret the role officer." in text
    assert "Kati" in text
    told = browser.post(
        f"/api/people/{friend}/roles/grant",
        json.dumps({"role": "officer", "why": "Leads."}),
        content_type="application/json",
        headers={"X-CSRFToken": browser.cookies["csrftoken"].value} if "csrftoken" in browser.cookies else {},
    )
    assert (told.status_code, told.json()["see"]) == (409, there)
    approvals.withdraw(first, kati)
    assert "withdrawn" in browser.get(there).content.decode()


def test_who_could_not_have_proposed_it_is_not_shown_it(admin):
    """The address of a proposal shows it to those alone who may do such things, or see what people do."""
    first = service.grant_role(newcomer("analyst"), "officer", "Leads.", admin)
    for role, sees in {"analyst": False, "officer": False, "administrator": True, "auditor": True}.items():
        assert (approvals.shown(first, acting(newcomer(role))) is not None) is sees
    assert approvals.shown(UUID(int=3), admin) is None
    assert issubclass(ProposedAlreadyError, HanseError)
