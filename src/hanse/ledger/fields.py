"""Columns that are encrypted at rest, the keyed index by which such values are found, and lists of many ids."""

import json
from typing import Any
from uuid import UUID

from django.db import models

from hanse.kernel import sealing
from hanse.ledger import keyring


class SealedTextField(models.BinaryField):  # type: ignore[type-arg]  # generic in the stubs alone
    """Text encrypted with the node's data key; the table and column are bound to it.

    It cannot be searched or sorted; a `BlindIndexField` beside it finds equal values.
    """

    description = "Text, encrypted at rest"

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt."""
        return (
            None
            if value is None
            else sealing.seal_rest(keyring.current(), self._bound(), self.to_bytes(value))
        )

    def from_db_value(self, value: Any, _expression: object, _connection: object) -> Any:
        """Decrypt."""
        return (
            None
            if value is None
            else self.from_bytes(sealing.open_rest(keyring.current(), self._bound(), bytes(value)))
        )

    def to_python(self, value: Any) -> Any:
        """What pages see is what was set."""
        return value

    def to_bytes(self, value: Any) -> bytes:
        """The text as bytes."""
        return str(value).encode()

    def from_bytes(self, data: bytes) -> Any:
        """The bytes as text."""
        return data.decode()

    def _bound(self) -> bytes:
        return f"{self.model._meta.db_table}.{self.column}".encode()


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
