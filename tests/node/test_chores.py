"""What a node does by the clock."""

import pytest
from django.conf import settings
from django.db import connections
from django.test.utils import CaptureQueriesContext

from hanse.accounts.sessions import forget_expired
from hanse.federation.clock import League
from hanse.ledger.change_mark import WhereWritten
from hanse.ledger.erasing import scrub
from hanse.ledger.models import Lost
from hanse.ledger.retention import purge_due
from hanse.ledger.routing import database
from hanse.ledger.tree import integrate
from hanse.matching.clock import Matching
from hanse.node.working import Chore, chores, chores_with_partners
from hanse.web.emptying import KEPT_S, empty
from hanse.webhooks.clock import Hooks


def test_a_node_keeps_its_promises_by_the_clock():
    """Checkpoints come every minute; retention dates, and files after a purge, are seen to well within 24 hours."""
    every_s = {chore.do: chore.every_s for chore in chores(settings.HANSE_NODE)}
    assert every_s[integrate] <= 60
    assert every_s[forget_expired] <= 600
    assert every_s[empty] + KEPT_S <= 24 * 3_600
    assert every_s[purge_due] + every_s[scrub] <= 12 * 3_600


def every_second(monkeypatch: pytest.MonkeyPatch) -> list[Chore]:
    """What is looked at again and again each second, without the threads that go on by themselves."""
    monkeypatch.setattr(Matching, "_have", lambda *_: None)
    partners = chores_with_partners(League().look, Matching().look, Hooks().look)
    return [one for one in (*chores(settings.HANSE_NODE), *partners) if one.every_s <= 1]


def questions(chore: Chore) -> int:
    """How often a chore asks the database."""
    with CaptureQueriesContext(connections[database()]) as asked:
        chore.do()
    return len(asked)


@pytest.mark.django_db(transaction=True)
def test_what_is_done_each_second_asks_nothing_where_nothing_was_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """But whether something was: an idle node wakes some twenty times a second."""
    looked = every_second(monkeypatch)
    assert len(looked) >= 6
    for chore in looked:
        chore.do()
        assert questions(chore) == 1, chore.name
        Lost.objects.create(sequence=len(chore.name), hashed=bytes(32))
        assert questions(chore) > 1, chore.name
        Lost.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_what_failed_is_done_again_though_nothing_was_written() -> None:
    """And so is what was done long ago."""
    done: list[int] = []

    def fails_first() -> None:
        done.append(1)
        if len(done) == 1:
            raise OSError("the disk is full")

    looked = WhereWritten(fails_first)
    with pytest.raises(OSError, match="full"):
        looked()
    looked()
    looked()
    assert len(done) == 2
    looked._until_s = 0.0
    looked()
    assert len(done) == 3
