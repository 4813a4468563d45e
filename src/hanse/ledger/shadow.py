"""A shadow database: all projections made again beside the live ones, and what differs."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS as DEFAULT
from django.db import connections, models
from django.db.models import BinaryField, ExpressionWrapper, F
from django.db.utils import load_backend

from hanse.kernel.errors import HanseError
from hanse.ledger import exempt
from hanse.ledger.fields import SealedTextField
from hanse.ledger.finding import raw
from hanse.ledger.replay import BATCH, Progress, projections, replay
from hanse.ledger.routing import SHADOW

Row = tuple[Any, ...]
_AT_ONCE = 500
"""Rows asked for by key in one query."""


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
        for model in projections():
            yield from compare(model, alias)


def compare(model: type[models.Model], alias: str) -> Iterator[Difference]:
    """Every row of one table here against its row there, and the other way round for rows that are missing."""
    table = _Table(model)
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


class _Table:
    """How a table is read for comparing: the primary key first, then its other columns but the exempt ones.

    On SQLite, columns are compared as they are stored: it keeps any type in any column, and what Django's
    converters read alike (an identifier in capitals) is not alike to a query. PostgreSQL's columns have a type, so
    there they are compared as Django reads them. Sealed columns are opened: each sealing differs.
    """

    def __init__(self, model: type[models.Model]) -> None:
        self._model = model
        self.name = model._meta.db_table
        fields = [
            one for one in model._meta.concrete_fields if f"{self.name}.{one.column}" not in exempt.COLUMNS
        ]
        self._fields = sorted(fields, key=lambda one: not one.primary_key)
        self._sealed = [isinstance(one, SealedTextField) for one in self._fields]
        self._as_stored = connections[DEFAULT].vendor == "sqlite"

    def rows(self, alias: str, keys: Sequence[Any] | None = None) -> Iterator[Row]:
        """All rows, or those with some keys."""
        return self._stored(alias, keys) if self._as_stored else self._read(alias, keys)

    def by_key(self, alias: str, keys: Iterable[Any]) -> dict[Any, Row]:
        """The rows with these keys."""
        left = iter(keys)
        found: dict[Any, Row] = {}
        while some := list(islice(left, _AT_ONCE)):
            found.update({row[0]: row for row in self.rows(alias, some)})
        return found

    def wrong(self, here: Row, there: Row) -> tuple[str, ...]:
        """Names of the fields that differ."""
        both = zip(self._fields, self._sealed, here, there, strict=True)
        return tuple(
            field.name for field, sealed, one, other in both if not _equal(field, one, other, sealed=sealed)
        )

    def _stored(self, alias: str, keys: Sequence[Any] | None) -> Iterator[Row]:
        """Values as SQLite holds them."""
        quote = connections[alias].ops.quote_name
        columns = [quote(str(one.column)) for one in self._fields]
        query = f"SELECT {', '.join(columns)} FROM {quote(self.name)}"  # noqa: S608 - names of our own tables
        if keys is not None:
            query += f" WHERE {columns[0]} IN ({', '.join(['%s'] * len(keys))})"
        with connections[alias].cursor() as cursor:
            cursor.execute(query, list(keys or ()))
            while rows := cursor.fetchmany(BATCH):
                yield from rows

    def _read(self, alias: str, keys: Sequence[Any] | None) -> Iterator[Row]:
        """Values as Django reads them, but sealed ones, which are opened one by one."""
        rows = self._model._base_manager.using(alias).all()
        if keys is not None:
            rows = rows.filter(pk__in=keys)
        names = []
        for field, sealed in zip(self._fields, self._sealed, strict=True):
            names.append(f"{field.attname}_as_stored" if sealed else field.attname)
            if sealed:
                plain = ExpressionWrapper(F(field.attname), output_field=BinaryField())
                rows = rows.annotate(**{names[-1]: plain})
        return iter(rows.values_list(*names).iterator(chunk_size=BATCH))


def _equal(field: "models.Field[Any, Any]", one: Any, other: Any, *, sealed: bool) -> bool:
    """Whether two values of a column are equal; sealed ones that do not open are not."""
    if not sealed or one is None or other is None:
        return type(one) is type(other) and bool(one == other)
    try:
        return bool(field.from_db_value(raw(one), None, None) == field.from_db_value(raw(other), None, None))  # type: ignore[attr-defined]  # a SealedTextField has it
    except HanseError:
        return False
