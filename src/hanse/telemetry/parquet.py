"""Flows to Parquet, columns going into the file as they lie in memory.

A general writer looks at every value of every column. Flows need that nowhere:

- Times, counters and addresses have in Parquet's plain encoding the very octets that Arrow has.
- A column of one value (an exporter, a vantage point, no tunnel) is a dictionary of that value and one run.
- A column of few values (several exporters) is a dictionary of these and eight bits for each row.
- Numbers of one octet are indices, eight bits each, into a dictionary of 0 to 255: Parquet has no integer
  under 32 bits, but its bit-packed indices of eight bits are again the very octets that Arrow has.
- Validity is Arrow's bitmap, which is Parquet's bit-packed definition level.

What is written is ordinary Parquet (format 2.6): https://parquet.apache.org/docs/file-format/, of which the
pieces used are data pages of version 1 and one page per column and row group.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import IO, Any, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.telemetry.schema import ADDRESS, FLOW, TIMESTAMP
from hanse.telemetry.thrift import Value, binary, flag, i8, i32, i64, listed, struct, varint

Compression: TypeAlias = Literal["none", "lz4"]
Octets: TypeAlias = bytes | memoryview

ROW_GROUP_ROWS = 250_000
"""Rows per row group: a reader's unit of parallel work and of skipping by statistics."""
_MAGIC = b"PAR1"
_BY = b"hanse"
_PLAIN, _RLE, _RLE_DICTIONARY = 0, 3, 8
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_INT32, _INT64, _BYTE_ARRAY, _FIXED = 1, 2, 6, 7
_UTF8, _TIMESTAMP_MICROS, _UINT_8, _UINT_16 = 0, 10, 11, 12
_CODECS = {"none": 0, "lz4": 7}
_OCTET_DICTIONARY = np.arange(256, dtype="<i4").tobytes()
_FEW = 2_048
"""Rows under which a dictionary of 256 values is larger than what it saves."""
_MOST_EXPORTERS = 16
"""Values of a column of addresses that may be missing, up to which it has a dictionary: each is looked for in all rows."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How Parquet names an Arrow type.

    Attributes:
        physical: Parquet's physical type.
        length: Octets of a fixed-length value, 0 for others.
        converted: The older name of its meaning, None where it has none.
        logical: The newer name, None where it has none.
    """

    physical: int
    length: int = 0
    converted: int | None = None
    logical: Value | None = None


_KINDS: dict[pa.DataType, _Kind] = {
    pa.uint8(): _Kind(_INT32, 0, _UINT_8, struct({10: struct({1: i8(8), 2: flag(on=False)})})),
    pa.uint16(): _Kind(_INT32, 0, _UINT_16, struct({10: struct({1: i8(16), 2: flag(on=False)})})),
    pa.int32(): _Kind(_INT32),
    pa.int64(): _Kind(_INT64),
    pa.string(): _Kind(_BYTE_ARRAY, 0, _UTF8, struct({1: struct({})})),
    ADDRESS: _Kind(_FIXED, 16),
    TIMESTAMP: _Kind(
        _INT64, 0, _TIMESTAMP_MICROS, struct({8: struct({1: flag(on=True), 2: struct({2: struct({})})})})
    ),
}


@dataclass(frozen=True, slots=True)
class _Chunk:
    """One column of one row group.

    Attributes:
        dictionary: The dictionary page's content and how many values it has, None without dictionary.
        body: The data page's content, in pieces.
        encoding: Of the data page's values.
        least: Smallest value in plain encoding, None where no statistics are kept.
        most: Largest value.
        nulls: How many values are missing.
    """

    dictionary: tuple[bytes, int] | None
    body: Sequence[Octets]
    encoding: int
    least: bytes | None = None
    most: bytes | None = None
    nulls: int = 0


