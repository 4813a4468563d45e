"""Full text over what is not sealed: SQLite's FTS5 or PostgreSQL's tsvector, made and asked alike.

A search index is no projection of the ledger (DESIGN.md): it is made again with the items, and no court needs it.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from hanse.ledger import storing
from hanse.ledger.routing import SHADOW, database

TABLE = "intel_words"
TERMS = f"{TABLE}_terms"
"""The words in SQLite's index, in order; it holds nothing of its own (https://www.sqlite.org/fts5.html#the_fts5vocab_virtual_table_module)."""
_WORD = re.compile(r"[\w.@:/-]+")
_TOKEN = re.compile(r"[^\W_]+")
_LAST = re.compile(r"(.*?)([^\W_]*)[\W_]*", re.DOTALL)
"""A word of a search, and the letters and digits that it ends with: FTS5 takes them for a word of their own."""
MOST_BEGINNINGS = 64
"""Words with one beginning that are asked for each; where there are more, each stands in few items."""
MOST_TITLE, MOST_BODY, MOST_LETTERS = 2_000, 200_000, 255
"""Letters of a title and of a text, and of one word, that PostgreSQL's index takes: it holds a megabyte an item."""
MOST_WORDS = 12
"""Words of a search that count; who types more has pasted a text."""

_COLUMNS = {"item": "int8", "words": "bytea"}
"""Of PostgreSQL's table, with the types that its values are sent as: those of `_vector` are bytes already."""


