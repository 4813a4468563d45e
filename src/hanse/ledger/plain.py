"""Numbers that every page asks for, in plain SQL: Django takes ten times as long to write such a question as a database to answer it."""

from collections.abc import Sequence
from typing import Any

from django.db import connections

from hanse.ledger.routing import database


def number(question: str, values: Sequence[Any]) -> int:
    """The one number that a question has for its answer.

    Args:
        question: SQL as both databases understand it, ``%s`` for each value; a text of this program, nothing from outside.
        values: As the database keeps them.
    """
    with connections[database()].cursor() as cursor:
        cursor.execute(question, values)
        return int(cursor.fetchone()[0])
