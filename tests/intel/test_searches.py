"""Saved searches: one person's alone, new hits within that person's view, seen when they say so."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlparse
from uuid import UUID

import pytest

from hanse.intel import search_views, searches, service
from hanse.intel.search_models import SavedSearch
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.kernel.sealing import SealingError
from hanse.ledger.fields import sealed
from hanse.ledger.models import Body, Entry
from hanse.policy.asking import RefusedError
from hanse.policy.guarded import NotVisibleError
from hanse.web import frame
from tests.conftest import AUTHORITY
from tests.intel.test_room import bundle, indicator
from tests.ledger.made import findings
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]
RED = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)


def bring(number: int, address: str, actor: Actor, marking: Marking | None = None) -> None:
    """One indicator comes in."""
    service.bring_in(bundle(indicator(number, address)), "one.json", actor, marking=marking)


def new(search: UUID, actor: Actor) -> list[str]:
    """Names of what is new to a search."""
    return sorted(row.title for row in searches.new_hits(searches.of(actor, search), actor))


@pytest.mark.parametrize(
    "query",
    [{"q": ["8.8.8[.]8"]}, {"q": ["8.8.8.0/24"]}, {"q": ["indicator 2"]}, {"type": ["indicator"]},
     {"q": ["8.8.8.8"], "format": ["stix"]}, {"source_id": ["indicator--00000000-0000-4000-8000-000000000002"]},
     {"title": ["ator 2"]}],
)  # fmt: skip
def test_what_comes_in_after_saving_is_new(actor: People, query: dict[str, list[str]]) -> None:
    """By value, network, words or filter: what was there before is not new, what comes after is, until it is seen."""
    mari = actor("analyst")
    bring(1, "8.8.8.8", mari)
    search = searches.save("Mine", query, mari)
    assert new(search, mari) == []
    bring(2, "8.8.8.8", mari)
    assert new(search, mari) == ["Indicator 2"]
    assert searches.count_all_new(mari) == 1
    newest = searches.new_hits(searches.of(mari, search), mari).latest("number").number
    searches.looked_at(search, newest, mari)
    assert (new(search, mari), searches.count_all_new(mari)) == ([], 0)
    assert findings() == []


def test_a_search_that_was_altered_bars_nobody_from_the_console(actor: People, client_as: Clients) -> None:
    """New hits are counted at every page: what one search would look for is named, the others count and are shown."""
    mari = actor("analyst")
    good = searches.save("Mine", {"q": ["8.8.8.8"]}, mari)
    bad = searches.save("Other", {"q": ["8.8.8.8"]}, mari)
    SavedSearch.objects.filter(pk=bad).update(**sealed(SavedSearch, good, query={}, name="Another"))
    bring(1, "8.8.8.8", mari)
    client = client_as(mari)
    assert client.get("/").status_code == 200
    assert searches.count_all_new(mari) == 1
    shown = client.get("/intelligence/searches/").content.decode()
    assert "Mine" in shown
    assert f"intel_savedsearch, row {bad.hex}, name" in shown
    assert [one["name"] for one in client.get("/api/intelligence/searches").json()] == ["Mine"]


def test_whatever_waits_and_does_not_open_pages_go_on(
    actor: People, client_as: Clients, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What a room counts for the frame of every page stops no page; the log names the row."""

    def broken(_: Actor) -> None:
        raise SealingError("rooms_thing, row 1, words: It was altered.")

    client = client_as(actor("analyst"))
    monkeypatch.setattr(frame, "waiting", [broken])
    assert client.get("/").status_code == 200
    assert client.get("/nowhere/").status_code == 404
    assert "rooms_thing, row 1" in caplog.text


def test_no_number_tells_that_something_hidden_came(actor: People) -> None:
    """Whoever tries numbers learns of the newest item that they may see, and of none beyond it."""
    mari = actor("analyst")
    bring(1, "8.8.8.8", mari)
    search = searches.save("Mine", {"q": ["8.8.8.8"]}, mari)
    newest = searches.latest()
    bring(2, "8.8.8.8", mari, RED)
    assert searches.latest() > newest
    with pytest.raises(UsageError, match="No item has that number"):
        searches.looked_at(search, newest + 1, mari)
    searches.looked_at(search, newest, mari)


def test_what_does_not_fit_is_not_new(actor: People) -> None:
    """An item of another value, or of another type, is no hit."""
    mari = actor("analyst")
    search = searches.save("Mine", {"q": ["8.8.8.8"], "type": ["malware"]}, mari)
    bring(1, "8.8.8.8", mari)
    bring(2, "8.8.4.4", mari)
    assert new(search, mari) == []


