"""What stands at a feed's address that is no feed is told with what to do about it, before anybody subscribes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from hanse.intel import feed_running
from hanse.kernel.actors import Actor
from hanse.kernel.errors import HanseError
from tests.egress.servers import reply
from tests.intel.feed_server import FeedServer, feed_server
from tests.intel.test_feeds import BUNDLE

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]


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
