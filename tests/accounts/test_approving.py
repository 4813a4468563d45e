"""Approving: two people are needed at the moment of approval, not only when it was proposed."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hanse.accounts import approvals, contents, service, tokens
from hanse.accounts.models import Invitation, Person, Proposal, Token
from hanse.accounts.rules import RefusedError
from hanse.accounts.who import token_actor
from hanse.console import endpoints
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.writing import append
from tests.accounts.browsing import founder
from tests.accounts.people import NODE, acting, credential, digest_in, newcomer
from tests.web.conftest import client_as

__all__ = ["client_as"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    """An administrator who stays."""
    return acting(newcomer("administrator", name="Mari"))


@pytest.fixture
def thief():
    """An administrator's account that somebody stole."""
    return acting(newcomer("administrator", name="Kati"))


@pytest.fixture
def approver():
    """Who decides."""
    return acting(newcomer("approver", name="Jaan"))


def test_what_a_person_proposed_who_lost_the_role_is_not_approved(admin, thief, approver):
    """It stays open, to be withdrawn or refused; nobody got the role."""
    friend = newcomer("analyst")
    proposal = service.grant_role(friend, "administrator", "Please.", thief)
    service.revoke_role(UUID(thief.id), "administrator", "Stolen.", admin)
    with pytest.raises(RefusedError, match="Kati, who proposed it, is not active any more or may not"):
        approvals.approve(proposal, approver)
    assert acting(friend).roles == {"analyst"}
    approvals.reject(proposal, "Stolen.", approver)
    assert Proposal.objects.get(pk=proposal).state == "refused"


def test_what_a_person_proposed_who_was_deactivated_is_not_approved(thief, approver):
    """Also where nobody withdrew it."""
    friend = newcomer("analyst")
    proposal = service.grant_role(friend, "administrator", "Please.", thief)
    append("accounts.deactivated", contents.Deactivated(), actor=NODE, object_id=UUID(thief.id))
    with pytest.raises(RefusedError, match="not active any more"):
        approvals.approve(proposal, approver)
    assert acting(friend).roles == {"analyst"}


def test_deactivating_withdraws_what_is_open(admin, thief):
    """The person's open proposals are withdrawn on record, by who keeps them out; others' stay."""
    friend = newcomer("analyst")
    theirs = service.grant_role(friend, "administrator", "Please.", thief)
    other = service.grant_role(friend, "officer", "She leads it now.", admin)
    service.deactivate(UUID(thief.id), "Stolen.", admin)
    row = Proposal.objects.get(pk=theirs)
    assert (row.state, row.decided_by) == ("withdrawn", admin.id)
    assert Proposal.objects.get(pk=other).state == "open"


def test_what_is_proposed_needs_no_second_proof_of_a_passkey(admin, approver):
    """The proposer's passkey was proved when they proposed, days ago maybe; and what the node proposed stands."""
    friend = newcomer("analyst")
    approvals.approve(service.grant_role(friend, "officer", "She leads it now.", admin), approver)
    proposal = uuid4()
    content = contents.Proposed(
        "accounts.grant_role", {"person": friend.hex, "role": "auditor"}, now_us() + approvals.EXPIRES_US
    )
    append("accounts.proposed", content, actor=NODE, object_id=proposal)
    approvals.approve(proposal, approver)
    assert acting(friend).roles == {"analyst", "officer", "auditor"}


def test_nobody_comes_into_a_team_that_was_closed_since(admin, approver):
    """Whom the team was closed to does not come in by an older proposal."""
    team, friend = service.make_team("Operation Amber", admin), newcomer("analyst")
    proposal = service.add_to_team(team, friend, "She works on it.", admin)
    service.close_team(team, admin)
    with pytest.raises(UsageError, match="closed since"):
        approvals.approve(proposal, approver)
    assert acting(friend).teams == frozenset()


def test_who_was_deactivated_gets_no_link_by_an_older_proposal(admin, approver):
    """Deactivating closed every link of theirs; bringing them back makes no other one."""
    lost = newcomer("analyst")
    proposal, _ = service.propose_recovery(lost, "Lost.", admin)
    service.deactivate(lost, "Left.", admin)
    with pytest.raises(UsageError, match="not active any more"):
        approvals.approve(proposal, approver)
    assert not Invitation.objects.filter(person=lost, open=True).exists()


def test_coming_back_withdraws_what_a_thief_proposed(admin, thief, approver):
    """Who had the lost passkeys proposed in their owner's name, who is active and may propose again."""
    friend = newcomer("analyst")
    theirs = service.grant_role(friend, "administrator", "Please.", thief)
    proposal, code = service.propose_recovery(UUID(thief.id), "Her bag was stolen.", admin)
    service.come_back(digest_in(approvals.approve(proposal, approver)), code, credential("new"))
    assert Proposal.objects.get(pk=theirs).state == "withdrawn"
    with pytest.raises(approvals.ProposalOverError):
        approvals.approve(theirs, approver)


def test_revoking_a_token_withdraws_what_tokens_proposed(admin, thief, approver):
    """A stolen token that may change settings proposed to reach a host inside; what the person proposed stays."""
    secret = tokens.make("thief's", ["settings.edit"], 30, thief)
    [token] = Token.objects.all()
    by_token = token_actor(secret)
    assert by_token is not None
    theirs = endpoints.propose_endpoint("relay.example", 587, "10.0.0.5", "It moved.", by_token)
    own = endpoints.propose_endpoint("mail.example", 587, "10.0.0.6", "Our relay.", thief)
    tokens.revoke(token.pk, admin)
    assert Proposal.objects.get(pk=theirs).state == "withdrawn"
    assert Proposal.objects.get(pk=own).state == "open"


