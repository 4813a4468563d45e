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
    told = [row for row in rows if row[1] or row[2]]
    connection = connections[database()]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            statement = f"INSERT OR REPLACE INTO {TABLE} (rowid, title, body) VALUES (%s, %s, %s)"  # noqa: S608 - a name of this file
            cursor.executemany(statement, told)
        elif told:
            statement = (
                f"INSERT INTO {TABLE} (item, words) SELECT item, setweight(to_tsvector('simple', left(title, 2000)), 'A')"  # noqa: S608
                " || to_tsvector('simple', left(body, 200000)) FROM unnest(%s::int8[], %s::text[], %s::text[])"
                " AS told (item, title, body) ON CONFLICT (item) DO UPDATE SET words = excluded.words"
            )
            cursor.execute(statement, [list(column) for column in zip(*told, strict=True)])


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


def statement(text: str, vendor: str, holdings: int, *, whole: bool) -> tuple[str, list[Any]] | None:
    """The statement that gives the newest items with all words of a text, and its first parameters; None for no words.

    It takes the ids of so many holdings and a limit besides.

    Args:
        text: What somebody searches for.
        vendor: Of the database.
        holdings: Of how many holdings items are wanted.
        whole: Whether the last word must be one too, and not only begin one. SQLite reads whole words from the newest
            on and stops when it has enough; beginnings it has to gather first.
    """
    words = _WORD.findall(text)[:MOST_WORDS]
    if vendor == "sqlite":
        # CROSS JOIN: words first, whatever SQLite thinks of their number.
        key, join, match = "rowid", "CROSS JOIN", f"{TABLE} MATCH %s"
        asked = " ".join('"' + word.replace('"', '""') + '"' for word in words)
        asked += "*" if asked and not whole else ""
    else:
        key, join, match = "item", "JOIN", "words @@ to_tsquery('simple', %s)"
        pieces = [piece for word in words for piece in re.sub(r"[^\w]+", " ", word).split()]
        asked = " & ".join(pieces)
        asked += ":*" if asked and not whole else ""
    marks = ", ".join(["%s"] * holdings)
    found = (
        f"SELECT {TABLE}.{key} FROM {TABLE} {join} intel_item ON intel_item.number = {TABLE}.{key} "  # noqa: S608 - names of this file
        f"WHERE {match} AND intel_item.holding IN ({marks}) ORDER BY {TABLE}.{key} DESC LIMIT %s"
    )
    return (found, [asked]) if asked else None
