"""Plain SQL for what every page or append asks: Django takes ten times as long to write such a question as a database to answer it."""

from collections.abc import Sequence
from typing import Any

from django.db import connections

from hanse.ledger.routing import database

Row = tuple[Any, ...]


def number(question: str, values: Sequence[Any]) -> int:
    """The one number that a question has for its answer.

    Args:
        question: SQL as both databases understand it, ``%s`` for each value; a text of this program, nothing from outside.
        values: As the database keeps them.
    """
    with connections[database()].cursor() as cursor:
        cursor.execute(question, values)
        return int(cursor.fetchone()[0])


def told(connection: Any, statement: str, values: Sequence[Any] = ()) -> list[Row]:
    """The rows that a statement gives, none for one that only writes, inside of a transaction.

    SQLite is asked at once: Django's way to it takes longer than most answers. Whoever watches the connection's
    statements sees each of them all the same.

    Args:
        connection: Of Django.
        statement: As `number`'s question.
        values: As the database keeps them.
    """
    if connection.vendor == "sqlite" and not (connection.execute_wrappers or connection.queries_logged):
        with connection.wrap_database_errors:
            return list(connection.connection.execute(statement.replace("%s", "?"), values))
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []
