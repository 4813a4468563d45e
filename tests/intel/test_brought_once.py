"""A file that is brought in with an Idempotency-Key: once, and without keeping everybody else from writing."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from hanse.intel import service
from hanse.intel.models import Batch, Item
from hanse.kernel.errors import HanseError
from hanse.web import idempotency
from hanse.web.models import Idempotency

if TYPE_CHECKING:
    from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

ROWS = "value,kind\n8.8.4.4,address\n8.8.8.8,address\n"
Bring = Callable[[str], object]


@pytest.fixture
def bring(actor, client_as) -> Bring:
    """Brings a file in by the API, always with the same key."""
    client: ActingClient = client_as(actor("analyst"))

    def sent(content: str = ROWS):
        told = json.dumps({"name": "list.csv", "content": content})
        key = {"Idempotency-Key": "5f3a"}
        return client.post("/api/intelligence/imports", told, content_type="application/json", headers=key)

    return sent


def during(monkeypatch, does: Callable[[], None]) -> None:
    """Have something done while a file is brought in."""
    real = service.bring_in

    def bring_in(*some, **more):
        does()
        return real(*some, **more)

    monkeypatch.setattr(service, "bring_in", bring_in)


def test_others_can_write_while_it_goes_on(bring, monkeypatch):
    """SQLite was locked for its whole length: two megabytes are a hundred thousand rows."""
    locked = []
    during(monkeypatch, lambda: locked.append(connection.in_atomic_block))
    assert bring().status_code == 200
    assert locked == [False]


def test_sent_twice_it_has_one_account(bring):
    """The second gets the answer of the first; another file under that key is refused."""
    first, second = bring(), bring()
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert second["Idempotency-Replayed"] == "true"
    assert (Batch.projected.count(), Item.projected.count()) == (1, 2)
    assert bring(f"{ROWS}9.9.9.9,address\n").status_code == 422


def test_sent_while_it_goes_on_it_says_so(bring, monkeypatch):
    """It is neither done twice nor answered with what is not known yet."""
    told = []
    during(monkeypatch, lambda: told.append(bring()) if not told else None)
    assert bring().status_code == 200
    assert told[0].status_code == 409
    assert "still being worked at" in told[0].json()["detail"]
    assert Batch.projected.count() == 1


def test_what_was_refused_can_be_sent_again_with_its_key(bring, monkeypatch):
    """Also after a fault: nothing is kept of either."""

    def fails():
        raise HanseError("The disk is full.")

    with monkeypatch.context() as once:
        during(once, fails)
        assert bring().status_code >= 400
    assert not Idempotency.objects.exists()
    assert bring("\0").status_code >= 400
    assert bring().status_code == 200


def test_what_a_node_broke_off_is_done_when_it_is_sent_again(bring, monkeypatch):
    """A node that stopped left that it had begun: when the time for it is over, the same request does it."""
    assert bring().status_code == 200
    Idempotency.objects.update(status=0, body=None)
    assert bring().status_code == 409
    later = idempotency.now_us() + idempotency.WORKS_US
    monkeypatch.setattr(idempotency, "now_us", lambda: later)
    answer = bring()
    assert (answer.status_code, answer.json()["known"]) == (200, 2)
    assert Item.projected.count() == 2