class FlowWriter:
    """Writes one Parquet file of flows.

    Args:
        out: Where it goes.
        compression: Of its pages.
        said: What else its footer says, by key.

    Attributes:
        rows: Rows in the row groups written so far; all of them after the end of the with statement.
    """

    def __init__(
        self, out: IO[bytes], compression: Compression = "lz4", said: Mapping[str, str] | None = None
    ) -> None:
        self.rows = 0
        self._said = said or {}
        self._out = out
        self._codec = None if compression == "none" else pa.Codec("lz4_raw")
        self._codec_number = _CODECS[compression]
        self._at = 0
        self._groups: list[Value] = []
        self._waiting: list[pa.RecordBatch] = []

    def __enter__(self) -> Self:
        """Begin the file."""
        self._write(_MAGIC)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits and the footer, unless something went wrong; closing `out` is for who opened it."""
        if error is None:
            self._group()
            footer = _footer(self.rows, self._groups, self._said)
            self._write(footer, len(footer).to_bytes(4, "little"), _MAGIC)

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Add flows.

        Raises:
            ValueError: They have not the flow schema, or nulls where it allows none.
            OSError: The file cannot be written.
        """
        check(rows)
        for batch in [rows] if isinstance(rows, pa.RecordBatch) else rows.to_batches():
            self._take(batch)

    def _take(self, batch: pa.RecordBatch) -> None:
        """Keep a batch until there is a row group."""
        while batch.num_rows:
            room = ROW_GROUP_ROWS - sum(part.num_rows for part in self._waiting)
            self._waiting.append(batch.slice(0, room))
            batch = batch.slice(room)
            if self._waiting and room <= self._waiting[-1].num_rows:
                self._group()

    def _group(self) -> None:
        """Write what waits as a row group."""
        batches, self._waiting = self._waiting, []
        rows = sum(batch.num_rows for batch in batches)
        if not rows:
            return
        begin, chunks, whole = self._at, [], 0
        for field in FLOW:
            chunk = _chunk([batch.column(field.name) for batch in batches], field)
            described, octets = self._column(chunk, field, rows)
            chunks.append(described)
            whole += octets
        group = {1: listed(chunks), 2: i64(whole), 3: i64(rows), 5: i64(begin), 6: i64(self._at - begin)}
        self._groups.append(struct(group))
        self.rows += rows

    def _column(self, chunk: _Chunk, field: pa.Field, rows: int) -> tuple[Value, int]:
        """Write a column's pages; what the footer says of them, and their octets before compression."""
        begin, dictionary_at, whole = self._at, None, 0
        if chunk.dictionary is not None:
            content, values = chunk.dictionary
            dictionary_at = self._at
            whole += self._page(_DICTIONARY_PAGE, [content], {7: struct({1: i32(values), 2: i32(_PLAIN)})})
        data_at = self._at
        head = {1: i32(rows), 2: i32(chunk.encoding), 3: i32(_RLE), 4: i32(_RLE)}
        whole += self._page(_DATA_PAGE, chunk.body, {5: struct(head)})
        said = {
            1: i32(_KINDS[field.type].physical),
            2: listed([i32(_PLAIN), i32(_RLE), *([i32(_RLE_DICTIONARY)] if chunk.dictionary else [])]),
            3: listed([binary(field.name.encode())]),
            4: i32(self._codec_number),
            5: i64(rows),
            6: i64(whole),
            7: i64(self._at - begin),
            9: i64(data_at),
        }
        if dictionary_at is not None:
            said[11] = i64(dictionary_at)
        if chunk.least is not None and chunk.most is not None:
            said[12] = struct({3: i64(chunk.nulls), 5: binary(chunk.most), 6: binary(chunk.least)})
        elif chunk.nulls == rows:
            said[12] = struct({3: i64(rows)})
        return struct({2: i64(begin), 3: struct(said)}), whole

    def _page(self, kind: int, content: Sequence[Octets], head: dict[int, Value]) -> int:
        """Write a page; its octets before compression, with its header."""
        size = sum(map(len, content))
        if self._codec is not None and size:
            joined = content[0] if len(content) == 1 else b"".join(content)
            shrunk = self._codec.compress(joined)
            # Its memory view is as long as what was reserved for the result.
            content = [memoryview(shrunk)[: shrunk.size]]
        packed = sum(map(len, content))
        header = struct({1: i32(kind), 2: i32(size), 3: i32(packed), **head}).content
        self._write(header, *content)
        return len(header) + size

    def _write(self, *pieces: Octets) -> None:
        """Write all of some octets."""
        for piece in pieces:
            left = memoryview(piece)
            while left:
                done = self._out.write(left)
                left = left[done:]
                self._at += done


def check(rows: pa.Table | pa.RecordBatch) -> None:
    """See that rows have exactly the flow schema's names and types, and no null but where it allows them.

    Raises:
        ValueError: They do not.
    """
    if rows.schema != FLOW:
        raise ValueError(f"a batch has not the expected columns: {rows.schema.names} for {FLOW.names}")
    for field in FLOW:
        if not field.nullable and rows.column(field.name).null_count:
            raise ValueError(f"column {field.name} has nulls, which the schema does not allow")


def _footer(rows: int, groups: Sequence[Value], said: Mapping[str, str]) -> bytes:
    """The file's metadata."""
    more = {key.encode(): text.encode() for key, text in said.items()}
    return struct({**_schema(), 3: i64(rows), 4: listed(groups), 5: _pairs({**_said(), **more})}).content


