"""Marking anew by hand: who may, when it takes two people, that every row and entry follows, and that it holds."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import msgspec
import pytest

from hanse.accounts import approvals
from hanse.accounts.models import Proposal
from hanse.accounts.rules import RefusedError as AccountsRefusedError
from hanse.attacks import service as attacks
from hanse.attacks.models import Attack, State
from hanse.campaigns.models import Campaign
from hanse.console import marking
from hanse.console.marking import Wish, mark_anew
from hanse.console.visible_entries import entry_for, visible_entries
from hanse.kernel.actors import Actor, system
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Pap, Tlp, is_at_least
from hanse.ledger import objects
from hanse.ledger.models import Entry
from hanse.ledger.replay import rebuild
from hanse.ledger.retention import purge_due
from hanse.ledger.writing import append
from hanse.policy import service as policy
from hanse.policy.asking import RefusedError
from hanse.policy.guarded import NotVisibleError
from hanse.recording import record
from hanse.tracing import service as tracing
from hanse.tracing.models import Trace
from tests.accounts.people import acting, newcomer
from tests.node.made import wrong
from tests.node.test_history import few
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

OWN = Marking.own("ee-cert")
RED = replace(OWN, tlp=Tlp.RED, pap=Pap.RED)
GREEN = replace(OWN, tlp=Tlp.GREEN, pap=Pap.GREEN)
DAY_US = 86_400_000_000
YEAR_US = 365 * DAY_US

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]


@pytest.fixture
def officer() -> Actor:
    """An officer who has just proved a passkey."""
    return acting(newcomer("officer", name="Olev Officer"))


@pytest.fixture
def approver(actor: People) -> Actor:
    """An approver who has just proved a passkey."""
    return actor("approver", name="Anu Approver", stepped_up_us=now_us())


@pytest.fixture
def attack(actor: People) -> UUID:
    """An attack on record that a campaign names."""
    record(few(), actor("analyst"))
    return Attack.projected.exclude(campaign=None).order_by("start_us").first().pk


def carried(object_id: UUID, model: type = Attack) -> Marking:
    """The marking of an object's row."""
    return model.projected.select_related("marking").get(pk=object_id).marking.marking


def same() -> None:
    """The live rows are what the ledger says, also after they were all made again."""
    assert wrong() == []
    rebuild()
    assert wrong() == []


def test_one_person_restricts(attack: UUID, officer: Actor, actor: People) -> None:
    """Stricter is done at once: the attack, its trace and its campaign follow, and an analyst sees none of them."""
    analyst = actor("analyst")
    assert mark_anew(attack, Wish(RED), "An informant is named in it.", officer) is None
    campaign = Attack.projected.get(pk=attack).campaign
    assert carried(attack) == carried(attack, Trace) == carried(campaign, Campaign) == RED
    entry = Entry.objects.filter(object_id=attack).order_by("-version").first()
    assert entry.kind == "policy.marked"
    with pytest.raises(NotVisibleError):
        Attack.objects.get_for(analyst, "attacks.view", attack)
    assert not Trace.objects.for_actor(analyst, "tracing.view").filter(pk=attack).exists()
    assert not Campaign.objects.for_actor(analyst, "campaigns.view").filter(pk=campaign).exists()
    same()


def test_what_was_written_before_is_restricted_too(attack: UUID, officer: Actor, actor: People) -> None:
    """The earlier entries of a thing that is marked more strictly are read no more by who may not see it."""
    analyst, auditor = actor("analyst"), actor("auditor")
    first = Entry.objects.filter(object_id=attack).order_by("sequence").first()
    assert entry_for(analyst, "ledger.view", first.sequence) == first
    mark_anew(attack, Wish(RED), "An informant is named in it.", officer)
    for action in ("ledger.view", "ledger.read_body", "ledger.prove"):
        assert not visible_entries(analyst, action).filter(object_id=attack).exists()
        with pytest.raises(NotVisibleError):
            entry_for(analyst, action, first.sequence)
    assert entry_for(officer, "ledger.read_body", first.sequence) == first
    assert entry_for(auditor, "ledger.view", first.sequence) == first
    with pytest.raises(NotVisibleError):
        entry_for(auditor, "ledger.read_body", first.sequence)


def test_a_release_takes_two(attack: UUID, officer: Actor, approver: Actor) -> None:
    """Weaker is proposed and holds only once another person approves it; nobody approves their own."""
    proposal = mark_anew(attack, Wish(GREEN), "Agreed with the bank.", officer)
    assert proposal is not None
    assert carried(attack) == OWN
    both = replace(officer, roles=officer.roles | {"approver"})
    with pytest.raises(AccountsRefusedError) as refusal:
        approvals.approve(proposal, both)
    assert "second-person" in refusal.value.decision.rules
    assert carried(attack) == OWN
    approvals.approve(proposal, approver)
    assert carried(attack) == carried(attack, Trace) == GREEN
    assert carried(Attack.projected.get(pk=attack).campaign, Campaign) == OWN
    same()


