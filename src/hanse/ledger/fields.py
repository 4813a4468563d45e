"""Columns that are encrypted at rest, and the keyed index by which such values are found."""

import json
from typing import Any

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
