"""Open an engine by its address and read flow Parquet through it."""

import os
import shutil
import socket
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.sql.datatypes import DuckDBType

from hanse.engine import duckdb_addresses
from hanse.engine.duckdb_addresses import ADDRESS_OCTETS, ENDS, NARROW, WIDE
from hanse.kernel.errors import DataMissingError, Problem, UnreadableInputError, UsageError

DEFAULT_MEMORY = "3GB"
"""DuckDB's own limit: 100 million flows must be analysed in under 4 GB by the whole process."""


_TEXTS = 256
"""Queries whose text is remembered, some 50 kB each: a detection asks 30 to 60."""


class Engine(Protocol):
    """What the rooms need of a query engine, beyond Ibis itself.

    Inside an engine, addresses have the form that it groups and joins fastest (ADR 0014, ADR 0076). What goes in by
    `table` and comes out by `arrow` has them as 16 octets. A form goes with the flows that were read last: tables that
    are to be joined with flows are made after these are read, and not after others are.
    """

    name: str

    def read(self, paths: Sequence[str]) -> ir.Table:
        """The rows of all Parquet files (or folders of them) under one schema."""

    def table(self, rows: pa.Table, name: str) -> ir.Table:
        """A small Arrow table as a table of the engine; `name` is replaced if it exists."""

    def keep(self, query: ir.Table, name: str) -> ir.Table:
        """Compute a query once and keep its rows under a name for the queries to come."""

    def scratch(self) -> AbstractContextManager[None]:
        """What `table` and `keep` make inside is gone at the end, and its memory free."""

    def arrow(self, query: ir.Table) -> pa.Table:
        """Run a query."""

    def micros(self, moment: ir.Value) -> ir.IntegerValue:
        """Microseconds since the epoch of a timestamp column."""

    def is_v4(self, address: ir.Value) -> ir.BooleanValue:
        """Whether an address column holds an IPv4 address (RFC 4291, 2.5.5.2)."""

    def network(self, address: ir.Value, octets: int) -> ir.Value:
        """The first address of the network that the first octets of an address column name."""

    def hashed(self, address: ir.Value) -> ir.IntegerValue:
        """A 64-bit hash of an address column; the same within one engine only."""

    def hashed_with(self, address: ir.Value, number: ir.Value) -> ir.IntegerValue:
        """A 64-bit hash of an address and a number: a narrow key for wide joins.

        Two different keys among n collide with probability about n^2 / 2^65: under one in a million for
        a million of them.
        """

    def hashed_pair(
        self, one: ir.Value, other: ir.Value, number: ir.Value, more: ir.Value
    ) -> ir.IntegerValue:
        """A 64-bit hash of two addresses and two numbers, in this order."""

    def without(self, rows: ir.Table, keys: ir.Table, key: str) -> ir.Table:
        """Rows whose key is not among some keys; neither has nulls. `keys` may be many, but not wide."""


_UTC = dt.Timestamp(timezone="UTC")


@ibis.udf.scalar.builtin(name="epoch_us", signature=((_UTC,), dt.int64))
def _duckdb_micros(moment: ir.Value) -> ir.Value: ...


@ibis.udf.scalar.builtin(name="concat", signature=((dt.binary, dt.binary), dt.binary))
def _spark_joined(first: ir.Value, rest: ir.Value) -> ir.Value: ...


@ibis.udf.scalar.builtin(name="unix_micros", signature=((_UTC,), dt.int64))
def _spark_micros(moment: ir.Value) -> ir.Value: ...


@ibis.udf.scalar.builtin(name="substring", signature=((dt.binary, dt.int64, dt.int64), dt.binary))
def _spark_slice(address: ir.Value, first: int, length: int) -> ir.Value: ...


@ibis.udf.scalar.builtin(name="xxhash64", signature=((dt.binary, dt.int64), dt.int64))
def _spark_hash_two(address: ir.Value, number: ir.Value) -> ir.Value: ...


@ibis.udf.scalar.builtin(name="xxhash64", signature=((dt.binary, dt.binary, dt.int64, dt.int64), dt.int64))
def _spark_hash_four(one: ir.Value, other: ir.Value, number: ir.Value, more: ir.Value) -> ir.Value: ...


@ibis.udf.agg.builtin(name="bit_or", signature=((dt.int64,), dt.int64))
def any_bits(number: ir.Value) -> ir.Value:
    """All numbers of a group or-ed. Ibis knows it for DuckDB only; both engines have it under this name."""


class _Scratch(ABC):
    """The tables of an engine that were made under a name, to be dropped together.

    Left there, a second detection of the same engine wrote what the first had kept to the disk to make room.
    """

    def __init__(self) -> None:
        self._made: set[str] = set()

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """What `table` and `keep` make inside is gone at the end, and its memory free."""
        outside, self._made = self._made, set()
        try:
            yield
        finally:
            inside, self._made = self._made, outside
            for name in sorted(inside):
                self._drop(name)

    @abstractmethod
    def _drop(self, name: str) -> None:
        """Drop a table, and what is kept for it."""


class DuckDBEngine(_Scratch):
    """DuckDB inside this process, spilling to a folder of its own beyond its memory limit."""

    name = "duckdb"

    def __init__(self, memory: str = DEFAULT_MEMORY, threads: int | None = None) -> None:
        super().__init__()
        self._memory = memory
        self._threads = threads or os.cpu_count() or 1
        self._spill: str | None = None
        self._connection: Any = None
        self._names: dict[tuple[str, ...], str] = {}
        self._form: dt.DataType = WIDE
        self._files: Sequence[str] = ()

    def start(self) -> None:
        """Open the connection and the spill folder."""
        self._spill = tempfile.mkdtemp(prefix="hanse-spill-")
        self._connection = ibis.duckdb.connect(
            threads=self._threads,
            memory_limit=self._memory,
            temp_directory=self._spill,
        )
        # Without this DuckDB holds back parallel scans to keep rows in file order, which nothing here needs.
        self._connection.raw_sql("SET preserve_insertion_order = false")
        self._connection.raw_sql("SET TimeZone = 'UTC'")
        for macro in duckdb_addresses.MACROS:
            self._connection.raw_sql(macro)
        # A store has a file per hour, and each of the detector's queries would read all footers anew.
        self._connection.raw_sql("SET parquet_metadata_cache = true")

    def stop(self) -> None:
        """Close the connection and remove the spill folder."""
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None
        if self._spill is not None:
            shutil.rmtree(self._spill, ignore_errors=True)
            self._spill = None

    def read(self, paths: Sequence[str]) -> ir.Table:
        """The rows of all Parquet files (or folders of them) under one schema."""
        files = _files(paths)
        # A name for each set of files, as earlier tables may still be used, the same in every engine (`_duckdb_text`).
        name = self._names.setdefault(tuple(files), f"hanse_flows_{len(self._names) + 1}")
        rows = self._connection.read_parquet(
            files, table_name=name, hive_partitioning=False, union_by_name=False
        )
        flows = ibis.table(rows.schema(), name=name)
        self._form, self._files = (NARROW if self._all_v4(files) else WIDE), files
        wide = {one: flows[one].cast("uuid") for one in (*ENDS, "exporter") if one in flows.columns}
        # Nobody joins by exporter, whose addresses may be of another kind.
        narrow = {one: duckdb_addresses.narrowed(wide[one]) for one in ENDS if one in wide}
        return flows.mutate(**(wide | narrow if self._form is NARROW else wide))

    def _all_v4(self, files: Sequence[str]) -> bool:
        """Whether the files say of all addresses of who sent and received that they are IPv4.

        By the smallest and largest of each row group, which a writer may leave out: then it is not known.
        """
        if not files:
            return False
        said = self._connection.con.execute(
            """SELECT bool_and(stats_null_count = num_values
                OR (starts_with(stats_min_value, $prefix) AND starts_with(stats_max_value, $prefix)) IS TRUE)
            FROM parquet_metadata($files) WHERE path_in_schema IN $names""",
            {"prefix": duckdb_addresses.V4_SPELT, "files": list(files), "names": list(ENDS)},
        ).fetchall()
        return bool(said == [(True,)])

    def table(self, rows: pa.Table, name: str) -> ir.Table:
        """A small Arrow table as a table of the engine; `name` is replaced if it exists."""
        raw = self._connection.con
        raw.register("hanse_incoming", rows)
        addresses = [field.name for field in rows.schema if field.type == pa.binary(ADDRESS_OCTETS)]
        cast = 'hanse_any_four("{0}"::UUID) AS "{0}"' if self._form is NARROW else '"{0}"::UUID AS "{0}"'
        numbers = ", ".join(map(cast.format, addresses))
        columns = f"* REPLACE ({numbers})" if numbers else "*"
        raw.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {columns} FROM hanse_incoming")  # noqa: S608 - names of columns
        raw.unregister("hanse_incoming")
        self._made.add(name)
        others = ibis.Schema.from_pyarrow(
            pa.schema(field for field in rows.schema if field.name not in addresses)
        )
        kinds = {field: self._form if field in addresses else others[field] for field in rows.schema.names}
        return ibis.table(kinds, name=name)

    def keep(self, query: ir.Table, name: str) -> ir.Table:
        """Compute a query once and keep its rows under a name for the queries to come."""
        # Ibis 12 cannot replace a temporary table itself: it drops it by a statement that does not parse.
        with self._told_clearly():
            self._connection.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {_duckdb_kept(query.op())}")
        self._made.add(name)
        return ibis.table(query.schema(), name=name)

    def _drop(self, name: str) -> None:
        self._connection.con.execute(f"DROP TABLE IF EXISTS {name}")

    def arrow(self, query: ir.Table) -> pa.Table:
        """Run a query."""
        kinds = query.schema().items()
        wide = [name for name, kind in kinds if kind == WIDE]
        rows = self._rows(_duckdb_halves(query.op()) if wide else query)
        whole = {name: duckdb_addresses.octets(rows[f"_high_{name}"], rows[f"_low_{name}"]) for name in wide}
        whole |= {name: duckdb_addresses.mapped(rows[name]) for name, kind in kinds if kind == NARROW}
        if not whole:
            return rows
        return pa.table({name: whole[name] if name in whole else rows[name] for name in query.columns})

    def _rows(self, query: ir.Table) -> pa.Table:
        """What a query without addresses finds, in Arrow's types of its columns."""
        with self._told_clearly():
            rows = self._connection.con.sql(_duckdb_text(query.op())).to_arrow_table()
        return rows.cast(query.schema().to_pyarrow())

    @contextmanager
    def _told_clearly(self) -> Iterator[None]:
        """Say which file holds addresses that it said it has none of."""
        import duckdb  # noqa: PLC0415 - loaded with the first engine and not with this module

        try:
            yield
        except duckdb.ConversionException as error:
            path = (
                next(filter(duckdb_addresses.has_others, self._files), None) if self._form is NARROW else None
            )
            if path is None:
                raise
            what = "its statistics say that all addresses are IPv4, and they are not."
            do = "Leave this file out, or write it anew from its flows."
            raise UnreadableInputError(Problem(path, what, do=do)) from error

    def micros(self, moment: ir.Value) -> ir.IntegerValue:
        """Microseconds since the epoch of a timestamp column."""
        return _duckdb_micros(moment)

    def is_v4(self, address: ir.Value) -> ir.BooleanValue:
        """Whether an address column holds an IPv4 address."""
        if address.type() == NARROW:
            return address.notnull()
        # Compared as it lies, without working out each one's network.
        return (address >= ibis.literal(duckdb_addresses.FIRST_V4, WIDE)) & (
            address <= ibis.literal(duckdb_addresses.LAST_V4, WIDE)
        )

    def network(self, address: ir.Value, octets: int) -> ir.Value:
        """The first address of the network that the first octets of an address column name."""
        bits = 8 * (ADDRESS_OCTETS - octets)
        if address.type() == NARROW:
            # A network of so few octets that all IPv4 addresses are in it is named by the first of them.
            mask = 0xFFFFFFFF >> bits << bits if bits < 32 else 0
            return (address & ibis.literal(mask, "uint32")).cast("uint32")
        return duckdb_addresses.network(address, ibis.literal(bits, "int32"))

    def hashed(self, address: ir.Value) -> ir.IntegerValue:
        """A 64-bit hash of an address column; the same within one engine only."""
        kind = address.type()
        if kind.is_binary():
            return duckdb_addresses.hash_octets(address)
        return (
            duckdb_addresses.hash_narrow(address) if kind == NARROW else duckdb_addresses.hash_wide(address)
        )

    def hashed_with(self, address: ir.Value, number: ir.Value) -> ir.IntegerValue:
        """A 64-bit hash of an address and a number."""
        return duckdb_addresses.hash_two(self.hashed(address), number.cast("int64"))

    def hashed_pair(
        self, one: ir.Value, other: ir.Value, number: ir.Value, more: ir.Value
    ) -> ir.IntegerValue:
        """A 64-bit hash of two addresses and two numbers, in this order."""
        return duckdb_addresses.hash_four(
            self.hashed(one), self.hashed(other), number.cast("int64"), more.cast("int64")
        )

    def without(self, rows: ir.Table, keys: ir.Table, key: str) -> ir.Table:
        """Rows whose key is not among some keys."""
        # Of an anti join DuckDB may build its table from the rows, which are wide; NOT IN uses the keys.
        return rows.filter(rows[key].notin(keys[key]))


