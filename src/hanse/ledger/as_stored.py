"""How a table is read to be checked: what stands in it, not what Django makes of it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS as DEFAULT
from django.db import connections, models
from django.db.models import BinaryField, ExpressionWrapper, F

from hanse.kernel.errors import HanseError
from hanse.ledger import exempt
from hanse.ledger.fields import SealedTextField
from hanse.ledger.routing import database

Row = tuple[Any, ...]
BATCH: Final = 1_000
"""Rows in memory at once."""
_AT_ONCE: Final = 500
"""Rows asked for by key in one query."""
_SHUT: Final = object()
"""In place of what does not open."""


@contextmanager
def any_text() -> Iterator[None]:
    """Have text read that is none: SQLite keeps any bytes as text, and else the first that are no UTF-8 end all reading."""
    connection = connections[database()]
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    raw = connection.connection
    before, raw.text_factory = raw.text_factory, _as_text
    try:
        yield
    finally:
        raw.text_factory = before


def _as_text(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogateescape")


def as_bytes(text: str) -> bytes:
    """What `any_text` read, as it is stored."""
    return text.encode("utf-8", "surrogateescape")


class Table:
    """A table: the primary key first, then its other columns but the exempt ones.

    On SQLite, columns are compared as they are stored: it keeps any type in any column, and what Django's
    converters read alike (an identifier in capitals) is not alike to a query. PostgreSQL's columns have a type, so
    there they are compared as Django reads them. Sealed columns are opened: each sealing differs.

    Args:
        model: Whose.
        some: Names of the fields beside the primary key; None for all.
    """

    def __init__(self, model: type[models.Model], some: Collection[str] | None = None) -> None:
        self._model = model
        self.name = model._meta.db_table
        fields = [
            one for one in model._meta.concrete_fields if f"{self.name}.{one.column}" not in exempt.COLUMNS
        ]
        fields = [one for one in fields if some is None or one.primary_key or one.name in some]
        self._fields = sorted(fields, key=lambda one: not one.primary_key)
        place = {one.name: at for at, one in enumerate(self._fields)}
        self._keys = [
            [place[key.name] for key in one.key] if isinstance(one, SealedTextField) else None
            for one in self._fields
        ]
        """For sealed columns, where a row has what they are bound to."""
        self._as_stored = connections[DEFAULT].vendor == "sqlite"

    def rows(self, alias: str, keys: Sequence[Any] | None = None, at_once: int = BATCH) -> Iterator[Row]:
        """All rows, or those with some primary keys; `at_once` are held in memory."""
        return self._stored(alias, keys, at_once) if self._as_stored else self._read(alias, keys, at_once)

    def by_key(self, alias: str, keys: Iterable[Any]) -> dict[Any, Row]:
        """The rows with these keys; of one that is no text there can be none."""
        left = (one for one in keys if not isinstance(one, str) or _is_text(one))
        found: dict[Any, Row] = {}
        while some := list(islice(left, _AT_ONCE)):
            found.update({row[0]: row for row in self.rows(alias, some)})
        return found

    def wrong(self, here: Row, there: Row) -> tuple[str, ...]:
        """Names of the fields that differ; what is sealed and does not open differs."""
        opened, its = self._opened(here), self._opened(there)
        return tuple(
            field.name
            for field, one, other in zip(self._fields, opened, its, strict=True)
            if one is _SHUT or type(one) is not type(other) or one != other
        )

    def unopened(self, row: Row) -> tuple[str, ...]:
        """Names of the sealed fields of a row that do not open in it."""
        both = zip(self._fields, self._opened(row), strict=True)
        return tuple(field.name for field, one in both if one is _SHUT)

    def _opened(self, row: Row) -> list[Any]:
        """A row with what is sealed opened, or `_SHUT` where it does not open."""
        return [
            one if key is None or one is None else _opened(field, one, tuple(row[at] for at in key))
            for field, key, one in zip(self._fields, self._keys, row, strict=True)
        ]

    def _stored(self, alias: str, keys: Sequence[Any] | None, at_once: int) -> Iterator[Row]:
        """Values as SQLite holds them.

        The sign before each column keeps Python from making of it what the column is declared as: for a truth it gives
        True for 1 and False for all else, though to a query 2 is true; and of what is no date it makes an error.
        """
        quote = connections[alias].ops.quote_name
        columns = [quote(str(one.column)) for one in self._fields]
        query = f"SELECT +{', +'.join(columns)} FROM {quote(self.name)}"  # noqa: S608 - names of our own tables
        if keys is not None:
            query += f" WHERE {columns[0]} IN ({', '.join(['%s'] * len(keys))})"
        with connections[alias].cursor() as cursor:
            cursor.execute(query, list(keys or ()))
            while rows := cursor.fetchmany(at_once):
                yield from rows

    def _read(self, alias: str, keys: Sequence[Any] | None, at_once: int) -> Iterator[Row]:
        """Values as Django reads them, but sealed ones, which are opened one by one."""
        rows = self._model._base_manager.using(alias).all()
        if keys is not None:
            rows = rows.filter(pk__in=keys)
        names = []
        for field, key in zip(self._fields, self._keys, strict=True):
            names.append(f"{field.attname}_as_stored" if key else field.attname)
            if key:
                plain = ExpressionWrapper(F(field.attname), output_field=BinaryField())
                rows = rows.annotate(**{names[-1]: plain})
        return iter(rows.values_list(*names).iterator(chunk_size=at_once))


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _opened(field: Any, value: Any, key: Row) -> Any:
    try:
        return field.opened(value, key)
    except HanseError:
        return _SHUT
