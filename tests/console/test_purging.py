"""Purging by hand: shown before, proposed by one, approved by another, gone from every file, and on record."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hanse.accounts import approvals
from hanse.accounts.models import Proposal
from hanse.accounts.rules import RefusedError
from hanse.attacks import service as attacks
from hanse.attacks.models import Attack, Decision
from hanse.campaigns.models import Campaign
from hanse.console.purging import StaysError, propose_purge, purged_by, would_go
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.markings import Marking
from hanse.ledger.models import Body, Entry
from hanse.ledger.replay import rebuild
from hanse.ledger.service import purge
from hanse.policy import service as policy
from hanse.policy.guarded import NotVisibleError
from hanse.recording import record
from hanse.telemetry import reading_in
from hanse.telemetry import service as telemetry
from hanse.telemetry.models import Partition
from hanse.tracing.models import Trace
from tests.accounts.people import NODE, acting, newcomer
from tests.attacks.build import icmp_flood, write
from tests.node.made import wrong
from tests.node.test_history import few
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

CANARY = "Qx7-canary-Vp3"

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
    """An attack on record that a campaign names, with a note."""
    analyst = actor("analyst")
    record(few(), analyst)
    one = Attack.projected.exclude(campaign=None).order_by("start_us").first().pk
    attacks.note(one, "Ask the host.", analyst)
    return one


def test_two_people_purge(attack: UUID, officer: Actor, approver: Actor) -> None:
    """What goes is told before; nothing goes until another person approves; then all of it, and a rebuild agrees."""
    campaign = Attack.projected.get(pk=attack).campaign
    going = would_go(attack, officer)
    assert [(one.object_id, one.derived) for one in going] == [(attack, False), (campaign, True)]
    assert going[0].kinds == ("attacks.found", "tracing.traced", "attacks.decided")
    assert (going[0].versions, going[0].bodies) == (3, 3)
    bodies = Body.objects.count()
    proposal = propose_purge(attack, "The court ordered it.", officer)
    assert Attack.projected.filter(pk=attack).exists()
    with pytest.raises(RefusedError) as refusal:
        approvals.approve(proposal, replace(officer, roles=officer.roles | {"approver"}))
    assert "second-person" in refusal.value.decision.rules
    assert purged_by(attack) is None
    approvals.approve(proposal, approver)
    for model in (Attack, Trace):
        assert not model.projected.filter(pk=attack).exists()
    assert not Campaign.projected.filter(pk=campaign).exists()
    assert not Decision.objects.filter(attack=attack).exists()
    assert not Body.objects.filter(entry__object_id__in=[attack, campaign]).exists()
    assert Body.objects.count() == bodies - sum(one.bodies for one in going) + 3
    assert Entry.objects.get(pk=purged_by(attack)).kind == "ledger.purged"
    assert wrong() == []
    rebuild()
    assert wrong() == []
    with pytest.raises(UsageError, match="purged before"):
        propose_purge(attack, "Again.", officer)


def test_a_purge_that_would_take_other_things_by_now_gives_way(
    attack: UUID, officer: Actor, approver: Actor, client_as: Clients
) -> None:
    """What was added or went since keeps nobody from proposing it anew: the page offers it, and the first is withdrawn."""
    first = propose_purge(attack, "The court ordered it.", officer)
    campaign = Attack.projected.get(pk=attack).campaign
    purge([campaign], officer, "It was none.")
    with pytest.raises(approvals.ChangedSinceError, match="Other things would go"):
        approvals.approve(first, approver)
    page = client_as(officer).get(f"/ledger/object/{attack}/purge/").content.decode()
    assert "Propose to purge" in page
    second = propose_purge(attack, "The court ordered it still.", officer)
    assert Proposal.objects.get(pk=first).state == "withdrawn"
    approvals.approve(second, approver)
    assert not Attack.projected.filter(pk=attack).exists()


@pytest.mark.parametrize("role", ["analyst", "investigator", "approver", "auditor", "administrator"])
def test_only_officers_propose_it(attack: UUID, actor: People, role: str) -> None:
    """No other role, an administrator above all, has anything purged or is told what would go."""
    who = actor(role, stepped_up_us=now_us())
    for attempt in (lambda: would_go(attack, who), lambda: propose_purge(attack, "Because.", who)):
        with pytest.raises(HanseError):
            attempt()
    assert not Proposal.objects.exists()


def test_it_takes_a_fresh_passkey_and_a_reason(attack: UUID, officer: Actor) -> None:
    """Without a passkey proved in the last five minutes, or without saying why, nothing is proposed."""
    with pytest.raises(NotVisibleError):
        propose_purge(attack, "Because.", replace(officer, stepped_up_us=now_us() - 600_000_000))
    with pytest.raises(UsageError, match="Say why"):
        propose_purge(attack, " ", officer)
    assert not Proposal.objects.exists()


def test_nobody_purges_what_they_may_not_see(attack: UUID, officer: Actor) -> None:
    """A thing of a team that the officer is not in is not there for them."""
    policy.mark(attack, Marking.own("ee-cert"), uuid4().hex, NODE, "Another operation.")
    for object_id in (attack, uuid4()):
        with pytest.raises(NotVisibleError):
            would_go(object_id, officer)


@pytest.mark.parametrize("role", ["officer", "auditor"])
def test_who_did_what_stays(officer: Actor, approver: Actor, role: str) -> None:
    """Two people together remove no person, role, consultation, approval, key or purge from the record."""
    person = newcomer(role)
    admin = acting(newcomer("administrator"))
    from hanse.accounts import service

    service.deactivate(person, "Left.", admin)
    objects = Entry.objects.filter(kind__startswith="accounts.").values_list("object_id", flat=True)
    assert set(objects)
    for one in set(objects):
        with pytest.raises(StaysError, match="It stays"):
            propose_purge(one, "Forget that I was here.", officer)
    proposal = approvals.propose(
        "ledger.purge", {"object": person.hex, "kind": "x", "entries": 1, "derived": 0}, "Forget.", officer
    )
    with pytest.raises(StaysError):
        approvals.approve(proposal, approver)
    assert Body.objects.filter(entry__object_id=person).exists()


def test_what_was_added_meanwhile_goes_too(
    attack: UUID, officer: Actor, approver: Actor, actor: People
) -> None:
    """What is said of the thing between the two people is purged with it."""
    proposal = propose_purge(attack, "The court ordered it.", officer)
    attacks.note(attack, "A late note.", actor("analyst"))
    approvals.approve(proposal, approver)
    assert not Body.objects.filter(entry__object_id=attack).exists()


def test_flows_go_with_their_file(officer: Actor, approver: Actor, actor: People, tmp_path: Path) -> None:
    """A partition of flows that is purged leaves no file behind."""
    reading_in.read_in(write(tmp_path, icmp_flood(0, 60)), actor("analyst"))
    row = Partition.projected.first()
    file = telemetry.flows_folder() / row.path
    assert file.is_file()
    approvals.approve(propose_purge(row.pk, "Too much was collected.", officer), approver)
    assert not file.exists()
    assert wrong() == []


def test_purged_text_is_in_no_file(tmp_path: Path) -> None:
    """After the two people and the hourly cleaning, the text is in no file of the node: contents, notes, reasons."""
    home = tmp_path / "home"
    home.mkdir()

    def holding() -> list[str]:
        wanted = (CANARY.encode(), CANARY.encode().hex().encode())
        files = [path for path in home.rglob("*") if path.is_file()]
        return [str(path) for path in files if any(one in path.read_bytes() for one in wanted)]

    node = subprocess.Popen(
        [sys.executable, "-m", "tests.console.purged", str(home), CANARY],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert node.stdout
    assert node.stdin
    for word in ("written", "purged", "cleaned"):
        assert node.stdout.readline().strip() == word
        if word == "written":
            assert holding(), "the search finds the text before it is purged"
        if word == "cleaned":
            assert holding() == []
        node.stdin.write("go on\n")
        node.stdin.flush()
    assert node.wait(30) == 0


def test_the_page_shows_what_would_go_and_then_what_took_it(
    attack: UUID, officer: Actor, approver: Actor, client_as: Clients
) -> None:
    """The page names each object before; proposed, it waits; approved, it and the approver are led to the entry."""
    campaign = Attack.projected.get(pk=attack).campaign
    address, client = f"/ledger/object/{attack}/purge/", client_as(officer)
    html = client.get(address).content.decode()
    for one in (attack, campaign):
        assert str(one) in html
    assert "This field is required" in client.post(address, {"reason": ""}).content.decode()
    assert client.post(address, {"reason": "The court ordered it."}).status_code == 302
    html = client.get(address).content.decode()
    assert "Proposed by Olev Officer" in html
    assert "Propose to purge" not in html
    assert client.post(address, {"reason": "Again."}).status_code == 409
    assert Proposal.objects.count() == 1
    waiting = client_as(approver).get("/people/approvals/").content.decode()
    assert f"/ledger/?object={attack}" in waiting
    assert client_as(approver).get(f"/ledger/?object={attack}").status_code == 200
    proposal = Proposal.objects.get()
    told = client_as(approver).post(f"/people/approvals/{proposal.pk}/approve/")
    assert told.url == f"/ledger/{purged_by(attack)}/"
    assert f"/ledger/{purged_by(attack)}/" in client.get(address).content.decode()


def test_the_page_is_for_officers(attack: UUID, actor: People, client_as: Clients) -> None:
    """An administrator gets no further than the guard, and an officer's stale session to the passkey."""
    address = f"/ledger/object/{attack}/purge/"
    admin = actor("administrator", stepped_up_us=now_us())
    assert client_as(admin).get(address).status_code == 403
    assert client_as(admin).post(address, {"reason": "Because."}).status_code == 403
    stale = client_as(actor("officer"))
    assert stale.get(address).url.startswith("/people/step-up/")
    assert stale.post(address, {"reason": "Because."}).status_code == 401
    assert not Proposal.objects.exists()


