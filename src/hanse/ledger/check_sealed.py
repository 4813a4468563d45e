"""Step 10 of `check`: what is sealed in tables that are no projections opens, and so is of the row that it stands in.

Sealed columns of projections are opened where they are compared with a replay.
"""

import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connections, models

from hanse.kernel.printable import printable
from hanse.ledger import exempt
from hanse.ledger.as_stored import Table, any_text, as_bytes
from hanse.ledger.fields import sealed_fields
from hanse.ledger.finding import Finding
from hanse.ledger.routing import database

_log = logging.getLogger(__name__)


class Unopened(NamedTuple):
    """A row of a table that is no projection, whose sealed columns do not all open.

    Attributes:
        model: Its table.
        key: Its primary key, as the database has it.
        columns: Those that do not.
    """

    model: type[models.Model]
    key: Any
    columns: tuple[str, ...]


def unopened() -> Iterator[Unopened]:
    """The rows that somebody altered, or put another row's sealed values into."""
    for model in apps.get_models():
        if model._meta.db_table in exempt.TABLES and (fields := sealed_fields(model)):
            # Beside them some tables have gigabytes.
            table = Table(model, {one.name for field in fields for one in (field, *field.key)})
            for row in table.rows(database(), at_once=1):
                if wrong := table.unopened(row):
                    yield Unopened(model, row[0], wrong)


def sealed_rows() -> Iterator[Finding]:
    """What `unopened` finds, in words."""
    for one in unopened():
        yield Finding(
            f"{one.model._meta.db_table} {one.key}",
            f"{', '.join(one.columns)}: altered, or put there from another row. `hanse node rebuild` removes the row.",
        )


def remove_unopened() -> int:
    """Remove the rows that `unopened` finds, for nothing goes on with them; how many. `exempt` says why none is missed."""
    connection = connections[database()]
    quote = connection.ops.quote_name
    with any_text():
        found = list(unopened())
    with connection.cursor() as cursor:
        for one in found:
            table, key = quote(one.model._meta.db_table), quote(str(one.model._meta.pk.column))
            told, held = one.key, "%s"
            if isinstance(told, str) and connection.vendor == "sqlite":  # which keeps any bytes as text
                told, held = as_bytes(told), "CAST(%s AS TEXT)"
            cursor.execute(f"DELETE FROM {table} WHERE {key} = {held}", [told])  # noqa: S608 - a table of our own
            key = printable(str(one.key))  # what was altered may be no text at all
            _log.warning("removed %s %s: %s did not open", one.model._meta.db_table, key, one.columns)
    return len(found)
