"""That the live collector came to be blind is mailed and posted once, and once that it is over; each outcome is on record."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django_tasks_db.models import DBTaskResult

from hanse.console import processes, sight_alerts
from hanse.console.processes import CollectorState
from hanse.console.service import Collector, SightTold, change
from hanse.ledger.kinds import kind_of
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import content_of
from tests.accounts.people import NODE, acting, newcomer
from tests.console.test_alerting import allow, later, receiver, set_mail, set_webhook, work
from tests.egress.test_smtp import relay
from tests.web.conftest import client_as

__all__ = ["client_as"]

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

START_S = 1_790_000_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that it is; the collector is on."""
    now = [START_S]
    monkeypatch.setattr("time.time", lambda: now[0])
    change(Collector(on=True), NODE)
    return now


def looked(clock: list[float], seconds: float, datagrams: int, **more: object) -> None:
    """The worker looks after some seconds at a collector that heard so many datagrams."""
    clock[0] += seconds
    told = {"state": "running", "since_s": START_S, "datagrams": datagrams} | more
    processes.collector_is(settings.HANSE_NODE.home, CollectorState(**told))  # type: ignore[arg-type]  # as they are named
    sight_alerts.watch(settings.HANSE_NODE.home)


def outcomes() -> list[SightTold]:
    """What is on record of these alerts, in order."""
    rows = Entry.objects.filter(kind="console.sight_told").order_by("sequence")
    return [content_of(one, Body.objects.get(pk=one.pk), kind_of(one.kind)) for one in rows]


def test_a_silence_is_told_once_by_every_channel_and_once_that_it_is_over(
    clock: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client_as
) -> None:
    """The message says what is not seen, since when, and where to look; the page of what goes on says it meanwhile."""
    with relay() as mails, receiver(tmp_path, monkeypatch) as running:
        allow(mails.port)
        set_mail(mails.port)
        set_webhook(running.port)
        looked(clock, 15, 100)
        for _ in range(30):
            looked(clock, 15, 100)
        work()
        page = client_as(acting(newcomer("analyst"))).get("/").content.decode()
        looked(clock, 15, 101)
        looked(clock, 15, 102)
        work()
    first, second = mails.mails
    assert "does not see everything" in str(first)
    assert "No exporter has sent anything since" in str(first)
    assert "/settings/" in str(first)
    assert "sees again" in str(second)
    assert "No exporter has sent anything" in page
    posted = [json.loads(one[3]) for one in running.seen]
    assert [one["event"] for one in posted] == ["blind", "seeing"]
    assert posted[0]["words"] == posted[1]["words"]
    assert len({one[2]["Hanse-Delivery"] for one in running.seen}) == 2
    assert [(one.event, one.channel, one.delivered) for one in outcomes()] == [
        ("blind", "mail", True), ("blind", "webhook", True), ("seeing", "mail", True), ("seeing", "webhook", True),
    ]  # fmt: skip


def test_a_receiver_that_is_away_is_tried_again(clock: list[float], tmp_path: Path, monkeypatch) -> None:
    """The first failure is on record with why, and so is that it came; the tries between are not."""
    with receiver(tmp_path, monkeypatch, 503, 503, 200) as running:
        set_webhook(running.port)
        sight_alerts.announce(sight_alerts.BLIND, ("No exporter sends.",))
        for _ in range(3):
            work()
            later(4_000)
    assert len(running.seen) == 3
    assert [one.delivered for one in outcomes()] == [False, True]
    assert "It is tried again" in outcomes()[0].words


def test_what_somebody_put_into_the_queue_goes_to_nobody(clock: list[float]) -> None:
    """A row of the queue that was changed is no alert of the node's."""
    set_mail(25)
    sight_alerts.announce(sight_alerts.BLIND, ("No exporter sends.",))
    row = DBTaskResult.objects.get()
    row.args_kwargs["args"][1] = ["Pay here."]
    row.save()
    work()
    assert DBTaskResult.objects.get().status == "FAILED"
    assert outcomes() == []
