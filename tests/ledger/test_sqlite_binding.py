"""What is bound without a search arrives in SQLite as it did before."""

import sqlite3
from collections.abc import Iterator

import pytest

from hanse.ledger.sqlite_binding import bind_at_once


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """With what a node registers."""
    bind_at_once()
    made = sqlite3.connect(":memory:")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("value", "kind", "back"),
    [
        (None, "null", None),
        (True, "integer", 1),
        (False, "integer", 0),
        (b"", "blob", b""),
        (b"\0x\xff", "blob", b"\0x\xff"),
        (memoryview(b"abc")[1:], "blob", b"bc"),
        (bytearray(b"\0"), "blob", b"\0"),
        (7, "integer", 7),
        ("õ", "text", "õ"),
        (0.5, "real", 0.5),
    ],
)
def test_a_value_arrives_as_it_is(
    connection: sqlite3.Connection, value: object, kind: str, back: object
) -> None:
    """Of each type that Hanse writes: SQLite's type of it, and what is read back."""
    connection.execute("CREATE TABLE t (v)")
    connection.executemany("INSERT INTO t VALUES (?)", [(value,), (value,)])
    assert connection.execute("SELECT typeof(v), v FROM t").fetchall() == [(kind, back)] * 2


def test_other_types_are_refused_as_before(connection: sqlite3.Connection) -> None:
    """What SQLite cannot hold is not made into something else."""
    with pytest.raises(sqlite3.Error, match="type"):
        connection.execute("SELECT ?", (object(),))
