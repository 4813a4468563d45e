"""What tells that something was written differs whenever, and for whoever, something was."""

import threading
from collections.abc import Callable

import pytest
from django.db import connections, transaction

from hanse.ledger.change_mark import change_mark
from hanse.ledger.models import Lost
from hanse.ledger.routing import database

pytestmark = pytest.mark.django_db(transaction=True)


def write(sequence: int) -> None:
    """One row that nothing else reads."""
    Lost.objects.create(sequence=sequence, hashed=bytes(32))


def elsewhere(do: Callable[[], object]) -> None:
    """Do it on another connection, which is closed afterwards."""

    def run() -> None:
        do()
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_it_stays_where_nothing_is_written() -> None:
    """Reading, here and elsewhere, is no change."""
    before = change_mark()
    assert Lost.objects.count() == 0
    elsewhere(Lost.objects.count)
    assert change_mark() == before


def test_it_differs_after_what_this_connection_wrote() -> None:
    """What a look itself writes has another look at it."""
    before = change_mark()
    write(1)
    assert change_mark() != before


def test_it_differs_after_what_another_connection_wrote() -> None:
    """Of the web process, for one."""
    before = change_mark()
    elsewhere(lambda: write(1))
    after = change_mark()
    assert after != before
    assert change_mark() == after


def test_it_differs_once_a_transaction_that_ran_before_has_ended() -> None:
    """One that was asked for in the middle of a transaction does not hide its commit."""
    asked, ended = threading.Event(), threading.Event()

    def slowly() -> None:
        with transaction.atomic(using=database()):
            write(1)
            ended.set()
            assert asked.wait(10)
        connections.close_all()

    thread = threading.Thread(target=slowly)
    thread.start()
    assert ended.wait(10)
    before = change_mark()
    asked.set()
    thread.join()
    assert Lost.objects.count() == 1
    assert change_mark() != before


def test_a_connection_opened_anew_is_a_change() -> None:
    """It may have missed something."""
    before = change_mark()
    connections[database()].connect()
    assert change_mark() != before
