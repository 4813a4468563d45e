"""Messages are signed as Standard Webhooks says, come in order, at least once under one id, and are tried for a day."""

import json
import threading
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from hanse.accounts.models import Consultation
from hanse.attacks import service as attacks
from hanse.attacks.models import Attack
from hanse.egress.errors import UnreachableError
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.fields import sealed
from hanse.ledger.kinds import kind_of
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import content_of
from hanse.ledger.shadow import differences
from hanse.webhooks import clock, delivering, hooks
from hanse.webhooks.models import Hook, Message, Outcome
from tests.accounts.people import NODE, acting, newcomer
from tests.campaigns.plans import estonia
from tests.taxii.edge import WHY
from tests.webhooks.receiving import SILENT, Told, shown

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

GREEN = Marking(originators=frozenset({"ee-cert"}), tlp=Tlp.GREEN, pap=Pap.GREEN)
PLAN = estonia(7).attacks


def begun(at: int = 0, marking: Marking = GREEN) -> UUID:
    """An attack that runs."""
    return attacks.begun(PLAN[at], None, NODE, marking).object_id


@pytest.mark.parametrize("way", ["ed25519", "hmac"])
def test_an_attack_is_told_signed_and_on_record(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """The receiver checks each message by itself; what it tells names no victim; the disclosure is in the log."""
    told = Told(monkeypatch, way)
    attack = begun()
    told.turn()
    attacks.ended(PLAN[0], None, NODE)
    told.turn()
    assert told.receiver.events == ["attack.began", "attack.ended"]
    body = told.receiver.taken[0][1]
    row = Attack.projected.get(pk=attack)
    assert body["data"]["id"] == shown(attack)
    assert (body["data"]["vector"], body["data"]["marking"]) == (row.vector, GREEN.banner())
    assert not [
        one
        for one in (row.victim, row.organisation, attack.hex, str(attack), row.name)
        if one and one in json.dumps(body)
    ]
    logged = Consultation.objects.filter(action="webhooks.receive")
    assert [one.objects_seen for one in logged] == [[attack.hex]] * 2
    assert logged[0].recipient == "CERT FI (fi-cert), by webhook at https://hooks.example"
    assert logged[0].why == WHY
    assert list(differences()) == []


def test_what_it_signs_with_is_nowhere_in_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row and no entry holds a shared secret or an address in the clear, also for who reads a body by right."""
    told = Told(monkeypatch, "hmac")
    delivering.send_test(told.hook, told.mari)
    secret = told.receiver.key.removeprefix("whsec_")
    kept = {str(getattr(told.row, one.attname)) for one in Hook._meta.fields if one.attname != "url"}
    bodies = b"".join(bytes(one.data) for one in Body.objects.all())
    with connection.cursor() as cursor:
        cursor.execute("SELECT url FROM webhooks_hook")
        kept.add(str(cursor.fetchone()[0]))
    for entry in Entry.objects.filter(kind__startswith="webhooks."):
        kept.add(str(content_of(entry, Body.objects.get(entry=entry), kind_of(entry.kind))))
    raw = b64decode(secret)
    assert secret not in " ".join(kept)
    assert not [one for one in (secret.encode(), raw, b"key-in-the-path") if one in bodies]


def test_another_key_signs_nothing_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each webhook has a key of its own: the check that the tests rest on refuses another's messages."""
    from cryptography.exceptions import InvalidSignature

    first = Told(monkeypatch)
    other = Told(monkeypatch, edge=first.edge)
    other.receiver.key = first.receiver.key
    begun()
    with pytest.raises(InvalidSignature):
        other.turn()


def test_order_holds_while_the_first_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes behind a message that is not taken waits; then all come in their order, the first one under its id."""
    told = Told(monkeypatch)
    told.receiver.answers = [503]
    for at in range(3):
        begun(at)
    told.turn(3)
    assert (len(told.receiver.seen), told.receiver.taken) == (1, [])
    _let_pass(told)
    told.turn(1)
    ids = [name for name, _ in told.receiver.taken]
    assert ids[0] == told.receiver.seen[0][0]
    assert [body["data"]["id"] for _, body in told.receiver.taken] == [
        shown(attacks.object_of(PLAN[at].id)) for at in range(3)
    ]
    assert len(set(ids)) == 3


def _let_pass(told: Told, seconds: int = 100_000) -> None:
    """Let time pass for what waits."""
    waiting = Message.objects.filter(hook=told.hook, outcome=Outcome.WAITING)
    for one in waiting:
        Message.objects.filter(pk=one.pk).update(again_us=one.again_us - seconds * 1_000_000)


def test_a_crash_after_sending_sends_again_under_the_same_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the receiver's answer and the entry that says so, the worker sends the same id again, and no other."""
    told = Told(monkeypatch)
    begun()
    told.turn(1)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(delivering, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            told.turn(1)
    told.restart()
    told.turn(2)
    assert len(told.receiver.taken) == 2
    assert len({name for name, _ in told.receiver.taken}) == 1
    told.restart()
    told.turn(3)
    assert len(told.receiver.seen) == 2


def test_a_restart_before_sending_loses_and_doubles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the worker dies, each news is told once, also what came while it was away."""
    told = Told(monkeypatch)
    for at in range(4):
        begun(at)
        told.restart()
        told.turn(1)
    told.restart()
    told.turn(2)
    assert told.receiver.events == ["attack.began"] * 4
    assert len({body["data"]["id"] for _, body in told.receiver.taken}) == 4


def test_what_came_before_it_was_made_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A webhook tells news, and no history."""
    begun()
    told = Told(monkeypatch)
    told.turn(3)
    assert told.receiver.seen == []


def test_it_is_tried_ever_later_for_a_day_then_needs_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wait is longer; after a day it is failing, is shown, and nothing is sent until somebody lets it go on."""
    told, waits = Told(monkeypatch), []
    told.receiver.answers = [SILENT] * 50
    now = [now_us()]
    monkeypatch.setattr(delivering, "now_us", lambda: now[0])
    monkeypatch.setattr("hanse.ledger.writing.now_us", lambda: now[0])
    monkeypatch.setattr("tests.webhooks.receiving.time.time", lambda: now[0] / 1e6)
    begun()
    told.turn(1)
    for _ in range(40):
        told.turn(1)
        row = Message.objects.get()
        if row.outcome == Outcome.FAILED:
            break
        waits.append(row.again_us - now[0])
        now[0] = row.again_us
    assert waits == sorted(waits)
    assert waits[0] == 10_000_000
    assert 3_600 * 12 * 1_000_000 < sum(waits) <= delivering.LONGEST_US
    assert hooks.standing(told.row) == "failing"
    administrator = acting(newcomer("administrator"))
    assert (waiting(administrator), hooks.waits(acting(newcomer("analyst")))) == (1, None)
    assert "hooks.example" in row.words
    assert "key-in-the-path" not in row.words
    sent = len(told.receiver.seen)
    begun(1)
    told.turn(3)
    assert len(told.receiver.seen) == sent
    told.receiver.answers = []
    hooks.resume(told.hook, told.mari)
    told.turn(3)
    assert told.receiver.events == ["attack.began"] * 2
    assert hooks.standing(told.row) == "running"
    assert waiting(administrator) == 0
    assert list(differences()) == []


def waiting(actor: Actor) -> int:
    """How many webhooks wait for an actor."""
    found = hooks.waits(actor)
    assert found is not None
    return found.count


def test_a_receiver_that_asks_to_wait_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry-After counts where it is longer."""
    told = Told(monkeypatch)
    told.receiver.answers, told.receiver.said = [429], {"retry-after": "1800"}
    begun()
    told.turn(2)
    row = Message.objects.get()
    assert row.again_us - (row.ended_us or 0) > 1_790_000_000


def test_one_that_hangs_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each webhook has a thread of its own: while one receiver does not answer, the slots of the other go on."""
    first = Told(monkeypatch)
    other = Told(monkeypatch, edge=first.edge)
    hangs, turns = threading.Event(), threading.Semaphore(0)

    def turn(hook: UUID, _: object) -> bool:
        if hook == first.hook:
            return not hangs.wait(20)
        turns.release()
        return not hangs.is_set()

    monkeypatch.setattr(clock, "SLOT_S", 0.01)
    monkeypatch.setattr(clock, "turn", turn)
    running = clock.Hooks()
    running.look()
    assert all(turns.acquire(timeout=15) for _ in range(5))
    hangs.set()
    for hook in (first.hook, other.hook):
        running._threads[hook].join(10)
        assert not running._threads[hook].is_alive()


def test_pausing_holds_and_removing_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes while it is paused is told later; once it is removed, or its partner revoked, nothing is sent."""
    from hanse.taxii import partners

    told = Told(monkeypatch)
    hooks.pause(told.hook, told.mari)
    begun()
    told.turn(3)
    assert told.receiver.seen == []
    hooks.resume(told.hook, told.mari)
    told.turn(2)
    assert told.receiver.events == ["attack.began"]
    partners.revoke(told.edge.row.pk, "It has a node now.", told.mari)
    begun(1)
    told.turn(3)
    assert (len(told.receiver.seen), hooks.standing(told.row)) == (1, "revoked")
    hooks.remove(told.hook, "It has a node now.", told.mari)
    assert clock.turn(told.hook, told.upcoming) is False
    assert (told.row.url, told.row.secret) == ("", "")


@pytest.mark.parametrize("ends", ["paused", "removed", "revoked"])
def test_what_waits_is_not_sent_once_it_was_ended_meanwhile(
    monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """A receiver that keeps the node waiting gets nothing more after somebody closed the door behind it."""
    from hanse.taxii import partners

    told = Told(monkeypatch)
    for at in range(3):
        begun(at)
    told.turn(1)
    take, close = told.receiver.post, {
        "paused": lambda: hooks.pause(told.hook, told.mari),
        "removed": lambda: hooks.remove(told.hook, "It was broken into.", told.mari),
        "revoked": lambda: partners.revoke(told.edge.row.pk, "It was broken into.", told.mari),
    }[ends]  # fmt: skip

    def slow(url: str, **more: Any) -> Any:
        close()
        return take(url, **more)

    monkeypatch.setattr(told.receiver, "post", slow)
    told.turn(1)
    assert len(told.receiver.seen) == 1


@pytest.mark.parametrize(
    "written", ["https://hooks.example/in/key-in-the-path", "https://HOOKS.example:443/in/key-in-the-path#"]
)
@pytest.mark.parametrize(
    "error",
    [
        "https://hooks.example/in/key-in-the-path: the receiver answered 404.",
        "hooks.example: the server wants the message sent elsewhere ('/in/key-in-the-path/').",
        "WRITTEN: not finished within 10 s.",
    ],
)
def test_the_key_in_an_address_is_in_no_words(
    monkeypatch: pytest.MonkeyPatch, written: str, error: str
) -> None:
    """However the address was written and whoever repeats it, a record of a try holds the host alone."""
    told = Told(monkeypatch)
    Hook.objects.filter(pk=told.hook).update(**sealed(Hook, told.hook, url=written))
    told.receiver.answers = [UnreachableError(error.replace("WRITTEN", written))]
    words = delivering.send_test(told.hook, told.mari).words
    assert "key-in-the-path" not in words
    assert "hooks.example" in words.lower()


def test_a_test_tells_nothing_and_is_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is signed as every message, and its outcome stands on the webhook's row."""
    told = Told(monkeypatch)
    assert delivering.send_test(told.hook, told.mari).delivered
    assert told.receiver.taken[0][1]["data"] == {"authority": "ee-cert"}
    told.receiver.answers = [404]
    assert not delivering.send_test(told.hook, told.mari).delivered
    assert (told.row.tested, "404" in told.row.test_words) == (False, True)
    assert Entry.objects.filter(kind="webhooks.tested").count() == 2
    assert not Consultation.objects.filter(action="webhooks.receive").exists()


def test_what_changes_without_another_standing_is_not_told_again(
    monkeypatch: pytest.MonkeyPatch, actor: Callable[..., Actor]
) -> None:
    """Only how a thing stands counts: what is decided and withdrawn again before anybody looked is told as it is."""
    told, mari = Told(monkeypatch), actor("analyst")
    attack = begun()
    attacks.ended(PLAN[0], None, NODE)
    told.turn(2)
    decision = attacks.mark_false_positive(attack, "It is our own backup.", mari)
    told.turn(2)
    attacks.withdraw(decision, "It was none.", mari)
    told.turn(2)
    assert told.receiver.events == ["attack.ended", "attack.withdrawn", "attack.ended"]
