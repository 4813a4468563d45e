"""What a program is told of marked things is written down, whichever operation tells it (Directive (EU) 2016/680, 25)."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from hanse.attacks import shared
from hanse.attacks.models import Attack, PartnerAttack
from hanse.campaigns.following import Follower
from hanse.campaigns.models import Campaign, CrossLink
from hanse.cases import joint, subject, working
from hanse.cases.selector import read
from hanse.cases.subject_entries import SubjectErased
from hanse.console.api import api
from hanse.federation import exchange
from hanse.federation.models import Partner
from hanse.intel import feed_running, feeds, searches
from hanse.intel import service as intel
from hanse.intel.models import FeedRun, Item
from hanse.intel.values import Value
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.ledger import tree
from hanse.ledger.models import Entry
from hanse.ledger.writing import append
from hanse.matching import hits
from hanse.matching.models import Hit
from hanse.matching.offering import Offered
from hanse.matching.source_contents import CountAsked
from hanse.policy.actions import ACTIONS
from hanse.recording import record
from hanse.telemetry import reading_in
from hanse.telemetry.models import Input
from tests.attacks.build import icmp_flood, write
from tests.cases.evidence_made import added
from tests.cases.made import investigator, opened
from tests.federation.peer import Peer
from tests.node.made import earliest
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

ROLES = frozenset({"analyst", "investigator", "officer"})
TOKEN = Actor("token", "m", "Mari's", "ee-cert", roles=ROLES, scopes=frozenset(ACTIONS))
LOGS = ("accounts.consulted", "accounts.disclosed")
NOTHING_OF_ANYBODY = frozenset({"flows_held", "searches_list"})
"""Operations under a logged action that tell no marked thing: how much is stored, of which time; one's own searches."""


def operations() -> dict[str, tuple[str, str]]:
    """Every reading operation under an action that the law wants written down: its path and action, by its id."""
    told = {}
    for path, methods in api.get_openapi_schema()["paths"].items():
        one = methods.get("get", {})
        if (action := one.get("x-hanse-action")) and ACTIONS[action].logged:
            told[one["operationId"]] = (path, action)
    return told


