"""Step 9 of `check`: the tables themselves. What nobody sees in their rows acts when somebody writes the next one."""

from collections.abc import Iterator

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


def shapes() -> Iterator[Finding]:
    """Triggers and rules; tables that are none; columns that are none of ours; and rows that may stand twice."""
    connection = connections[database()]
    with connection.cursor() as cursor:
        cursor.execute(_TRIGGERS[connection.vendor])
        for table, name in cursor.fetchall():
            yield Finding(table, f"it has the trigger or rule {name}; Hanse makes none.")
        real = {one.name for one in connection.introspection.get_table_list(cursor) if one.type in {"t", "p"}}
        for model in apps.get_models(include_auto_created=True):
            if model._meta.managed and not model._meta.proxy:
                name = model._meta.db_table
                if name not in real:
                    yield Finding(name, "there is no such table.")
                    continue
                described = connection.introspection.get_table_description(cursor, name)
                ours = {field.column for field in model._meta.local_concrete_fields}
                for column in sorted({one.name for one in described} - ours):
                    yield Finding(name, f"its column {column} is none of Hanse's.")
                held = {
                    frozenset(one["columns"])
                    for one in connection.introspection.get_constraints(cursor, name).values()
                    if one["unique"] or one["primary_key"]
                }
                for columns in sorted(map(sorted, _unique(model) - held)):
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


def _unique(model: type[models.Model]) -> set[frozenset[str]]:
    """The columns of a table that stand once each, or once together."""
    meta = model._meta
    named = [[field.name] for field in meta.local_concrete_fields if field.unique]
    named += [list(one) for one in meta.unique_together]
    named += [
        list(one.fields)
        for one in meta.constraints
        if isinstance(one, models.UniqueConstraint) and one.fields
    ]
    columns = {field.name: str(field.column) for field in meta.local_concrete_fields}
    return {frozenset(columns[name] for name in names) for names in named}
