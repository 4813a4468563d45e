"""Answers made ready ahead: found by whoever is offered the same, decided anew for each, and telling nothing of the hidden."""

import threading
from dataclasses import replace
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from hanse.kernel.markings import Marking
from hanse.ledger.models import Entry
from hanse.ledger.routing import database
from hanse.policy.service import mark
from hanse.taxii import ahead, kept, server
from hanse.taxii.asked import Asked
from hanse.taxii.reading import page
from hanse.taxii.shelves import Sought, Together
from tests.accounts.people import NODE
from tests.taxii.edge import ALLOWED, Edge, brought, indicator, named, object_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of other tests is kept."""
    kept.clear()
    monkeypatch.setattr(ahead, "_noticed", {})
    monkeypatch.setattr(ahead, "_passed", {})


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """What requests had to read, because it was not ready."""
    asked: list[Asked] = []
    monkeypatch.setattr(server, "page", lambda shelf, wanted: (asked.append(wanted), page(shelf, wanted))[1])
    return asked


def test_the_first_who_asks_finds_it_ready(actor: Any, read: list[Asked]) -> None:
    """Everything, page after page, without a word of the ledger being written ahead; and it is what would have been read."""
    edge = Edge()
    brought(actor("analyst"), *(indicator(at) for at in range(25)))
    wanted = edge.get("everything/objects")
    kept.clear()
    read.clear()
    before = Entry.objects.count()
    assert ahead.make_ready() > 0
    assert Entry.objects.count() == before
    assert edge.get("everything/objects") == wanted
    assert read == []
    assert Entry.objects.count() == before + 1  # the disclosure


def test_what_a_partner_lists_is_made_ready_anew(actor: Any, read: list[Asked], monkeypatch: Any) -> None:
    """A collection and a size of pages that it asked for are ready again once something has changed; its smallest pages are not."""
    monkeypatch.setattr(ahead, "_LEAST", 10)
    edge, mari = Edge(), actor("analyst")
    brought(mari, *(indicator(at) for at in range(25)))
    edge.ids("indicators/objects", limit="10")
    edge.ids("indicators/objects", limit="5")
    brought(mari, indicator(30))
    ahead.make_ready()
    read.clear()
    first = edge.get("indicators/objects", limit="10")
    edge.get("indicators/objects", limit="10", next=first["next"])
    assert read == []
    assert {one.limit for one in ahead._noticed[edge.row.pk]} == {10}


def test_policy_is_asked_anew_of_what_is_ready(actor: Any, read: list[Asked]) -> None:
    """What is marked more strictly after it was made ready is told to nobody, at once."""
    edge = Edge()
    brought(actor("analyst"), indicator(1), indicator(2))
    ahead.make_ready()
    mark(object_of(1), Marking.own("ee-cert"), "", NODE, "It concerns a source.")
    assert edge.ids() == [named(2)]


def test_who_is_offered_something_else_finds_nothing_ready(actor: Any) -> None:
    """A partner gets what is releasable to it, however much is ready for another."""
    fi, lv = Edge(), Edge("lv-cert", "LV")
    mari = actor("analyst")
    brought(mari, indicator(1), releasable=frozenset({"authority:fi-cert"}))
    brought(mari, indicator(2), releasable=frozenset({"authority:lv-cert"}))
    ahead.make_ready()
    assert (fi.ids(), lv.ids()) == ([named(1)], [named(2)])


def test_nothing_is_done_for_what_is_hidden(actor: Any) -> None:
    """Threat 16: hidden things, new or changed, make no work ahead: neither its hour nor its length tells of them."""
    Edge()
    mari, worked = actor("analyst"), []
    brought(mari, indicator(1))
    ahead.make_ready(worked.append)
    done = len(worked)
    brought(mari, *(indicator(at) for at in range(2, 30)), **(ALLOWED | {"tlp": Marking.own("ee-cert").tlp}))
    ahead.make_ready(worked.append)
    assert len(worked) == done == 1


def test_a_page_with_a_bad_object_is_not_made_again_and_again(actor: Any) -> None:
    """What cannot be kept is read once for each change, and noted by nobody ahead of who asks."""
    Edge()
    mari, worked = actor("analyst"), []
    brought(mari, indicator(1), {"type": "indicator", "id": "indicator--bad"})
    for _ in range(3):
        ahead.make_ready(worked.append)
    assert len(worked) == 1
    assert not Entry.objects.filter(kind="taxii.left_out").exists()
    brought(mari, indicator(2))
    ahead.make_ready(worked.append)
    assert len(worked) == 2


def test_it_is_done_for_those_who_come_and_within_bounds(actor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is ready for a partner who was revoked or has not come for long; and never more than fits."""
    from hanse.taxii import partners

    edge = Edge()
    brought(actor("analyst"), *(indicator(at) for at in range(30)))
    monkeypatch.setattr(ahead, "MOST_BYTES", 1)
    assert 0 < ahead.make_ready() < 60_000
    kept.clear()
    edge.row.made_us -= ahead.LATELY_US
    edge.row.save()
    assert ahead.make_ready() == 0
    edge.ids()
    assert ahead.make_ready() > 0
    partners.revoke(edge.row.pk, "It has a node now.", edge.people[0])
    assert ahead.make_ready() == 0


def test_two_with_one_view_are_made_ready_once(actor: Any) -> None:
    """Partners who are offered the same share what is ready."""
    Edge()
    Edge("lv-cert", "LV")
    brought(actor("analyst"), indicator(1))
    worked: list[float] = []
    ahead.make_ready(worked.append)
    assert len(worked) == 1
    assert replace(Asked(), limit=7) != Asked()


def test_it_stands_still_while_a_partner_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rest ends only when nobody is answered any more."""
    order = []

    def rest() -> None:
        ahead._rest(0.0)
        order.append("went on")

    monkeypatch.setattr(ahead, "LOOK_S", 30.0)
    with ahead.standing_still():
        thread = threading.Thread(target=rest)
        thread.start()
        thread.join(0.1)
        order.append("answered")
    thread.join(10)
    assert order == ["answered", "went on"]


def test_reading_a_page_keeps_no_writer_out(actor: Any) -> None:
    """A page is read as of one moment, in a transaction that takes no lock of writers, however long it is read."""
    edge = Edge()
    brought(actor("analyst"), *(indicator(at) for at in range(25)))
    shelf, wanted = Together(edge.actor), Sought(after=-1, most=25)
    with CaptureQueriesContext(connections[database()]) as told:
        some = [piece for pieces in shelf.pieces(wanted) for piece in pieces]
    begun = [one["sql"] for one in told if "BEGIN" in one["sql"] or "ISOLATION" in one["sql"]]
    assert len(some) == 25
    assert begun
    assert not any("IMMEDIATE" in one for one in begun)


def test_no_transaction_is_open_while_it_rests(actor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite has one writer: who rests within a transaction would hold up everybody who writes."""
    monkeypatch.setattr(ahead, "AT_ONCE", 10)
    Edge()
    brought(actor("analyst"), *(indicator(at) for at in range(25)))
    rests = []
    ahead.make_ready(lambda _worked_s: rests.append(connections[database()].in_atomic_block))
    assert rests == [False] * 3