class SparkEngine(_Scratch):
    """Apache Spark: ``spark://host:port`` for a cluster, ``spark://local[2]`` inside this machine."""

    name = "spark"

    def __init__(self, address: str) -> None:
        super().__init__()
        rest = address.removeprefix("spark://")
        self._master = rest if rest.startswith("local") else address
        self._session: Any = None
        self._connection: Any = None

    def start(self) -> None:
        """Start or join the Spark session.

        Raises:
            DataMissingError: PySpark or Java is not installed.
        """
        if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
            raise DataMissingError(
                "Spark needs Java, which is not installed. Install a JDK, or leave --engine out."
            )
        try:
            from pyspark.sql import SparkSession  # noqa: PLC0415 - an optional engine, loaded only when it is asked for
        except ImportError as error:
            raise DataMissingError(
                "The Spark engine needs PySpark. Install it with: pip install pyspark"
            ) from error
        self._session = (
            SparkSession.builder.master(self._master)
            .appName("hanse")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.shuffle.partitions", "2" if self._master.startswith("local") else "200")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.driver.host", "127.0.0.1" if self._master.startswith("local") else _own_address())
            .config("spark.sql.execution.arrow.pyspark.enabled", "true")
            .getOrCreate()
        )
        self._session.sparkContext.setLogLevel("ERROR")
        self._connection = ibis.pyspark.connect(self._session)

    def stop(self) -> None:
        """Stop the Spark session."""
        if self._session is not None:
            self._session.stop()
            self._session = None

    def read(self, paths: Sequence[str]) -> ir.Table:
        """The rows of all Parquet files (or folders of them) under one schema."""
        frame = self._session.read.parquet(*_files(paths))
        frame.createOrReplaceTempView("hanse_flows")
        return self._named("hanse_flows")

    def table(self, rows: pa.Table, name: str) -> ir.Table:
        """A small Arrow table as a table of the engine; `name` is replaced if it exists."""
        octets = [
            field.with_type(pa.binary()) if field.type == pa.binary(ADDRESS_OCTETS) else field
            for field in rows.schema
        ]
        frame = self._session.createDataFrame(rows.cast(pa.schema(octets)))
        frame.createOrReplaceTempView(name)
        self._made.add(name)
        return self._named(name)

    def keep(self, query: ir.Table, name: str) -> ir.Table:
        """Compute a query once and keep its rows under a name for the queries to come."""
        frame = self._session.sql(ibis.to_sql(query, dialect="pyspark")).cache()
        frame.createOrReplaceTempView(name)
        self._made.add(name)
        return self._named(name)

    def _drop(self, name: str) -> None:
        self._session.table(name).unpersist()
        self._session.catalog.dropTempView(name)

    def _named(self, name: str) -> ir.Table:
        """A table by its name, bound to no session: what is built of it may be run in the next one."""
        return ibis.table(self._connection.table(name).schema(), name=name)

    def arrow(self, query: ir.Table) -> pa.Table:
        """Run a query."""
        return self._connection.to_pyarrow(query)

    def micros(self, moment: ir.Value) -> ir.IntegerValue:
        """Microseconds since the epoch of a timestamp column."""
        return _spark_micros(moment)

    def is_v4(self, address: ir.Value) -> ir.BooleanValue:
        """Whether an address column holds an IPv4 address."""
        first, last = (
            ibis.literal(bound.bytes, "binary")
            for bound in (duckdb_addresses.FIRST_V4, duckdb_addresses.LAST_V4)
        )
        return (address >= first) & (address <= last)

    def network(self, address: ir.Value, octets: int) -> ir.Value:
        """The first address of the network that the first octets of an address column name."""
        return _spark_joined(
            _spark_slice(address, 1, octets), ibis.literal(bytes(ADDRESS_OCTETS - octets), "binary")
        )

    def hashed(self, address: ir.Value) -> ir.IntegerValue:
        """A 64-bit hash of an address column; the same within one engine only."""
        return _spark_hash_two(address, ibis.literal(0, "int64"))

    def hashed_with(self, address: ir.Value, number: ir.Value) -> ir.IntegerValue:
        """A 64-bit hash of an address and a number."""
        return _spark_hash_two(address, number.cast("int64"))

    def hashed_pair(
        self, one: ir.Value, other: ir.Value, number: ir.Value, more: ir.Value
    ) -> ir.IntegerValue:
        """A 64-bit hash of two addresses and two numbers, in this order."""
        return _spark_hash_four(one, other, number.cast("int64"), more.cast("int64"))

    def without(self, rows: ir.Table, keys: ir.Table, key: str) -> ir.Table:
        """Rows whose key is not among some keys."""
        return rows.anti_join(keys, key)