def test_a_search_is_its_owners_alone(actor: People) -> None:
    """Another, whatever their roles, cannot list, read, change, look at or delete it, nor learn that it is there."""
    mari, kaja = actor("analyst"), actor("analyst", "investigator", "officer", "approver")
    search = searches.save("Suspect", {"q": ["8.8.8.8"]}, mari)
    assert searches.all_of(kaja) == []
    for act in (
        lambda: searches.of(kaja, search), lambda: searches.change(search, kaja, name="x"),
        lambda: searches.looked_at(search, 0, kaja), lambda: searches.delete(search, kaja),
    ):  # fmt: skip
        with pytest.raises(NotVisibleError):
            act()
    assert searches.of(mari, search).name == "Suspect"


def test_what_is_looked_for_stands_sealed(actor: People) -> None:
    """In tables and bodies neither its name nor its text stands in the clear, and entries are for the named alone."""
    mari = actor("analyst")
    searches.save("Canary name", {"q": ["Canary text"]}, mari)
    entry = Entry.objects.get(kind="intel.search_saved")
    assert b"Canary" not in bytes(Body.objects.get(entry=entry).data)
    assert b'"tlp":"RED"' in bytes(entry.payload)
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT name, query FROM intel_savedsearch")
        assert b"Canary" not in b"".join(bytes(one) for one in cursor.fetchone())


def test_a_hidden_item_neither_counts_nor_hints(actor: People) -> None:
    """What the owner may not see is no hit, in no count; seeing all that is shown hides nothing that comes to be seen."""
    mari, chief = actor("analyst"), actor("analyst", "officer")
    search = searches.save("Mine", {"q": ["8.8.8.8"]}, mari)
    bring(1, "8.8.8.8", chief, RED)
    assert (
        new(search, mari),
        searches.count_all_new(mari),
        searches.count_new(searches.of(mari, search), mari),
    ) == ([], 0, 0)
    theirs = searches.save("Chief", {"q": ["8.8.8.8"]}, chief)
    bring(2, "8.8.8.8", chief, RED)
    assert new(theirs, chief) == ["Indicator 2"]


