"""A copy of a node's SQLite database on a PostgreSQL server of its own, gone afterwards."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import postgres

ROWS = 5_000
"""Rows read at once."""


@contextmanager
def copied(home: Path) -> Iterator[str]:
    """The address of the copy; empty, with a word, where PostgreSQL is not installed."""
    if postgres.programs() is None:
        print("\nPostgreSQL is not installed (Debian: postgresql): left out.")
        yield ""
        return
    with postgres.server() as address:
        # In a process of its own: Django is configured once in each.
        command = [sys.executable, "-m", "bench.making.postgres", str(home)]
        root = Path(__file__).resolve().parent.parent.parent
        subprocess.run(command, env={**os.environ, "HANSE_DATABASE": address}, cwd=root, check=True)
        yield address


def copy(home: Path) -> None:
    """Make the tables where HANSE_DATABASE says, and fill them with the rows of the node's SQLite file."""
    import sqlite3  # noqa: PLC0415 - only the copying process needs it

    import psycopg  # noqa: PLC0415
    from django.apps import apps  # noqa: PLC0415
    from django.core.management.color import no_style  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from hanse.bootstrap import make_tables, start  # noqa: PLC0415
    from hanse.node.making import PASSPHRASE  # noqa: PLC0415

    os.environ["HANSE_PASSPHRASE_FILE"] = str(home / PASSPHRASE)
    node = start(home)
    make_tables()
    models = [one for one in apps.get_models(include_auto_created=True) if one._meta.managed]
    with sqlite3.connect(home / "hanse.sqlite3") as source, psycopg.connect(node.database) as target:
        source.execute("BEGIN")  # all tables as they are at one moment
        target.execute("SET session_replication_role = replica")  # tables come in any order
        for model in models:
            target.execute(f"DELETE FROM {model._meta.db_table}")  # noqa: S608 - what the migrations put there
        for model in models:
            _copy_table(model, source, target)
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            target.execute(statement)
    with psycopg.connect(node.database, autocommit=True) as target:
        target.execute("VACUUM ANALYZE")  # as the server's own daemon does within a minute


def _copy_table(model: Any, source: Any, target: Any) -> None:
    """All rows of one table."""
    fields = model._meta.local_concrete_fields
    names = ", ".join(f'"{one.column}"' for one in fields)
    converted: list[Callable[[Any], Any]] = [_converter(one.get_internal_type()) for one in fields]
    rows = source.execute(f"SELECT {names} FROM {model._meta.db_table}")  # noqa: S608 - names of our own tables
    with (
        target.cursor() as cursor,
        cursor.copy(f"COPY {model._meta.db_table} ({names}) FROM STDIN") as writing,
    ):
        while some := rows.fetchmany(ROWS):
            for row in some:
                writing.write_row([convert(value) for convert, value in zip(converted, row, strict=True)])


def _converter(sort: str) -> Callable[[Any], Any]:
    """SQLite keeps a truth value as a number; everything else PostgreSQL reads as it is stored."""
    if sort == "BooleanField":
        return lambda value: None if value is None else bool(value)
    return lambda value: value


if __name__ == "__main__":
    copy(Path(sys.argv[1]))
