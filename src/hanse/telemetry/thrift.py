"""Apache Thrift's compact protocol, as far as the headers and footer of a Parquet file need it.

See https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_TRUE, _FALSE, _BYTE, _I32, _I64, _BINARY, _LIST, _STRUCT = 1, 2, 3, 5, 6, 8, 9, 12
_LONG_LIST = 15


@dataclass(frozen=True, slots=True)
class Value:
    """An encoded value.

    Attributes:
        kind: Its type in the protocol.
        content: Its octets.
    """

    kind: int
    content: bytes


def varint(number: int) -> bytes:
    """An unsigned number, seven bits in an octet, lowest first."""
    if number <= 0x7F:
        return bytes((number,))
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _zigzag(number: int) -> bytes:
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def flag(*, on: bool) -> Value:
    """A truth value, which lies in its field's type."""
    return Value(_TRUE if on else _FALSE, b"")


def i8(number: int) -> Value:
    """A number of 8 bits."""
    return Value(_BYTE, number.to_bytes(1, "little", signed=True))


@lru_cache(maxsize=1_024)  # nearly all of them are types, encodings and the row counts of a file's columns
def i32(number: int) -> Value:
    """A number of 32 bits."""
    return Value(_I32, _zigzag(number))


def i64(number: int) -> Value:
    """A number of 64 bits."""
    return Value(_I64, _zigzag(number))


def binary(content: bytes) -> Value:
    """Octets or text."""
    return Value(_BINARY, varint(len(content)) + content)


def listed(values: Sequence[Value]) -> Value:
    """A list of values of one type; an empty one is given as a list of structs."""
    kind = values[0].kind if values else _STRUCT
    size = len(values)
    head = bytes([size << 4 | kind]) if size < _LONG_LIST else bytes([0xF0 | kind]) + varint(size)
    return Value(_LIST, head + b"".join(value.content for value in values))


def struct(fields: Mapping[int, Value]) -> Value:
    """A struct of fields by their number; numbers next to each other are at most 15 apart."""
    out, last = bytearray(), 0
    for number, value in sorted(fields.items()):
        out.append((number - last) << 4 | value.kind)
        out += value.content
        last = number
    return Value(_STRUCT, bytes(out) + b"\x00")