@contextmanager
def open_engine(address: str = "duckdb", memory: str = DEFAULT_MEMORY) -> Iterator[Engine]:
    """The engine at an address, started, and stopped at the end.

    Args:
        address: ``duckdb``, or ``spark://host:port``, or ``spark://local[2]``.
        memory: DuckDB's memory limit, such as ``3GB``.

    Raises:
        UsageError: The address names no known engine.
        DataMissingError: The engine is not installed.
    """
    engine: DuckDBEngine | SparkEngine
    if address == "duckdb":
        engine = DuckDBEngine(memory)
    elif address.startswith("spark://"):
        engine = SparkEngine(address)
    else:
        raise UsageError(f"Unknown engine {address!r}. Use duckdb, spark://HOST:PORT or spark://local[2].")
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


@lru_cache(maxsize=_TEXTS)
def _duckdb_halves(query: ops.Node) -> ir.Table:
    """A query with two numbers, ``_high_`` and ``_low_`` before its name, in place of each address."""
    rows = query.to_expr()
    numbers = [name for name, kind in rows.schema().items() if kind == WIDE]
    halves = {
        f"_{place}_{name}": duckdb_addresses.half(rows[name], ibis.literal(bits, "int32"))
        for name in numbers
        for place, bits in (("high", 64), ("low", 0))
    }
    return rows.mutate(**halves).drop(*numbers)


