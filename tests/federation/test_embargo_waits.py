"""What a partner sends under an embargo waits for those who may name its team, and for nobody else, and not for ever."""

import json
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from hanse.attacks import shared
from hanse.console import embargoes
from hanse.console import marking as marks
from hanse.console.marking import Wish
from hanse.federation import exchange
from hanse.federation.models import Partner
from hanse.intel import service as intel
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking, Tlp
from hanse.policy import embargo, guarded
from hanse.policy.models import StoredMarking
from hanse.web import frame
from hanse.web.frame import Waiting
from tests.accounts.people import acting, newcomer
from tests.federation.peer import Peer
from tests.federation.test_embargo import team
from tests.federation.test_sharing import attack, mari
from tests.web.acting import ActingClient
from tests.web.conftest import client_as

__all__ = ["attack", "client_as", "mari", "team"]

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.usefixtures("founded")]

DAY_US = 86_400_000_000

Clients = Callable[..., ActingClient]


def _sends(attack, peer: Peer, object_id: int = 5, **parts) -> None:
    """A partner shares an attack, under an embargo of a day unless it says otherwise."""
    parts = {"embargo_us": now_us() + DAY_US, "embargo_for": frozenset({"Tiina"})} | parts
    content = shared.without(shared.find(None, attack.pk).content, frozenset(), UUID(int=object_id))
    marking = replace(Marking.own(peer.authority), **parts)
    peer.entry(shared.KIND, content, object_id=UUID(int=object_id), marking=marking)
    exchange.pull_all(Partner.objects.get(), peer)


def _waits(actor: Actor) -> int:
    told = embargoes.waits(actor)
    assert told is None or isinstance(told, Waiting)
    return 0 if told is None else told.count


def test_it_waits_for_those_who_may_mark_until_it_has_a_team(attack, peer, mari, team):
    """An officer is told at once; who is given the team is not told to name it, and nobody is once it is named."""
    reader = acting(newcomer("analyst", "investigator", name="Kati"))
    named = replace(acting(newcomer("analyst", name="Tiina")), teams=frozenset({team}))
    assert embargoes.waits(mari) is None
    _sends(attack, peer)
    assert [_waits(one) for one in (mari, reader, named)] == [1, 0, 0]
    [one] = embargoes.without_team(mari)
    assert (one.sort, one.originators, one.whom) == ("partnerattack", (peer.authority,), ("Tiina",))
    assert embargoes.without_team(reader) == []
    marks.mark_anew(one.object_id, Wish(one.marking, team), "Named.", mari)
    assert [_waits(who) for who in (mari, reader, named)] == [0, 0, 0]
    assert embargoes.without_team(mari) == []


def test_a_stale_passkey_hides_nothing_that_waits(attack, peer, mari):
    """Who may mark is told of it before the passkey is proved: it is asked for when they do."""
    _sends(attack, peer)
    stale = replace(mari, stepped_up_us=None)
    assert (_waits(stale), len(embargoes.without_team(stale))) == (1, 1)


def test_it_waits_no_more_from_the_hour_on(attack, peer, mari, monkeypatch):
    """Then everybody has it, and no team is to be named."""
    _sends(attack, peer)
    at = now_us() + DAY_US
    for module in (embargo, guarded):
        monkeypatch.setattr(module, "now_us", lambda: at)
    assert (_waits(mari), embargoes.without_team(mari)) == (0, [])


def test_what_is_under_no_embargo_or_an_own_one_does_not_wait(attack, peer, mari):
    """Who puts an own thing under an embargo knows of it; of what others send, only what nobody can see waits."""
    _sends(attack, peer, embargo_us=None, embargo_for=frozenset())
    _sends(attack, peer, 6, embargo_us=now_us() - 1)
    under = replace(Marking.own("ee-cert"), embargo_us=now_us() + DAY_US)
    marks.mark_anew(attack.pk, Wish(replace(attack.marking.marking, **_hour(under))), "The action day.", mari)
    assert _waits(mari) == 0


def _hour(marking: Marking) -> dict[str, int | None]:
    return {"embargo_us": marking.embargo_us}


def test_what_the_marking_keeps_from_an_officer_is_not_counted_for_them(attack, peer, mari):
    """It is limited to a purpose that no role of theirs works for: neither its number nor its hour is told."""
    _sends(attack, peer, purposes=frozenset({"statistics"}))
    assert (_waits(mari), embargoes.without_team(mari)) == (0, [])


