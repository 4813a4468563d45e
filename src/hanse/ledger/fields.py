"""Columns that are encrypted at rest, the keyed index by which such values are found, and lists of many ids."""

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from django.core import checks
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from hanse.kernel import sealing
from hanse.kernel.keys import KeysError
from hanse.ledger import keyring

NOT_OPENING: Final = (sealing.SealingError, KeysError)
"""What reading a sealed column of a row raises that was altered: one such row is to stop nothing but itself."""


class Sealed:
    """A value of a sealed column that is still closed: as rows hold it until it is read, and ``values()`` gives it.

    Attributes:
        data: What the database holds.
    """

    __slots__ = ("_field", "data")

    def __init__(self, field: "SealedTextField", data: Any) -> None:
        self._field = field
        self.data = data

    def open(self, *key: Any) -> Any:
        """The value.

        Args:
            key: What the row has in the columns that the value is bound to, see `SealedTextField.bound_to`.

        Raises:
            SealingError: It was altered, or was put there from another row or column.
            KeysError: Its key is none of the node's.
        """
        return self._field.opened(self.data, key)

    def __str__(self) -> str:
        """Nothing: whoever wants the text has to say of which row it is.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            f"{self._field} is sealed to its row: read it from a row, or use `open` with the row's key"
        )

    __repr__ = object.__repr__


class _OpenedWhenRead(DeferredAttribute):
    """The attribute of a sealed column: what nobody reads stays closed."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        field: Any = self.field
        held, name = instance.__dict__, field.attname
        if name not in held:  # it was deferred
            rows = type(instance)._base_manager.using(instance._state.db)  # noqa: SLF001 - where Django keeps it
            held[name] = rows.values_list(name, flat=True).get(pk=instance.pk)
        if type(held[name]) is Sealed:
            held[name] = held[name].open(*field.key_of(instance))
        return held[name]

    def __set__(self, instance: Any, value: Any) -> None:
        """Set it; without this, Python would give what the row holds without asking `__get__`."""
        instance.__dict__[self.field.attname] = value