def test_every_reading_operation_writes_down_what_it_tells(
    client_as: Callable[..., ActingClient], tmp_path: Path
) -> None:
    """Each answers with something, and each leaves an entry; none is left out unless it tells of nobody."""
    reading_in.read_in(write(tmp_path, icmp_flood(0, 60)), TOKEN)
    campaign = record(earliest(12), TOKEN).campaigns[0]
    item = {"type": "tool", "id": "tool--00000000-0000-4000-8000-000000000001", "name": "Booter"}
    search = searches.save("Tools", {"type": ["tool"]}, TOKEN)
    intel.bring_in(json.dumps(item).encode(), "tool.json", TOKEN)
    feed = feeds.subscribe(feeds.Said(name="List", format="csv", url="https://feed.example/"), TOKEN)
    feed_running.gave_up(feed, "The worker died.", TOKEN)
    case, kaja = opened(investigator())
    evidence = added(case, kaja)
    asked = subject.take(
        subject.Request(name="Jaan", born="", selectors=(), identity="Passport.", received_us=1), kaja
    )
    subject.answer(asked, "nothing", [], "", "", kaja)
    gone = SubjectErased(request=asked.hex, objects=(), entries=0, law="Article 16", purge=0, proposal="")
    append("cases.subject_erased", gone, actor=kaja)
    peer = Peer()
    peer.joins()
    peer.entry(
        shared.KIND,
        shared.without(
            shared.find(None, Attack.projected.earliest("start_us").pk).content, frozenset(), UUID(int=5)
        ),
    )
    ours = shared.find(None, Attack.projected.earliest("start_us").pk).content
    later = replace(ours.attack, victim="", start_us=ours.attack.start_us + 1_000_000)
    peer.entry(shared.KIND, shared.Shared(attack=later, victim_mark="a mark", country="FI"))
    exchange.pull_all(Partner.objects.get(), peer)
    assert Follower().settle()
    opening = joint.Opening(
        title="Amber",
        purpose="x",
        legal_basis="y",
        members=frozenset({"fi-cert"}),
        retention_us=now_us() + 10**12,
    )
    selector = working.add_selector(case, read("email", "boss@example.org"), kaja)
    value = Value("email", "boss@example.org")
    offer = Offered(selector, case, next(iter(kaja.teams)), value, None, 1)
    assert hits.record("fi-cert", "sets", None, [offer], {value: "0" * 32}) == 1
    counted = CountAsked(
        partner="fi-cert", ours=True, question="0" * 32, own=Attack.projected.earliest("start_us").pk.hex, theirs="",
        epoch="2026-11", secret="", at_us=1,
    )  # fmt: skip
    append("matching.count_asked", counted, actor=TOKEN)
    together = joint.open_joint(opening, "Together.", replace(kaja, stepped_up_us=now_us()))
    tree.integrate()
    real = {
        "attack_id": Attack.projected.filter(campaign=campaign).earliest("start_us").pk,
        "received_id": PartnerAttack.projected.earliest("start_us").pk,
        "across_id": CrossLink.projected.earliest("sequence").first,
        "campaign_id": Campaign.projected.get(pk=campaign).pk,
        "case_id": case,
        "joint_id": together,
        "hit_id": Hit.objects.get().pk,
        "evidence_id": evidence,
        "request_id": asked,
        "item_id": Item.projected.get().pk,
        "feed_id": feed,
        "run_id": FeedRun.projected.get().pk,
        "search_id": search,
        "input_id": Input.projected.get().pk,
        "sequence": 0,
    }
    client, unlogged, failed = client_as(replace(TOKEN, teams=kaja.teams)), set(), {}
    queries = {
        "flows_search": "?since_us=0",
        "flows_file": "?since_us=0&form=csv",
        "ledger_proof": "?why=A+court+asks",
    }
    for name, (path, action) in operations().items():
        why = "?why=Case+work" if action.startswith("cases.") else ""
        before = Entry.objects.filter(kind__in=LOGS).count()
        response = client.get(path.format(**real) + queries.get(name, why))
        if response.status_code != 200:
            failed[name] = (response.status_code, response.content[:200])
        elif Entry.objects.filter(kind__in=LOGS).count() == before:
            unlogged.add(name)
    assert failed == {}
    assert unlogged == NOTHING_OF_ANYBODY


def test_a_change_that_asks_that_nothing_changed_is_no_look(client_as: Callable[..., ActingClient]) -> None:
    """With If-Match a thing is read to be compared and nobody is shown it: no reason is asked for, no look is on record."""
    case, kaja = opened(investigator())
    client, url = client_as(replace(TOKEN, teams=kaja.teams)), f"/api/cases/{case}"
    told = {
        "title": "Two gangs",
        "legal_basis": "CCP 193",
        "purpose": "Fraud",
        "review_us": now_us() + 10**12,
        "reason": "x",
    }
    tag = client.get(f"{url}?why=Case+work")["ETag"]
    looks = Entry.objects.filter(kind__in=LOGS)
    before = looks.count()
    for wanted, status in (('"another"', 412), (tag, 204), (tag, 412), ("*", 204)):
        answer = client.put(
            url, json.dumps(told), content_type="application/json", headers={"If-Match": wanted}
        )
        assert answer.status_code == status, answer.content
        assert looks.count() == before
    assert client.get(f"{url}?why=Case+work").json()["title"] == "Two gangs"
    assert looks.count() == before + 1


def test_what_feeds_a_picture_is_written_down_without_its_page(
    client_as: Callable[..., ActingClient],
) -> None:
    """A person who asks for a campaign's attacks in time, or for where they came from, without its page is on record.

    A page that is open asks again and again: what was looked at is not written down anew.
    """
    found = record(earliest(12), TOKEN)
    mari = client_as(replace(TOKEN, kind="person", scopes=None))
    for where in (
        f"/api/campaigns/{found.campaigns[0]}/timeline",
        f"/api/tracing/countries?campaign={found.campaigns[0]}",
    ):
        before = Entry.objects.filter(kind="accounts.consulted").count()
        for _ in range(2):
            assert mari.get(where).status_code == 200
        assert Entry.objects.filter(kind="accounts.consulted").count() == before + 1, where