def test_a_little_weaker_is_weaker(attack: UUID, officer: Actor) -> None:
    """Stricter in one part does not make up for another part that is weaker."""
    assert mark_anew(attack, Wish(replace(RED, pap=Pap.GREEN)), "Block it, tell nobody.", officer) is not None
    assert carried(attack) == OWN


@pytest.mark.parametrize("role", ["analyst", "investigator", "approver", "auditor", "administrator"])
def test_only_officers_mark(attack: UUID, actor: People, role: str) -> None:
    """No other role marks anything anew, stricter or weaker, and none leaves an entry by trying."""
    before = Entry.objects.count()
    for wish in (RED, GREEN):
        with pytest.raises(NotVisibleError):
            mark_anew(attack, Wish(wish), "Because.", actor(role, stepped_up_us=now_us()))
    assert Entry.objects.count() == before


@pytest.mark.parametrize("proved", [None, 600_000_000])
def test_it_takes_a_fresh_passkey(attack: UUID, officer: Actor, proved: int | None) -> None:
    """A session in which no passkey was proved in the last five minutes marks nothing."""
    stale = replace(officer, stepped_up_us=None if proved is None else now_us() - proved)
    with pytest.raises(NotVisibleError):
        mark_anew(attack, Wish(RED), "Because.", stale)


def test_it_takes_a_reason(attack: UUID, officer: Actor) -> None:
    """Whoever comes after is told why."""
    with pytest.raises(UsageError, match="Say why"):
        mark_anew(attack, Wish(RED), "  ", officer)


def test_only_the_originator_weakens(attack: UUID, officer: Actor) -> None:
    """What another authority gave can be marked more strictly here, and in no part more weakly."""
    theirs = replace(OWN, originators=frozenset({"ee-cert", "lv-cert"}))
    policy.mark(attack, theirs, "", system("tests", "ee-cert"), "A partner's share of it.")
    with pytest.raises(RefusedError) as refusal:
        mark_anew(attack, Wish(GREEN), "Because.", officer)
    assert "originator" in refusal.value.decision.rules
    assert carried(attack) == theirs
    assert mark_anew(attack, Wish(RED), "Because.", officer) is None
    assert carried(attack) == replace(RED, originators=theirs.originators)


def test_a_release_that_became_anothers_is_not_approved(
    attack: UUID, officer: Actor, approver: Actor
) -> None:
    """Marked otherwise between the two people, a thing is not released by what was agreed on before."""
    proposal = mark_anew(attack, Wish(GREEN), "Agreed with the bank.", officer)
    mark_anew(attack, Wish(RED), "An informant after all.", officer)
    with pytest.raises(approvals.ChangedSinceError, match="since this was proposed"):
        approvals.approve(proposal, approver)
    assert carried(attack) == RED
    assert Entry.objects.filter(kind="accounts.approved").count() == 0


def test_what_can_no_longer_be_approved_gives_way(attack: UUID, officer: Actor, approver: Actor) -> None:
    """A release of a thing that was marked otherwise since waits for nobody: the next one takes its place, with a word."""
    first = mark_anew(attack, Wish(GREEN), "Agreed with the bank.", officer)
    assert first is not None
    mark_anew(attack, Wish(RED), "An informant after all.", officer)
    assert marking.waiting_on(attack) == []
    why = "It was marked otherwise since this was proposed."
    assert approvals.words_of(Proposal.objects.get(pk=first)).endswith(f"It can no longer be approved. {why}")
    second = mark_anew(attack, Wish(GREEN), "The informant is safe.", officer)
    row = Proposal.objects.get(pk=first)
    assert row.state == "withdrawn"
    assert approvals.why_not([row]) == {first: f"{why} Another proposal takes its place."}
    assert [one.pk for one in marking.waiting_on(attack)] == [second]
    with pytest.raises(approvals.ProposedAlreadyError):
        mark_anew(attack, Wish(OWN), "Or so.", officer)
    approvals.approve(second, approver)
    assert carried(attack) == GREEN


def test_a_campaign_is_never_weaker_than_its_attacks(attack: UUID, officer: Actor, approver: Actor) -> None:
    """A campaign can be restricted, and released down to its strictest attack, no further."""
    campaign = Attack.projected.get(pk=attack).campaign
    with pytest.raises(UsageError, match="strictest attack"):
        mark_anew(campaign, Wish(GREEN), "Because.", officer)
    assert mark_anew(campaign, Wish(RED), "It names the informant.", officer) is None
    assert carried(campaign, Campaign) == RED
    approvals.approve(mark_anew(campaign, Wish(OWN), "He agreed.", officer), approver)
    assert carried(campaign, Campaign) == OWN
    same()


