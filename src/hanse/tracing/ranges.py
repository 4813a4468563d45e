"""Tables of address ranges: read, checked, looked up many addresses at a time.

The layout is that of the ip-location-db packages, without a header line: start, end and either an
AS number and its holder or a country code; addresses in text or as decimal numbers, both ends
included.
"""

import csv as text_csv
import gzip
import io
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from hanse.kernel.addresses import V4_MAPPED
from hanse.kernel.errors import Problem, UnreadableInputError

Kind = Literal["asn", "country"]
Family = Literal[4, 6]
Addresses = npt.NDArray[np.uint8]

MAX_TABLE_BYTES = 512 * 1024 * 1024
"""Largest table read, bytes after decompression: about 20 times the largest of June 2026."""

_V6_WIDTH = 16


@dataclass(frozen=True, slots=True, eq=False)
class RangeTable:
    """Disjoint address ranges in ascending order, each with a number.

    Attributes:
        kind: ``asn`` (the number is the AS number) or ``country`` (see `country_number`).
        family: 4 or 6.
        starts: First addresses, uint32 for IPv4, 16-byte strings for IPv6, shape (n,).
        ends: Last addresses, the same type.
        values: The numbers, uint32; never 0.
        holders: AS number to the name of its holder; empty for countries.
        cut: How many ranges were cut short because the next began inside them.
    """

    kind: Kind
    family: Family
    starts: npt.NDArray[Any]
    ends: npt.NDArray[Any]
    values: npt.NDArray[np.uint32]
    holders: "Holders"
    cut: int = 0

    def __len__(self) -> int:
        """How many ranges."""
        return len(self.starts)

    def lookup(self, addresses: Addresses) -> npt.NDArray[np.uint32]:
        """The number of the range around each address, shape (n,); 0 where there is none.

        Args:
            addresses: Shape (n, 16), all of this table's family.
        """
        if not len(self.starts):
            return np.zeros(len(addresses), np.uint32)
        keys = as_keys(addresses, self.family)
        index = np.searchsorted(self.starts, keys, "right") - 1
        inside = (index >= 0) & (keys <= self.ends[np.maximum(index, 0)])
        return np.where(inside, self.values[index], np.uint32(0))


@dataclass(frozen=True, slots=True, eq=False)
class Holders:
    """Names by AS number, kept as flat arrays because a start-up must not build 80,000 strings.

    Attributes:
        asns: AS numbers in ascending order, uint32, shape (n,).
        offsets: Where each name begins in `text`, int64, shape (n + 1,).
        text: All names in UTF-8, uint8.
    """

    asns: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]
    text: npt.NDArray[np.uint8]

    def name(self, asn: int) -> str:
        """The holder of an AS number; empty when unknown."""
        index = int(np.searchsorted(self.asns, asn))
        if index >= len(self.asns) or self.asns[index] != asn:
            return ""
        raw = self.text[self.offsets[index] : self.offsets[index + 1]].tobytes()
        return raw.decode("utf-8", "replace")

    @classmethod
    def of(cls, asns: npt.NDArray[np.uint32], names: Sequence[str]) -> "Holders":
        """One name for each AS number: the first that the table gives."""
        unique, first = np.unique(asns, return_index=True)
        encoded = [names[index].encode() for index in first]
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(name) for name in encoded], out=offsets[1:])
        return cls(unique.astype(np.uint32), offsets, np.frombuffer(b"".join(encoded), np.uint8))


def empty_table(kind: Kind, family: Family) -> RangeTable:
    """A table in which nothing is found."""
    keys: npt.NDArray[Any] = np.zeros(0, np.uint32 if family == 4 else "S16")
    none = np.zeros(0, np.uint32)
    return RangeTable(kind, family, keys, keys, none, Holders.of(none, []))


def as_keys(addresses: Addresses, family: Family) -> npt.NDArray[Any]:
    """Addresses, shape (n, 16), in the type that the tables of their family are sorted by.

    NumPy orders byte strings as unsigned bytes and takes missing ones for zero, which for strings
    of one width is the order of the addresses.
    """
    raw = np.ascontiguousarray(addresses)
    if family == 4:
        return np.ascontiguousarray(raw[:, 12:]).view(">u4").ravel().astype(np.uint32)
    return raw.view("S16").ravel()


def is_v4(addresses: Addresses) -> npt.NDArray[np.bool_]:
    """Which of the addresses, shape (n, 16), are IPv4 ones (mapped, RFC 4291)."""
    mapped = np.frombuffer(V4_MAPPED, np.uint8)
    return np.asarray((addresses[:, :12] == mapped).all(axis=1))


def country_number(code: str) -> int:
    """A two-letter country code as the number that tables hold."""
    return ord(code[0]) << 8 | ord(code[1])


def country_code(number: int) -> str:
    """The two-letter code behind `country_number`; ``ZZ`` (ISO 3166 user-assigned: unknown) for 0."""
    return chr(number >> 8) + chr(number & 255) if number else "ZZ"


def read_bytes(path: Path, name: str = "") -> bytes:
    """The bytes of a file, plain or gzip, at most `MAX_TABLE_BYTES` and one of them.

    Raises:
        UnreadableInputError: It cannot be read.
    """
    name = name or str(path)
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as stream:
            return stream.read(MAX_TABLE_BYTES + 1)
    except (OSError, EOFError) as error:
        raise UnreadableInputError(Problem(name, f"cannot be read ({error}).")) from error


