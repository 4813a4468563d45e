"""Feeds on pages, by the API and by the clock: set, tried, run, stopped and removed, and what waits for whom."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django_tasks_db.models import DBTaskResult

from hanse.intel import feed_clock, feed_fetching, feed_running, feeds
from hanse.intel.feed_fetching import Asking
from hanse.intel.feed_models import MOST_FAILURES, Feed, FeedRun
from hanse.intel.feed_running import FailedError
from hanse.intel.models import Item
from hanse.kernel.actors import Actor, system
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking, Tlp
from hanse.web import jobs
from hanse.web.models import Job, State
from tests.conftest import AUTHORITY
from tests.intel.feed_server import FeedServer, event, feed_server
from tests.intel.taxii_server import COLLECTION, HOST, MemoryServer
from tests.intel.test_feeds import LIST, MISP
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]
CLOCK = system("feeds", AUTHORITY, "EE")
TYPED = {
    "name": "Block list", "format": "csv", "url": "https://feed.example/list.csv?key=Canary", "header": "Authorization",
    "secret": "Canary-4711", "every": "60", "grade": "admiralty B6", "most_mb": "10", "most_items": "1000",
    "marking_tlp": "AMBER", "marking_pap": "AMBER",
}  # fmt: skip


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FeedServer]:
    """A server for feeds."""
    with feed_server(monkeypatch, tmp_path) as served:
        yield served


def worked() -> list[Job]:
    """What the worker does with the jobs that wait; all jobs."""
    for job in Job.objects.filter(state=State.WAITING):
        jobs.run.call(str(job.pk))
    return list(Job.objects.order_by("created_us"))


def test_a_feed_is_tried_subscribed_run_and_removed_on_pages(
    actor: People, client_as: Clients, server: FeedServer
) -> None:
    """The whole way of a user: nothing typed is lost at trying, nothing secret is shown, each step is on record."""
    mari, server.files["/list.csv"] = actor("analyst"), b"value\n8.8.8.8\nnonsense\n"
    client = client_as(mari)
    tried = client.post("/intelligence/feeds/new/", {**TYPED, "try": "1"}).content.decode()
    assert "Nothing was changed." in tried
    assert "It holds 1 item." in tried
    assert 'value="Block list"' in tried
    assert not Feed.projected.exists()
    there = client.post("/intelligence/feeds/new/", TYPED)["Location"]
    assert there == f"/intelligence/feeds/{Feed.projected.get().pk}/"
    job = client.post(f"{there}run/")
    assert job.status_code == 302
    (done,) = worked()
    assert (done.state, done.result) == (State.DONE, f"{there}runs/{FeedRun.projected.get().pk}/")
    account = client.get(done.result).content.decode()
    assert "row 3" in account
    item = client.get(f"/intelligence/{Item.projected.get().pk}/").content.decode()
    assert f'<a href="{done.result}">Block list</a>' in item
    pages = [
        client.get(page).content.decode()
        for page in ("/intelligence/feeds/", there, f"{there}edit/", done.result)
    ]
    for page in pages:
        assert "Canary-4711" not in page
    assert "key=Canary" not in pages[1]
    assert client.post(f"{there}pause/").status_code == 302
    assert "It is paused" in client.get(there).content.decode()
    saved = client.post(f"{there}edit/", {**TYPED, "every": "30", "secret": ""}, follow=True).content.decode()
    assert "Saved. It stays paused." in saved
    assert "within a minute" not in saved
    assert client.post(f"{there}resume/").status_code == 302
    changed = client.post(f"{there}edit/", {**TYPED, "name": "Renamed", "secret": ""})
    assert changed.status_code == 302
    row = Feed.projected.get()
    assert (row.name, feeds.opened(row)) == ("Renamed", "Canary-4711")
    assert client.post(f"{there}remove/", {"reason": "Its operator stopped."}).status_code == 302
    assert client.get(there).status_code == 404
    assert client.get(done.result).status_code == 200


def test_a_form_that_cannot_be_meant_says_so(actor: People, client_as: Clients, server: FeedServer) -> None:
    """What is wrong is said in words, what was typed stays, and nothing is written; a dead address as well."""
    client = client_as(actor("analyst"))
    for wrong, words in (
        ({"url": "http://feed.example/"}, "only https"), ({"marking_tlp": "RED"}, "choose the team"),
        ({"every": "1"}, "greater than or equal to 15"),
    ):  # fmt: skip
        page = client.post("/intelligence/feeds/new/", {**TYPED, **wrong}).content.decode()
        assert words in page
        assert 'value="Block list"' in page
    failed = client.post("/intelligence/feeds/new/", {**TYPED, "try": "1"}).content.decode()
    assert "It cannot be fetched so" in failed
    assert "404" in failed
    assert not Feed.projected.exists()


def test_the_api_does_what_the_pages_do(actor: People, client_as: Clients, server: FeedServer) -> None:
    """Try, subscribe, read, change, run, pause, resume and remove; the secret goes in and never comes out."""
    client, kind = client_as(actor("analyst")), "application/json"
    server.misp(event(1, "8.8.8.8"), event(2, "8.8.4.4"))
    told = {
        "name": "Riga",
        "format": "misp",
        "url": "https://feed.example/misp/?key=Canary",
        "secret": "Canary-4711",
    }
    came = client.post("/api/intelligence/feeds/try", told, content_type=kind).json()
    assert (came["events"], came["looked_into"], came["fresh"]) == (2, 2, 4)
    made = client.post("/api/intelligence/feeds", told, content_type=kind)
    assert made.status_code == 201
    at = f"/api/intelligence/feeds/{made.json()['id']}"
    assert client.post(f"{at}/run").status_code == 202
    assert worked()[0].state == State.DONE
    (run,) = client.get(f"{at}/runs").json()["items"]
    whole = client.get(f"{at}/runs/{run['id']}").json()
    assert (run["outcome"], whole["parts"], whole["left_out_why"]) == ("whole", 2, [])
    changed = client.put(at, {**told, "name": "Renamed", "secret": None}, content_type=kind).json()
    assert (changed["name"], changed["has_secret"]) == ("Renamed", True)
    assert client.post(f"{at}/pause").status_code == client.post(f"{at}/resume").status_code == 204
    answers = [client.get(page).content.decode() for page in ("/api/intelligence/feeds", at, f"{at}/runs")]
    assert "Canary" not in json.dumps([came, made.json(), run, whole, changed, *answers])
    assert client.post(f"{at}/remove", {"why": "Enough."}, content_type=kind).status_code == 204
    assert client.get(at).status_code == 404


@pytest.mark.parametrize("rest", ["", "runs/{run}/"])
def test_a_feed_of_a_team_is_as_none_to_others(
    actor: People, client_as: Clients, monkeypatch: pytest.MonkeyPatch, rest: str, team: str
) -> None:
    """Neither list, page, account, job nor count tells others that it is there."""
    member, other = actor("analyst", teams=(team,)), actor("analyst")
    red = replace(Marking.own(AUTHORITY), tlp=Tlp.RED)
    feed = feeds.subscribe(replace(LIST, name="Canary", every_s=900), member, marking=red, team=team)
    for _ in range(MOST_FAILURES):
        feed_running.gave_up(feed, "Canary words.", member)
    run = FeedRun.projected.first().pk
    job = feed_clock.start(Feed.projected.get(), CLOCK)
    theirs, page = client_as(other), f"/intelligence/feeds/{feed}/{rest.format(run=run)}"
    assert theirs.get(page).status_code == 404
    assert client_as(member).get(page, {"why": "It is my operation."}, follow=True).status_code == 200
    for shown in (
        "/intelligence/feeds/",
        "/api/intelligence/feeds",
        f"/jobs/{job.pk}/",
        f"/api/intelligence/feeds/{feed}/runs",
    ):
        assert "Canary" not in theirs.get(shown).content.decode(), shown
    assert feed_clock.waits(other).count == 0
    assert feed_clock.waits(member).count == 1


@pytest.fixture
def team(actor: People) -> str:
    """A need-to-know team."""
    from hanse.accounts import service

    return service.make_team("Operation Amber", actor("administrator", stepped_up_us=now_us())).hex


def test_a_feed_tells_nothing_of_items_that_its_readers_may_not_see(
    actor: People, server: FeedServer, team: str
) -> None:
    """What only a team may see is as if it were not there: neither known nor clashing, and not overwritten."""
    member, mari = actor("analyst", teams=(team,)), actor("analyst")
    server.misp(event(1, "8.8.8.8"))
    theirs = feeds.subscribe(MISP, member, team=team)
    feed_running.run(theirs, member)
    before = {row.pk: row.digest for row in Item.projected.all()}
    server.misp(event(1, "8.8.4.4", timestamp=1_800_000_000))
    told = FeedRun.projected.get(pk=feed_running.run(feeds.subscribe(MISP, mari), CLOCK))
    assert (told.fresh, told.newer, told.known, told.clashes) == (2, 0, 0, 0)
    assert {row.pk: row.digest for row in Item.projected.filter(pk__in=before)} == before


def test_what_no_reader_of_a_feed_may_see_is_left_out(actor: People, server: FeedServer) -> None:
    """An event that its tags make TLP:RED is for persons whom a feed without a team does not name."""
    mari = actor("analyst")
    server.misp(event(1, "8.8.8.8", Tag=[{"name": "tlp:red"}]), event(2, "8.8.4.4"))
    told = FeedRun.projected.get(pk=feed_running.run(feeds.subscribe(MISP, mari), mari))
    assert (told.fresh, told.parts, told.left_out) == (2, 2, 1)
    assert "TLP:RED" in told.detail["left_out"][0]


def test_the_clock_starts_what_is_due_once(actor: People, server: FeedServer) -> None:
    """One job a feed at a time, on the queue of feeds; a paused or stopped one none; not before it is due again."""
    mari, server.files["/list.csv"] = actor("analyst"), b"value\n8.8.8.8\n"
    feeds.subscribe(LIST, mari)
    feeds.pause(feeds.subscribe(replace(LIST, name="Paused", url=f"{LIST.url}?paused"), mari), mari)
    assert (feed_clock.look(CLOCK), feed_clock.look(CLOCK)) == (1, 0)
    assert [one.queue_name for one in DBTaskResult.objects.all()] == [feed_clock.QUEUE]
    (job,) = worked()
    assert job.state == State.DONE
    assert (feed_clock.look(CLOCK), Job.objects.count()) == (0, 1)
    Feed.projected.filter(paused=False).update(due_us=now_us())
    assert feed_clock.look(CLOCK) == 1


def test_a_job_that_was_altered_stops_no_feed(actor: People, server: FeedServer) -> None:
    """One row changed in the database, at work or interrupted, is nobody's job; feeds are fetched all the same."""
    mari, server.files["/list.csv"] = actor("analyst"), b"value\n8.8.8.8\n"
    feeds.subscribe(LIST, mari)
    for state in (State.WAITING, State.INTERRUPTED):
        job = jobs.start(feed_clock.KIND, "t", {"feed": "0" * 32}, mari)
        Job.objects.filter(pk=job.pk).update(owner="altered", state=state)
    assert feed_clock.look(CLOCK) == 1
    assert sorted(job.state for job in worked()) == [State.DONE, State.FAILED, State.INTERRUPTED]


