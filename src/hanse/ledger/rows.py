"""Rows of projections that come by the thousand, inserted without Django's work on each field."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connections, models

from hanse.ledger.routing import database


def insert(model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows as the database keeps them; only identifiers are put into its form here.

    Args:
        model: Whose table.
        columns: All its columns without a default of the database, by the names that they have there.
        rows: A value for each column.
    """
    connection = connections[database()]
    quote = connection.ops.quote_name
    if not connection.features.has_native_uuid_field:
        rows = [[one.hex if isinstance(one, UUID) else one for one in row] for row in rows]
    names, places = ", ".join(map(quote, columns)), ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({places})",  # noqa: S608 - names of models
            rows,
        )