@cache
def _schema() -> dict[int, Value]:
    """What the metadata of every file says: all but its rows."""
    columns = [_element(field) for field in FLOW]
    root = struct({4: binary(b"schema"), 5: i32(len(columns))})
    return {
        1: i32(2),
        2: listed([root, *columns]),
        6: binary(_BY),
        # Every column in its type's own order, without which nobody may use the statistics.
        7: listed([struct({1: struct({})}) for _ in columns]),
    }


@cache
def _said() -> dict[bytes, bytes]:
    """What every file's footer says by key; from the first pyarrow restores the schema, the meaning of each column included."""
    return {b"ARROW:schema": base64.b64encode(FLOW.serialize()), **(FLOW.metadata or {})}


def _pairs(said: Mapping[bytes, bytes]) -> Value:
    """Keys and texts of a footer."""
    return listed([struct({1: binary(key), 2: binary(text)}) for key, text in said.items()])


def _element(field: pa.Field) -> Value:
    """A column in the footer's schema."""
    kind = _KINDS[field.type]
    said = {1: i32(kind.physical), 3: i32(int(field.nullable)), 4: binary(field.name.encode())}
    if kind.length:
        said[2] = i32(kind.length)
    if kind.converted is not None:
        said[6] = i32(kind.converted)
    if kind.logical is not None:
        said[10] = kind.logical
    return struct(said)


def _chunk(parts: Sequence[pa.Array], field: pa.Field) -> _Chunk:
    """How a column is written whose values lie in some arrays."""
    nulls = sum(part.null_count for part in parts)
    levels: list[Octets] = [_levels(parts, nulls)] if field.nullable else []
    if nulls:
        parts = [rest for part in parts if len(rest := part.drop_null())]
    count = sum(map(len, parts))
    if not count:
        return _Chunk(None, levels, _PLAIN, nulls=nulls)
    if pa.types.is_string(field.type):
        return _texts(parts, levels)
    values = [_values(part) for part in parts]
    same = _is_same(values)
    span = _said_span([values[0][:1]] if same else values, field.type)
    if same:
        only = bytes(_plain(values[0][:1]))
        return _Chunk((only, 1), [*levels, _one_run(count)], _RLE_DICTIONARY, *span, nulls)
    if field.type == pa.uint8() and count >= _FEW:
        return _Chunk((_OCTET_DICTIONARY, 256), [*levels, *_packed(values, 8)], _RLE_DICTIONARY)
    if field.type == ADDRESS and field.nullable and (few := _few(values)) is not None:
        distinct, indices = few
        body = [*levels, *_packed([indices], 8)]
        return _Chunk((bytes(_plain(distinct)), len(distinct)), body, _RLE_DICTIONARY, *span, nulls)
    return _Chunk(None, [*levels, *map(_plain, values)], _PLAIN, *span, nulls)


def _few(parts: Sequence[npt.NDArray[Any]]) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]] | None:
    """The different addresses of a column and which one each row has; None where they are more than `_MOST_EXPORTERS`."""
    values = np.concatenate(parts)
    indices = np.zeros(len(values), np.uint8)
    distinct, at = [values[0]], 0
    left = np.flatnonzero((values != values[0]).any(axis=1))
    while len(left):
        at += 1
        if at == _MOST_EXPORTERS:
            return None
        distinct.append(values[left[0]])
        same = (values[left] == distinct[-1]).all(axis=1)
        indices[left[same]] = at
        left = left[~same]
    return np.array(distinct), indices


def _values(column: pa.Array) -> npt.NDArray[Any]:
    """A column's values without copying; addresses as pairs of 64-bit numbers, shape (n, 2)."""
    data = column.buffers()[1]
    if pa.types.is_fixed_size_binary(column.type):
        words = np.frombuffer(data, np.uint64).reshape(-1, 2)
        return words[column.offset : column.offset + len(column)]
    kind = np.int64 if pa.types.is_timestamp(column.type) else column.type.to_pandas_dtype()
    return np.frombuffer(data, kind)[column.offset : column.offset + len(column)]


_BLOCK = 8_192
"""Values compared at once: their comparison stays in the processor's cache."""


def _is_same(parts: Sequence[npt.NDArray[Any]]) -> bool:
    """Whether all values are equal; most columns of several values show it at their ends."""
    first = parts[0][0]
    if not all((part[0] == first).all() and (part[-1] == first).all() for part in parts):
        return False
    same = np.broadcast_to(first, (_BLOCK, *parts[0].shape[1:])).ravel()
    blocks = (part[at : at + _BLOCK].ravel() for part in parts for at in range(0, len(part), _BLOCK))
    return all((block == same[: len(block)]).all() for block in blocks)