def test_the_api_does_the_same(
    attack: UUID, officer: Actor, approver: Actor, actor: People, client_as: Clients
) -> None:
    """What would go, the proposal and what came of it, for officers with a fresh passkey alone."""
    address = f"/api/ledger/objects/{attack}/purge"

    def post(who: Actor, body: dict) -> object:
        return client_as(who).post(address, body, content_type="application/json")

    told = {"why": "The court ordered it."}
    assert post(actor("administrator", stepped_up_us=now_us()), told).status_code == 403
    assert post(replace(officer, stepped_up_us=None), told).status_code == 401
    token = replace(officer, kind="token", scopes=frozenset({"ledger.purge"}))
    assert post(token, told).status_code == 403
    client = client_as(officer)
    seen = client.get(address).json()
    assert [one["derived"] for one in seen["going"]] == [False, True]
    assert (seen["purged_by"], seen["waiting"]) == (None, [])
    answer = post(officer, told)
    assert answer.status_code == 201
    assert client.get(address).json()["waiting"] == [answer.json()["proposal"]]
    approvals.approve(UUID(answer.json()["proposal"]), approver)
    assert client.get(address).json()["purged_by"] == purged_by(attack)
    assert client.get(f"/api/ledger/objects/{uuid4()}/purge").status_code == 404
