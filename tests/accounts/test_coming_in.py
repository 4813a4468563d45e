"""Coming in: the founding link, invitations, joining, and coming back after losing a passkey."""

from dataclasses import replace
from uuid import UUID

import pytest
from django.urls import reverse, set_script_prefix
from django.utils import timezone

from hanse.accounts import approvals, contents, issuers, links, service, tokens
from hanse.accounts.models import Invitation, Passkey, Person, Proposal, Session
from hanse.accounts.rules import RefusedError, founding
from hanse.accounts.who import token_actor
from hanse.kernel.errors import UsageError
from hanse.ledger.models import Body, Entry
from hanse.ledger.shadow import differences
from hanse.ledger.writing import append
from tests.accounts.browsing import founder
from tests.accounts.people import NODE, acting, credential, digest_in, newcomer, secret_in

pytestmark = pytest.mark.django_db


def found() -> UUID:
    """A node's first person."""
    digest = digest_in(service.invite_first(NODE))
    return service.join(digest, "Mari Maasikas", "passkey", credential=credential()).pk


def test_the_first_person_founds_the_node():
    """Who uses the administrator link is administrator, analyst and approver, under the name they chose."""
    actor = acting(found())
    assert (actor.name, actor.roles) == ("Mari Maasikas", {"administrator", "analyst", "approver"})
    assert founding()


@pytest.mark.parametrize("prefix", ["/", "/hanse/"])
def test_a_link_leads_to_its_page(prefix):
    """The address that is told is the one under which the page is found."""
    set_script_prefix(prefix)
    try:
        assert links.welcome("a-Secret_1") == reverse("accounts:welcome", "hanse.urls", ["a-Secret_1"])
    finally:
        set_script_prefix("/")


def test_no_cache_keeps_the_page_of_a_link(client):
    """It names who was invited, and its address is the proof: neither a shared browser nor a proxy keeps it."""
    answer = client.get(links.welcome(secret_in(service.invite_first(NODE))))
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert client.get(links.welcome("nonsense"))["Cache-Control"] == "no-store"


def test_there_is_one_first_person():
    """After somebody joined, nobody gets another administrator link."""
    found()
    with pytest.raises(UsageError, match="people already"):
        service.invite_first(NODE)


def test_a_new_administrator_link_replaces_the_old_one():
    """Only the link that was printed last works, and it is for the same person."""
    old, new = digest_in(service.invite_first(NODE)), digest_in(service.invite_first(NODE))
    with pytest.raises(links.LinkError):
        service.join(old, "", "passkey", credential=credential())
    service.join(new, "", "passkey", credential=credential())
    assert Person.objects.count() == 1


def test_a_link_works_once():
    """A link that was used lets nobody in, with the same words as one that never was."""
    digest = digest_in(service.invite_first(NODE))
    service.join(digest, "", "passkey", credential=credential())
    for wrong in (digest, "nonsense"):
        with pytest.raises(links.LinkError, match="holds no more"):
            service.join(wrong, "", "passkey", credential=credential("two"))


def test_a_link_holds_for_a_day(monkeypatch):
    """A second after 24 hours the link is dead."""
    digest = digest_in(service.invite_first(NODE))
    row = Invitation.objects.get()
    monkeypatch.setattr(links, "now_us", lambda: row.expires_us - 1_000_000)
    links.find(digest)
    monkeypatch.setattr(links, "now_us", lambda: row.expires_us)
    with pytest.raises(links.LinkError):
        links.find(digest)


def test_a_link_is_nowhere_in_the_database():
    """Of a link the node keeps a hash, in its rows as in its ledger."""
    secret = secret_in(service.invite_first(NODE)).encode()
    kept = [bytes(body.data) for body in Body.objects.all()] + [bytes(e.payload) for e in Entry.objects.all()]
    assert not any(secret in data for data in kept)
    assert secret.decode() not in str(list(Invitation.objects.values()))