def test_a_stopped_feed_waits_for_somebody(actor: People, server: FeedServer) -> None:
    """After its last failure the clock leaves it, and the console says so to those who can let it go on, to no others."""
    mari = actor("analyst")
    feed = feeds.subscribe(LIST, mari)
    for _ in range(MOST_FAILURES):
        with pytest.raises(FailedError):
            feed_running.run(feed, mari)
    Feed.projected.update(due_us=0)
    assert feed_clock.look(CLOCK) == 0
    assert feed_clock.waits(mari).count == 1
    assert feed_clock.waits(actor("investigator")) is None
    feeds.resume(feed, mari)
    assert (feed_clock.waits(mari).count, feed_clock.look(CLOCK)) == (0, 1)


def test_a_feed_that_kills_its_worker_backs_off(actor: People, server: FeedServer) -> None:
    """Three workers that died over a feed count as a failure: the node does not die of it every ten seconds."""
    mari = actor("analyst")
    feed = feeds.subscribe(LIST, mari)
    for _ in range(feed_clock.MOST_DEATHS):
        assert feed_clock.look(CLOCK) == 1
        Job.objects.filter(state=State.WAITING).update(state=State.RUNNING, alive_us=0)
    assert feed_clock.look(CLOCK) == 0
    row = Feed.projected.get(pk=feed)
    assert (row.failures, "worker died" in row.words, row.due_us > now_us()) == (1, True, True)


