"""Whether anything was written to the database since one looked: for whoever looks several times a second."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connections

from hanse.ledger.routing import database

AGAIN_S: Final = 60.0
"""Seconds after which `WhereWritten` does it though nothing was written."""


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


@dataclass(eq=False)
class WhereWritten:
    """Does again what rests on the database alone where that may come out otherwise: each thread needs one of its own.

    What fails is done again, whatever was written.

    Attributes:
        do: What is done; it does not look at the clock.
    """

    do: Callable[[], object]
    _seen: tuple[Any, ...] = field(default=(), init=False)
    _until_s: float = field(default=0.0, init=False)

    def __call__(self) -> None:
        """Do it, unless nothing was written since it was last done and that was lately.

        Raises:
            DatabaseError: The database is away.
        """
        # Taken before anything is read, so that what is written meanwhile has the next look at it.
        mark = change_mark()
        if mark == self._seen and time.monotonic() < self._until_s:
            return
        self.do()
        self._seen, self._until_s = mark, time.monotonic() + AGAIN_S