class SealedTextField(models.BinaryField):  # type: ignore[type-arg]  # generic in the stubs alone
    """Text encrypted with the node's data key, and bound to its table, its column and its row.

    Put into another row by whoever can write to the database, it does not open. What binds it to its row is the primary
    key, or the columns that `bound_to` names; they must be known before the row is inserted, and never change.

    It cannot be searched or sorted; a `BlindIndexField` beside it finds equal values. ``update()`` takes it from
    `sealed` alone, and ``values()`` gives it as `Sealed`: both know no row.

    Attributes:
        bound_to: Names of the fields that it is bound to; empty for the primary key.
    """

    description = "Text, encrypted at rest"
    descriptor_class = _OpenedWhenRead

    def __init__(self, *args: Any, bound_to: Sequence[str] = (), **kwargs: Any) -> None:
        """`bound_to` as of the class."""
        self.bound_to = tuple(bound_to)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """For migrations."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "bound_to": self.bound_to} if self.bound_to else kwargs

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """What Django says of any field, and that it can be bound."""
        found = super().check(**kwargs)
        found += [
            checks.Error(
                f"{self} is bound to {key.name}, which is not known before its row is inserted, or may be of no value.",
                hint="Bind it to other columns, or give the table a UUID as primary key.",
                obj=self,
                id="hanse.E001",
            )
            for key in self.key
            if key.null or not isinstance(key, _CAN_BIND) or isinstance(key, models.AutoField)
        ]
        return found

    @cached_property
    def key(self) -> "tuple[models.Field[Any, Any], ...]":
        """The fields that values are bound to."""
        fields: Any = self.model._meta
        return tuple(fields.get_field(name) for name in self.bound_to) or (fields.pk,)

    def key_of(self, row: models.Model) -> tuple[Any, ...]:
        """What a row has in those fields."""
        return tuple(getattr(row, one.attname) for one in self.key)

    def seal(self, value: Any, key: Sequence[Any]) -> Sealed | None:
        """A value for the row that has this key.

        Raises:
            ValueError: The key is not whole.
        """
        if value is None:
            return None
        if None in key:
            raise ValueError(f"{self} is sealed to its row: set what the row is known by first")
        return Sealed(self, sealing.seal_rest(keyring.current(), self._bound(key), self.to_bytes(value)))

    def opened(self, data: Any, key: Sequence[Any]) -> Any:
        """What `Sealed.open` gives."""
        keys = keyring.current()
        # SQLite keeps anything in any column.
        held = bytes(data) if isinstance(data, (bytes, memoryview)) else b""
        try:
            return self.from_bytes(sealing.open_rest(keys, self._bound(key), held))
        except NOT_OPENING as error:
            row = " ".join(_text(*one) for one in zip(self.key, key, strict=True))
            raise type(error)(f"{self.model._meta.db_table}, row {row}, {self.column}: {error}") from None

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: ARG002 - Django's signature
        """Seal to the row; what was loaded and nobody read goes back as it was."""
        held = model_instance.__dict__
        value = held[self.attname] if self.attname in held else getattr(model_instance, self.attname)
        return value if isinstance(value, Sealed) else self.seal(value, self.key_of(model_instance))

    def get_prep_value(self, value: Any) -> Any:
        """What the database holds.

        Raises:
            TypeError: It is not sealed to a row, or is looked for.
        """
        if value is None:
            return None
        if not isinstance(value, Sealed):
            raise TypeError(
                f"{self} is sealed to its row: save the row, or update it with `sealed`; equal values are found by a "
                "`BlindIndexField` alone"
            )
        return value.data

    def from_db_value(self, value: Any, _expression: object, _connection: object) -> Any:
        """Closed, until it is read from its row."""
        return None if value is None else Sealed(self, value)

    def to_python(self, value: Any) -> Any:
        """What pages see is what was set."""
        return value

    def to_bytes(self, value: Any) -> bytes:
        """The text as bytes."""
        return str(value).encode()

    def from_bytes(self, data: bytes) -> Any:
        """The bytes as text."""
        return data.decode()

    def _bound(self, key: Sequence[Any]) -> bytes:
        """Table, column and row; each part of the key with its length, so that two keys are never one. Any text is taken."""
        parts = [_text(*one) for one in zip(self.key, key, strict=True)]
        return (self._place + "".join([f" {len(one)}:{one}" for one in parts])).encode(
            "utf-8", "surrogatepass"
        )

    @cached_property
    def _place(self) -> str:
        return f"{self.model._meta.db_table}.{self.column}"


_CAN_BIND: Final = (models.UUIDField, models.CharField, models.IntegerField)
"""Fields whose values are written in one way only, see `_text`."""


def _text(field: "models.Field[Any, Any]", value: Any) -> str:
    """A part of a row's key, the same whether it was set, loaded, or is as the database has it."""
    try:
        value = field.to_python(value)
    except (ValidationError, OverflowError):  # of infinity Django makes no number
        # Whoever can write to SQLite's file puts anything there, and nothing was sealed to it.
        return str(value)
    return value.hex if isinstance(value, UUID) else str(value)


def sealed(model: type[models.Model], key: Any, **values: Any) -> dict[str, Any]:
    """Values of sealed columns for the ``update()`` of one row.

    Args:
        model: Whose table.
        key: The row's primary key; a tuple where they are bound to other columns.
        values: By field.
    """
    whole = key if isinstance(key, tuple) else (key,)
    return {name: model._meta.get_field(name).seal(value, whole) for name, value in values.items()}  # type: ignore[union-attr]  # sealed ones are named


def sealed_fields(model: type[models.Model]) -> list[SealedTextField]:
    """The sealed columns of a table."""
    return [one for one in model._meta.concrete_fields if isinstance(one, SealedTextField)]


