"""Matching by the clock asks the database whom to match with where that may have changed, and not each second."""

import time

import pytest

from hanse.ledger.models import Lost
from hanse.matching import clock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was looked for, and with whom threads were wanted."""
    told: list[str] = []
    monkeypatch.setattr(clock.running, "give_up", lambda _: told.append("over"))
    monkeypatch.setattr(clock.Matching, "_have", lambda _, name, work: told.append(name))
    return told


def test_nobody_is_looked_for_while_nothing_is_written(
    looked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing went on nothing does, until something is written or some time has gone by."""
    matching = clock.Matching()
    matching.look()
    first = list(looked)
    assert "over" in first
    matching.look()
    assert looked == first
    Lost.objects.create(sequence=1, hashed=bytes(32))
    matching.look()
    assert looked == first * 2
    began = time.monotonic()
    monkeypatch.setattr(clock.time, "monotonic", lambda: began + clock.AGAIN_S + 1)
    matching.look()
    assert looked == first * 3


def test_with_whom_something_goes_on_is_looked_at_each_time(
    looked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread may have ended a moment ago, when nothing went on yet."""
    monkeypatch.setattr(clock, "busy", lambda: {"gb-ncas"})
    matching = clock.Matching()
    matching.look()
    matching.look()
    assert looked.count("gb-ncas") == 2
