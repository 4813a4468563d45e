"""Rows of projections: those that come by the thousand, without Django's work on each field; and one, new or known."""

from collections.abc import Mapping, Sequence
from functools import cache
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


def set_row(
    rows: "models.Manager[Any]", key: Any, values: Mapping[str, Any], first: Mapping[str, Any] | None = None
) -> None:
    """Insert a row, or set some columns of the one that is there, in one statement.

    For projections, which nobody else writes meanwhile: `update_or_create` looks first, in two savepoints, and takes six
    statements for a new row.

    Args:
        rows: The raw manager of the table.
        key: The primary key.
        values: Columns by field, set in either case; with those that what is sealed among them is bound to.
        first: Further columns of a new row; one that is there keeps its own.
    """
    row = rows.model(pk=key, **values, **(first or {}))
    rows.bulk_create([row], update_conflicts=True, unique_fields=["pk"], update_fields=list(values))


def drop(rows: "models.Manager[Any]", value: Any, by: str = "pk") -> None:
    """Delete the rows of a table with a value in a column, if there are any; what refers to them goes as well.

    For purges, of which each asks a hundred tables for each of its objects: in plain SQL where nothing can refer to the
    rows, a tenth of the time.

    Args:
        rows: The raw manager of the table.
        value: The value.
        by: The column, by field.
    """
    model: type[models.Model] = rows.model
    if _is_referred_to(model):
        rows.filter(**{by: value}).delete()
        return
    meta = model._meta
    field: Any = meta.pk if by == "pk" else meta.get_field(by)
    connection = connections[database()]
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {quote(meta.db_table)} WHERE {quote(field.column)} = %s",  # noqa: S608 - names of models
            [field.get_db_prep_value(value, connection)],
        )


@cache
def _is_referred_to(model: type[models.Model]) -> bool:
    """Whether rows of another table refer to those of a model."""
    found = model._meta.get_fields(include_hidden=True)
    return any(one.auto_created and not one.concrete for one in found)