def altered(row: models.Model) -> str:
    """Why what is sealed of a row does not open, with table, row and column and what to do; empty where all of it does.

    Columns that were not loaded are not looked at.
    """
    for field in sealed_fields(type(row)):
        try:
            if field.attname in row.__dict__:
                getattr(row, field.attname)
        except NOT_OPENING as error:
            return str(error)
    return ""


class SealedJSONField(SealedTextField):
    """A JSON value encrypted with the node's data key."""

    description = "JSON, encrypted at rest"

    def to_bytes(self, value: Any) -> bytes:
        """Canonical JSON."""
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

    def from_bytes(self, data: bytes) -> Any:
        """The value."""
        return json.loads(data)


class SealedBytesField(SealedTextField):
    """Bytes encrypted with the node's data key."""

    description = "Bytes, encrypted at rest"

    def to_bytes(self, value: Any) -> bytes:
        """The bytes."""
        return bytes(value)

    def from_bytes(self, data: bytes) -> Any:
        """The bytes."""
        return data


class BlindIndexField(models.BinaryField):  # type: ignore[type-arg]  # generic in the stubs alone
    """The keyed hash of a value under the node's index key: equal values are found, and nothing else is learnt."""

    description = "Keyed hash of a sealed value"

    def __init__(self, *args: Any, kind: str = "", **kwargs: Any) -> None:
        """`kind` names what is hashed, so that the same text in another kind of column has another hash."""
        self.kind = kind
        super().__init__(*args, **{"max_length": 16, "db_index": True, **kwargs})

    def deconstruct(self) -> Any:
        """For migrations."""
        name, path, args, kwargs = super().deconstruct()
        # Django leaves what is False out, and this field would take it for True.
        return name, path, args, {"db_index": False, **kwargs, "kind": self.kind}

    def get_prep_value(self, value: Any) -> Any:
        """Hash a text; bytes are a hash already."""
        if value is None or isinstance(value, (bytes, memoryview)):
            return value
        return sealing.blind(keyring.current().index, self.kind, str(value))


class RowIdField(models.BigIntegerField):  # type: ignore[type-arg]
    """A whole number as primary key by which SQLite keeps the rows themselves, instead of in an index beside them."""

    def db_type(self, connection: Any) -> str | None:
        """SQLite's own name for such a key (https://www.sqlite.org/lang_createtable.html#rowid)."""
        return "integer" if connection.vendor == "sqlite" else super().db_type(connection)


class IdsField(models.BinaryField):  # type: ignore[type-arg]
    """Ids of objects, 32 hexadecimal digits each, kept as 16 bytes each: half of what they take as text.

    ``field__names=id`` finds the rows that have one among theirs; it reads every row.
    """

    description = "Ids of objects"

    def get_prep_value(self, value: Any) -> Any:
        """As bytes."""
        return None if value is None else packed(value)

    def from_db_value(self, value: Any, _expression: object, _connection: object) -> Any:
        """As hexadecimal digits."""
        if value is None:
            return None
        text = bytes(value).hex()
        return [text[at : at + 32] for at in range(0, len(text), 32)]

    def to_python(self, value: Any) -> Any:
        """What pages see is what was set."""
        return value


def packed(ids: list[str]) -> bytes:
    """Ids as `IdsField` keeps them.

    Raises:
        ValueError: One is not 32 hexadecimal digits.
    """
    joined = bytes.fromhex("".join(ids))
    if len(joined) != 16 * len(ids) or set(map(len, ids)) - {32}:
        raise ValueError("an id of an object has 32 hexadecimal digits")
    return joined


@IdsField.register_lookup
class Names(models.Lookup):
    """Whether an id is among those of a row.

    It is looked for as a run of 16 bytes; that one begins within an id and ends within the next is as likely as that
    two random ids are the same.
    """

    lookup_name = "names"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """The function that each database has for it."""
        column, values = self.process_lhs(compiler, connection)
        asked = UUID(str(self.rhs)).bytes
        if connection.vendor == "postgresql":
            return f"position(%s::bytea in {column}) > 0", (asked, *values)
        return f"instr({column}, %s) > 0", (*values, asked)