def test_counts_are_bounded(actor: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many hits there are, no more are counted than the bound and one."""
    mari = actor("analyst")
    search = searches.save("Mine", {"type": ["indicator"]}, mari)
    monkeypatch.setattr(searches, "MOST_NEW", 3)
    service.bring_in(bundle(*(indicator(n, f"8.8.8.{n}") for n in range(1, 9))), "many.json", mari)
    assert searches.count_new(searches.of(mari, search), mari) == 4
    assert searches.count_all_new(mari) == 3


def test_who_does_not_want_to_be_told_is_not(actor: People) -> None:
    """A search that does not notify is not counted in the console; its page counts all the same."""
    mari = actor("analyst")
    search = searches.save("Mine", {"q": ["8.8.8.8"]}, mari, notify=False)
    bring(1, "8.8.8.8", mari)
    assert (searches.count_all_new(mari), new(search, mari)) == (0, ["Indicator 1"])
    searches.change(search, mari, name="Renamed", notify=True)
    waits = search_views.waits(mari)
    assert waits is not None
    assert (waits.count, searches.of(mari, search).name) == (1, "Renamed")
    searches.delete(search, mari)
    assert (SavedSearch.objects.count(), searches.count_all_new(mari)) == (0, 0)
    assert findings() == []


@pytest.mark.parametrize(
    "wrong", [{}, {"q": []}, {"q": ["x" * 501]}, {"q": ["a\0b"]}, {"type": ["y"] * 50 + ["x" * 400] * 20}]
)
def test_what_looks_for_nothing_is_not_saved(actor: People, wrong: dict[str, list[str]]) -> None:
    """A search of everything, or of what no item can have, is refused in words."""
    with pytest.raises(UsageError):
        searches.save("Mine", wrong, actor("analyst"))


def test_searches_are_for_who_may_see_intelligence(actor: People) -> None:
    """Who may see no intelligence saves nothing, and one has no more than the bound."""
    with pytest.raises(RefusedError):
        searches.save("Mine", {"q": ["8.8.8.8"]}, actor("administrator"))


def test_one_has_no_more_than_the_bound(actor: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page asks them, so there is a most."""
    mari = actor("analyst")
    monkeypatch.setattr(searches, "MOST", 1)
    searches.save("One", {"q": ["8.8.8.8"]}, mari)
    with pytest.raises(UsageError, match="Delete one"):
        searches.save("Two", {"q": ["8.8.8.8"]}, mari)


def test_a_search_is_saved_from_the_list_and_leads_back(actor: People, client_as: Clients) -> None:
    """What the list shows is saved by its address; the page shows what is new; its link is the same list again."""
    mari = actor("analyst")
    client = client_as(mari)
    page = client.get("/intelligence/?q=8.8.8.8&type=indicator").content.decode()
    assert "/intelligence/searches/new/?q=8.8.8.8&amp;type=indicator" in page
    came = client.post(
        "/intelligence/searches/new/?q=8.8.8.8&type=indicator", {"name": "Mine", "notify": "on"}
    )
    assert came.status_code == 302
    bring(1, "8.8.8.8", mari)
    shown = client.get(came["Location"])
    assert "1 new hit since you last looked." in shown.content.decode()
    assert parse_qs(urlparse(shown.context["whole"]).query) == {"q": ["8.8.8.8"], "type": ["indicator"]}
    assert "Mine" in client.get("/intelligence/searches/").content.decode()
    client.post(f"{came['Location']}seen/", {"upto": shown.context["upto"]})
    assert "Nothing new" in client.get(came["Location"]).content.decode()
    assert client.post(f"{came['Location']}change/", {"name": "Other"}).status_code == 302
    gone = client.post(f"{came['Location']}delete/", follow=True)
    assert "save it again" in gone.content.decode()  # nothing asks before, and this is the way back
    assert "/intelligence/searches/new/?q=8.8.8.8&amp;type=indicator" in gone.content.decode()
    assert client.get(came["Location"]).status_code == 404


def test_the_api_does_what_the_pages_do(actor: People, client_as: Clients) -> None:
    """Save, list, look, see, change and delete, each for its owner alone."""
    mari = actor("analyst")
    client, other = client_as(mari), client_as(actor("analyst"))
    json = "application/json"
    made = client.post(
        "/api/intelligence/searches", {"name": "Mine", "query": {"q": ["8.8.8.8"]}}, content_type=json
    )
    assert made.status_code == 201
    at = f"/api/intelligence/searches/{made.json()['id']}"
    bring(1, "8.8.8.8", mari)
    told = client.get(at).json()
    assert ([one["title"] for one in told["items"]], told["new"]) == (["Indicator 1"], 1)
    assert (
        other.get(at).status_code,
        other.delete(at).status_code,
        other.get("/api/intelligence/searches").json(),
    ) == (404, 404, [])
    assert client.post(f"{at}/seen", {"upto": told["upto"]}, content_type=json).status_code == 204
    assert client.patch(at, {"name": "Renamed"}, content_type=json).json()["new"] == 0
    wrong = client.post(
        "/api/intelligence/searches", {"name": "x", "query": {"color": ["red"]}}, content_type=json
    )
    assert wrong.status_code == 400
    assert client.delete(at).status_code == 204
    assert client.get("/api/intelligence/searches").json() == []


def test_markings_of_hits_count_for_the_page(actor: People, client_as: Clients) -> None:
    """A page of hits is as strictly marked as the strictest of them."""
    mari = actor("analyst")
    search = searches.save("Mine", {"q": ["8.8.8.8"]}, mari)
    bring(1, "8.8.8.8", mari, replace(Marking.own(AUTHORITY), tlp=Tlp.AMBER_STRICT))
    assert "TLP:AMBER+STRICT" in client_as(mari).get(f"/intelligence/searches/{search}/").content.decode()


def test_the_console_counts_anew_once_in_a_while(actor: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a feed comes in, pages do not look through everything each time; a little later they do."""
    mari = actor("analyst")
    searches.save("Mine", {"q": ["8.8.8.8"]}, mari)
    assert searches.count_all_new(mari) == 0
    bring(1, "8.8.8.8", mari)
    asked = []
    count = searches.count_new
    monkeypatch.setattr(searches, "count_new", lambda *told: asked.append(1) or count(*told))
    assert (searches.count_all_new(mari), asked) == (0, [])
    monkeypatch.setattr(searches, "RESTS_US", 0)
    assert (searches.count_all_new(mari), asked) == (1, [1])
    assert (searches.count_all_new(mari), asked) == (1, [1])
