"""Addresses inside DuckDB: the forms that it groups and joins fastest, and the way in and out of them (ADR 0014, ADR 0076)."""

from uuid import UUID

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hanse.kernel.addresses import V4_MAPPED

ADDRESS_OCTETS = 16
ENDS = ("src", "dst", "outer_src", "outer_dst")
"""Columns of flow Parquet that hold addresses of who sent and received."""

WIDE = dt.UUID()
"""Addresses inside DuckDB: 128-bit numbers, which need no memory besides themselves."""

NARROW = dt.uint32
"""Addresses of flows that are all IPv4: their own 32 bits, by which DuckDB groups a third faster. No other column of flows
or of what is made of them has this type."""

FIRST_V4, LAST_V4 = UUID(bytes=V4_MAPPED + bytes(4)), UUID(bytes=V4_MAPPED + b"\xff" * 4)


_HALF = """CREATE OR REPLACE TEMP MACRO hanse_half(address, bits) AS
    ((address::UHUGEINT >> bits) & 18446744073709551615::UHUGEINT)::UBIGINT"""
"""The 64 bits of an address above some lower ones: two numbers leave DuckDB five times as fast as 16 octets."""


_NETWORK = """CREATE OR REPLACE TEMP MACRO hanse_network(address, bits) AS
    ((address::UHUGEINT >> bits) << bits)::UUID"""
"""Ibis does not know DuckDB's unsigned 128-bit integers, without which a mask goes by way of strings."""


_OFFSET = f"{FIRST_V4.int}::UHUGEINT"
_FOUR = f"""CREATE OR REPLACE TEMP MACRO hanse_four(address) AS (address::UHUGEINT - {_OFFSET})::UINTEGER"""
"""The 32 bits of an IPv4 address; an error for another one, where a file says untruly that there is none."""

_ANY_FOUR = f"""CREATE OR REPLACE TEMP MACRO hanse_any_four(address) AS
    CASE WHEN address BETWEEN '{FIRST_V4}'::UUID AND '{LAST_V4}'::UUID THEN hanse_four(address) END"""
"""The same, null for another address, which meets none of the flows in a join; for few rows, as it takes longer."""


MACROS = (_HALF, _NETWORK, _FOUR, _ANY_FOUR)


@ibis.udf.scalar.builtin(name="hanse_four", signature=((dt.uuid,), dt.uint32))
def narrowed(address: ir.Value) -> ir.Value:
    """The 32 bits of an address that is IPv4."""


@ibis.udf.scalar.builtin(name="hanse_network", signature=((dt.uuid, dt.int32), dt.uuid))
def network(address: ir.Value, bits: int) -> ir.Value:
    """An address without its lowest bits."""


@ibis.udf.scalar.builtin(name="hanse_half", signature=((dt.uuid, dt.int32), dt.uint64))
def half(address: ir.Value, bits: int) -> ir.Value:
    """64 bits of an address above some lower ones."""


@ibis.udf.scalar.builtin(name="hash", signature=((dt.uuid,), dt.uint64))
def hash_wide(address: ir.Value) -> ir.Value:
    """DuckDB's hash of an address of 128 bits."""


@ibis.udf.scalar.builtin(name="hash", signature=((dt.uint32,), dt.uint64))
def hash_narrow(address: ir.Value) -> ir.Value:
    """DuckDB's hash of an address of 32 bits."""


@ibis.udf.scalar.builtin(name="hash", signature=((dt.binary,), dt.uint64))
def hash_octets(octets: ir.Value) -> ir.Value:
    """DuckDB's hash of octets."""


@ibis.udf.scalar.builtin(name="hash", signature=((dt.uint64, dt.int64), dt.uint64))
def hash_two(number: ir.Value, more: ir.Value) -> ir.Value:
    """One hash of a hash and a number."""


@ibis.udf.scalar.builtin(name="hash", signature=((dt.uint64, dt.uint64, dt.int64, dt.int64), dt.uint64))
def hash_four(one: ir.Value, other: ir.Value, number: ir.Value, more: ir.Value) -> ir.Value:
    """One hash of two hashes and two numbers."""


V4_SPELT = "".join(f"\\x{octet:02X}" for octet in V4_MAPPED)
"""How DuckDB spells the octets that every IPv4 address begins with, where it tells what a file says of its columns."""


def octets(high: pa.ChunkedArray, low: pa.ChunkedArray) -> pa.Array:
    """Addresses of 16 octets from their halves; null where these are."""
    words = np.empty((len(high), 2), ">u8")
    for place, half in enumerate((high, low)):
        # Asked only where it must be: Arrow's scalars import pandas where it is installed, which takes half a second.
        words[:, place] = (half.fill_null(0) if half.null_count else half).to_numpy()
    return pa.Array.from_buffers(pa.binary(ADDRESS_OCTETS), len(high), [_validity(high), pa.py_buffer(words)])


def mapped(column: pa.ChunkedArray) -> pa.Array:
    """IPv4 addresses of 16 octets from their 32 bits; null where these are."""
    quarters = np.zeros((len(column), 4), ">u4")
    quarters[:, 2] = 0xFFFF
    quarters[:, 3] = (column.fill_null(0) if column.null_count else column).to_numpy()
    return pa.Array.from_buffers(
        pa.binary(ADDRESS_OCTETS), len(column), [_validity(column), pa.py_buffer(quarters)]
    )


def _validity(column: pa.ChunkedArray) -> pa.Buffer | None:
    """Arrow's bitmap of what is not null; None where nothing is."""
    if not column.null_count:
        return None
    return pa.py_buffer(np.packbits(column.is_valid().to_numpy(), bitorder="little"))


def has_others(path: str) -> bool:
    """Whether a file of flows has addresses that are not IPv4, whatever its statistics say, by which DuckDB would skip them."""
    file = pq.ParquetFile(path)
    names = [name for name in ENDS if name in file.schema_arrow.names]
    return any(
        not pc.all(pc.starts_with(column.drop_null().cast(pa.binary()), V4_MAPPED), min_count=0).as_py()
        for batch in file.iter_batches(columns=names)
        for column in batch.columns
    )
