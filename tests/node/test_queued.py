"""The worker of a queue looks into it where something may be in it, and leaves the database alone where nothing is."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import OperationalError
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from hanse.ledger.models import Lost
from hanse.node import queued
from hanse.node.queued import LATER_S, QueueWorker

pytestmark = pytest.mark.django_db(transaction=True)

done: list[int] = []


@task()
def note(number: int) -> None:
    """What is queued here."""
    done.append(number)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the queue was looked into, by the clock of `rests`."""
    done.clear()
    claimed, at = QueueWorker._claimed, []

    def counted(self: QueueWorker) -> object:
        at.append(queued.time.monotonic())
        return claimed(self)

    monkeypatch.setattr(QueueWorker, "_claimed", counted)
    return at


def rests(monkeypatch: pytest.MonkeyPatch, *then: Callable[[], object]) -> None:
    """Work until each of these was done in a rest of its own, and one more rest is over; rests last half a second each."""
    worker, left, now = QueueWorker("default"), [*then, lambda: None], [100.0]

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return now[0]

        @staticmethod
        def sleep(seconds: float) -> None:
            now[0] += seconds
            left.pop(0)()
            worker.running = bool(left)

    monkeypatch.setattr(queued, "time", Clock)
    worker.run()


def nothing() -> None:
    """Nothing is written."""


def test_a_queue_is_left_alone_while_nothing_is_written(
    looks: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it rests, it has looked once; after what anybody wrote it looks again."""
    rests(monkeypatch, nothing, nothing, nothing)
    assert looks == [100.0]
    rests(monkeypatch, nothing, lambda: Lost.objects.create(sequence=1, hashed=bytes(32)), nothing)
    assert looks[1:] == [100.0, 101.0]


def test_what_is_queued_is_done_at_the_next_look_and_all_of_it(
    looks: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three that came in one rest are done in the next one's place, one after the other."""
    rests(monkeypatch, nothing, lambda: [note.enqueue(one) for one in (1, 2, 3)])
    assert done == [1, 2, 3]
    assert looks == [100.0, *[101.0] * 4]


def test_what_waits_for_its_time_is_done_though_nothing_is_written(
    looks: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time comes by itself: within five seconds of it."""
    note.enqueue(1)
    waits = DBTaskResult.objects.get()
    DBTaskResult.objects.update(run_after=waits.run_after + timedelta(days=1))

    def comes() -> None:
        monkeypatch.setattr(
            "django_tasks_db.models.timezone.now", lambda: waits.run_after + timedelta(days=2)
        )

    rests(monkeypatch, comes, *[nothing] * int(LATER_S * 2))
    assert done == [1]
    assert looks[:2] == [100.0, 100.0 + LATER_S]


def test_a_database_that_was_locked_is_asked_again(
    looks: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have held something."""
    claimed, fails = QueueWorker._claimed, [OperationalError("database is locked")]

    def first_fails(self: QueueWorker) -> object:
        if fails:
            raise fails.pop()
        return claimed(self)

    monkeypatch.setattr(QueueWorker, "_claimed", first_fails)
    note.enqueue(1)
    rests(monkeypatch, nothing)
    assert done == [1]
