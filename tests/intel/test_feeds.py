"""Feeds: what is new on a server comes in once, a part at a time, graded and marked; what fails is told and backs off."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hanse.intel import feed_running, feeds, service
from hanse.intel.feed_models import MOST_FAILURES, Feed, FeedPart, FeedRun
from hanse.intel.feed_running import FailedError
from hanse.intel.feeds import Said
from hanse.intel.models import Item
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.models import Body, Entry
from hanse.ledger.service import purge
from hanse.policy.asking import RefusedError
from hanse.web.jobs import Cancelled
from tests.conftest import AUTHORITY
from tests.egress.servers import reply
from tests.intel.feed_server import FeedServer, event, feed_server
from tests.intel.test_room import bundle, indicator
from tests.ledger.made import findings

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]
MISP = Said(name="Feed of Riga", format="misp", url="https://feed.example/misp/")
LIST = Said(name="Block list", format="csv", url="https://feed.example/list.csv")
BUNDLE = Said(name="Bundle", format="stix", url="https://feed.example/bundle.json")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FeedServer]:
    """A server for feeds."""
    with feed_server(monkeypatch, tmp_path) as served:
        yield served


def ran(feed: UUID, actor: Actor) -> FeedRun:
    """The account of a run that is done now."""
    return FeedRun.projected.get(pk=feed_running.run(feed, actor))


def failed(feed: UUID, actor: Actor) -> str:
    """The words of a run that fails now."""
    with pytest.raises(FailedError) as error:
        feed_running.run(feed, actor)
    return str(error.value)


def test_a_feed_of_events_comes_in_once(actor: People, server: FeedServer) -> None:
    """The second run fetches nothing but the manifest; with an event changed, that event alone."""
    mari = actor("analyst")
    server.misp(event(1, "8.8.8.8"), event(2, "8.8.4.4", "8.8.4.5"))
    feed = feeds.subscribe(MISP, mari)
    first = ran(feed, mari)
    assert (first.outcome, first.parts, first.fresh) == ("whole", 2, 5)
    assert ran(feed, mari).outcome == "unchanged"
    assert len(server.events_asked()) == 2
    server.misp(event(1, "8.8.8.8"), event(2, "8.8.4.4", "8.8.4.6", timestamp=1_700_000_100))
    again = ran(feed, mari)
    assert (again.outcome, again.parts, again.newer, again.clashes) == ("whole", 1, 3, 0)
    assert server.events_asked()[2:] == [f"/misp/{UUID(int=2, version=4)}.json"]
    assert findings() == []


def test_the_first_question_after_a_whole_run_names_the_version(actor: People, server: FeedServer) -> None:
    """ETag goes back to the server, so that an unchanged manifest or list is not sent again."""
    mari = actor("analyst")
    server.files["/list.csv"] = b"value\n8.8.8.8\n"
    feed = feeds.subscribe(LIST, mari)
    assert ran(feed, mari).outcome == "whole"
    before = len(server.asked)
    assert ran(feed, mari).bytes == 0
    assert "If-None-Match" in server.headers[before]


def test_a_list_without_versions_is_known_by_its_content(actor: People, server: FeedServer) -> None:
    """Where a server gives no ETag, the same bytes are not read twice."""
    mari, server.tags = actor("analyst"), False
    server.files["/list.csv"] = b"value\n8.8.8.8\n"
    feed = feeds.subscribe(LIST, mari)
    assert [ran(feed, mari).outcome for _ in range(2)] == ["whole", "unchanged"]


def test_an_interrupted_run_goes_on_where_it_stopped(actor: People, server: FeedServer) -> None:
    """Killed after some events, the next run takes the others; nothing is fetched twice, nothing is missing."""
    mari = actor("analyst")
    server.misp(*(event(n, f"8.8.8.{n}") for n in range(1, 9)))
    feed = feeds.subscribe(MISP, mari)

    def kill(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        feed_running.run(feed, mari, kill)
    assert FeedRun.projected.count() == 0  # as after kill -9, nobody had the time to say how it ended
    assert (Item.projected.filter(type="event").count(), FeedPart.objects.count()) == (3, 3)
    assert ran(feed, mari).parts == 5
    assert len(server.events_asked()) == len(set(server.events_asked())) == 8
    assert Item.projected.filter(type="attribute").count() == 8
    assert findings() == []


def test_an_event_and_its_note_are_written_together(
    actor: People, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever breaks between the items and the note that they are here, neither is there without the other."""
    mari = actor("analyst")
    server.misp(event(1, "8.8.8.8"))
    feed = feeds.subscribe(MISP, mari)

    def broken(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(feed_running, "_took", broken)
        with pytest.raises(KeyboardInterrupt):
            feed_running.run(feed, mari)
    assert (Item.projected.count(), FeedPart.objects.count()) == (0, 0)
    assert ran(feed, mari).fresh == 2


def test_a_cancelled_run_says_so_and_goes_on(actor: People, server: FeedServer) -> None:
    """What came until then is here, the account says who stopped it, and the feed has not failed."""
    mari = actor("analyst")
    server.misp(*(event(n, f"8.8.8.{n}") for n in range(1, 5)))
    feed = feeds.subscribe(MISP, mari)

    def cancel(done: int, _total: int) -> None:
        if done == 2:
            raise Cancelled("The job was cancelled.")

    with pytest.raises(Cancelled):
        feed_running.run(feed, mari, cancel)
    told = FeedRun.projected.get()
    assert (told.outcome, told.parts, Feed.projected.get().failures) == ("cancelled", 2, 0)
    assert ran(feed, mari).parts == 2


def test_caps_end_a_run_and_the_next_one_goes_on(
    actor: People, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events, items, bytes: at each cap a run ends as a part, is due again in a minute, and the rest comes then."""
    mari = actor("analyst")
    server.misp(*(event(n, f"8.8.8.{n}") for n in range(1, 6)))
    feed = feeds.subscribe(replace(MISP, most_items=4), mari)
    first = ran(feed, mari)
    assert (first.outcome, first.parts) == ("part", 2)
    row = Feed.projected.get()
    assert row.due_us - first.ended_us == feeds.AGAIN_S * 1_000_000
    monkeypatch.setattr(feed_running, "MOST_EVENTS", 1)
    assert (ran(feed, mari).outcome, ran(feed, mari).outcome, ran(feed, mari).outcome) == (
        "part",
        "part",
        "whole",
    )
    assert len(server.events_asked()) == len(set(server.events_asked())) == 5


def test_a_list_over_the_cap_of_items_goes_on(actor: People, server: FeedServer) -> None:
    """What is here already counts for nothing, so that a long list comes in over several runs."""
    mari = actor("analyst")
    server.files["/list.csv"] = b"value\n" + b"".join(b"8.8.8.%d\n" % n for n in range(1, 6))
    feed = feeds.subscribe(replace(LIST, most_items=2), mari)
    outcomes = [ran(feed, mari).outcome for _ in range(3)]
    assert (outcomes, Item.projected.count()) == (["part", "part", "whole"], 5)


def test_a_file_over_the_cap_of_bytes_fails_in_words(actor: People, server: FeedServer) -> None:
    """It would never come: the run fails and says what to do, and no loop of parts begins."""
    mari = actor("analyst")
    server.files["/list.csv"] = b"value\n" + b"8.8.8.8\n" * 5_000
    feed = feeds.subscribe(replace(LIST, most_bytes=10_000), mari)
    assert "10,000 bytes" in failed(feed, mari)
    assert Feed.projected.get().failures == 1


def test_a_poison_event_stops_no_other(actor: People, server: FeedServer) -> None:
    """Missing, broken, deep, doubled and foreign files are left out by name and reason; the others come in; once."""
    mari = actor("analyst")
    server.misp(*(event(n, f"8.8.8.{n}") for n in range(1, 10)))
    names = [f"/misp/{UUID(int=n, version=4)}.json" for n in range(1, 10)]
    del server.files[names[0]]
    server.files[names[1]] = b"{"
    server.files[names[2]] = b'{"Event":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}"
    server.files[names[3]] = b'{"Event":{"uuid":"1","uuid":"2"}}'
    server.files[names[4]] = server.files[names[5]]
    server.files[names[6]] = json.dumps({"Event": event(7, "8.8.8.7", info="a\0b")}).encode()
    feed = feeds.subscribe(MISP, mari)
    told = ran(feed, mari)
    assert (told.outcome, told.parts, told.fresh) == ("whole", 9, 6)
    assert told.left_out == 6
    for n in (1, 2, 3, 4, 5, 7):
        assert any(str(UUID(int=n, version=4)) in words for words in told.detail["left_out"]), n
    assert ran(feed, mari).outcome == "unchanged"
    assert findings() == []


def test_events_that_are_not_given_now_are_asked_for_again(actor: People, server: FeedServer) -> None:
    """A server that says "not now" to one event gives it at the next run, although its manifest is unchanged."""
    mari = actor("analyst")
    server.misp(event(1, "8.8.8.8"), event(2, "8.8.4.4"))
    path = f"/misp/{UUID(int=1, version=4)}.json"
    file, server.files[path] = server.files[path], lambda handler: reply(handler, 503)
    feed = feeds.subscribe(MISP, mari)
    assert ran(feed, mari).parts == 1
    server.files[path] = file
    assert (ran(feed, mari).parts, Item.projected.filter(type="event").count()) == (1, 2)


def test_items_are_graded_marked_and_kept_as_the_feed_says(actor: People, server: FeedServer) -> None:
    """Each carries the feed's grade and at least its marking; a stricter tag of its own counts as well."""
    mari = actor("analyst")
    server.misp(
        event(1, "8.8.8.8", Tag=[{"name": "tlp:amber+strict"}]),
        event(2, "8.8.4.4", Tag=[{"name": "tlp:clear"}]),
    )
    chosen = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.GREEN, pap=Pap.AMBER)
    feeds.subscribe(replace(MISP, grade="admiralty B6", keep_days=30), mari, marking=chosen)
    ran(Feed.projected.get().pk, mari)
    rows = Item.projected.select_related("marking").filter(type="event").order_by("title")
    assert [row.marking.marking.tlp for row in rows] == [Tlp.AMBER_STRICT, Tlp.GREEN]
    assert {row.grade for row in Item.projected.all()} == {"admiralty B6"}
    assert all(row.marking.marking.retention_us for row in rows)
    assert Feed.projected.get().marking.marking.retention_us is None


def test_a_grade_given_later_clashes_with_nothing(actor: People, server: FeedServer) -> None:
    """A feed that is graded anew brings the same things as known: a grade is no part of what a thing says."""
    mari = actor("analyst")
    server.files["/bundle.json"] = bundle(indicator(1, "8.8.8.8"))
    feed = feeds.subscribe(BUNDLE, mari)
    ran(feed, mari)
    feeds.change(feed, replace(BUNDLE, grade="admiralty A6"), mari)
    told = ran(feed, mari)
    assert (told.known, told.clashes) == (1, 0)


def test_a_row_that_changes_replaces_this_feeds_row_alone(actor: People, server: FeedServer) -> None:
    """A list has no versions: what its next fetch says is newer, and nobody else's row of that value is touched."""
    mari = actor("analyst")
    service.bring_in(b"value,comment\n8.8.8.8,by hand\n", "mine.csv", mari)
    server.files["/list.csv"] = b"value,comment\n8.8.8.8,first\n"
    feed = feeds.subscribe(LIST, mari)
    ran(feed, mari)
    server.files["/list.csv"] = b"value,comment\n8.8.8.8,second\n"
    told = ran(feed, mari)
    assert (told.newer, told.clashes) == (1, 0)
    comments = {service.item_of(row).raw["comment"] for row in Item.projected.all()}
    assert comments == {"by hand", "second"}


def test_after_failures_a_feed_backs_off_and_stops(actor: People, server: FeedServer) -> None:
    """It waits twice as long each time, at most a day; after six it is fetched no more; letting it go on begins anew."""
    mari = actor("analyst")
    feed = feeds.subscribe(LIST, mari)
    waits = []
    for _ in range(MOST_FAILURES):
        assert "404" in failed(feed, mari)
        row = Feed.projected.get()
        waits.append((row.due_us - row.ran_us) // 3_600_000_000)
    assert (waits, row.stopped, row.state) == ([1, 2, 4, 8, 16, 24], True, "stopped")
    feeds.resume(feed, mari)
    row = Feed.projected.get()
    assert (row.failures, row.stopped, row.due_us) == (0, False, row.since_us)
    server.files["/list.csv"] = b"value\n8.8.8.8\n"
    ran(feed, mari)
    assert Feed.projected.get().failures == 0
    assert findings() == []


def test_a_server_that_asks_to_wait_is_waited_for(actor: People, server: FeedServer) -> None:
    """Retry-After counts where it is longer than the feed's own time, up to a day."""
    mari = actor("analyst")
    server.files["/list.csv"] = lambda handler: reply(handler, 429, Retry_After="7200")
    feed = feeds.subscribe(replace(LIST, every_s=900), mari)
    failed(feed, mari)
    row = Feed.projected.get()
    assert row.due_us - row.ran_us == 7_200_000_000


def test_the_secret_is_sent_and_nowhere_shown(actor: People, server: FeedServer, node_home: Path) -> None:
    """The server gets it; entries, tables and accounts do not hold it in the clear, whatever goes wrong."""
    mari = actor("analyst")
    server.files["/list.csv"] = b"value\n8.8.8.8\n"
    feed = feeds.subscribe(replace(LIST, secret="Canary-4711", url=LIST.url + "?key=Canary-0815"), mari)
    ran(feed, mari)
    assert server.headers[0]["Authorization"] == "Canary-4711"
    del server.files["/list.csv"]
    words = failed(feed, mari)
    assert "Canary" not in words
    row = Feed.projected.get()
    assert "Canary-4711" not in " ".join(str(getattr(row, one.attname)) for one in Feed._meta.fields)
    assert "Canary" not in feeds.shown_url(row.url)
    for entry in Entry.objects.filter(kind__startswith="intel.feed"):
        content = str(service.content_of(entry, Body.objects.get(entry=entry), service.kind_of(entry.kind)))
        assert "Canary-4711" not in content
        assert b"Canary" not in bytes(Body.objects.get(entry=entry).data)


def test_a_secret_follows_to_no_other_server(actor: People, server: FeedServer) -> None:
    """Who changes the address to another server has to type the secret again; on the same server it is kept."""
    mari = actor("analyst")
    feed = feeds.subscribe(replace(LIST, secret="Canary-4711"), mari)
    with pytest.raises(UsageError, match="another server"):
        feeds.change(feed, replace(LIST, url="https://other.example/list.csv"), mari)
    feeds.change(feed, replace(LIST, url="https://feed.example/other.csv"), mari)
    assert feeds.opened(Feed.projected.get()) == "Canary-4711"


def test_a_feed_is_never_marked_less_strictly(actor: People) -> None:
    """Changing it may tighten its marking, and weakens it never."""
    mari = actor("analyst")
    feed = feeds.subscribe(LIST, mari)
    green = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.GREEN, pap=Pap.GREEN)
    with pytest.raises(UsageError, match="less strictly"):
        feeds.change(feed, LIST, mari, marking=green)
    strict = replace(Marking.own(AUTHORITY), tlp=Tlp.AMBER_STRICT)
    feeds.change(feed, LIST, mari, marking=strict)
    assert Feed.projected.get().marking.marking == strict


def test_trying_a_feed_out_writes_nothing(actor: People, server: FeedServer) -> None:
    """It says what the first run would bring, of events the newest few, and no entry follows."""
    mari = actor("analyst")
    server.misp(*(event(n, f"8.8.8.{n}", timestamp=1_700_000_000 + n) for n in range(1, 9)))
    before = Entry.objects.count()
    told = feed_running.tried(MISP, mari)
    assert (told.total, told.parts, told.account.fresh) == (8, 3, 6)
    assert (Entry.objects.count(), Item.projected.count()) == (before, 0)
    assert f"{UUID(int=8, version=4)}" in server.events_asked()[0]


@pytest.mark.parametrize(
    "wrong",
    [{"name": " "}, {"url": "http://feed.example/"}, {"url": "file:///etc/passwd"}, {"url": "https://a:b@feed.example/"},
     {"every_s": 10}, {"most_bytes": 10**12}, {"most_items": 0}, {"grade": "Z9"}, {"header": "Host", "secret": "x"},
     {"secret": "two\nlines"}],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(actor: People, wrong: dict[str, Any]) -> None:
    """Each is refused in words before anything is written."""
    with pytest.raises(UsageError):
        feeds.subscribe(replace(LIST, **wrong), actor("analyst"))
    assert not Feed.projected.exists()


def test_who_may_not_has_nothing_fetched(actor: People, server: FeedServer) -> None:
    """Subscribing, trying, running, changing and removing take the role; nothing is asked without it."""
    mari, kaja = actor("analyst"), actor("investigator")
    feed = feeds.subscribe(LIST, mari)
    for act in (
        lambda: feeds.subscribe(LIST, kaja), lambda: feed_running.tried(LIST, kaja), lambda: feed_running.run(feed, kaja),
        lambda: feeds.change(feed, LIST, kaja), lambda: feeds.pause(feed, kaja), lambda: feeds.remove(feed, kaja, "x"),
    ):  # fmt: skip
        with pytest.raises(RefusedError):
            act()
    assert server.asked == []


def test_a_removed_feed_leaves_what_it_brought(actor: People, server: FeedServer) -> None:
    """Its address, secret and notes go; its items and its accounts stay."""
    mari = actor("analyst")
    server.misp(event(1, "8.8.8.8"))
    feed = feeds.subscribe(MISP, mari)
    ran(feed, mari)
    feeds.remove(feed, mari, "Its operator stopped.")
    assert (Feed.projected.count(), FeedPart.objects.count(), FeedRun.projected.count()) == (0, 0, 1)
    assert Item.projected.count() == 2
    assert findings() == []


def test_a_purged_account_is_as_if_it_had_not_been(actor: People, server: FeedServer) -> None:
    """How a feed stands follows from the accounts that are there: after a purge as in a rebuild."""
    mari = actor("analyst")
    feed = feeds.subscribe(LIST, mari)
    failed(feed, mari)
    purge([FeedRun.projected.get().pk], mari, "It was a mistake.", law="")
    assert Feed.projected.get().failures == 0
    assert findings() == []


def test_an_event_whose_level_is_none_comes_in_when_it_is_put_right(
    actor: People, server: FeedServer
) -> None:
    """A slip in tlp:red leaves the event out, counted in the run; with the tag put right and a new time it is taken."""
    mari = actor("analyst")
    server.misp(event(1, "8.8.8.8", Tag=[{"name": "tlp:rde"}]), event(2, "8.8.4.4"))
    feed = feeds.subscribe(MISP, mari)
    first = ran(feed, mari)
    assert (first.fresh, first.left_out, first.wrong_marking) == (2, 1, 2)
    assert "'rde' is no level of TLP" in first.detail["left_out"][0]
    assert ran(feed, mari).outcome == "unchanged"
    server.misp(
        event(1, "8.8.8.8", timestamp=1_700_000_100, Tag=[{"name": "tlp:green"}]), event(2, "8.8.4.4")
    )
    again = ran(feed, mari)
    assert (again.fresh, again.wrong_marking) == (2, 0)