def test_what_people_said_outlives_the_next_analysis(
    attack: UUID, officer: Actor, approver: Actor, actor: People
) -> None:
    """Found anew, things keep the marking that people gave them, and no campaign that grows becomes weaker."""
    campaign = Attack.projected.get(pk=attack).campaign
    approvals.approve(mark_anew(attack, Wish(GREEN), "Agreed.", officer), approver)
    mark_anew(campaign, Wish(RED), "It names the informant.", officer)
    record(few(), actor("analyst"))
    record(few(8), actor("analyst"))
    assert carried(attack) == carried(attack, Trace) == GREEN
    assert is_at_least(carried(Attack.projected.get(pk=attack).campaign, Campaign), RED)
    same()


def test_what_people_said_outlives_the_live_detector(officer: Actor) -> None:
    """An attack that was marked while it ran ends under that marking."""
    node, found = system("collector", "ee-cert"), few().attacks[0]
    attacks.begun(found, None, node)
    one = attacks.object_of(found.id)
    mark_anew(one, Wish(RED), "It hits an operation.", officer)
    attacks.ended(found, None, node)
    assert carried(one) == RED
    assert Entry.objects.filter(object_id=one).order_by("-version").first().retention_us is None


def test_decisions_outlive_a_new_marking(attack: UUID, officer: Actor, actor: People) -> None:
    """Marking anew says nothing of what was found: a false positive stays one."""
    attacks.mark_false_positive(attack, "Our own backup.", actor("analyst"))
    mark_anew(attack, Wish(replace(OWN, tlp=Tlp.AMBER_STRICT)), "Not for clients.", officer)
    assert Attack.projected.get(pk=attack).state == State.FALSE_POSITIVE
    same()


def test_a_team_sees_it_and_nobody_else(attack: UUID, officer: Actor, approver: Actor, actor: People) -> None:
    """Given to a team by one person, a thing and its entries are its members' alone; taken away by two."""
    from hanse.accounts import service

    admin = acting(newcomer("administrator"))
    team, other = service.make_team("Operation Amber", admin).hex, service.make_team("Green", admin).hex
    inside, outside = actor("analyst", teams=(team,)), actor("analyst", teams=(other,))
    entry = Entry.objects.filter(object_id=attack).first().sequence
    assert mark_anew(attack, Wish(RED, team), "Their operation.", officer) is None
    member = acting(newcomer("officer", name="Oskar Officer", teams=(UUID(team),)))
    for model, action in ((Attack, "attacks.view"), (Trace, "tracing.view")):
        assert model.objects.for_actor(inside, action).filter(pk=attack).exists()
        assert not model.objects.for_actor(outside, action).filter(pk=attack).exists()
    assert entry_for(member, "ledger.view", entry)
    with pytest.raises(NotVisibleError):
        entry_for(outside, "ledger.view", entry)
    assert not visible_entries(replace(officer, teams=frozenset()), "ledger.view").filter(object_id=attack)
    _said_anew(attack)
    assert Attack.projected.get(pk=attack).team == Trace.projected.get(pk=attack).team == team
    for wish in (Wish(RED, other), Wish(RED)):
        proposal = mark_anew(attack, wish, "Another operation.", member)
        assert proposal is not None
        assert Attack.projected.get(pk=attack).team == team
        approvals.withdraw(proposal, member)
    with pytest.raises(UsageError, match="no such team"):
        mark_anew(attack, Wish(RED, uuid4().hex), "Because.", member)
    same()
    approvals.approve(mark_anew(attack, Wish(RED), "It is over.", member), approver)
    assert Attack.projected.get(pk=attack).team == ""
    same()


def _said_anew(attack: UUID) -> None:
    """Have an attack found anew, and its trace made as if for the first time: both rows are written whole."""
    node, row = system("collector", "ee-cert"), Trace.projected.get(pk=attack)
    attacks.ended(attacks.attack_in(Attack.projected.get(pk=attack)), None, node)
    content = objects.settled(tracing.Traced(msgspec.convert(row.detail, tracing.Trace), row.sources))
    row.delete()
    append("tracing.traced", content, actor=node, object_id=attack, marking=carried(attack))


