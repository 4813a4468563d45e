"""Statements that go to the database at once: whoever watches the connection sees them, and errors are Django's."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from hanse.ledger import plain
from tests.ledger.made import found, thing

pytestmark = pytest.mark.django_db(transaction=True)

WATCHED = (
    "SELECT next_sequence, chain, key FROM ledger_head",
    "SELECT digest, number FROM ledger_carriedmarking",
    "UPDATE ledger_head",
)


def test_who_watches_the_connection_sees_each_statement_of_an_append() -> None:
    """So that a test that stops the node at any statement stops it at these, too."""
    found()
    seen: list[str] = []

    def watch(execute: Any, sql: str, *told: Any) -> Any:
        seen.append(sql)
        return execute(sql, *told)

    with connection.execute_wrapper(watch):
        thing(name="watched")
    begun = ["BEGIN IMMEDIATE"] if connection.vendor == "sqlite" else []
    for wanted in (*begun, *WATCHED):
        assert sum(one.startswith(wanted) for one in seen) == 1, wanted


def test_captured_queries_hold_each_statement_of_an_append() -> None:
    """As Django's own tests count them."""
    found()
    with CaptureQueriesContext(connection) as captured:
        thing(name="counted")
    for wanted in WATCHED:
        assert sum(one["sql"].startswith(wanted) for one in captured) == 1, wanted


def test_the_same_rows_come_watched_or_not() -> None:
    """What is asked at once gives what Django would; what only writes gives no rows."""
    found()
    question, values = "SELECT next_sequence FROM ledger_head WHERE id = %s", [1]
    with transaction.atomic():
        alone = plain.told(connection, question, values)
        with CaptureQueriesContext(connection):
            assert plain.told(connection, question, values) == alone == [(1,)]
        assert plain.told(connection, "UPDATE ledger_head SET next_sequence = 1 WHERE id = %s", values) == []


def test_an_error_is_one_of_django() -> None:
    """Whoever tells people what the database refused asks for Django's errors, not for those of a driver."""
    with pytest.raises(DatabaseError), transaction.atomic():
        plain.told(connection, "SELECT 1 FROM no_such_table")