def test_intelligence_waits_likewise(mari):
    """Items that another authority put under an embargo are counted, whichever way they came."""
    own = replace(
        Marking.own("lv-cert"), tlp=Tlp.AMBER, embargo_us=now_us() + DAY_US, embargo_for=frozenset({"Ilze"})
    )
    content = {"type": "bundle", "id": f"bundle--{UUID(int=1)}", "objects": [
        {"type": "tool", "id": f"tool--{UUID(int=number)}", "spec_version": "2.1", "name": "x",
         "created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T00:00:00Z"} for number in (1, 2)
    ]}  # fmt: skip
    intel.bring_in(json.dumps(content).encode(), "x.json", mari, marking=own)
    sorts = sorted(one.sort for one in embargoes.without_team(mari))
    assert sorts == ["batch", "item", "item"]
    assert _waits(mari) == 3


def test_no_item_but_those_under_an_embargo_is_looked_at_for_one(mari):
    """Neither the page nor the clock that opens them, every two seconds, goes through millions of items."""
    lists = {"a.csv": None, "b.csv": now_us() + DAY_US, "c.csv": now_us() - 1}
    for name, hour in lists.items():
        marking = replace(
            Marking.own("lv-cert"), embargo_us=hour, embargo_for=frozenset({"Tiina"} if hour else ())
        )
        intel.bring_in(f"value\n{name}.example\n".encode(), name, mari, marking=marking)
    with CaptureQueriesContext(connection) as asked:
        assert {one.sort for one in embargoes.without_team(mari)} == {"batch", "item"}
        assert embargo.open_due(mari) == 1
    asking = [
        one["sql"] for one in asked if one["sql"].startswith("SELECT") and 'FROM "intel_item"' in one["sql"]
    ]
    assert len(asking) >= 2
    plans = []
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        for sql in asking:
            cursor.execute(f"EXPLAIN {'' if connection.vendor == 'postgresql' else 'QUERY PLAN'} {sql}")
            plans.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
    assert [plan for plan in plans if "SCAN intel_item" in plan or "Seq Scan on intel_item" in plan] == []


def test_the_page_leads_to_naming_the_team_and_tells_no_content(
    attack, peer, mari, client_as: Clients, monkeypatch
):
    """For whom, until when and from whom stand there; what the thing says stands behind its own page, which is logged."""
    monkeypatch.setattr(frame, "waiting", [embargoes.waits])
    _sends(attack, peer)
    [one] = embargoes.without_team(mari)
    page = client_as(mari).get("/ledger/embargoes/")
    text = page.content.decode()
    assert page.status_code == 200
    assert f'href="/ledger/object/{one.object_id}/mark/"' in text
    assert f'href="/attacks/partners/{one.object_id}/"' in text
    assert "Tiina" in text
    assert peer.authority in text
    assert attack.victim not in text
    assert 'href="/ledger/embargoes/"' in client_as(mari).get("/").content.decode()
    other = client_as(acting(newcomer("analyst", name="Kati")))
    assert one.object_id.hex not in other.get("/ledger/embargoes/").content.decode().replace("-", "")
    assert "/ledger/embargoes/" not in other.get("/").content.decode()


def test_the_api_tells_the_same(attack, peer, mari, client_as: Clients):
    """A program of an officer's finds what waits; one of an analyst's finds nothing."""
    _sends(attack, peer)
    told = client_as(mari).get("/api/ledger/objects/embargoes").json()
    [one] = embargoes.without_team(mari)
    assert told == {
        "count": 1,
        "items": [{
            "object_id": str(one.object_id), "sort": "partnerattack", "originators": [peer.authority], "whom": ["Tiina"],
            "until_us": one.marking.embargo_us,
        }],
    }  # fmt: skip
    nothing = client_as(acting(newcomer("analyst", name="Kati"))).get("/api/ledger/objects/embargoes").json()
    assert nothing == {"count": 0, "items": []}


def test_a_marking_altered_in_the_database_takes_no_page_away(
    attack, peer, mari, client_as: Clients, monkeypatch
):
    """What waits is left out then, and the page that says what was altered is there."""
    monkeypatch.setattr(frame, "waiting", [embargoes.waits])
    _sends(attack, peer)
    StoredMarking.objects.filter(text__contains="embargo_us").update(text='{"embargo_us":1}')
    assert client_as(mari).get("/settings/").status_code in {200, 403}