@lru_cache(maxsize=_TEXTS)
def _duckdb_text(query: ops.Node) -> str:
    """The SQL of a query. No table of this engine is bound to its connection: to unbind one takes 10 ms.

    Ibis takes about 20 ms to write a query, which for few flows is several times what DuckDB takes to run it.
    The detector asks the same queries of tables of the same names each time: they are written once.
    """
    return str(ibis.to_sql(query.to_expr(), dialect="duckdb", pretty=False))


@lru_cache(maxsize=_TEXTS)
def _duckdb_kept(query: ops.Node) -> str:
    """The SQL of a query whose rows are kept: each column of the type that Ibis takes it for.

    DuckDB sums 64-bit numbers as 128-bit ones. What is not cast here would have to be asked of its catalog.
    """
    kinds = query.to_expr().schema().items()
    columns = ", ".join(f'"{name}"::{DuckDBType.to_string(kind)} AS "{name}"' for name, kind in kinds)
    return f"SELECT {columns} FROM ({_duckdb_text(query)})"  # noqa: S608 - as Ibis wrote it


def _own_address() -> str:
    """The address under which a cluster can reach this machine."""
    return socket.gethostbyname(socket.getfqdn())


def _files(paths: Sequence[str]) -> list[str]:
    """All Parquet files behind paths, folders walked, in a fixed order."""
    found: list[str] = []
    for path in map(Path, paths):
        found += sorted(str(file) for file in path.rglob("*.parquet")) if path.is_dir() else [str(path)]
    return found
