"""Feeds apart: none says anything of what another one brought, and nobody brings in under another authority's name."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hanse.intel import feeds, service
from hanse.intel.models import Item
from hanse.intel.source_marking import TLP_IDS
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from tests.intel.feed_server import FeedServer, feed_server
from tests.intel.stix_corpus import bundle, sdo
from tests.intel.test_feeds import BUNDLE, ran
from tests.web.acting import ActingClient

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]

GOOD = replace(BUNDLE, name="Good", url="https://feed.example/good.json")
LIAR = replace(BUNDLE, name="Liar", url="https://feed.example/liar.json")
MINE = sdo("tool", 1, name="as it is", created_by_ref="identity--a")
NEWER: dict[str, Any] = {**MINE, "modified": "2025-01-01T00:00:00Z"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FeedServer]:
    """A server for both feeds."""
    with feed_server(monkeypatch, tmp_path) as served:
        yield served


def test_no_feed_writes_over_what_another_brought(actor: People, server: FeedServer) -> None:
    """A newer version under the same creator's name is a clash; the feed that brought the thing brings its next one."""
    mari = actor("analyst")
    server.files["/good.json"] = bundle(MINE)
    server.files["/liar.json"] = bundle({**NEWER, "name": "harmless", "revoked": True})
    good, liar = feeds.subscribe(GOOD, mari), feeds.subscribe(LIAR, mari)
    ran(good, mari)
    told = ran(liar, mari)
    assert (told.newer, told.clashes) == (0, 1)
    assert service.item_of(Item.projected.get()).raw["name"] == "as it is"
    server.files["/good.json"] = bundle({**NEWER, "name": "as it is now"})
    assert ran(good, mari).newer == 1
    assert service.item_of(Item.projected.get()).raw["name"] == "as it is now"


def test_no_feed_marks_what_another_brought(actor: People, server: FeedServer) -> None:
    """A feed that repeats a thing under a stricter marking keeps nobody from what another feed gave."""
    mari = actor("analyst")
    server.files["/good.json"] = bundle(MINE)
    server.files["/liar.json"] = bundle({**MINE, "object_marking_refs": [TLP_IDS[Tlp.AMBER_STRICT]]})
    good, liar = feeds.subscribe(GOOD, mari), feeds.subscribe(LIAR, mari)
    ran(good, mari)
    ran(liar, mari)
    assert Item.projected.get().marking.marking == Marking.own("ee-cert")


def test_what_a_removed_feed_brought_is_for_the_next_that_has_it(actor: People, server: FeedServer) -> None:
    """A feed that moved, and was subscribed to anew, goes on with its own things."""
    mari = actor("analyst")
    server.files["/good.json"] = bundle(MINE)
    server.files["/liar.json"] = bundle({**NEWER, "name": "moved"})
    good = feeds.subscribe(GOOD, mari)
    ran(good, mari)
    feeds.remove(good, mari, "It moved.")
    assert ran(feeds.subscribe(LIAR, mari), mari).newer == 1


@pytest.mark.parametrize("names", [{"fi-cert"}, {"ee-cert", "fi-cert"}])
def test_nobody_brings_in_under_anothers_name(
    actor: People, client_as: Callable[..., ActingClient], names: set[str]
) -> None:
    """A made-up originator would keep this authority from releasing its own things for good."""
    mari, marking = actor("analyst"), Marking(originators=frozenset(names))
    told = {"name": "one.json", "content": bundle(MINE).decode(), "marking": marking.as_json()}
    answer = client_as(mari).post(
        "/api/intelligence/imports", json.dumps(told), content_type="application/json"
    )
    assert answer.status_code == 400, answer.content
    assert "originates here" in answer.content.decode()
    with pytest.raises(UsageError, match="originates here"):
        feeds.subscribe(GOOD, mari, marking=marking)
    assert not Item.projected.exists()
