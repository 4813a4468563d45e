"""A shadow database: all projections made again beside the live ones, and what differs."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS as DEFAULT
from django.db import connections, models
from django.db.utils import load_backend

from hanse.ledger.as_stored import Row, Table
from hanse.ledger.replay import BATCH, Progress, projections, replay
from hanse.ledger.routing import SHADOW


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not what the ledger says.

    Attributes:
        table: Its table.
        key: Its primary key.
        columns: What differs; empty where the whole row is missing or too many.
        what: In words.
    """

    table: str
    key: str
    columns: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        """``attacks_attack, row 3f…: peak_bps is not what the ledger says.``."""
        return f"{self.table}, row {self.key}: {self.what}"


@contextmanager
def shadow() -> Iterator[str]:
    """An empty database with all tables; yields its alias.

    It is SQLite's private temporary database: its file has no name, so that nothing of it stays, however this
    process ends. It is never flushed and keeps no journal.
    """
    engine = "django.db.backends.sqlite3"
    settings: dict[str, Any] = {
        "ENGINE": engine,
        "NAME": "file:",
        "OPTIONS": {"init_command": "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF"},
    }
    whole = connections.configure_settings({DEFAULT: connections.settings[DEFAULT], SHADOW: settings})
    connections[SHADOW] = load_backend(engine).DatabaseWrapper(whole[SHADOW], SHADOW)
    try:
        connections[SHADOW].ensure_connection()
        _empty(SHADOW).backup(connections[SHADOW].connection)
        yield SHADOW
    finally:
        connections[SHADOW].close()
        del connections[SHADOW]


@cache
def _empty(alias: str) -> sqlite3.Connection:
    """A database in memory with all tables and no rows, the same each time.

    To work out the statements takes ten times as long as to run them, and to run them ten times as long as to copy
    what they made.
    """
    with connections[alias].schema_editor(collect_sql=True) as editor:
        for model in apps.get_models():
            if model._meta.managed and not model._meta.proxy:
                editor.create_model(model)
    made = sqlite3.connect(":memory:", check_same_thread=False)
    made.executescript("\n".join(editor.collected_sql))
    return made


def differences(progress: Progress = lambda _done, _total: None) -> Iterator[Difference]:
    """Replay the ledger into a shadow, and say where the live tables are not equal to it."""
    with shadow() as alias:
        replay(alias, progress)
        held = _holding(DEFAULT) | _holding(alias)
        for model in projections():
            if model._meta.db_table in held:
                yield from compare(model, alias)


def _holding(alias: str) -> set[str]:
    """Names of the projections that have rows in a database: most nodes use some rooms, and have most tables empty."""
    quote = connections[alias].ops.quote_name
    names = [model._meta.db_table for model in projections()]
    asked = [f"SELECT {at} WHERE EXISTS (SELECT 1 FROM {quote(name)})" for at, name in enumerate(names)]  # noqa: S608 - names of our own tables
    with connections[alias].cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return {names[at] for (at,) in cursor.fetchall()}


def compare(model: type[models.Model], alias: str) -> Iterator[Difference]:
    """Every row of one table here against its row there, and the other way round for rows that are missing."""
    table = Table(model)
    for here in _batches(table.rows(DEFAULT)):
        there = table.by_key(alias, here)
        for key, row in here.items():
            if key not in there:
                yield Difference(table.name, str(key), (), "is in no entry of the ledger.")
            elif wrong := table.wrong(row, there[key]):
                yield Difference(
                    table.name, str(key), wrong, f"{', '.join(wrong)}: not what the ledger says."
                )
    for there in _batches(table.rows(alias)):
        for key in there.keys() - table.by_key(DEFAULT, there).keys():
            yield Difference(table.name, str(key), (), "is missing, though the ledger has it.")


def _batches(rows: Iterator[Row]) -> Iterator[dict[Any, Row]]:
    """Rows by primary key, some at a time."""
    while batch := {row[0]: row for row in islice(rows, BATCH)}:
        yield batch
