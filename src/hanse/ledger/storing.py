"""Putting entries and bodies into their tables, in the quickest way that each database has."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from itertools import chain
from typing import Any, Final, NamedTuple

from hanse.ledger import plain

Row = tuple[Any, ...]


class Run(NamedTuple):
    """Rows that follow each other: the values that they have in common, and the columns of their own, equally long."""

    same: Row
    columns: Sequence[Sequence[Any]]

    @property
    def length(self) -> int:
        """How many rows."""
        return len(self.columns[0])

    def rows(self, first: int = 0, last: int | None = None) -> Iterator[Row]:
        """Those from one place up to another, without what they have in common."""
        return zip(*[column[first:last] for column in self.columns], strict=True)


class _Table(NamedTuple):
    """A table's name, and its columns with PostgreSQL's types: those that a run has in common, and each row's own."""

    name: str
    same: dict[str, str]
    own: dict[str, str]


_ENTRY = _Table(
    "ledger_entry",
    {
        "key": "varchar", "kind": "varchar", "recipient": "varchar", "time_us": "int8", "marking": "int8",
        "retention_us": "int8",
    },
    {"sequence": "int8", "payload": "bytea", "signature": "bytea", "object_id": "uuid", "version": "int4"},
)  # fmt: skip
_BODY = _Table("ledger_body", {"sealed": "bool"}, {"sequence": "int8", "salt": "bytea", "data": "bytea"})
AT_ONCE: Final = 50
"""Rows of one statement on SQLite, which then takes two thirds of the time that it takes for each row by itself. More
would save little, and take longer to parse where the statement is not at hand any more."""


def store_bodies(cursor: Any, runs: Sequence[Run]) -> None:
    """Insert bodies, in the transaction of a Django connection, before their entries.

    In plain SQL: every append waits for it, and the models would take longer than the database.

    Args:
        cursor: Of the ledger's database.
        runs: Columns as in `_BODY`.
    """
    _store(cursor, _BODY, runs)


def store_entries(cursor: Any, runs: Sequence[Run], head: Row) -> None:
    """Insert entries, and set the head, as `store_bodies` does.

    Args:
        cursor: Of the ledger's database.
        runs: Columns as in `_ENTRY`.
        head: Its next sequence, chain and key.
    """
    plain.told(
        cursor.db, "UPDATE ledger_head SET next_sequence = %s, chain = %s, key = %s WHERE id = 1", head
    )
    _store(cursor, _ENTRY, runs)


def _store(cursor: Any, table: _Table, runs: Sequence[Run]) -> None:
    """Insert rows in the quickest way."""
    if cursor.db.vendor == "postgresql" and sum(run.length for run in runs) > 1:
        rows = (run.same + row for run in runs for row in run.rows())
        copy(cursor, table.name, table.same | table.own, rows)
        return
    one_by_one: list[Row] = []
    for run in runs:
        whole = run.length // AT_ONCE * AT_ONCE if cursor.db.vendor == "sqlite" else 0
        if whole:
            _store_each(cursor, table, one_by_one)
            one_by_one = []
            _store_at_once(cursor, table, run, whole)
        if whole < run.length:
            one_by_one += [run.same + row for row in run.rows(whole)]
    _store_each(cursor, table, one_by_one)


def _store_each(cursor: Any, table: _Table, rows: Sequence[Row]) -> None:
    """Insert rows, if there are any, by as many statements."""
    if not rows:
        return
    columns = table.same | table.own
    marks = ", ".join(["%s"] * len(columns))
    cursor.executemany(f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})", rows)  # noqa: S608 - names of this file


def _store_at_once(cursor: Any, table: _Table, run: Run, count: int) -> None:
    """Insert the first rows, `AT_ONCE` by each statement; Django would search each of these for its marks anew."""
    statement = _statement(table.name, tuple(table.same), tuple(table.own))
    with cursor.db.wrap_database_errors:
        for at in range(0, count, AT_ONCE):
            values = [*run.same, *chain.from_iterable(run.rows(at, at + AT_ONCE))]
            cursor.db.connection.execute(statement, values)


@cache
def _statement(table: str, same: Sequence[str], own: Sequence[str]) -> str:
    """SQLite's INSERT of `AT_ONCE` rows: first what they have in common, bound once, then each row's own.

    With OR FAIL, SQLite keeps no copies of pages to undo one statement alone: whoever appends undoes the whole call.
    """
    common = [f"?{at + 1}" for at in range(len(same))]
    rows = []
    for row in range(AT_ONCE):
        first = len(same) + row * len(own) + 1
        rows.append(f"({', '.join([*common, *(f'?{first + at}' for at in range(len(own)))])})")
    return f"INSERT OR FAIL INTO {table} ({', '.join([*same, *own])}) VALUES {', '.join(rows)}"  # noqa: S608 - names of this file


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