def test_a_cancelled_job_keeps_what_came(
    actor: People, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody stops it on the job's page: the account says so, and the next run takes the rest."""
    mari = actor("analyst")
    server.misp(*(event(n, f"8.8.8.{n}") for n in range(1, 6)))
    feed = feeds.subscribe(MISP, mari)
    monkeypatch.setattr(jobs, "WRITE_US", 0)

    def cancel(handler: Any) -> None:
        Job.objects.update(cancel=True)
        from tests.egress.servers import reply

        reply(handler, 404)

    server.files[server_path(5)] = cancel
    feed_clock.start(Feed.projected.get(), mari)
    (job,) = worked()
    told = FeedRun.projected.get()
    assert (job.state, told.outcome, told.actor_name) == (State.CANCELLED, "cancelled", mari.name)
    assert FeedRun.projected.get(pk=feed_running.run(feed, mari)).outcome == "whole"
    assert Item.projected.filter(type="event").count() == 4


def server_path(number: int) -> str:
    """Where the file of an event is served."""
    return f"/misp/{event(number)['uuid']}.json"


def test_a_job_that_fails_says_why_but_not_of_a_team(actor: People, server: FeedServer, team: str) -> None:
    """A job's page is for all who handle feeds: of a feed of a team it tells no words."""
    member = actor("analyst", teams=(team,))
    feeds.subscribe(LIST, member)
    feeds.subscribe(replace(LIST, name="Canary"), member, team=team)
    assert feed_clock.look(CLOCK) == 2
    told = {job.title: job.error for job in worked()}
    assert "404" in told["Block list"]
    assert "feed.example" not in told["A feed of a team"]


def test_a_taxii_collection_is_found_and_chosen_on_pages(
    actor: People, client_as: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's discovery is asked, one of its collections chosen, and what was typed stays until it is saved."""
    said = {"/taxii2/": {"api_roots": [f"{HOST}/riga/"]},
            "/riga/collections/": {"collections": [{"id": "one", "title": "<b>One</b>", "can_read": True}, {"id": 7}]}}  # fmt: skip
    server = MemoryServer(others={path: (200, {}, json.dumps(one).encode()) for path, one in said.items()})
    monkeypatch.setattr(feed_fetching, "client", lambda: server)
    client, typed = (
        client_as(actor("analyst")),
        {**TYPED, "format": "taxii", "url": f"{HOST}/taxii2/", "user": "ee"},
    )
    found = client.post("/intelligence/feeds/new/", {**typed, "find": "1"}).content.decode()
    assert f'name="chosen" value="{COLLECTION}"' in found
    assert "Choose &lt;b&gt;One" in found
    chosen = client.post("/intelligence/feeds/new/", {**typed, "chosen": COLLECTION}).content.decode()
    assert all(one in chosen for one in (f'value="{COLLECTION}"', "Canary-4711", "Nothing was saved yet"))
    assert not Feed.projected.exists()
    assert client.post("/intelligence/feeds/new/", {**typed, "url": COLLECTION}).status_code == 302
    row = Feed.projected.get()
    shown = client.get(f"/intelligence/feeds/{row.pk}/").content.decode()
    assert "Canary" not in shown
    assert (row.url, row.user) == (COLLECTION, "ee")


def test_the_api_asks_a_server_for_its_collections(
    actor: People, client_as: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operation gives what a feed has as its address, and no secret."""
    listed = {"collections": [{"id": "one", "title": "One", "description": "All.", "can_read": False}]}
    server = MemoryServer(
        others={
            "/riga/": (200, {}, b'{"versions":[]}'),
            "/riga/collections/": (200, {}, json.dumps(listed).encode()),
        }
    )
    monkeypatch.setattr(feed_fetching, "client", lambda: server)
    answer = client_as(actor("analyst")).post(
        "/api/intelligence/feeds/collections", json.dumps({"url": f"{HOST}/riga/", "secret": "Canary"}),
        content_type="application/json",
    )  # fmt: skip
    one = {"url": COLLECTION, "title": "One", "description": "All.", "readable": False}
    assert answer.json() == {"collections": [one], "told": []}


def test_while_a_server_is_waited_for_others_can_write(
    actor: People, client_as: Clients, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction is open meanwhile, whatever key the request brings: a slow server holds up nobody."""
    client, ask, within = client_as(actor("analyst")), Asking.get, []

    def get(self: Asking, *given: Any, **more: Any) -> Any:
        within.append(connection.in_atomic_block)
        return ask(self, *given, **more)

    monkeypatch.setattr(Asking, "get", get)
    told = {"name": "Riga", "format": "csv", "url": "https://feed.example/list.csv", "secret": ""}
    for what, body in (("try", told), ("collections", {"url": "https://feed.example/taxii2/"})):
        client.post(
            f"/api/intelligence/feeds/{what}",
            body,
            content_type="application/json",
            headers={"Idempotency-Key": "k"},
        )
    assert within
    assert not any(within)
    assert len(within) == 2
