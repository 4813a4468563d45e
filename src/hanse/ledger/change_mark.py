"""Whether anything was written to the database since one looked: for whoever looks several times a second."""

from typing import Any

from django.db import connections

from hanse.ledger.routing import database


def change_mark() -> tuple[Any, ...]:
    """What is another value once anything was committed that this thread could read, by whichever process.

    Of two equal marks, what was read after the first is what would be read after the second. Asked for outside of a
    transaction, it costs a hundredth of the questions that it spares.

    SQLite counts what other connections committed (PRAGMA data_version) and what this one changed; PostgreSQL names the
    transactions that a snapshot sees (pg_current_snapshot), own ones included. What is opened anew is another value.

    Raises:
        DatabaseError: The database is away.
    """
    connection = connections[database()]
    connection.ensure_connection()
    held: Any = connection.connection
    question = (
        "PRAGMA data_version" if connection.vendor == "sqlite" else "SELECT pg_current_snapshot()::text"
    )
    with connection.cursor() as cursor:
        cursor.execute(question)
        (told,) = cursor.fetchone()
    return held, told, held.total_changes if connection.vendor == "sqlite" else None
