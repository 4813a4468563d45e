"""The pages and the API of webhooks: made by two, shown with its messages, tested, paused and removed by one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from hanse.accounts import approvals
from hanse.accounts.models import Proposal
from hanse.accounts.rules import RefusedError as NotTheSecondError
from hanse.policy.asking import RefusedError
from hanse.webhooks import hooks
from hanse.webhooks.models import Hook
from tests.accounts.people import acting, newcomer
from tests.taxii.edge import WHY, Edge
from tests.web.acting import ActingClient
from tests.webhooks.receiving import EVENTS, SILENT, URL, Told
from tests.webhooks.test_delivering import begun

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

Clients = Callable[..., ActingClient]


def test_making_one_takes_two_on_pages(client_as: Clients) -> None:
    """A proposal makes no webhook; who approves it is shown the key; the public half stands on the page, the address does not."""
    edge, mari = Edge(), acting(newcomer("administrator"))
    jaan = acting(newcomer("approver", name="Jaan Tamm"))
    client = client_as(mari)
    typed = {"partner": str(edge.row.pk), "url": URL, "events": EVENTS, "way": "ed25519", "why": WHY}
    assert (
        "is not public"
        in client.post("/webhooks/new/", {**typed, "url": "https://10.0.0.1/"}).content.decode()
    )
    assert client.post("/webhooks/new/", typed).status_code == 302
    assert not Hook.objects.exists()
    assert "waits for a second person" in client.get("/webhooks/").content.decode()
    with pytest.raises(NotTheSecondError):
        approvals.approve(Proposal.objects.latest("proposed_us").pk, mari)
    key = approvals.approve(Proposal.objects.latest("proposed_us").pk, jaan)
    page = client.get(f"/webhooks/{Hook.objects.get().pk}/").content.decode()
    assert key in page
    assert "https://hooks.example" in page
    assert "key-in-the-path" not in page + client.get("/webhooks/").content.decode()


def test_a_page_says_what_became_of_each_message(client_as: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """Delivered, waiting with its error and its next attempt; the list and the API say the same."""
    told = Told(monkeypatch)
    begun()
    told.turn()
    told.receiver.answers = [SILENT]
    begun(1)
    told.turn()
    client = client_as(told.mari)
    page = client.get(f"/webhooks/{told.hook}/").content.decode()
    for words in ("delivered", "waits", "no answer", "tried again", "attack.began"):
        assert words in page
    assert "no answer" in client.get("/webhooks/").content.decode()
    listed = client.get("/api/webhooks").json()["items"][0]
    assert (listed["url"], listed["standing"]) == ("https://hooks.example", "retrying")
    outcomes = [one["outcome"] for one in client.get(f"/api/webhooks/{told.hook}/messages").json()["items"]]
    assert outcomes == ["waiting", "delivered"]
    assert {one["name"] for one in client.get("/api/webhooks/events").json()} >= set(EVENTS)


def test_a_secret_is_shown_once(client_as: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a shared secret, no page and no answer of the API says anything."""
    told = Told(monkeypatch, "hmac")
    client = client_as(told.mari)
    said = client.get(f"/webhooks/{told.hook}/").content + client.get("/api/webhooks").content
    assert told.receiver.key.removeprefix("whsec_").encode() not in said


def test_one_person_tests_pauses_and_removes_it(client_as: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """On pages and by the API, each step on record."""
    told = Told(monkeypatch)
    client, here = client_as(told.mari), f"/webhooks/{told.hook}/"
    assert client.post(f"{here}test/").status_code == 302
    assert "The receiver took the test" in client.get(here).content.decode()
    client.post(f"{here}pause/")
    assert hooks.standing(told.row) == "paused"
    client.post(f"{here}resume/")
    assert hooks.standing(told.row) == "running"
    answer = client.post(f"/api/webhooks/{told.hook}/test", "{}", content_type="application/json")
    assert answer.json() == {"delivered": True, "words": "It answered 200."}
    assert client.post(f"{here}remove/", {"reason": "It has a node now."}).status_code == 302
    assert client.get(here).status_code == 404
    assert "removed" in client.get("/webhooks/").content.decode()


def test_proposing_by_the_api(client_as: Clients) -> None:
    """The operation proposes what the form does, and refuses what cannot be meant."""
    edge, client = Edge(), client_as(acting(newcomer("administrator")))
    told = {"partner": str(edge.row.pk), "url": URL, "events": EVENTS, "why": WHY}

    def post(**more: object) -> int:
        return client.post(
            "/api/webhooks", json.dumps({**told, **more}), content_type="application/json"
        ).status_code

    assert [post(), post(events=["nothing.such"]), post(partner=str(newcomer("analyst")))] == [201, 400, 400]


def test_who_may_not_sees_and_does_nothing(client_as: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """An analyst neither sees webhooks nor makes one."""
    told = Told(monkeypatch)
    client = client_as(acting(newcomer("analyst")))
    assert client.get("/webhooks/").status_code == 403
    assert client.get("/api/webhooks").status_code == 403
    with pytest.raises(RefusedError):
        hooks.pause(told.hook, acting(newcomer("analyst")))


def test_while_a_receiver_is_waited_for_others_can_write(
    client_as: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction is open meanwhile, whatever key the request brings: a slow receiver holds up nobody."""
    told, within = Told(monkeypatch), []
    take = told.receiver.post

    def post(url: str, **more: Any) -> Any:
        within.append(connection.in_atomic_block)
        return take(url, **more)

    monkeypatch.setattr(told.receiver, "post", post)
    client = client_as(told.mari)
    for _ in range(2):
        answer = client.post(
            f"/api/webhooks/{told.hook}/test",
            content_type="application/json",
            headers={"Idempotency-Key": "k"},
        )
        assert answer.status_code == 200
    assert within == [False, False]
