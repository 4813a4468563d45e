"""Alerts: delivered, tried again, failed for good; each outcome on the attack, and nothing said that a marking keeps."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.utils import timezone
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from hanse.accounts.approvals import approve
from hanse.attacks import service as attacks
from hanse.attacks.models import Alert, Attack
from hanse.console import alerting, endpoints
from hanse.console.service import Mail, Webhook, change
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.models import Entry
from hanse.ledger.shadow import differences
from hanse.node.working import LEFT_S, take_up_left
from hanse.policy.asking import RefusedError
from hanse.policy.service import mark
from tests.accounts.people import NODE, acting, newcomer
from tests.campaigns.plans import estonia
from tests.egress.servers import certificate, http_server, reply
from tests.egress.test_smtp import relay
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

KEY = "0123456789abcdef0123456789abcdef"
OPEN = Marking(originators=frozenset({"ee-cert"}), tlp=Tlp.GREEN, pap=Pap.GREEN)
CLOSED = Marking(originators=frozenset({"ee-cert"}), tlp=Tlp.RED, pap=Pap.RED)


def begun(marking: Marking | None = None) -> UUID:
    """An attack that runs."""
    return attacks.begun(estonia(7).attacks[0], None, NODE, marking).object_id


def allow(port: int, host: str = "127.0.0.1", address: str = "127.0.0.1") -> None:
    """Two people allow a port of this machine."""
    mari = acting(newcomer("administrator"))
    proposal = endpoints.propose_endpoint(host, port, address, "It is ours.", mari)
    approve(proposal, acting(newcomer("approver", name="Jaan Tamm")))


def set_mail(port: int, *to: str, host: str = "127.0.0.1") -> None:
    """Alerts by mail through a relay of this machine."""
    told = {"relay": host, "port": port, "security": "none", "sender": "node@ee.example"}
    change(Mail(**told, recipients=to or ("duty@ee.example",)), NODE)


def set_webhook(port: int) -> str:
    """Alerts by webhook to a receiver of this machine; its address holds a key in its path."""
    url = f"https://localhost:{port}/hooks/key-in-the-path"
    change(Webhook(url=url, secret=KEY), NODE)
    return url


@contextmanager
def receiver(folder: Path, monkeypatch: pytest.MonkeyPatch, *statuses: int, **headers: str) -> Iterator:
    """A receiver with a certificate that this process trusts; it answers with these statuses, the last for ever."""
    tls, _ = certificate(folder, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "localhost.pem"))
    left = list(statuses or (200,))
    with http_server(lambda one: reply(one, left.pop(0) if left[1:] else left[0], **headers), tls) as running:
        for address in ("127.0.0.1", "::1"):
            allow(running.port, "localhost", address)
        yield running


def work() -> None:
    """Do what is due in the queue of alerts."""
    worker = Worker(
        queue_names=[alerting.QUEUE], interval=0, batch=True, backend_name="default", startup_delay=False,
        max_tasks=None, worker_id="tests", excluded_queue_names=[],
    )  # fmt: skip
    worker.run()


def later(seconds: float) -> None:
    """Let time pass for what waits in the queue."""
    for one in DBTaskResult.objects.filter(status="READY"):
        DBTaskResult.objects.filter(pk=one.pk).update(run_after=one.run_after - timedelta(seconds=seconds))


def outcomes() -> list[tuple[str, bool]]:
    """What is on record of alerts, in order."""
    return list(Alert.objects.order_by("sequence").values_list("to", "delivered"))


def test_every_recipient_and_receiver_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One mail per recipient and one post, each outcome on record.

    Rows equal a replay, and the webhook's path, which may be a key, is in none of them.
    """
    with relay() as post, receiver(tmp_path, monkeypatch) as running:
        allow(post.port)
        set_mail(post.port, "a@ee.example", "b@ee.example")
        url = set_webhook(running.port)
        alerting.announce(begun(OPEN), "began")
        work()
        work()
    assert len(post.mails) == 2
    assert len(running.seen) == 1
    origin = f"https://localhost:{running.port}"
    assert sorted(outcomes()) == [("a@ee.example", True), ("b@ee.example", True), (origin, True)]
    assert not [one for one in DBTaskResult.objects.all() if url in json.dumps(one.args_kwargs)]
    assert list(differences()) == []


