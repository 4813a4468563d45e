"""Step 9 of `check`: the tables themselves. What nobody sees in their rows acts when somebody writes the next one.

The database's own lists are read, each at once: Django asks table by table, and parses the SQL that made each, which
took a second of every check.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.apps import apps
from django.db import connections, models

from hanse.ledger.finding import Finding
from hanse.ledger.routing import database

_TRIGGERS = {
    "sqlite": "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger' ORDER BY 1, 2",
    "postgresql": (
        "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
        " UNION SELECT tablename, rulename FROM pg_rules WHERE schemaname = current_schema() ORDER BY 1, 2"
    ),
}
"""Triggers, and PostgreSQL's rules, with the tables on which they act; Hanse makes none, on any table."""

_COLUMNS = {
    "sqlite": (
        "SELECT m.name, c.name, c.pk > 0 FROM sqlite_master m, pragma_table_xinfo(m.name) c WHERE m.type = 'table'"
    ),
    "postgresql": (
        "SELECT c.relname, a.attname, FALSE FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace"
        " AND a.attnum > 0 AND NOT a.attisdropped"
    ),
}
"""Tables, their columns, and whether each is of the primary key; PostgreSQL has an index for that."""

_INDEXES = {
    "sqlite": (
        "SELECT m.name, i.name, x.name, i.partial FROM sqlite_master m, pragma_index_list(m.name) i,"
        " pragma_index_info(i.name) x WHERE m.type = 'table' AND i.\"unique\" = 1"
    ),
    "postgresql": (
        "SELECT c.relname, i.indexrelid::text, a.attname, i.indpred IS NOT NULL"
        " FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(number, place)"
        " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number AND k.number > 0"
        " WHERE i.indisunique AND i.indisvalid AND k.place <= i.indnkeyatts"
        " AND c.relnamespace = current_schema()::regnamespace"
    ),
}
"""Tables, their unique indexes, the columns of each (NULL for an expression), and whether it is of some rows alone."""

_Columns = tuple[frozenset[str | None], bool]
"""Columns that stand once each, or once together; and whether that is said of some rows alone."""


@dataclass
class _Table:
    """A table as the database has it."""

    columns: set[str] = field(default_factory=set)
    unique: set[_Columns] = field(default_factory=set)


def shapes() -> Iterator[Finding]:
    """Triggers and rules; tables that are none; columns that are none of ours; and rows that may stand twice."""
    connection = connections[database()]
    with connection.cursor() as cursor:
        cursor.execute(_TRIGGERS[connection.vendor])
        for table, name in cursor.fetchall():
            yield Finding(table, f"it has the trigger or rule {name}; Hanse makes none.")
    real = _tables()
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            name = model._meta.db_table
            if name not in real:
                yield Finding(name, "there is no such table.")
                continue
            ours = {one.column for one in model._meta.local_concrete_fields}
            for column in sorted(real[name].columns - ours):
                yield Finding(name, f"its column {column} is none of Hanse's.")
            for columns in sorted(sorted(map(str, one)) for one, _ in _unique(model) - real[name].unique):
                yield Finding(name, f"nothing keeps {', '.join(columns)} from standing there twice.")


def indexes() -> Iterator[Finding]:
    """What SQLite's indexes do not have of their tables, or have beyond them.

    Pages and rights are looked up by indexes, and the other steps read the tables: an index that lacks an entry hides it
    from whoever asks for it, such as the one that took a role away. PostgreSQL's indexes are its own files, which whoever
    may write to the database alone cannot write to.
    """
    connection = connections[database()]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA integrity_check")
            for (said,) in cursor.fetchall():
                if said != "ok":
                    yield Finding("the database's file", f"{said}.")


def _tables() -> dict[str, _Table]:
    """The tables that the database has, by name."""
    connection = connections[database()]
    found: dict[str, _Table] = defaultdict(_Table)
    keys: dict[str, set[str | None]] = defaultdict(set)
    indexes: dict[tuple[str, str, bool], set[str | None]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS[connection.vendor])
        for table, column, is_key in cursor.fetchall():
            found[table].columns.add(column)
            if is_key:
                keys[table].add(column)
        cursor.execute(_INDEXES[connection.vendor])
        for table, index, column, partial in cursor.fetchall():
            indexes[table, index, bool(partial)].add(column)
    for table, columns in keys.items():
        found[table].unique.add((frozenset(columns), False))
    for (table, _, partial), columns in indexes.items():
        found[table].unique.add((frozenset(columns), partial))
    return dict(found)


def _unique(model: type[models.Model]) -> set[_Columns]:
    """What of a table stands once."""
    meta = model._meta
    named: list[tuple[list[str], bool]] = [
        ([one.name], False) for one in meta.local_concrete_fields if one.unique
    ]
    named += [(list(one), False) for one in meta.unique_together]
    named += [
        (list(one.fields), one.condition is not None)
        for one in meta.constraints
        if isinstance(one, models.UniqueConstraint) and one.fields
    ]
    columns = {one.name: str(one.column) for one in meta.local_concrete_fields}
    return {(frozenset(columns[name] for name in names), partial) for names, partial in named}