@pytest.mark.parametrize("name", ["Jaan", " jaan ", "\uff2aaan", "Mari\u202e", "Ma\u200bri", "Mari\nKati"])
def test_nobody_takes_anothers_name_before_an_approver(thief, approver, name):
    """What is proposed names people as they are called when it is approved: nobody is called as another is, or unseen."""
    with pytest.raises(UsageError):
        service.rename(name, "", thief)
    assert Person.objects.get(pk=UUID(thief.id)).name == "Kati"
    service.rename("Kati", "kati@example.org", thief)


@pytest.mark.parametrize(
    "name", ["Operation Amber", "operation  amber", "Operation\u00a0Amber", "Operation Amber\u200b"]
)
def test_no_team_is_called_as_another_is_or_was(admin, name):
    """Moving a thing from the one to the other would read as if nothing changed."""
    service.close_team(service.make_team("Operation Amber", admin), admin)
    insider = acting(newcomer("investigator", name="Ivo"))
    with pytest.raises(UsageError):
        service.found_team(name, insider)


def test_who_proposed_reads_why_it_was_refused():
    """Whoever proposes anew has to know what to change; the page and a program say it."""
    browser = founder()
    mari, jaan = acting(browser.person), acting(newcomer("approver", name="Jaan"))
    proposal = service.grant_role(newcomer("analyst"), "auditor", "Please.", mari)
    approvals.reject(proposal, "Ask the director first.", jaan)
    assert "Ask the director first." in browser.get("/people/approvals/").content.decode()
    (told,) = browser.get("/api/people/approvals?state=decided").json()["items"]
    assert (told["state"], told["why_not"]) == ("refused", "Ask the director first.")


@pytest.mark.parametrize("nothing", ["", "  \n "])
def test_nobody_refuses_without_saying_why(nothing, client_as):
    """By the page, by a program and by any other way: it is still open then, and who refuses reads what is missing."""
    jaan = replace(acting(newcomer("approver", name="Jaan")), stepped_up_us=now_us())
    mari = acting(newcomer("administrator", name="Mari"))
    proposal = service.grant_role(newcomer("analyst"), "auditor", "Please.", mari)
    with pytest.raises(UsageError, match="Say why not"):
        approvals.reject(proposal, nothing, jaan)
    client = client_as(jaan)
    page = client.post(f"/people/approvals/{proposal}/refuse/", {"words": nothing})
    told = client.post(
        f"/api/people/approvals/{proposal}/refuse", {"why": nothing}, content_type="application/json"
    )
    for answer in (page, told):
        assert answer.status_code == 400
        assert "Say why not" in answer.content.decode()
    assert approvals.pending(proposal)


def test_why_many_were_refused_is_asked_once():
    """A page of five hundred refused proposals reads the ledger for their reasons once, not five hundred times."""
    browser = founder()
    mari, jaan = acting(browser.person), acting(newcomer("approver", name="Jaan"))

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            browser.get("/api/people/approvals?state=decided").json()
        return sum('FROM "ledger_entry"' in one["sql"] or "ledger_body" in one["sql"] for one in queries)

    def refused() -> None:
        proposal = service.grant_role(newcomer("analyst"), "auditor", "Please.", mari)
        approvals.reject(proposal, "No.", jaan)

    refused()
    few = asked()
    for _ in range(5):
        refused()
    assert asked() == few


def test_what_nobody_decided_on_in_time_is_shown_as_expired():
    """It does not vanish without a word after seven days: who proposed it sees that nobody decided."""
    browser = founder()
    mari = acting(browser.person)
    newcomer("approver", name="Jaan")
    proposal = service.grant_role(newcomer("analyst"), "auditor", "Please.", mari)
    Proposal.objects.filter(pk=proposal).update(expires_us=now_us() - 1)
    page = browser.get("/people/approvals/").content.decode()
    assert "expired" in page
    assert "nobody in time" in page
    (told,) = browser.get("/api/people/approvals?state=decided").json()["items"]
    assert (told["state"], told["why_not"]) == ("expired", "")


def test_the_words_say_that_the_proposer_may_no_longer_do_it(admin, thief, approver):
    """An approver reads it before approving, not only when that is refused; and refusing it says no less what it was."""
    friend = newcomer("analyst")
    proposal = service.grant_role(friend, "administrator", "Please.", thief)
    before = approvals.words_of(Proposal.objects.get(pk=proposal))
    assert "no longer" not in before
    service.revoke_role(UUID(thief.id), "administrator", "Stolen.", admin)
    words = approvals.words_of(Proposal.objects.get(pk=proposal))
    what = "Give Mari Maasikas the role administrator."
    assert words.startswith(
        f"{what} It can no longer be approved. Kati, who proposed it, is not active any more"
    )
    approvals.reject(proposal, "Stolen.", approver)
    assert approvals.words_of(Proposal.objects.get(pk=proposal)) == what


def test_what_is_proposed_by_who_may_no_longer_waits_for_nobody(admin, thief):
    """A page that shows what waits about a thing offers to propose it, as the proposal would give way."""
    friend = newcomer("analyst")
    proposal = service.grant_role(friend, "officer", "She leads it now.", thief)
    assert [row.pk for row in approvals.waiting_about("accounts.grant_role", "person", friend)] == [proposal]
    append("accounts.deactivated", contents.Deactivated(), actor=NODE, object_id=UUID(thief.id))
    assert approvals.waiting_about("accounts.grant_role", "person", friend) == []