def test_nobody_purges_alone_by_a_date(attack: UUID, officer: Actor, approver: Actor) -> None:
    """A date far off is for one person; one that is past or near takes two, and then purges at the next chore."""
    campaign = Attack.projected.get(pk=attack).campaign
    assert mark_anew(attack, Wish(replace(OWN, retention_us=now_us() + YEAR_US)), "A year.", officer) is None
    assert carried(campaign, Campaign).retention_us == carried(attack).retention_us
    soon = mark_anew(attack, Wish(replace(OWN, retention_us=now_us() + DAY_US)), "Soon.", officer)
    assert soon is not None
    approvals.withdraw(soon, officer)
    past = mark_anew(attack, Wish(replace(OWN, retention_us=now_us() - DAY_US)), "Now.", officer)
    assert past is not None
    assert purge_due() == 0
    approvals.approve(past, approver)
    assert purge_due() == 2
    assert not Attack.projected.filter(pk=attack).exists()
    assert not Campaign.projected.filter(pk=campaign).exists()
    assert wrong() == []


FORM = {
    "marking_tlp": "RED", "marking_pap": "RED", "handling": ["H1", "H3"], "handling_text": "Ask first.\nTwice.",
    "purposes": ["investigation", "prosecution"], "releasable": "tier:member & state:EE", "keep_until": "2031-12-31",
    "team": "", "reason": "A court asked for it.",
}  # fmt: skip


def test_the_form_says_every_part(attack: UUID, officer: Actor, client_as: Clients) -> None:
    """What is typed becomes the marking, each part; sent as it came, the form changes nothing and says so."""
    client = client_as(officer)
    address = f"/ledger/object/{attack}/mark/"
    form = client.get(address).content.decode()
    assert "flood on" in form
    assert "_flood" not in form, "an attack is called as on every other page"
    assert client.post(address, FORM).status_code == 302
    told = carried(attack)
    assert (told.tlp, told.pap, told.handling, told.handling_text) == (
        Tlp.RED, Pap.RED, {"H1", "H3"}, {"Ask first.", "Twice."},
    )  # fmt: skip
    assert (told.purposes, told.releasable) == ({"investigation", "prosecution"}, {"state:EE & tier:member"})
    assert told.retention_us == 1_956_528_000_000_000
    assert "marked so already" in client.post(address, FORM).content.decode()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"handling": ["H3"], "handling_text": ""}, "H3 and its text go together"),
        ({"releasable": "country:EE"}, "is no releasability"),
        ({"reason": ""}, "This field is required"),
        ({"keep_until": "soon"}, "valid date"),
        ({"team": "x"}, "Select a valid choice"),
    ],
)
def test_a_mistake_is_told(attack: UUID, officer: Actor, client_as: Clients, typed: dict, words: str) -> None:
    """What cannot be meant changes nothing and is said beside its field."""
    answer = client_as(officer).post(f"/ledger/object/{attack}/mark/", FORM | typed)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert carried(attack) == OWN


def test_the_pages_offer_it_to_officers_alone(
    attack: UUID, officer: Actor, actor: People, client_as: Clients
) -> None:
    """An attack's, a campaign's and an entry's page lead officers there, before they prove a passkey, and no other."""
    campaign = Attack.projected.get(pk=attack).campaign
    entry = Entry.objects.filter(object_id=attack).first().sequence
    places = {f"/attacks/{attack}/": attack, f"/campaigns/{campaign}/": campaign, f"/ledger/{entry}/": attack}
    for who, offered in ((replace(officer, stepped_up_us=None), True), (actor("analyst"), False)):
        for place, what in places.items():
            html = client_as(who).get(place).content.decode()
            assert (f"/ledger/object/{what}/mark/" in html) == offered
            assert (f"/ledger/object/{what}/purge/" in html) == offered


def test_the_api_does_the_same(attack: UUID, officer: Actor, actor: People, client_as: Clients) -> None:
    """Stricter at once, weaker as a proposal; no role but officers, no token, nobody without a fresh passkey."""
    address = f"/api/ledger/objects/{attack}/mark"
    told = {"tlp": "GREEN", "pap": "GREEN", "why": "Agreed."}

    def post(who: Actor, body: dict) -> object:
        return client_as(who).post(address, body, content_type="application/json")

    assert post(actor("analyst", stepped_up_us=now_us()), told).status_code == 403
    assert post(replace(officer, stepped_up_us=None), told).status_code == 401
    token = replace(officer, kind="token", scopes=frozenset({"policy.mark"}))
    assert post(token, told).status_code == 403
    answer = post(officer, told)
    assert answer.status_code == 200
    assert answer.json()["done"] is False
    assert UUID(answer.json()["proposal"]) == marking.waiting_on(attack)[0].pk
    assert carried(attack) == OWN
    assert post(officer, told | {"tlp": "RED", "pap": "RED"}).json() == {"done": True, "proposal": None}
    assert carried(attack) == RED
    assert post(officer, told | {"tlp": "RED", "handling": ["H9"]}).status_code == 400
    other = client_as(officer).post(
        f"/api/ledger/objects/{uuid4()}/mark", told, content_type="application/json"
    )
    assert other.status_code == 404