def _octets(values: npt.NDArray[Any]) -> Octets:
    """The memory of contiguous values."""
    return values.data.cast("B")


def _plain(values: npt.NDArray[Any]) -> Octets:
    """Values in plain encoding; short integers take four octets."""
    if values.dtype.kind == "u" and values.dtype.itemsize < 4:
        values = values.astype("<u4")
    return _octets(values)


def _span(parts: Sequence[npt.NDArray[Any]]) -> tuple[bytes, bytes]:
    """Smallest and largest value in plain encoding: what readers skip by."""
    least, most = min(part.min() for part in parts), max(part.max() for part in parts)
    return least.tobytes(), most.tobytes()


def _said_span(parts: Sequence[npt.NDArray[Any]], kind: pa.DataType) -> tuple[bytes | None, bytes | None]:
    """What the footer says of a column: times are read by it, and addresses as numbers of 32 bits where all are IPv4."""
    if kind == ADDRESS:
        spans = [_address_span(part) for part in parts]
        return min(least for least, _ in spans), max(most for _, most in spans)
    return _span(parts) if pa.types.is_timestamp(kind) else (None, None)


def _address_span(words: npt.NDArray[np.uint64]) -> tuple[bytes, bytes]:
    """The first and the last of some addresses, in the order of their octets."""
    high = words[:, 0]
    if (high == high[0]).all():
        low = words[:, 1].byteswap()
        head = high[:1].tobytes()
        return tuple(head + bound.byteswap().tobytes() for bound in (low.min(), low.max()))
    high = high.byteswap()
    found = []
    for bound, of in ((high.min(), np.min), (high.max(), np.max)):
        low = of(words[high == bound, 1].byteswap())
        found.append(bound.byteswap().tobytes() + low.byteswap().tobytes())
    return found[0], found[1]


def _texts(parts: Sequence[pa.Array], levels: list[Octets]) -> _Chunk:
    """Text by a dictionary: a vantage point's name is the same in most files."""
    count = sum(map(len, parts))
    spelt = [_spelt(part) for part in parts if len(part)]
    if len({text.shape[1] for text in spelt}) == 1 and spelt[0].shape[1] and _is_same(spelt):
        return _Chunk((_text(spelt[0][0].tobytes()), 1), [*levels, _one_run(count)], _RLE_DICTIONARY)
    coded = pa.chunked_array(parts).combine_chunks().dictionary_encode()
    names = [text.encode() for text in coded.dictionary.to_pylist()]
    content = b"".join(map(_text, names))
    width = next(width for width in (8, 16, 32) if len(names) <= 1 << width)
    indices = coded.indices.to_numpy().astype(f"<u{width // 8}")
    return _Chunk((content, len(names)), [*levels, *_packed([indices], width)], _RLE_DICTIONARY)


def _text(name: bytes) -> bytes:
    """A text in plain encoding."""
    return len(name).to_bytes(4, "little") + name


def _spelt(column: pa.Array) -> npt.NDArray[np.uint8]:
    """Texts of one length without copying, shape (n, length); a length of 0 where they differ in it."""
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    length = int(bounds[1] - bounds[0])
    if not length or (bounds[1:] - bounds[:-1] != length).any():
        return np.empty((len(column), 0), np.uint8)
    return np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]].reshape(-1, length)


def _one_run(count: int) -> bytes:
    """Indices of which all are 0: their width in bits, and one run."""
    return b"\x01" + varint(count << 1) + b"\x00"


def _packed(indices: Sequence[npt.NDArray[Any]], width: int) -> list[Octets]:
    """Indices as wide as their type, in one bit-packed run, which comes in groups of eight."""
    count = sum(map(len, indices))
    groups = -(-count // 8)
    padding = bytes((groups * 8 - count) * width // 8)
    return [
        bytes([width]) + varint(groups << 1 | 1),
        *map(_octets, indices),
        padding,
    ]


def _levels(parts: Sequence[pa.Array], nulls: int) -> bytes:
    """Which values are there: definition levels of one bit, after their length."""
    count = sum(map(len, parts))
    if nulls in {0, count}:
        run = varint(count << 1) + bytes([int(not nulls)])
    else:
        valid = np.concatenate([part.is_valid().to_numpy(zero_copy_only=False) for part in parts])
        octets = np.packbits(valid, bitorder="little")
        run = varint(len(octets) << 1 | 1) + octets.tobytes()
    return len(run).to_bytes(4, "little") + run
