"""Full text over what is not sealed: SQLite's FTS5 or PostgreSQL's tsvector, made and asked alike.

A search index is no projection of the ledger (DESIGN.md): it is made again with the items, and no court needs it.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections

from hanse.ledger.routing import SHADOW, database

TABLE = "intel_words"
_WORD = re.compile(r"[\w.@:/-]+")
MOST_WORDS = 12
"""Words of a search that count; who types more has pasted a text."""


def tables(vendor: str) -> list[str]:
    """The statements that make the index."""
    if vendor == "sqlite":
        return [
            f"CREATE VIRTUAL TABLE {TABLE} USING fts5(title, body, tokenize='unicode61 remove_diacritics 2')"
        ]
    return [
        f"CREATE TABLE {TABLE} (item bigint PRIMARY KEY, words tsvector NOT NULL)",
        f"CREATE INDEX intel_words_words ON {TABLE} USING gin (words)",
    ]


def add(rows: Iterable[tuple[int, str, str]]) -> None:
    """Index items: number, title and text of each."""
    if database() == SHADOW:
        return  # a search index is no projection: a shadow has none
    connection = connections[database()]
    if connection.vendor == "sqlite":
        statement = f"INSERT OR REPLACE INTO {TABLE} (rowid, title, body) VALUES (%s, %s, %s)"  # noqa: S608 - a name of this file
    else:
        statement = (
            f"INSERT INTO {TABLE} (item, words) VALUES (%s, setweight(to_tsvector('simple', left(%s, 2000)), 'A') || "  # noqa: S608
            "to_tsvector('simple', left(%s, 200000))) ON CONFLICT (item) DO UPDATE SET words = excluded.words"
        )
    with connection.cursor() as cursor:
        cursor.executemany(statement, [row for row in rows if row[1] or row[2]])


def remove(numbers: Sequence[int]) -> None:
    """Take items out of the index."""
    if database() == SHADOW:
        return
    connection = connections[database()]
    column = "rowid" if connection.vendor == "sqlite" else "item"
    marks = ", ".join(["%s"] * len(numbers))
    if numbers:
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {TABLE} WHERE {column} IN ({marks})", list(numbers))  # noqa: S608


def clear() -> None:
    """Take everything out, before a rebuild."""
    with connections[database()].cursor() as cursor:
        cursor.execute(f"DELETE FROM {TABLE}")  # noqa: S608 - a name of this file


def condition(text: str, vendor: str) -> tuple[str, list[Any]] | None:
    """The statement that gives the numbers of items that hold all words of a text, each as a beginning; None for no words."""
    words = _WORD.findall(text)[:MOST_WORDS]
    if vendor == "sqlite":
        quoted = " ".join('"' + word.replace('"', '""') + '"*' for word in words)
        return (f"SELECT rowid FROM {TABLE} WHERE {TABLE} MATCH %s", [quoted]) if quoted else None  # noqa: S608
    pieces = [re.sub(r"[^\w]+", " ", word).split() for word in words]
    query = " & ".join(f"{piece}:*" for some in pieces for piece in some)
    return (f"SELECT item FROM {TABLE} WHERE words @@ to_tsquery('simple', %s)", [query]) if query else None  # noqa: S608
