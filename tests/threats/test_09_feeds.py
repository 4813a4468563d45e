"""Threat 9, feeds: the address of a feed, or what its server answers, makes the node ask inside. The canary is untouched."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from hanse.egress.client import Client
from hanse.intel import feed_fetching, feed_running, feeds
from hanse.intel.feed_models import Feed, FeedPart
from hanse.intel.feed_running import FailedError
from hanse.kernel.actors import Actor
from hanse.kernel.errors import HanseError, UsageError
from tests.egress.servers import PUBLIC, Server, certificate, http_server, public_rules, reply
from tests.intel.feed_server import HOST, FeedServer, event
from tests.intel.test_feeds import LIST, MISP

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]
INSIDE = [
    "https://127.0.0.1:{canary}/", "https://169.254.169.254/latest/meta-data/", "https://[::1]:{canary}/",
    "https://[::ffff:127.0.0.1]:{canary}/", "https://[::ffff:169.254.169.254]/", "https://10.0.0.1/",
]  # fmt: skip
NO_ADDRESS = [
    "file:///etc/passwd", "http://169.254.169.254/", "ftp://feed.example/", "gopher://feed.example/", "//feed.example/",
    "https://feed.example@127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://feed.example\\@127.0.0.1/",
]  # fmt: skip


@dataclass
class World:
    """A public server that feeds come from, a canary inside, and what was looked up and dialled."""

    served: FeedServer
    canary: Server
    asked: list[str] = field(default_factory=list)
    dialled: list[str] = field(default_factory=list)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes a world whose resolver gives one answer after the other."""
    served = FeedServer()
    shown, trusted = certificate(tmp_path, HOST)
    with (
        http_server(served.answer, shown) as server,
        http_server(reply, shown) as canary,
    ):

        def make(*answers: list[str]) -> World:
            rules, asked, dialled = public_rules(*answers, port=server.port, tls=trusted)
            monkeypatch.setattr(feed_fetching, "client", lambda: Client(rules))
            return World(served, canary, asked, dialled)

        yield make


@pytest.mark.parametrize("url", INSIDE)
def test_an_address_inside_is_never_dialled(actor: People, world: Callable[..., World], url: str) -> None:
    """Trying it and running it fail in words that say which rule; no connection is made, no name looked up."""
    one, mari = world([PUBLIC]), actor("analyst")
    told = replace(LIST, url=url.format(canary=one.canary.port))
    with pytest.raises(HanseError, match="not public"):
        feed_running.tried(told, mari)
    with pytest.raises(FailedError, match="not public"):
        feed_running.run(feeds.subscribe(told, mari), mari)
    assert (one.asked, one.dialled, one.canary.seen) == ([], [], [])


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_what_is_no_https_address_is_not_subscribed_to(actor: People, url: str) -> None:
    """Another scheme, a user name, or an address that can be read in two ways is refused where it is typed."""
    with pytest.raises(UsageError):
        feeds.subscribe(replace(LIST, url=url), actor("analyst"))
    assert not Feed.projected.exists()


@pytest.mark.parametrize(
    "location", [*INSIDE, "http://169.254.169.254/", "file:///etc/passwd", "https://localhost:{canary}/"]
)
def test_a_redirect_inside_is_not_followed(actor: People, world: Callable[..., World], location: str) -> None:
    """A feed's server cannot send the node to metadata, loopback or another scheme, with the list or with an event."""
    one, mari = world([PUBLIC], ["127.0.0.1"]), actor("analyst")
    there = location.format(canary=one.canary.port)
    one.served.files["/list.csv"] = lambda handler: reply(handler, 302, Location=there)
    with pytest.raises(FailedError):
        feed_running.run(feeds.subscribe(LIST, mari), mari)
    assert (len(one.served.asked), one.dialled, one.canary.seen) == (1, [PUBLIC], [])


def test_a_name_that_moves_inside_is_refused_at_the_next_file(
    actor: People, world: Callable[..., World]
) -> None:
    """Rebinding: each file is looked up and checked by itself, so a name that was public is refused once it is inside."""
    one, mari = world([PUBLIC], [PUBLIC], ["127.0.0.1"]), actor("analyst")
    one.served.misp(event(1, "8.8.8.8"), event(2, "8.8.4.4"))
    with pytest.raises(FailedError, match="loopback"):
        feed_running.run(feeds.subscribe(MISP, mari), mari)
    assert (one.dialled, len(one.served.asked)) == ([PUBLIC, PUBLIC], 2)
    assert FeedPart.objects.count() == 1


def test_no_event_name_leads_elsewhere(actor: People, world: Callable[..., World]) -> None:
    """A manifest names UUIDs and nothing else: no path, host or scheme comes out of it."""
    one, mari = world([PUBLIC]), actor("analyst")
    one.served.files["/misp/manifest.json"] = (
        b'{"../../secret":{},"https://127.0.0.1/x":{},"@127.0.0.1":{},"00000000-0000-4000-8000-000000000001/../x":{},'
        b'"00000000-0000-4000-8000-000000000001":{"timestamp":"1"}}'
    )
    feed_running.run(feeds.subscribe(MISP, mari), mari)
    assert one.served.asked == ["/misp/manifest.json", "/misp/00000000-0000-4000-8000-000000000001.json"]


def test_the_secret_does_not_follow_a_redirect(
    actor: People, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A redirect to another server gets no header that proves who asks."""
    shown, trusted = certificate(tmp_path, HOST)
    other, mari = FeedServer(files={"/list.csv": b"value\n8.8.8.8\n"}), actor("analyst")
    with http_server(other.answer, shown) as server:
        served = FeedServer(
            files={"/list.csv": lambda handler: reply(handler, 302, Location=f"https://{HOST}:444/list.csv")}
        )
        with http_server(served.answer, shown) as first:
            ports = iter([first.port, server.port])
            rules, _, _ = public_rules([PUBLIC], tls=trusted)
            dial = replace(rules, dial=lambda _address, _port, timeout: _local(next(ports), timeout))
            monkeypatch.setattr(feed_fetching, "client", lambda: Client(dial))
            feed_running.run(feeds.subscribe(replace(LIST, secret="Canary"), mari), mari)
    assert served.headers[0]["Authorization"] == "Canary"
    assert "Authorization" not in other.headers[0]


def _local(port: int, timeout: float):
    import socket

    return socket.create_connection(("127.0.0.1", port), timeout)
