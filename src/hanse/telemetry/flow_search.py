"""Flows found again: which flows of some Parquet files pass some filters, the first of them, and what they add up to.

It asks DuckDB directly rather than through `hanse.engine`: a page has to answer at once, so each query is one
statement with parameters, may be interrupted, and has a memory limit far below the detector's. Figures are estimates:
packets and octets as observed, times the sampling; in 128 bits, as one lying counter would else end every search.
"""

import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa

from hanse.kernel.addresses import network_bounds
from hanse.telemetry.schema import FLOW
from hanse.telemetry.sought import SHOWN, Found, GoneError, Rank, Sought, Sum, TooMuchError

if TYPE_CHECKING:
    import duckdb

TOP = 10
"""Rows of a summary."""

MEMORY = "512MB"
"""DuckDB's limit for one search; beyond it, it uses the disk."""

TIME_S = 20.0
"""A search that takes longer is stopped: whoever waits for it would narrow it long before."""

ICMP = (1, 58)
"""Protocols that have types in place of ports (RFC 792, RFC 4443)."""


def search(
    files: Sequence[str], sought: Sought, *, rank: Rank = "bytes", shown: int = SHOWN, time_s: float = TIME_S
) -> Found:
    """Find flows in Parquet files of the flow schema.

    Args:
        files: The files; those that cannot hold such flows are better left out.
        sought: Which flows.
        rank: What the summaries are ordered by.
        shown: Most flows that are given out.
        time_s: Seconds after which it gives up.

    Raises:
        TooMuchError: It takes longer, or more memory than `MEMORY`.
        GoneError: A file is not there any more.
    """
    if not files:
        return _nothing()
    where, told = _where(sought)
    with _asking(files, told, time_s) as ask:
        sums = ask.sums(where, rank)
        held = sums["file"]
        if not held:
            return _nothing()
        first = ask.table(f"SELECT {_COLUMNS} FROM flows {where} {_ORDER} LIMIT {int(shown)}")  # noqa: S608 - fixed words
    files = tuple(sorted(one.key for one in held))
    return Found(
        first, _together(held), files=files, **{name: tuple(sums[one]) for name, one in _TOPS.items()}
    )


_TOPS = {
    "sources": "source",
    "targets": "target",
    "source_ports": "source_port",
    "target_ports": "target_port",
    "protocols": "protocol",
}
"""Summaries by their name in `Found`, and in `_WHAT`."""


def _together(sums: Sequence[Sum]) -> Sum:
    return Sum(
        None,
        sum(one.flows for one in sums),
        sum(one.packets for one in sums),
        sum(one.octets for one in sums),
    )


def files_with(files: Sequence[str], sought: Sought, *, time_s: float = TIME_S) -> list[str]:
    """Those of some files that hold at least one of the flows, in order of name.

    Raises:
        TooMuchError: It takes longer than `time_s` seconds.
    """
    if not files:
        return []
    where, told = _where(sought)
    with _asking(files, told, time_s) as ask:
        return [row[0] for row in ask.rows(f"SELECT DISTINCT filename FROM flows {where} ORDER BY filename")]  # noqa: S608 - fixed words


def batches(
    files: Sequence[str], sought: Sought, limit: int, *, time_s: float = 10 * TIME_S
) -> Iterator[pa.RecordBatch]:
    """All flows that are sought, in order of start, piece by piece: never more than a piece in memory.

    Args:
        files: The files.
        sought: Which flows.
        limit: Most flows.
        time_s: Seconds after which it gives up.

    Raises:
        TooMuchError: There are more flows than `limit`, said before the first piece; or it takes longer.
    """
    if not files:
        return
    where, told = _where(sought)
    with _asking(files, told, time_s) as ask:
        number = ask.rows(f"SELECT count(*) FROM flows {where}")[0][0]  # noqa: S608 - fixed words
        if number > limit:
            raise TooMuchError(
                f"These are {number:,} flows; a file takes at most {limit:,}. Narrow the time or the addresses."
            )
        yield from ask.pieces(f"SELECT {_COLUMNS} FROM flows {where} {_ORDER}")  # noqa: S608 - as above


_COLUMNS = ", ".join(f'"{name}"' for name in FLOW.names)
_ORDER = 'ORDER BY start, src, dst, src_port, dst_port, "end", packets'

_SUMMED = f"""
WITH parts AS (
    SELECT filename AS file, src::UUID AS source, dst::UUID AS target, protocol,
           CASE WHEN ported THEN src_port END AS source_port, CASE WHEN ported THEN dst_port END AS target_port,
           packets::HUGEINT * sampling AS sent, bytes::HUGEINT * sampling AS octets
    FROM (SELECT *, protocol NOT IN {ICMP} AND (src_port > 0 OR dst_port > 0) AS ported FROM flows {{where}})
), sums AS (
    SELECT grouping_id(file, source, target, protocol, source_port, target_port) AS what,
           file, source, target, protocol, source_port, target_port,
           count(*) AS flows, sum(sent) AS packets, sum(octets) AS bytes
    FROM parts
    GROUP BY GROUPING SETS (
        (file), (source), (target), (protocol, source_port), (protocol, target_port), (protocol))
    HAVING what NOT IN ({0b111001}, {0b111010}) OR source_port IS NOT NULL OR target_port IS NOT NULL
    QUALIFY what = {0b011111}
        OR row_number() OVER (PARTITION BY what ORDER BY {{rank}} DESC, source, target, protocol, source_port,
                              target_port) <= {TOP}
)
FROM sums ORDER BY what, {{rank}} DESC, file, source, target, protocol, source_port, target_port
"""  # noqa: S608 - fixed words
"""All summaries in one reading of the files. A bit of `what` is set where the column is not grouped by. Addresses are
compared as 128-bit numbers, which DuckDB hashes faster than octets (ADR 0014)."""

_WHAT = {
    0b011111: "file",
    0b101111: "source",
    0b110111: "target",
    0b111001: "source_port",
    0b111010: "target_port",
    0b111011: "protocol",
}


class _Asking:
    """Queries on one connection, on a table ``flows``, with the parameters of one search."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", told: dict[str, Any]) -> None:
        self._connection = connection
        self._told = told

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self._connection.execute(query, self._told).fetchall()

    def table(self, query: str) -> pa.Table:
        """All rows of a query for flows, in the flow schema."""
        return pa.Table.from_batches(self.pieces(query), FLOW)

    def pieces(self, query: str) -> Iterator[pa.RecordBatch]:
        """The rows of a query for flows, in the flow schema, piece by piece."""
        for batch in self._connection.sql(query, params=self._told).to_arrow_reader(16_384):
            yield pa.RecordBatch.from_arrays(
                [batch[field.name].cast(field.type) for field in FLOW], schema=FLOW
            )

    def sums(self, where: str, rank: Rank) -> dict[str, list[Sum]]:
        """The largest sums by each name of `_WHAT`, and those of every file."""
        told: dict[str, list[Sum]] = {name: [] for name in _WHAT.values()}
        for row in self.rows(_SUMMED.format(where=where, rank=rank)):
            name, key = _WHAT[row[0]], [value for value in row[1:7] if value is not None]
            one = tuple(key) if len(key) > 1 else key[0]
            told[name].append(Sum(one.bytes if isinstance(one, UUID) else one, *map(int, row[7:])))
        return told


@contextmanager
def _asking(files: Sequence[str], told: dict[str, Any], time_s: float) -> Iterator[_Asking]:
    """A connection that sees the files as ``flows``, and is interrupted when the time is up."""
    import duckdb  # noqa: PLC0415 - an idle node does without

    with tempfile.TemporaryDirectory(prefix="hanse-search-") as spill:
        connection = duckdb.connect(
            config={
                "memory_limit": MEMORY,
                "threads": min(4, os.cpu_count() or 1),
                "temp_directory": str(Path(spill) / "spill"),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            }
        )
        done = threading.Event()
        watch = threading.Thread(target=_interrupt, args=(connection, time_s, done), daemon=True)
        try:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET parquet_metadata_cache = true")
            given = f"{_list(files)}, filename = true, hive_partitioning = false"
            connection.execute(f"CREATE TEMP VIEW flows AS FROM read_parquet({given})")
            watch.start()
            yield _Asking(connection, told)
        except duckdb.InterruptException:
            raise TooMuchError(
                f"The search took more than {time_s:g} s and was stopped. Narrow the time or the addresses."
            ) from None
        except duckdb.OutOfMemoryException:
            raise TooMuchError(
                f"The search needs more than {MEMORY} of memory. Narrow the time or the addresses."
            ) from None
        except duckdb.IOException:
            raise GoneError("Flows were removed while they were searched. Search again.") from None
        finally:
            done.set()
            connection.close()


def _interrupt(connection: "duckdb.DuckDBPyConnection", time_s: float, done: threading.Event) -> None:
    """Interrupt whatever query runs after some seconds, again and again: the first time may fall between two."""
    wait_s = time_s
    while not done.wait(wait_s):
        connection.interrupt()
        wait_s = 0.05


def _list(files: Sequence[str]) -> str:
    """Paths as a list in SQL; a view takes no parameters."""
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in files) + "]"


def _where(sought: Sought) -> tuple[str, dict[str, Any]]:
    """The condition and its parameters."""
    parts: list[str] = ["true"]
    told: dict[str, Any] = {}

    def ask(text: str, **values: Any) -> None:
        parts.append(text)
        told.update(values)

    if sought.since_us is not None:
        ask('"end" >= make_timestamptz($since)', since=sought.since_us)
    if sought.until_us is not None:
        ask("start <= make_timestamptz($until)", until=sought.until_us)
    for name, columns, network in (
        ("address", ("src", "dst"), sought.address),
        ("source", ("src",), sought.source),
        ("target", ("dst",), sought.target),
    ):
        if network is not None:
            first, last = network_bounds(network)
            either = " OR ".join(f"{column} BETWEEN ${name}_first AND ${name}_last" for column in columns)
            ask(f"({either})", **{f"{name}_first": first, f"{name}_last": last})
    for name, columns, number in (
        ("port", ("src_port", "dst_port"), sought.port),
        ("source_port", ("src_port",), sought.source_port),
        ("target_port", ("dst_port",), sought.target_port),
    ):
        if number is not None:
            # Some exporters put ICMP's type and code where ports are; nobody who asks for a port means them.
            either = " OR ".join(f"{column} = ${name}" for column in columns)
            ask(f"({either}) AND protocol NOT IN {ICMP}", **{name: number})
    if sought.protocol is not None:
        ask("protocol = $protocol", protocol=sought.protocol)
    return "WHERE " + " AND ".join(parts), told


def _nothing() -> Found:
    return Found(FLOW.empty_table(), Sum(None, 0, 0, 0), (), (), (), (), (), ())
