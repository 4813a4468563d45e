"""Pages by key instead of by number: the next page starts after the last row, so that page 1,000 is as fast as 1."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import F, Model, Q, QuerySet
from django.utils.translation import gettext_lazy

from hanse.kernel.errors import UsageError

COUNTED = 1000
"""So many rows are counted; beyond, a list says "1 000+", because counting all would read all."""

_CURSOR_LIMIT = 2_000


class AddressError(UsageError):
    """The address of a list chooses what the list does not have.

    Attributes:
        there: The list as it is first shown.
        there_words: What leads there.
    """

    there = "?"
    there_words = gettext_lazy("Show the whole list")


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list: one field, then the primary key, so that no two rows are equal.

    Attributes:
        field: Name of a model's field (with ``__`` through relations) or of an annotation that is never null.
        descending: Whether the largest comes first. Rows without a value come last either way.
    """

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Some neighbouring rows of a list.

    Attributes:
        rows: The rows, in order.
        after: Cursor of what follows; None at the end.
        before: Cursor of what precedes; None at the beginning.
    """

    rows: list[Any]
    after: str | None
    before: str | None


def ordered(rows: QuerySet[Any], order: Order, *, backwards: bool = False) -> QuerySet[Any]:
    """The rows in order, or in exactly the reverse one."""
    descending = order.descending != backwards
    if order.field in {"pk", rows.model._meta.pk.attname}:
        return rows.order_by("-pk" if descending else "pk")
    key = F(order.field)
    nulls: dict[str, Any] = {}
    if _nullable(rows.model, order.field):
        nulls = {"nulls_first": True} if backwards else {"nulls_last": True}
    first = key.desc(**nulls) if descending else key.asc(**nulls)
    return rows.order_by(first, "-pk" if descending else "pk")


def part(
    rows: QuerySet[Any], order: Order, size: int, *, after: str | None = None, before: str | None = None
) -> Part:
    """The `size` rows after or before a cursor, or the first ones.

    Raises:
        AddressError: The cursor is none of this list.
    """
    backwards = before is not None
    cursor = before if backwards else after
    chosen = ordered(rows, order, backwards=backwards)
    try:
        if cursor is not None:
            chosen = chosen.filter(_beyond(rows.model, order, _read(cursor), backwards=backwards))
        found = list(chosen[: size + 1])
    except (ValueError, ValidationError, OverflowError) as error:
        raise _foreign() from error
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    if not found:
        return Part([], None, None)
    follows = backwards or more
    precedes = more if backwards else cursor is not None
    return Part(
        found,
        _cursor(found[-1], order) if follows else None,
        _cursor(found[0], order) if precedes else None,
    )


def counted(rows: QuerySet[Any]) -> int:
    """How many rows, up to `COUNTED` + 1, which means more."""
    return rows.order_by().values("pk")[: COUNTED + 1].count()


def _cursor(row: Model, order: Order) -> str:
    """Where a row stands, as text for an address."""
    value: Any = row
    for name in order.field.split("__"):
        value = getattr(value, name) if value is not None else None
    values = [str(one) if isinstance(one, UUID) else one for one in (value, row.pk)]
    return urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[Any, Any]:
    """The two keys of a cursor."""
    try:
        if len(cursor) > _CURSOR_LIMIT:
            raise _foreign()
        values = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _foreign() from error
    if (
        not isinstance(values, list)
        or len(values) != 2
        or not all(one is None or isinstance(one, str | int | float) for one in values)
        or any(isinstance(one, str) and "\0" in one for one in values)  # which PostgreSQL cannot compare with
    ):
        raise _foreign()
    return values[0], values[1]


def _beyond(model: type[Model], order: Order, keys: tuple[Any, Any], *, backwards: bool) -> Q:
    """The condition that a row comes after the keys. ``a <= x AND (a < x OR pk < p)`` lets an index on `a` be used."""
    value, pk = keys
    beyond = "lt" if order.descending != backwards else "gt"
    pk = model._meta.pk.to_python(pk)
    if order.field in {"pk", model._meta.pk.attname}:
        return Q(**{f"pk__{beyond}": pk})
    tie = Q(**{f"pk__{beyond}": pk})
    name = order.field
    empty = Q(**{f"{name}__isnull": True})
    if value is None:
        return empty & tie if not backwards else (empty & tie) | ~empty
    same_or_beyond = Q(**{f"{name}__{beyond}e": value}) & (Q(**{f"{name}__{beyond}": value}) | tie)
    return same_or_beyond | empty if not backwards and _nullable(model, name) else same_or_beyond


def _nullable(model: type[Model], path: str) -> bool:
    """Whether a field can be empty; annotations cannot."""
    nullable = False
    for name in path.split("__"):
        try:
            field: Any = model._meta.get_field(name)
        except FieldDoesNotExist:
            return False
        nullable = nullable or bool(getattr(field, "null", False))
        model = field.related_model or model
    return nullable


def _foreign() -> AddressError:
    return AddressError("The address names a page of another list. Start again from the first page.")