def test_a_used_link_that_was_opened_again_by_sql_lets_nobody_in():
    """The state of a link is what its entries say."""
    digest = digest_in(service.invite_first(NODE))
    service.join(digest, "", "passkey", credential=credential())
    Invitation.objects.update(open=True)
    with pytest.raises(links.LinkError):
        service.join(digest, "", "passkey", credential=credential("two"))


def test_a_link_made_by_sql_lets_nobody_in():
    """A row with a hash that somebody knows is no link without an entry."""
    service.invite_first(NODE)
    Invitation.objects.update(digest="known")
    with pytest.raises(links.LinkError):
        service.join("known", "", "passkey", credential=credential())


def test_the_second_person_has_to_be_an_approver():
    """Alone, one gives roles with the invitation; without an approver nobody could approve anything later."""
    founder = acting(found())
    with pytest.raises(UsageError, match="approver"):
        service.invite("Jüri", "", ["analyst"], "", founder)
    _, link = service.invite("Jüri", "", ["approver", "auditor"], "", founder)
    second = service.join(digest_in(link), "", "passkey", credential=credential("two"))
    assert acting(second.pk).roles == {"approver", "auditor"}
    assert not founding()


def test_a_second_link_of_the_founding_gives_the_same_roles():
    """Who lost the first link comes in as an approver all the same: otherwise nobody could approve anything, for ever."""
    founder = acting(found())
    person, _ = service.invite("Jüri", "", ["approver", "auditor"], "", founder)
    service.invite_again(person, founder)
    again = service.invite_again(person, founder)
    service.join(digest_in(again), "", "passkey", credential=credential("two"))
    assert acting(person).roles == {"approver", "auditor"}


def test_a_second_link_after_the_founding_gives_no_roles():
    """Roles that an invitation of the founding was to give are a proposal once two have joined."""
    founder = acting(found())
    person, _ = service.invite("Kati", "", ["approver", "officer"], "", founder)
    newcomer("approver")
    service.join(
        digest_in(service.invite_again(person, founder)), "", "passkey", credential=credential("three")
    )
    assert acting(person).roles == set()


def test_an_invitation_is_taken_back():
    """A link that went to the wrong person lets nobody in, and a new one can be made for the right one."""
    founder = acting(found())
    person, link = service.invite("Jüri", "", ["approver"], "", founder)
    assert links.open_for(person) is not None
    service.deactivate(person, "It went to a mailing list.", founder)
    assert links.open_for(person) is None
    with pytest.raises(links.LinkError):
        service.join(digest_in(link), "", "passkey", credential=credential("two"))
    service.join(
        digest_in(service.invite_again(person, founder)), "", "passkey", credential=credential("three")
    )
    assert acting(person).roles == {"approver"}


def test_the_page_of_who_is_invited_says_what_their_link_gives():
    """Whoever invited sees that the link still holds and with which roles, and can take it back there."""
    browser = founder()
    person, _ = service.invite("Jüri", "", ["approver"], "", acting(browser.person))
    page = browser.get(f"/people/{person}/").content.decode()
    assert "gives approver" in page
    assert "Take the invitation back" in page
    service.deactivate(person, "It went to a mailing list.", acting(browser.person))
    page = browser.get(f"/people/{person}/").content.decode()
    assert "no link holds any more" in page
    assert "Take the invitation back" not in page


def test_links_of_the_founding_give_no_roles_afterwards():
    """Of several invitations with roles only the second person's gives them: then two people are needed."""
    founder = acting(found())
    made = [service.invite(name, "", ["approver", "officer"], "", founder)[1] for name in ("two", "three")]
    joined = [service.join(digest_in(link), "", "passkey", credential=credential(link)).pk for link in made]
    assert acting(joined[0]).roles == {"approver", "officer"}
    assert acting(joined[1]).roles == set()