def tables(vendor: str) -> list[str]:
    """The statements that make the index."""
    if vendor == "sqlite":
        return [
            f"CREATE VIRTUAL TABLE {TABLE} USING fts5(title, body, tokenize='unicode61 remove_diacritics 2')",
            f"CREATE VIRTUAL TABLE {TERMS} USING fts5vocab({TABLE}, instance)",
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
            _copy(cursor, told)


def _copy(cursor: Any, told: Sequence[tuple[int, str, str]]) -> None:
    """Index items on PostgreSQL, in place of what the index has of them already."""
    numbers = [number for number, *_ in told]
    # COPY knows no conflicts: new items come after all that are in the index.
    cursor.execute(f"SELECT EXISTS (SELECT FROM {TABLE} WHERE item >= %s)", [min(numbers)])  # noqa: S608 - a name of this file
    if cursor.fetchone()[0]:
        remove(numbers)
    vectors = ((number, _vector(f"{title[:MOST_TITLE]} {body[:MOST_BODY]}")) for number, title, body in told)
    storing.copy(cursor, TABLE, _COLUMNS, vectors)


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


def clean(connection: BaseDatabaseWrapper) -> None:
    """Leave nothing in the index of the words of items that were taken out; outside of transactions.

    FTS5 notes that a word is gone beside the word, until all its parts are merged
    (https://www.sqlite.org/fts5.html#the_optimize_command). PostgreSQL keeps dead rows, and GIN every word that it ever had.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"INSERT INTO {TABLE} ({TABLE}) VALUES ('optimize')")  # noqa: S608 - a name of this file
        else:
            cursor.execute(f"VACUUM FULL {TABLE}")


def holding(text: str, holdings: Sequence[int], most: int) -> list[int]:
    """Numbers of the items in some holdings that hold all words of a text, the newest first.

    The beginning of the last word counts too, but only where whole words do not find as many as are wanted.

    Args:
        text: What somebody searches for.
        holdings: Ids of the holdings.
        most: How many at most.
    """
    found: set[int] = set()
    connection = connections[database()]
    words = _WORD.findall(text)[:MOST_WORDS]
    with connection.cursor() as cursor:
        for whole in (True, False):
            asked = _ASKED[connection.vendor](cursor, words, whole)
            if asked and holdings and len(found) < most:
                cursor.execute(_statement(connection.vendor, len(holdings)), [asked, *holdings, most])
                found |= {number for (number,) in cursor.fetchall()}
    return sorted(found, reverse=True)[:most]


def _words(text: str) -> list[str]:
    """The words of a text for PostgreSQL, as SQLite's index has them: letters and digits, small, without marks.

    So that "Muller" finds "Müller".
    """
    if not text.isascii():
        text = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return [word for word in _TOKEN.findall(text.lower()) if len(word) <= MOST_LETTERS]


def _vector(text: str) -> bytes:
    """The words of a text as PostgreSQL takes a tsvector on the wire: how many, and each, sorted, with no places.

    They are split here: PostgreSQL's parser takes most of the time, and keeps a domain in one piece.
    """
    words = sorted(set(_words(text)))  # UTF-8 sorts as its letters do
    return len(words).to_bytes(4) + "\0\0\0".join([*words, ""]).encode()


def _statement(vendor: str, holdings: int) -> str:
    """Of the items in so many holdings, the newest that match; it takes the expression, the holdings and a limit."""
    if vendor == "sqlite":
        # CROSS JOIN: words first, whatever SQLite thinks of their number.
        key, join, match = "rowid", "CROSS JOIN", f"{TABLE} MATCH %s"
    else:
        key, join, match = "item", "JOIN", "words @@ %s::tsquery"
    marks = ", ".join(["%s"] * holdings)
    return (
        f"SELECT {TABLE}.{key} FROM {TABLE} {join} intel_item ON intel_item.number = {TABLE}.{key} "  # noqa: S608 - names of this file
        f"WHERE {match} AND intel_item.holding IN ({marks}) ORDER BY {TABLE}.{key} DESC LIMIT %s"
    )


def _fts5(cursor: Any, words: Sequence[str], whole: bool) -> str:
    """An expression for FTS5, whose index is read from the newest on as long as whole words are asked for.

    Of a beginning, FTS5 would first gather every item that has such a word. So the words themselves are asked for,
    where they are few.
    """
    quoted = [f'"{word}"' for word in words]
    if whole or not quoted:
        return " AND ".join(quoted)
    head, beginning = _LAST.fullmatch(words[-1]).groups()  # type: ignore[union-attr]  # it takes any text
    few = _beginning_with(cursor, beginning.lower()) if beginning.isascii() and beginning else None
    if few is None:
        return " AND ".join(quoted) + "*"
    # Where there are none, the same question that finds nothing: how many are asked tells nothing of what is hidden.
    either = " OR ".join(f'"{head}{word}"' for word in few or [beginning])
    return " AND ".join([*quoted[:-1], f"({either})"])


_STEPS = f"""
WITH RECURSIVE found(term, number) AS (
  SELECT (SELECT term FROM {TERMS} WHERE term >= %s LIMIT 1), 1
  UNION ALL
  SELECT (SELECT term FROM {TERMS} WHERE term >= found.term || char(1) LIMIT 1), number + 1
  FROM found WHERE substr(found.term, 1, %s) = %s AND number <= {MOST_BEGINNINGS}
)
SELECT term FROM found WHERE substr(term, 1, %s) = %s
"""  # noqa: S608 - names of this file
"""The words that begin so, each one step in the list of all words: no word holds the character 1."""


def _beginning_with(cursor: Any, beginning: str) -> list[str] | None:
    """The words of the index that begin so; None where they are many.

    One question, however many there are: whoever counts questions learns nothing of items that they may not see.
    """
    length = len(beginning)
    cursor.execute(_STEPS, [beginning, length, beginning, length, beginning])
    found = [term for (term,) in cursor.fetchall()]
    return found if len(found) <= MOST_BEGINNINGS else None


def _tsquery(_cursor: Any, words: Sequence[str], whole: bool) -> str:
    """An expression for PostgreSQL."""
    pieces = [f"'{piece}'" for word in words for piece in _words(word)]
    return " & ".join(pieces) + (":*" if pieces and not whole else "")


_ASKED = {"sqlite": _fts5, "postgresql": _tsquery}
