"""Threat 10, feeds: small answers that become huge, endless ones, and deep ones end at a cap, and the process lives."""

import gzip
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from hanse.intel import feed_manifest, feed_running, feeds
from hanse.intel.feed_models import FeedRun
from hanse.intel.feed_running import FailedError
from hanse.intel.models import Item
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from tests.intel.feed_server import FeedServer, event, feed_server
from tests.intel.test_feeds import BUNDLE, LIST, MISP

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]
MIB = 2**20


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FeedServer]:
    """A server for feeds."""
    with feed_server(monkeypatch, tmp_path) as served:
        yield served


def packed(body: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer packed with gzip."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        data = gzip.compress(body, 1)
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def endless(handler: BaseHTTPRequestHandler) -> None:
    """An answer without end."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100_000):
        handler.wfile.write(b"8.8.8.8\n" * 8_192)


def announced(handler: BaseHTTPRequestHandler) -> None:
    """An answer that announces more than anybody takes."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(10**15))
    handler.end_headers()


@pytest.mark.parametrize(
    "answer", [packed(bytes(64 * MIB)), endless, announced], ids=["ratio", "endless", "announced"]
)
def test_a_bomb_ends_at_its_cap(
    actor: People, server: FeedServer, answer: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    """A list that would fill the memory fails in words, soon, with little memory, and nothing is stored."""
    mari, server.files["/list.csv"] = actor("analyst"), answer
    feed = feeds.subscribe(replace(LIST, most_bytes=2_000_000), mari)
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(FailedError):
        feed_running.run(feed, mari)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (peak < 32 * MIB, time.monotonic() - began < 10, Item.projected.count()) == (True, True, 0)


@pytest.mark.parametrize(
    "body",
    [b"[" * 500_000, b'{"type":"bundle","objects":' + b"[" * 500_000, b'{"type":"bundle","objects":[' + b"0," * 20_000 + b"0]}",
     b'{"type":"bundle","id":' + b"9" * 900_000 + b"}"],
    ids=["deep", "deep bundle", "many", "long number"],
)  # fmt: skip
def test_a_file_that_cannot_be_meant_fails_in_words(actor: People, server: FeedServer, body: bytes) -> None:
    """Deep nesting, a long number and many values are refused, or left out, before they take memory."""
    mari, server.files["/bundle.json"] = actor("analyst"), body
    feed = feeds.subscribe(BUNDLE, mari)
    with suppress(FailedError):
        feed_running.run(feed, mari)
    told = FeedRun.projected.get()
    assert (Item.projected.count(), len(told.words) < 600) == (0, True)
    assert told.outcome == "failed" or told.left_out > 0


def test_a_bomb_among_events_stops_no_other(actor: People, server: FeedServer) -> None:
    """A packed event that becomes huge is left out by name, and the others come in."""
    mari = actor("analyst")
    server.misp(event(1, "8.8.8.8"), event(2, "8.8.4.4"))
    server.files[f"/misp/{event(1)['uuid']}.json"] = packed(bytes(64 * MIB))
    feed_running.run(feeds.subscribe(MISP, mari), mari)
    told = FeedRun.projected.get()
    assert (told.fresh, told.left_out) == (2, 1)


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{", b'{"a":{"a":1,"a":2}}', b"[" * 100_000, b"{" + b",".join(b'"%d":{}' % n for n in range(100_001)) + b"}",
     b'{"not-a-uuid":{}}', b"\xff", b'{"a":' + b"9" * 10_000 + b"}"],
    ids=["list", "unclosed", "doubled", "deep", "many", "no uuid", "no UTF-8", "long number"],
)  # fmt: skip
def test_a_manifest_that_cannot_be_meant_is_refused(body: bytes) -> None:
    """No list, no doubled keys, no depth, no number without end, not more events than the cap."""
    with pytest.raises(UsageError):
        feed_manifest.read(body)
