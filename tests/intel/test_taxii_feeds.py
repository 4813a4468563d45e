"""Feeds that are TAXII 2.1 collections: pages come in once, from where the last run stopped, whatever the server does."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hanse.intel import authoring, feed_fetching, feed_running, feed_taxii, feeds, service
from hanse.intel.feed_models import Feed, FeedPlace, FeedRun
from hanse.intel.feed_running import FailedError
from hanse.intel.feeds import Said
from hanse.intel.models import Item
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.models import Body, Entry
from hanse.policy.asking import RefusedError
from hanse.taxii.media import stamp
from hanse.web.jobs import Cancelled
from tests.egress.servers import certificate, http_server, public_rules, reply
from tests.intel.feed_server import FeedServer
from tests.intel.stix_corpus import sdo
from tests.intel.taxii_server import COLLECTION, HOST, MemoryServer, OwnServer, told
from tests.intel.test_own import report
from tests.ledger.made import findings
from tests.taxii.edge import Edge, brought, indicator, named, things

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

People = Callable[..., Actor]
FEED = Said(name="Riga", format="taxii", url=COLLECTION)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> MemoryServer:
    """A server with five objects, of which two are asked for at a time."""
    made = MemoryServer([(f"2024-01-01T00:00:0{at}.000Z", indicator(at)) for at in range(5)])
    monkeypatch.setattr(feed_fetching, "client", lambda: made)
    monkeypatch.setattr(feed_taxii, "PAGE", 2)
    return made


def ran(feed: Any, actor: Actor) -> FeedRun:
    """The account of a run that is done now."""
    return FeedRun.projected.get(pk=feed_running.run(feed, actor))


def failed(feed: Any, actor: Actor) -> str:
    """The words of a run that fails now."""
    with pytest.raises(FailedError) as error:
        feed_running.run(feed, actor)
    return str(error.value)


def held() -> set[str]:
    """Ids of the indicators that are on record."""
    return set(Item.projected.filter(type="indicator").values_list("source_id", flat=True))


def here(*numbers: int) -> set[str]:
    """Ids of indicators."""
    return {named(at) for at in numbers}


def test_a_collection_comes_in_once_and_then_only_what_is_new(actor: People, server: MemoryServer) -> None:
    """Pages follow by `next`; the next run asks for what was added after the last time told, and takes that alone."""
    mari = actor("analyst")
    feed = feeds.subscribe(FEED, mari)
    first = ran(feed, mari)
    assert (first.outcome, first.parts, first.fresh) == ("whole", 3, 5)
    assert [one.get("next") for one in server.asked] == [None, "2", "4"]
    assert ran(feed, mari).outcome == "unchanged"
    server.objects.append(("2024-01-01T00:00:09.000Z", indicator(9)))
    assert (ran(feed, mari).fresh, held()) == (1, here(0, 1, 2, 3, 4, 9))
    assert server.asked[-1] == {"limit": "2", "added_after": "2024-01-01T00:00:04.000Z"}
    assert findings() == []


@pytest.mark.parametrize("fault", [KeyboardInterrupt, Cancelled("The job was cancelled.")])
def test_an_interrupted_run_goes_on_where_it_stopped(
    actor: People, server: MemoryServer, fault: BaseException
) -> None:
    """Killed between two pages, the next run asks for the third one: nothing is fetched twice, nothing is missing."""
    mari = actor("analyst")
    feed = feeds.subscribe(FEED, mari)

    def stop(done: int, _total: int) -> None:
        if done == 4 and len(server.asked) == 2 and FeedPlace.objects.get().following == "4":
            raise fault

    with pytest.raises((KeyboardInterrupt, Cancelled)):
        feed_running.run(feed, mari, stop)
    assert held() == here(0, 1, 2, 3)
    assert ran(feed, mari).fresh == 1
    assert [one.get("next") for one in server.asked] == [None, "2", "4"]


def test_killed_between_items_and_place_nothing_is_doubled(
    actor: People, server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place is never ahead of the items: a page whose place was not written comes again, and counts as known."""
    mari = actor("analyst")
    feed = feeds.subscribe(FEED, mari)

    def broken(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(feed_taxii, "append", broken)
        with pytest.raises(KeyboardInterrupt):
            feed_running.run(feed, mari)
    again = ran(feed, mari)
    assert (again.known, again.fresh, held()) == (2, 3, here(0, 1, 2, 3, 4))


def test_a_server_that_is_down_in_the_middle_is_asked_again_later(
    actor: People, server: MemoryServer
) -> None:
    """429 with Retry-After behind some pages: the run is a part, waits as long as asked, and goes on; without any, it failed."""
    mari = actor("analyst")
    feed = feeds.subscribe(FEED, mari)
    server.odd[1] = lambda: (429, {"retry-after": "1200"}, b"")
    first = ran(feed, mari)
    assert (first.outcome, first.fresh) == ("part", 2)
    assert Feed.projected.get().due_us - first.ended_us == 1_200_000_000
    server.odd[2] = lambda: (
        503,
        {"retry-after": "Thu, 01 Jan 2026 00:10:00 GMT", "date": "Thu, 01 Jan 2026 00:00:00 GMT"},
        b"",
    )
    assert "not now" in failed(feed, mari)
    assert FeedRun.projected.latest("sequence").wait_s == 600
    assert (ran(feed, mari).fresh, held()) == (3, here(0, 1, 2, 3, 4))


def test_caps_end_a_run_and_the_next_one_goes_on(actor: People, server: MemoryServer) -> None:
    """At the cap of items the run is a part; what is here already counts for nothing."""
    mari = actor("analyst")
    feed = feeds.subscribe(replace(FEED, most_items=3), mari)
    assert [ran(feed, mari).outcome for _ in range(2)] == ["part", "whole"]
    assert held() == here(0, 1, 2, 3, 4)


def test_a_server_that_heeds_no_limit_is_taken_as_it_is(actor: People, server: MemoryServer) -> None:
    """More objects than were asked for come in whole."""
    mari, server.heeds_limit = actor("analyst"), False
    assert ran(feeds.subscribe(FEED, mari), mari).fresh == 5


def test_a_page_that_is_too_large_is_asked_for_in_parts(
    actor: People, server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a page is over the cap of bytes, fewer objects are asked for; a server that sends no fewer fails in words."""
    monkeypatch.setattr(feed_taxii, "PAGE", 100)
    mari = actor("analyst")
    server.objects = [(stamp_of(at), indicator(at, description="x" * 4_000)) for at in range(30)]
    feed = feeds.subscribe(replace(FEED, most_bytes=50_000), mari)
    while ran(feed, mari).outcome == "part":
        pass
    assert len(held()) == 30
    assert server.asked[1]["limit"] == "10"
    server.heeds_limit = False
    again = replace(FEED, most_bytes=50_000, secret="Bearer of another key")
    assert "too large" in failed(feeds.subscribe(again, mari), mari)


def stamp_of(second: int) -> str:
    """A time of adding."""
    return f"2024-01-01T00:00:{second:02}.000Z"


EMPTY = told([], more=True)
STUCK: dict[str, Callable[[MemoryServer], dict[int, Any]]] = {
    "gives nothing": lambda server: {at: lambda: EMPTY for at in range(1, 50)},
    "the same next": lambda server: {
        at: lambda: told([indicator(1)], more=True, next="7") for at in range(1, 50)
    },
    "two in a circle": lambda server: {
        at: (lambda at=at: told([indicator(at % 2)], more=True, next=str(at % 2))) for at in range(1, 50)
    },
    "one page for ever": lambda server: {
        at: (lambda at=at: told([indicator(1)], more=True, next=str(at))) for at in range(1, 50)
    },
    "empty pages for ever": lambda server: {
        at: (lambda at=at: told([], more=True, next=str(at))) for at in range(1, 50)
    },
    "no next and no time": lambda server: {
        at: lambda: told([indicator(1)], more=True) for at in range(1, 50)
    },
}


@pytest.mark.parametrize("habit", STUCK)
def test_a_server_that_leads_round_in_a_circle_comes_to_an_end(
    actor: People, server: MemoryServer, habit: str
) -> None:
    """The run ends within a few pages, what came is here, its account says what the server does; nothing is lost by it."""
    mari = actor("analyst")
    server.odd = STUCK[habit](server)
    feed = feeds.subscribe(FEED, mari)
    if habit == "gives nothing":
        assert ran(feed, mari).detail["left_out"] == [
            "The server says that there is more, and gives nothing."
        ]
    else:
        assert "round in a circle" in failed(feed, mari)
    assert len(server.asked) <= feed_taxii.MOST_EMPTY + 4
    assert here(0, 1) <= held()
    server.odd = {}
    ran(feed, mari)
    if habit != "gives nothing":
        assert held() == here(0, 1, 2, 3, 4)


def test_a_page_that_comes_twice_is_passed(actor: People, server: MemoryServer) -> None:
    """A server that tells a page again and then goes on is followed."""
    mari = actor("analyst")
    server.odd[1] = lambda: told([indicator(0), indicator(1)], more=True, next="2")
    server.odd[0] = lambda: told([indicator(0), indicator(1)], more=True, next="1")
    told_now = ran(feeds.subscribe(FEED, mari), mari)
    assert (told_now.outcome, told_now.known, held()) == ("whole", 2, here(0, 1, 2, 3, 4))


def test_what_next_said_may_be_forgotten(actor: People, server: MemoryServer) -> None:
    """A server that no longer knows where it goes on is asked anew from the last whole walk; nothing is missing."""
    mari = actor("analyst")
    feed = feeds.subscribe(FEED, mari)
    server.odd[1] = lambda: (503, {}, b"")
    assert ran(feed, mari).outcome == "part"
    server.odd[2] = lambda: (400, {}, b"{}")
    again = ran(feed, mari)
    assert (again.outcome, again.fresh, again.known, held()) == ("whole", 3, 2, here(0, 1, 2, 3, 4))
    assert "asked anew" in again.detail["left_out"][0]


def test_a_server_without_next_is_asked_by_time(actor: People, server: MemoryServer) -> None:
    """`more` without `next` goes on from the last time of adding."""
    mari = actor("analyst")
    for at in range(0, 5, 2):
        server.odd[at // 2] = lambda at=at: told(
            [indicator(at), indicator(at + 1)], stamp_of(at + 1), more=at < 4
        )
    assert ran(feeds.subscribe(FEED, mari), mari).outcome == "whole"
    assert [one.get("added_after") for one in server.asked] == [None, stamp_of(1), stamp_of(3)]


@pytest.mark.parametrize(
    "last",
    ["tomorrow", "2024-13-01T00:00:00Z", "", stamp(now_us() + 9 * 86_400_000_000)],
    ids=["a word", "no date", "nothing", "in nine days"],
)
def test_a_clock_that_is_wrong_loses_nothing(actor: People, server: MemoryServer, last: str) -> None:
    """A time of adding that is none, or lies days ahead, is not gone by: the next run reads everything again."""
    mari = actor("analyst")
    feed = feeds.subscribe(FEED, mari)
    server.odd[0] = lambda: told([indicator(1)], last)
    ran(feed, mari)
    server.odd[1] = lambda: told([indicator(1), indicator(2)], last)
    assert ran(feed, mari).fresh == 1
    assert "added_after" not in server.asked[1]


def test_one_bad_object_stops_no_other(actor: People, server: MemoryServer) -> None:
    """What is no object, is doubled, deep, or holds what no database can, is told by reason; the others come in."""
    mari = actor("analyst")
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    bad = ["text", {"type": "indicator"}, indicator(7, x=deep), {**indicator(8), "name": "a\0b"}, None, 17]
    server.odd[0] = lambda: told([indicator(1), *bad, indicator(2)])
    now = ran(feeds.subscribe(FEED, mari), mari)
    assert (now.fresh, now.left_out, held()) == (2, 6, here(1, 2))
    doubled = json.dumps(indicator(3)).replace('"name"', '"name":"a","name"').encode()
    server.odd[1] = lambda: (200, {}, b'{"objects":[%b,%b]}' % (doubled, json.dumps(indicator(4)).encode()))
    assert (ran(Feed.projected.get().pk, mari).left_out, held()) == (1, here(1, 2, 4))


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"objects":7}',
        b'{"objects":[],"objects":[]}',
        b'{"more":true,"more":false}',
        b'{"objects":[' + b"[" * 9_000,
    ],
)
def test_an_answer_that_is_no_envelope_fails_in_words(
    actor: People, server: MemoryServer, body: bytes
) -> None:
    """It says what the server said that it is; nothing is written, the place stays."""
    mari = actor("analyst")
    server.odd[0] = lambda: (200, {"content-type": "text/html"}, body)
    assert "text/html" in failed(feeds.subscribe(FEED, mari), mari)
    assert not FeedPlace.objects.exists()


def test_a_wrong_content_type_is_told_once_and_read(actor: People, server: MemoryServer) -> None:
    """A server that says `text/plain` of a good envelope is read, and its account says so once."""
    mari = actor("analyst")
    for at in range(3):
        server.odd[at] = lambda at=at: (200, {"content-type": "text/plain"}, server.page(server.asked[at])[2])
    now = ran(feeds.subscribe(FEED, mari), mari)
    assert (now.fresh, now.left_out) == (5, 1)


def test_a_marking_of_an_earlier_page_binds(actor: People, server: MemoryServer) -> None:
    """A definition that stood on another page, even in another run, is asked for: nothing is marked less than it says."""
    mari = actor("analyst")
    strict = sdo(
        "marking-definition",
        5,
        definition_type="statement",
        definition={"statement": "PAP:RED, TLP:AMBER+STRICT"},
    )
    del strict["modified"]
    server.objects = [(stamp_of(1), strict), (stamp_of(2), indicator(2)),
                      (stamp_of(3), indicator(3, object_marking_refs=[strict["id"]]))]  # fmt: skip
    feed = feeds.subscribe(FEED, mari)
    ran(feed, mari)
    server.others[f"/riga/collections/one/objects/{strict['id']}/"] = told([strict])
    server.objects.append((stamp_of(4), indicator(4, object_marking_refs=[strict["id"]])))
    now = ran(feed, mari)
    assert (now.fresh, now.known) == (1, 0)
    for at in (3, 4):
        marking = Item.projected.get(source_id=named(at)).marking.marking
        assert (marking.tlp, marking.pap) == (Tlp.AMBER_STRICT, Pap.RED)


def test_a_page_waits_for_a_marking_that_is_not_given_now(actor: People, server: MemoryServer) -> None:
    """While a server does not give a definition, what refers to it does not come in less strictly marked."""
    mari, name = actor("analyst"), "marking-definition--00000000-0000-4000-8000-000000000009"
    server.objects = [(stamp_of(3), indicator(3, object_marking_refs=[name]))]
    server.others[f"/riga/collections/one/objects/{name}/"] = (503, {}, b"")
    assert "not now" in failed(feeds.subscribe(FEED, mari), mari)
    assert held() == set()


def test_a_user_and_password_are_sent_and_nowhere_shown(actor: People, server: MemoryServer) -> None:
    """HTTP's Basic scheme, as TAXII has it; neither table nor entry nor account nor address holds the password."""
    mari = actor("analyst")
    feed = feeds.subscribe(replace(FEED, user="ee-cert", secret="Canary-4711"), mari)
    server.odd[0] = lambda: (401, {}, b"")
    words = failed(feed, mari)
    ran(feed, mari)
    proof = "Basic " + b64encode(b"ee-cert:Canary-4711").decode()
    assert {one["Authorization"] for one in server.headers} == {proof}
    assert "Canary" not in words + "".join(server.urls)
    row = Feed.projected.get()
    kept = [str(getattr(row, one.attname)) for one in Feed._meta.fields]
    for entry in Entry.objects.filter(kind__startswith="intel.feed"):
        body = Body.objects.get(entry=entry)
        kept += [str(service.content_of(entry, body, service.kind_of(entry.kind))), str(bytes(body.data))]
    assert not [one for one in kept if "Canary" in one or proof[6:] in one]


def test_a_secret_goes_to_no_other_server(
    actor: People, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither a redirect nor an API root elsewhere gets the header; such a root is named, and not asked."""
    from hanse.egress.client import Client

    shown, trusted = certificate(tmp_path, "taxii.example")
    other, mari = FeedServer(files={"/x/": told([indicator(1)])[2]}), actor("analyst")
    with http_server(other.answer, shown) as there:
        elsewhere = f"https://taxii.example:{there.port}/x/"
        moved = FeedServer(files={
            "/riga/collections/one/objects/": lambda handler: reply(handler, 302, Location=elsewhere),
            "/taxii2/": json.dumps({"title": "Riga", "api_roots": ["/riga/", elsewhere]}).encode(),
            "/riga/collections/": json.dumps({"collections": [{"id": "one", "title": "One", "can_read": True}]}).encode(),
        })  # fmt: skip
        with http_server(moved.answer, shown) as first:
            rules, _, _ = public_rules(["8.0.0.8"], tls=trusted)
            monkeypatch.setattr(feed_fetching, "client", lambda: Client(rules))
            said = replace(
                FEED, url=f"https://taxii.example:{first.port}/riga/collections/one/", secret="Bearer Canary"
            )
            assert ran(feeds.subscribe(said, mari), mari).fresh == 1
            found = feed_taxii.collections(
                replace(said, url=f"https://taxii.example:{first.port}/taxii2/"), mari
            )
    assert [one.url for one in found.collections] == [said.url]
    assert elsewhere in found.told[0]
    assert all(one["Authorization"] == "Bearer Canary" for one in moved.headers)
    assert [("Authorization" in one) for one in other.headers] == [False]


def test_trying_it_out_reads_one_page_and_writes_nothing(actor: People, server: MemoryServer) -> None:
    """What the first page holds is said, and no entry follows."""
    came = feed_running.tried(FEED, actor("analyst"))
    assert (came.account.fresh, len(server.asked), Item.projected.count(), FeedPlace.objects.count()) == (
        5,
        1,
        0,
        0,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": f"{HOST}/taxii2/"}, {"url": f"{COLLECTION}?key=1"}, {"url": f"{COLLECTION}manifest/"}, {"user": "a:b"},
        {"user": "a", "header": "X-Key"},
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(actor: People, wrong: dict[str, Any]) -> None:
    """An address that is no collection's, a key in it, or a user that Basic cannot name is refused in words."""
    with pytest.raises(UsageError):
        feeds.subscribe(replace(FEED, **wrong), actor("analyst"))


def test_another_collection_begins_at_its_beginning(actor: People, server: MemoryServer) -> None:
    """Where the address changes, the place of the one before says nothing."""
    mari = actor("analyst")
    feed = feeds.subscribe(FEED, mari)
    ran(feed, mari)
    feeds.change(feed, replace(FEED, url=f"{HOST}/riga/collections/two/"), mari)
    server.others["/riga/collections/two/objects/"] = told([indicator(8)])
    assert ran(feed, mari).fresh == 1
    assert server.urls[-1].endswith("/two/objects/?limit=2")


def test_who_may_not_asks_no_server(actor: People, server: MemoryServer) -> None:
    """Asking for collections takes the right to subscribe."""
    with pytest.raises(RefusedError):
        feed_taxii.collections(FEED, actor("officer"))
    assert server.urls == []


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> OwnServer:
    """The node's own server."""
    made = OwnServer()
    monkeypatch.setattr(feed_fetching, "client", lambda: made)
    monkeypatch.setattr(feed_taxii, "PAGE", 2)
    return made


def from_own(edge: Edge, url: str = "https://localhost/taxii2/root/collections/everything/") -> Said:
    """The feed of a partner at the open edge."""
    return replace(FEED, url=url, user=edge.authority, secret=edge.secret)


def test_what_the_nodes_own_server_tells_comes_in_field_by_field(actor: People, own: OwnServer) -> None:
    """Through server and client an object is the same, member by member, and marked as its originator has it."""
    edge, mari = Edge(), actor("analyst")
    green = Marking(originators=frozenset({"ee-cert"}), tlp=Tlp.GREEN, pap=Pap.GREEN)
    for title in ("Booters in spring", "Booters in autumn", "Booters in winter"):
        authoring.write(report(title), mari, marking=green)
    brought(mari, indicator(1))
    said = {one["id"]: one for one in things(edge.get("everything/objects")["objects"])}
    clear = Marking(originators=frozenset({"ee-cert"}), tlp=Tlp.CLEAR, pap=Pap.CLEAR)
    now = ran(feeds.subscribe(from_own(edge), mari, marking=clear), mari)
    came = Item.projected.filter(format="stix", type="report")
    assert (now.outcome, now.parts >= 2, came.count()) == ("whole", True, 3)
    for row in came:
        assert service.item_of(row).raw == said[row.source_id]
        assert (row.marking.marking.tlp, row.marking.marking.pap) == (Tlp.GREEN, Pap.GREEN)
    assert [one for one in now.detail["left_out"] if "understood" in one] == []


def test_the_nodes_own_collections_are_found_and_followed(
    actor: People, own: OwnServer, settings: Any
) -> None:
    """From discovery to the collection; after a whole run the server tells nothing, and after news the news alone."""
    edge, mari = Edge(), actor("analyst")
    found = feed_taxii.collections(
        from_own(edge, "http://localhost:8007/taxii2/".replace("http:", "https:")), mari
    )
    assert found.collections == []  # the node says that its root is http, which is another server
    found = feed_taxii.collections(from_own(edge, "https://localhost/taxii2/root/"), mari)
    chosen = next(one for one in found.collections if one.title == "Indicators")
    assert [one.readable for one in found.collections] == [True, True, True, True, False]
    feed = feeds.subscribe(from_own(edge, chosen.url), mari)
    brought(mari, *(indicator(at) for at in range(5)))
    assert ran(feed, mari).outcome == "whole"
    assert ran(feed, mari).outcome == "unchanged"
    brought(mari, indicator(9))
    again = ran(feed, mari)
    assert (again.outcome, again.fresh + again.known + again.clashes) == ("whole", 1)
