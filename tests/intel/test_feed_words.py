"""What stands at a feed's address that is no feed is told with what to do about it, before anybody subscribes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from hanse.intel import feed_running, feeds
from hanse.intel.feed_models import Feed
from hanse.kernel.actors import Actor
from hanse.kernel.errors import HanseError, UsageError
from tests.egress.servers import reply
from tests.intel.feed_server import FeedServer, feed_server
from tests.intel.test_feed_pages import TYPED, team
from tests.intel.test_feeds import BUNDLE
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]
__all__ = ["team"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FeedServer]:
    """A server for the feed."""
    with feed_server(monkeypatch, tmp_path) as served:
        yield served


@pytest.mark.parametrize(
    ("secret", "why"), [("", "asks who you are. Type the header"), ("Bearer x", "Check the header, the user")]
)
def test_who_sent_no_proof_is_told_to_send_one(
    actor: People, server: FeedServer, secret: str, why: str
) -> None:
    """A 401 to no header at all is another mistake than a 401 to a wrong one."""
    server.files["/list"] = partial(reply, status=401)
    told = replace(BUNDLE, url="https://feed.example/list", header="Authorization", secret=secret)
    with pytest.raises(HanseError, match=why):
        feed_running.tried(told, actor("analyst"))


@pytest.mark.parametrize(
    ("headers", "when"),
    [({}, "Try it again later."), ({"Retry_After": "5400"}, "It asks to wait 1 h 30 min.")],
)
def test_a_server_that_says_not_now_is_told_with_when(
    actor: People, server: FeedServer, headers: dict[str, str], when: str
) -> None:
    """What somebody waits for, and for how long where the server says it, is theirs to know."""
    server.files["/list"] = partial(reply, status=503, **headers)
    told = replace(BUNDLE, url="https://feed.example/list")
    with pytest.raises(HanseError, match=f"which means: not now. {when}"):
        feed_running.tried(told, actor("analyst"))


def test_an_address_without_end_is_told_in_part(actor: People) -> None:
    """What was pasted by mistake fills no page."""
    told = replace(BUNDLE, url="x" * 3_000)
    with pytest.raises(HanseError, match="only https can be used here") as failed:
        feed_running.tried(told, actor("analyst"))
    assert len(str(failed.value)) < 300


def test_a_sign_in_page_is_no_list(actor: People, server: FeedServer) -> None:
    """What a server answers to a browser that it does not know is told as what it is, for each format."""
    server.files["/list"] = b"<!doctype html><title>Sign in</title>"
    for kind in ("csv", "stix"):
        told = replace(BUNDLE, url="https://feed.example/list", format=kind)
        with pytest.raises(HanseError, match="is a web page or XML, such as a sign-in page"):
            feed_running.tried(told, actor("analyst"))


def test_another_format_is_told_without_asking_to_remove_what_is_not_there(
    actor: People, server: FeedServer
) -> None:
    """Before anybody subscribed there is no feed to remove."""
    server.files["/list"] = b"value\na.example\n"
    told = replace(BUNDLE, url="https://feed.example/list")
    with pytest.raises(HanseError, match=r"CSV, not STIX. Subscribe to it as what it is"):
        feed_running.tried(told, actor("analyst"))


def test_a_form_that_is_sent_twice_is_one_feed(actor: People) -> None:
    """The same address for the same people brings everything twice; who sees the first feed is told its name."""
    mari = actor("analyst")
    feeds.subscribe(BUNDLE, mari)
    with pytest.raises(UsageError, match="The feed Bundle fetches this address already"):
        feeds.subscribe(replace(BUNDLE, name="Again", url=f" {BUNDLE.url} "), mari)
    feeds.subscribe(replace(BUNDLE, header="Authorization", secret="Bearer of another key"), mari)
    assert Feed.objects.for_actor(mari, "intel.view").count() == 2
    for row in Feed.objects.for_actor(mari, "intel.view"):
        feeds.remove(row.pk, mari, "Not needed any more.")
    feeds.subscribe(BUNDLE, mari)


def test_a_feed_of_a_team_is_told_to_nobody_else(actor: People, team: str) -> None:
    """Whoever is in no team subscribes to an address that a team's feed fetches, and learns nothing of that one."""
    member, mari = actor("analyst", teams=(team,)), actor("analyst")
    feeds.subscribe(BUNDLE, member, team=team)
    feeds.subscribe(BUNDLE, mari)
    with pytest.raises(UsageError, match="already"):
        feeds.subscribe(BUNDLE, member, team=team)


def test_a_password_is_not_lost_by_a_mistake_elsewhere(actor: People, client_as: Clients) -> None:
    """Otherwise the form is sent anew without it, and the feed asks as nobody."""
    browser = client_as(actor("analyst"))
    typed = {**TYPED, "url": "ftp://feed.example/", "secret": "Bearer kept"}
    html = browser.post("/intelligence/feeds/new/", typed).content.decode()
    assert 'value="Bearer kept"' in html
    feeds.subscribe(replace(BUNDLE, header="Authorization", secret="Bearer sealed"), actor("analyst"))
    row = Feed.objects.for_actor(actor("analyst"), "intel.view").get()
    assert "Bearer sealed" not in browser.get(f"/intelligence/feeds/{row.pk}/edit/").content.decode()


@pytest.mark.parametrize("secret", ["bm8gc2VjcmV0", "no base64"])
def test_a_feed_that_was_altered_hinders_no_other(actor: People, secret: str) -> None:
    """Its secret does not open, so that nobody knows whether it is the same."""
    mari = actor("analyst")
    first = feeds.subscribe(BUNDLE, mari)
    Feed.projected.filter(pk=first).update(secret=secret)
    assert feeds.subscribe(BUNDLE, mari) != first