def test_a_flood_of_victims_buries_nobodys_mailbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many alerts a minute; one more says how many attacks there were beyond them, and nothing is lost of that number."""
    clock = [1_000.0]
    monkeypatch.setattr(alerting.time, "monotonic", lambda: clock[0])
    attack = begun(OPEN)
    with relay() as post:
        allow(post.port)
        set_mail(post.port)
        announcing = alerting.Announcing()
        for _ in range(500):
            announcing.say(attack, "began")
        announcing.tell_held()
        assert DBTaskResult.objects.count() == alerting.MOST_A_MINUTE
        clock[0] += alerting.MINUTE_S
        announcing.tell_held()
        announcing.say(attack, "ended")
        announcing.tell_held(now=True)
        assert DBTaskResult.objects.count() == alerting.MOST_A_MINUTE + 2
        work()
    more = [one.decode() for one in post.mails if "479 more attacks" in one.decode().replace("=\r\n", "")]
    assert len(more) == 1
    assert "and 479 more" in more[0]


def test_what_a_marking_keeps_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an attack that may not leave, mail and webhook say only that there is one and where to look."""
    with relay() as post, receiver(tmp_path, monkeypatch) as running:
        allow(post.port)
        set_mail(post.port)
        set_webhook(running.port)
        row = Attack.projected.get(pk=begun(CLOSED))
        alerting.announce(row.pk, "began")
        work()
    sent = post.mails[0].decode() + running.seen[0][3].decode()
    assert row.victim not in sent
    assert "began" in sent
    assert str(row.pk) in sent.replace("=\r\n", "")
    assert "attack" not in json.loads(running.seen[0][3])


@pytest.mark.parametrize(
    ("marking", "team"),
    [
        (replace(OPEN, tlp=Tlp.RED), ""),
        (replace(OPEN, tlp=Tlp.AMBER_STRICT), "7" * 32),
        (replace(OPEN, embargo_us=2**52, embargo_for=frozenset({"Mari"})), ""),
    ],
)
def test_what_few_may_know_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marking: Marking, team: str
) -> None:
    """An attack that is for some people alone since it began: its end is told to all, but not what it is."""
    with relay() as post, receiver(tmp_path, monkeypatch) as running:
        allow(post.port)
        set_mail(post.port)
        set_webhook(running.port)
        row = Attack.projected.get(pk=begun(OPEN))
        mark(row.pk, marking, team, NODE, "It concerns an operation.")
        alerting.announce(row.pk, "ended")
        work()
    sent = post.mails[0].decode() + running.seen[0][3].decode()
    assert row.victim not in sent
    assert "ended" in sent
    assert "attack" not in json.loads(running.seen[0][3])


def test_a_passing_fault_is_tried_again_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that is busy gets the alert again under the same id, not before it asked for.

    On record is that the first attempt failed, and then that the alert went out.
    """
    with receiver(tmp_path, monkeypatch, 503, 200, Retry_After="45") as running:
        set_webhook(running.port)
        attack = begun(OPEN)
        alerting.announce(attack, "began")
        work()
        assert [delivered for _, delivered in outcomes()] == [False]
        assert "It is tried again." in Alert.objects.get().words
        later(40)
        work()
        assert len(running.seen) == 1
        later(10)
        work()
    assert [delivered for _, delivered in outcomes()] == [False, True]
    first, second = ({name.lower(): value for name, value in one[2].items()} for one in running.seen)
    assert first["hanse-delivery"] == second["hanse-delivery"]


def test_after_the_last_attempt_it_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay that stays down is tried as often as said, then the attack's page says that the alert failed."""
    allow(9)
    set_mail(9)  # the discard port: nobody listens
    alerting.announce(begun(OPEN), "began")
    for wait in (0, *alerting.WAITS_S):
        later(wait)
        work()
    assert DBTaskResult.objects.count() == 1 + len(alerting.WAITS_S)
    assert [delivered for _, delivered in outcomes()] == [False, False]
    assert "tried again" not in Alert.objects.latest("sequence").words


def test_a_non_public_relay_without_approval_is_refused_at_once(
    client_as: Callable[..., ActingClient], actor: Callable[..., Actor]
) -> None:
    """Nothing connects, nothing is tried again, and the attack's page says what is missing."""
    with relay() as post:
        set_mail(post.port)
        attack = begun(OPEN)
        alerting.announce(attack, "began")
        work()
    assert post.lines == []
    assert outcomes() == [("duty@ee.example", False)]
    assert DBTaskResult.objects.filter(status="READY").count() == 0
    html = (
        client_as(actor("analyst")).get(f"/attacks/{attack}/", {"why": "duty"}, follow=True).content.decode()
    )
    assert "approved by two people" in html


