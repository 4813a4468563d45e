"""JSON from outside: read in one meaning or not at all.

Common parsers take `{"tlp":"RED","tlp":"CLEAR"}` for CLEAR, read numbers of a million digits, and recurse as
deep as they are asked to. Here each of these is an error that says where it is.
"""

import json
import math
import re
from typing import Any

import msgspec

from hanse.kernel.errors import HanseError

LIMIT_BYTES = 16 * 1024 * 1024
DEPTH = 64
"""Deeper than any format of the field nests (a STIX bundle needs about 10)."""
DIGITS = 32
"""Longest number: a 64-bit integer has 20 digits, the longest double 24."""
VALUES = 500_000
"""Most values in one text: the smallest take 2 bytes as text and over 200 in memory."""
INTEGERS = range(-(2**63), 2**63)

# Possessive, and an unclosed string runs to the end: whatever the bytes are, each is read once.
_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{,]|[\]}]|[-+0-9.eE]++', re.DOTALL)
_LONG = re.compile(rb"[-+0-9.eE]{%d}" % (DIGITS + 1))
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


class StrictJsonError(HanseError):
    """The text is not JSON in one meaning, or exceeds a limit."""


def loads(data: bytes, *, limit_bytes: int = LIMIT_BYTES, depth: int = DEPTH, values: int = VALUES) -> Any:
    """The value of a JSON text.

    Args:
        data: UTF-8.
        limit_bytes: Longest text.
        depth: Deepest nesting.
        values: Most values, of objects and lists together.

    Raises:
        StrictJsonError: It is too long, too deep or has too many values, holds a key twice, a number out of
            range, NaN, a lone surrogate, or is no JSON.
    """
    if len(data) > limit_bytes:
        raise StrictJsonError(f"The JSON has {len(data):,} bytes; {limit_bytes:,} are allowed.")
    _check_structure(data, depth, values)
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise StrictJsonError(f"The JSON is not UTF-8 at byte {error.start:,}.") from None
    except json.JSONDecodeError as error:
        raise StrictJsonError(
            f"This is no JSON: {error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno}."
        ) from None
    if _HALF.search(data):
        _refuse_surrogates(value)
    return value


def decode(data: bytes, kind: Any, *, limit_bytes: int = LIMIT_BYTES, depth: int = DEPTH) -> Any:
    """The value as a type (a msgspec Struct, or anything that msgspec converts to).

    Raises:
        StrictJsonError: It is not strict JSON, or not of that type; the message names the field.
    """
    value = loads(data, limit_bytes=limit_bytes, depth=depth)
    try:
        return (
            msgspec.convert(value, kind, str_keys=True, builtin_types=(), strict=True)
            if kind is not Any
            else value
        )
    except msgspec.ValidationError as error:
        raise StrictJsonError(f"The JSON is not what it should be: {error}.") from None


def canonical(value: Any) -> bytes:
    """One text per value: keys sorted, no white space, UTF-8."""
    return _ENCODER.encode(value)


_ENCODER = msgspec.json.Encoder(order="sorted")


def _check_structure(data: bytes, depth: int, values: int) -> None:
    """Refuse deep nesting, very many values and long numbers before a parser meets them."""
    if len(data) <= values and data.count(b"[") + data.count(b"{") <= depth and not _LONG.search(data):
        return  # so few signs cannot exceed what is allowed, wherever they stand
    level = seen = 0
    for found in _STRUCTURE.finditer(data):
        first = data[found.start()]
        if first in b"[{,":
            seen += 1
            level += first != ord(",")
            if level > depth:
                raise StrictJsonError(f"The JSON nests deeper than {depth} levels at byte {found.start():,}.")
            if seen > values:
                raise StrictJsonError(f"The JSON has more than {values:,} values at byte {found.start():,}.")
        elif first in b"]}":
            level -= 1
        elif first != ord('"') and found.end() - found.start() > DIGITS:
            raise StrictJsonError(
                f"The JSON has a number of more than {DIGITS} digits at byte {found.start():,}."
            )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, if no key comes twice."""
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise StrictJsonError(f"The key {key[:80]!r} comes twice in one object.")
            seen.add(key)
    return made


def _refuse(word: str) -> Any:
    raise StrictJsonError(f"{word} is no JSON number.")


def _integer(digits: str) -> int:
    """An integer that every reader of 64 bits reads as the same."""
    number = int(digits)
    if number not in INTEGERS:
        raise StrictJsonError(f"The integer {digits} does not fit into 64 bits.")
    return number


def _double(digits: str) -> float:
    """A number that is no infinity in disguise, as 1e999 is."""
    number = float(digits)
    if math.isinf(number):
        raise StrictJsonError(f"The number {digits} is larger than any that a computer holds.")
    return number


def _refuse_surrogates(value: Any) -> None:
    """Refuse halves of surrogate pairs, which no UTF-8 can hold."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise StrictJsonError("The JSON holds half of a surrogate pair, which is no character.") from None


_DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_constant=_refuse, parse_int=_integer, parse_float=_double
)