def test_later_invitations_propose_their_roles(settings):
    """With two people, each role of an invitation waits for an approver, and is there once one approved.

    Not before they came in: whoever has the link is they, and the approver is told to ask. Where a node rehearses, before.
    """
    settings.HANSE_NODE = replace(settings.HANSE_NODE, exercise=False)
    founder = acting(found())
    approver = acting(newcomer("approver"))
    person, link = service.invite("Kati", "kati@example.test", ["analyst"], "She starts on Monday.", founder)
    (waiting,) = approvals.waiting_for(approver)
    assert "Kati has not come in yet" in approvals.words_of(waiting)
    with pytest.raises(UsageError, match="not come in yet"):
        approvals.approve(waiting.pk, approver)
    joined = service.join(digest_in(link), "Kati", "passkey", credential=credential("two"))
    assert (joined.pk, acting(joined.pk).roles) == (person, set())
    (waiting,) = approvals.waiting_for(approver)
    assert approvals.count_waiting_for(approver) == 1
    words = approvals.words_of(waiting)
    assert words.startswith("Give Kati the role analyst. Kati came in on ")
    assert words.endswith("ask Kati whether that was they.")
    approvals.approve(waiting.pk, approver)
    assert acting(person).roles == {"analyst"}
    assert approvals.words_of(Proposal.objects.get(pk=waiting.pk)) == "Give Kati the role analyst."


def test_nobody_gets_back_to_the_founding_by_deactivating_the_others():
    """What counts is how many ever joined: a last one who is active cannot give roles alone."""
    founder = acting(found())
    other = newcomer("auditor")
    service.deactivate(other, "Left.", founder)
    assert service.grant_role(UUID(founder.id), "officer", "I want it.", founder) is not None
    assert "officer" not in acting(UUID(founder.id)).roles


@pytest.fixture
def three():
    """An administrator, an approver, and somebody with two passkeys who lost both."""
    lost = newcomer("analyst", name="Kati")
    for name in ("old one", "older one"):
        content = contents.PasskeyAdded(lost.hex, name, name, credential(name))
        append("accounts.passkey_added", content, actor=NODE)
    return acting(newcomer("administrator")), acting(newcomer("approver")), lost


def test_coming_back_takes_two_people(three):
    """The approver gets the link, the proposer the code; with both, a new passkey replaces all old ones."""
    administrator, approver, lost = three
    proposal, code = service.propose_recovery(lost, "Her phone fell into the sea.", administrator)
    with pytest.raises(RefusedError):
        approvals.approve(proposal, administrator)
    digest = digest_in(approvals.approve(proposal, approver))
    for wrong in ("", "0123456789abcdef"):
        with pytest.raises(links.LinkError):
            service.come_back(digest, wrong, credential("new"))
    service.come_back(digest, code.upper() + " ", credential("new"))
    assert [row.credential_id for row in Passkey.objects.filter(person=lost)] == ["new"]


def test_coming_back_closes_every_other_way_in(three):
    """Who has the lost passkeys may have made tokens and bound identities with them: none of these lets anybody in any more."""
    administrator, approver, lost = three
    secret = tokens.make("thief's", ["attacks.view"], 365, acting(lost))
    service.bind_issuer("https://id.example", "thief", acting(lost))
    Session.objects.create(session_key="thief", session_data="", expire_date=timezone.now(), person_id=lost)
    proposal, code = service.propose_recovery(lost, "Her bag was stolen.", administrator)
    service.come_back(digest_in(approvals.approve(proposal, approver)), code, credential("new"))
    assert token_actor(secret) is None
    assert issuers.person_at("https://id.example", "thief") is None
    assert not Session.objects.filter(person_id=lost).exists()
    assert list(differences()) == []


def test_a_link_to_come_back_is_none_to_join(three):
    """One sort of link is not taken for the other."""
    administrator, approver, lost = three
    proposal, code = service.propose_recovery(lost, "Lost.", administrator)
    digest = digest_in(approvals.approve(proposal, approver))
    with pytest.raises(links.LinkError):
        service.join(digest, "", "passkey", credential=credential("new"))
    _, invitation = service.invite("Uku", "", [], "", administrator)
    with pytest.raises(links.LinkError):
        service.come_back(digest_in(invitation), code, credential("new"))


def test_the_list_of_people_calls_roles_as_other_pages_do():
    """By their titles, as on the page on which they are given."""
    text = founder().get(reverse("accounts:people")).content.decode()
    assert "Administrator, Analyst, Approver" in text
