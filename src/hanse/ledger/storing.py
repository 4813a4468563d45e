"""Putting entries and bodies into their tables, in the quickest way that each database has."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from typing import Any

Row = tuple[Any, ...]

_ENTRY = {
    "sequence": "int8", "payload": "bytea", "signature": "bytea", "key": "varchar", "kind": "varchar",
    "object_id": "uuid", "version": "int4", "recipient": "varchar", "time_us": "int8", "marking": "int8",
    "retention_us": "int8",
}  # fmt: skip
_BODY = {"sequence": "int8", "salt": "bytea", "data": "bytea", "sealed": "bool"}
"""Columns in the order of the rows, with PostgreSQL's types of them."""


def store_bodies(connection: Any, bodies: Sequence[Row]) -> None:
    """Insert bodies, in the transaction of a Django connection, before their entries.

    In plain SQL: every append waits for it, and the models would take longer than the database.

    Args:
        connection: Of the ledger's database.
        bodies: Columns as in `_BODY`.
    """
    with connection.cursor() as cursor:
        _store(cursor, "ledger_body", _BODY, bodies)


def store_entries(connection: Any, entries: Sequence[Row], head: Row) -> None:
    """Insert entries, and set the head, as `store_bodies` does.

    Args:
        connection: Of the ledger's database.
        entries: Columns as in `_ENTRY`.
        head: Its next sequence, chain and key.
    """
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_head SET next_sequence = %s, chain = %s, key = %s WHERE id = 1", head)
        _store(cursor, "ledger_entry", _ENTRY, entries)


def _store(cursor: Any, table: str, columns: dict[str, str], rows: Sequence[Row]) -> None:
    """Insert rows in the quickest way."""
    if cursor.db.vendor == "postgresql" and len(rows) > 1:
        copy(cursor, table, columns, rows)
    else:
        cursor.executemany(_statement(table, columns), rows)


def _statement(table: str, columns: dict[str, str]) -> str:
    """The INSERT of one row."""
    marks = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names of this file


class _Behind:
    """The COPY that PostgreSQL is still at work on, if there is one."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._left: ExitStack | None = None

    def leave(self, stack: ExitStack) -> None:
        """Leave one to PostgreSQL; `stack` ends it."""
        self._left = stack

    def end(self) -> None:
        """Wait for its end."""
        stack, self._left = self._left, None
        if stack is not None:
            stack.close()

    def break_off(self, error: BaseException) -> None:
        """End it without its rows, for an error that is raised on."""
        stack, self._left = self._left, None
        if stack is not None:
            with suppress(BaseException):
                stack.__exit__(type(error), error, None)

    def before(self, execute: Callable[..., Any], *asked: Any) -> Any:
        """Wait for its end before the next statement; a wrapper as Django has them."""
        self.end()
        return execute(*asked)


_behind: ContextVar[_Behind | None] = ContextVar("hanse_behind", default=None)


@contextmanager
def behind(connection: Any) -> Iterator[None]:
    """Let PostgreSQL work at what is copied while Python goes on, until the next statement or the end of the block.

    An error of it is raised there: the caller's transaction is around the block.

    Args:
        connection: Of Django.
    """
    if connection.vendor != "postgresql" or _behind.get() is not None:
        yield
        return
    left = _Behind(connection)
    token = _behind.set(left)
    try:
        with connection.execute_wrapper(left.before):
            yield
            left.end()
    except BaseException as error:
        left.break_off(error)
        raise
    finally:
        _behind.reset(token)


def copy(cursor: Any, table: str, columns: dict[str, str], rows: Iterable[Row]) -> None:
    """PostgreSQL's COPY: a third of the time of as many INSERTs. Inside of `behind`, its end is not waited for.

    Args:
        cursor: Of a Django connection, in the caller's transaction.
        table: Its name.
        columns: PostgreSQL's type of each, in the order of the rows.
        rows: What to insert.
    """
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    left = _behind.get()
    left = left if left is not None and left.connection is cursor.db else None
    if left is not None:
        left.end()
    with ExitStack() as stack:
        stack.enter_context(cursor.db.wrap_database_errors)
        own = stack.enter_context(cursor.db.connection.cursor())
        copying = stack.enter_context(own.copy(statement))
        copying.set_types(list(columns.values()))
        for row in rows:
            copying.write_row(row)
        if left is not None:
            left.leave(stack.pop_all())