@pytest.mark.parametrize("change", ["to", "what", "made"])
def test_an_alert_that_the_node_did_not_queue_goes_to_nobody(change: str) -> None:
    """Whoever writes to the database has no attack told to an address of theirs, and nothing signed as told."""
    with relay() as post:
        allow(post.port)
        set_mail(post.port)
        alerting.announce(begun(OPEN), "began")
        row = DBTaskResult.objects.get()
        told = list(row.args_kwargs["args"])
        if change == "what":
            told[1] = "never happened"
        else:
            told[3] = "thief@evil.example"
        if change == "made":
            alerting.deliver.enqueue(*told)
        else:
            DBTaskResult.objects.filter(pk=row.pk).update(args_kwargs={"args": told, "kwargs": {}})
        work()
    assert [one for one in post.mails if b"thief" in one or b"never happened" in one] == []
    assert outcomes() == ([("duty@ee.example", True)] if change == "made" else [])


def test_whom_the_settings_name_no_more_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert that waits when its recipient leaves is not sent there, and the record says so."""
    with relay() as post:
        allow(post.port)
        set_mail(post.port, "gone@ee.example")
        alerting.announce(begun(OPEN), "began")
        set_mail(post.port, "duty@ee.example")
        work()
    assert post.mails == []
    assert outcomes() == [("gone@ee.example", False)]


def test_an_alert_whose_worker_died_is_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert at work for longer than any attempt takes goes back into the queue; one that just began does not."""
    with relay() as post:
        allow(post.port)
        set_mail(post.port)
        alerting.announce(begun(OPEN), "began")
        task = DBTaskResult.objects.get()
        task.claim("a worker that dies")
        assert take_up_left() == 0
        DBTaskResult.objects.update(started_at=timezone.now() - timedelta(seconds=LEFT_S + 1))
        assert take_up_left() == 1
        work()
    assert len(post.mails) == 1
    assert outcomes() == [("duty@ee.example", True)]


def test_a_test_alert_says_at_once_what_came_of_it(
    client_as: Callable[..., ActingClient], actor: Callable[..., Actor]
) -> None:
    """The button sends with what is saved and tells success and failure in words; each test is an entry.

    Who may not change settings sends none, and where nothing is set there is nothing to test.
    """
    admin = client_as(actor("administrator"))
    assert "Save it first" in admin.post("/settings/mail/test/", follow=True).content.decode()
    with relay() as post:
        set_mail(post.port)
        assert "failed" in admin.post("/settings/mail/test/", follow=True).content.decode()
        assert post.mails == []
        allow(post.port)
        assert "was taken" in admin.post("/settings/mail/test/", follow=True).content.decode()
        (told,) = admin.post("/api/settings/mail/test").json()
        assert (told["to"], told["delivered"]) == ("duty@ee.example", True)
    assert len(post.mails) == 2
    assert b"No attack began" in post.mails[0]
    assert Entry.objects.filter(kind="console.channel_tested").count() == 3
    with pytest.raises(RefusedError):
        alerting.send_test("mail", actor("analyst"))
    with pytest.raises(UsageError):
        alerting.send_test("webhook", actor("administrator"))


def test_the_bar_shows_what_runs_to_who_may_see_it(
    client_as: Callable[..., ActingClient], actor: Callable[..., Actor]
) -> None:
    """Every page polls a part that names running attacks and says nothing when nothing changed.

    Pages of those who see no attacks do not ask for it.
    """
    analyst, admin = client_as(actor("analyst")), client_as(actor("administrator"))
    assert 'hx-get="/alarms/"' in analyst.get("/").content.decode()
    assert "/alarms/" not in admin.get("/settings/").content.decode()
    row = Attack.projected.get(pk=begun(OPEN))
    answer = analyst.get("/alarms/")
    assert row.victim in answer.content.decode()
    again = analyst.get("/alarms/", headers={"HX-Request": "true", "If-None-Match": answer["ETag"]})
    assert again.status_code == 204
    attacks.end_all(NODE, "over")
    assert row.victim not in analyst.get("/alarms/").content.decode()