def parse_table(raw: bytes, name: str, *, cut_overlaps: bool = False) -> RangeTable:
    """Check the bytes of a table and turn them into arrays.

    Args:
        raw: The text, decompressed.
        name: What the user calls it, for errors.
        cut_overlaps: End a range where the next begins instead of refusing the table. The pinned
            package of June 2026 has one such pair (215.0.0.0, two networks of one holder).

    Raises:
        UnreadableInputError: Not such a table, with the line that shows it.
    """
    if len(raw) > MAX_TABLE_BYTES:
        raise UnreadableInputError(Problem(name, f"is larger than {MAX_TABLE_BYTES:,} bytes."))
    columns = _columns(raw, name)
    first = columns[0][0]
    family: Family = 6 if ":" in first or (first.isdigit() and int(first) > 0xFFFFFFFF) else 4
    starts = _addresses(columns[0], family, name)
    ends = _addresses(columns[1], family, name)
    cut = np.flatnonzero(_check_order(starts, ends, columns, name, cut_overlaps=cut_overlaps))
    if len(cut):
        ends = ends.copy()
        ends[cut] = before(starts[cut + 1], family)
    if len(columns) == 4:
        asns = _numbers(columns[2], name)
        return RangeTable("asn", family, starts, ends, asns, Holders.of(asns, columns[3]), len(cut))
    codes = _country_numbers(columns[2], name)
    return RangeTable("country", family, starts, ends, codes, Holders.of(codes[:0], []), len(cut))


def before(keys: npt.NDArray[Any], family: Family) -> npt.NDArray[Any]:
    """The addresses one below the given keys."""
    if family == 4:
        return keys - np.uint32(1)
    raw = keys.tobytes()
    width = _V6_WIDTH
    numbers = (int.from_bytes(raw[at : at + width], "big") - 1 for at in range(0, len(raw), width))
    return np.frombuffer(b"".join(number.to_bytes(width, "big") for number in numbers), "S16")


def _refuse(name: str, line: int, what: str, do: str = "Get a whole, sorted table.") -> NoReturn:
    raise UnreadableInputError(Problem(name, what, field=f"line {line}", do=do))


def _columns(raw: bytes, name: str) -> list[list[str]]:
    """The three or four columns as text."""
    first = raw.partition(b"\n")[0].decode("utf-8", "replace")
    width = len(next(text_csv.reader([first]), []))
    if width not in {3, 4}:
        _refuse(name, 1, "has neither start, end, country nor start, end, AS number, holder.")
    names = [str(index) for index in range(width)]
    try:
        table = csv.read_csv(
            io.BytesIO(raw),
            read_options=csv.ReadOptions(column_names=names, use_threads=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise UnreadableInputError(Problem(name, f"is no such table ({error}).")) from error
    return [table.column(index).to_pylist() for index in names]


def _addresses(texts: list[str], family: Family, name: str) -> npt.NDArray[Any]:
    """Column of addresses to sortable keys."""
    try:
        return _keys(texts, family)
    except (ValueError, OSError, OverflowError):
        line = _first_bad(texts, lambda text: _keys([text], family))
        _refuse(name, line, f"{texts[line - 1]!r} is no IPv{family} address.")


def _keys(texts: list[str], family: Family) -> npt.NDArray[Any]:
    width = 4 if family == 4 else _V6_WIDTH
    if texts[0].isdigit():
        raw = b"".join(int(text).to_bytes(width, "big") for text in texts)
    else:
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        raw = b"".join(socket.inet_pton(kind, text) for text in texts)
    if family == 4:
        return np.frombuffer(raw, ">u4").astype(np.uint32)
    return np.frombuffer(raw, "S16")


def _numbers(texts: list[str], name: str) -> npt.NDArray[np.uint32]:
    """Column of AS numbers, 1 to 4294967294 (RFC 7300 reserves the last)."""
    try:
        numbers = np.array([int(text) for text in texts], np.int64)
    except (ValueError, OverflowError):
        line = _first_bad(texts, lambda text: np.array([int(text)], np.int64))
        _refuse(name, line, f"{texts[line - 1]!r} is no AS number.")
    wrong = (numbers < 1) | (numbers > 0xFFFFFFFE)
    if wrong.any():
        line = int(wrong.argmax()) + 1
        _refuse(name, line, f"{texts[line - 1]} is no AS number.")
    return numbers.astype(np.uint32)


def _country_numbers(texts: list[str], name: str) -> npt.NDArray[np.uint32]:
    """Column of country codes."""
    known: dict[str, int] = {}
    for line, text in enumerate(texts, 1):
        if text not in known:
            if not (len(text) == 2 and text.isascii() and text.isalpha() and text.isupper()):
                _refuse(name, line, f"{text!r} is no two-letter country code.")
            known[text] = country_number(text)
    return np.array([known[text] for text in texts], np.uint32)


def _first_bad(texts: list[str], convert: Callable[[str], object]) -> int:
    """Line of the first text that cannot be converted."""
    for line, text in enumerate(texts, 1):
        try:
            convert(text)
        except (ValueError, OSError, OverflowError):
            return line
    return 1


def _check_order(
    starts: npt.NDArray[Any],
    ends: npt.NDArray[Any],
    columns: list[list[str]],
    name: str,
    *,
    cut_overlaps: bool,
) -> npt.NDArray[np.bool_]:
    """Refuse ranges that end before they start or are not in order; which ones the next cuts into."""
    backward = ends < starts
    if backward.any():
        line = int(backward.argmax()) + 1
        _refuse(name, line, f"the range ends at {columns[1][line - 1]}, before it starts.")
    overlap = starts[1:] <= ends[:-1]
    refused = starts[1:] <= starts[:-1] if cut_overlaps else overlap
    if refused.any():
        line = int(refused.argmax()) + 2
        what = f"{columns[0][line - 1]} is not after {columns[1][line - 2]}, where the range before ends."
        _refuse(name, line, what, "Sort the table; --cut-overlaps ends a range where the next begins.")
    return overlap
