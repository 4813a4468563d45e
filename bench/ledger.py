"""The ledger: appends against bare inserts of the same bytes, and `hanse node fsck` and `rebuild` in entries/s.

    python bench/ledger.py [--small] [--entries N]

Appends and bare inserts take turns in one process, on one disk, with the same durability: SQLite in WAL mode with
``synchronous=FULL``, PostgreSQL with ``fsync`` and ``synchronous_commit`` on. "Bare" inserts exactly the bytes
that the ledger has just stored, by the database's own driver, into one table with a primary key and nothing else;
"same tables" into copies of the ledger's two tables with their indexes. PostgreSQL is left out, with a word, where
Debian's packages are not installed.
"""
# ruff: noqa: PLC0415 - Django is configured first

import argparse
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

Row = tuple[Any, ...]

BATCHES = (1, 100, 1_000)
"""Entries of one call."""
LOG_PAGES = 4_000
"""Pages at which SQLite brings its log into the file and begins it anew (`settings`); of bare inserts it does so earlier."""
BAR = 3.0
"""A batched append takes at most so many times as long as a bare batched insert (issue 3)."""

COLUMNS = (
    "sequence", "payload", "signature", "key", "kind", "object_id", "version", "recipient", "time_us", "marking",
    "retention_us", "salt", "data", "sealed",
)  # fmt: skip
ENTRY, BODY = COLUMNS[:11], (COLUMNS[0], *COLUMNS[11:])
READ = f"SELECT e.{', '.join(COLUMNS)} FROM ledger_entry e JOIN ledger_body b ON b.sequence = e.sequence"  # noqa: S608 - names of this file


class Bare:
    """Inserts by the driver alone, one transaction per call."""

    def __init__(self, connection: Any, mark: str) -> None:
        self._connection = connection
        self._mark = mark

    def plain(self, rows: Sequence[Row]) -> None:
        """Into the table without indexes."""
        self._insert([("plain", COLUMNS, rows)])

    def same(self, rows: Sequence[Row]) -> None:
        """Into the copies of the ledger's tables."""
        entries = [row[:11] for row in rows]
        bodies = [(row[0], *row[11:]) for row in rows]
        self._insert([("ledger_entry", ENTRY, entries), ("ledger_body", BODY, bodies)])

    def _insert(self, what: Sequence[tuple[str, Sequence[str], Sequence[Row]]]) -> None:
        cursor = self._connection.cursor()
        for table, columns, rows in what:
            marks = ",".join([self._mark] * len(columns))
            cursor.executemany(f"INSERT INTO {table} ({','.join(columns)}) VALUES ({marks})", rows)  # noqa: S608 - names of this file
        self._connection.commit()


def bare_sqlite(folder: Path) -> Bare:
    """A second file beside the node's, with the same durability and pages of the same size."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name IN ('ledger_entry', 'ledger_body') AND sql IS NOT NULL"
        )
        same = [sql for (sql,) in cursor.fetchall()]
    made = sqlite3.connect(folder / "bare.sqlite3", isolation_level="IMMEDIATE")
    for sql in ("PRAGMA page_size=8192", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *same):
        made.execute(sql)
    made.execute(f"CREATE TABLE plain (sequence integer PRIMARY KEY, {', '.join(COLUMNS[1:])})")
    made.commit()
    return Bare(made, "?")


def bare_postgresql(address: str) -> Bare:
    """A schema of its own in the node's database."""
    import psycopg

    made = psycopg.connect(address)
    for setting in ("fsync", "synchronous_commit"):
        assert made.execute(f"SHOW {setting}").fetchone() == ("on",), f"{setting} is not on"
    made.execute("CREATE SCHEMA bare")
    for table in ("ledger_entry", "ledger_body"):
        made.execute(f"CREATE TABLE bare.{table} (LIKE public.{table} INCLUDING ALL)")
    made.execute(f"CREATE TABLE bare.plain AS {READ} LIMIT 0")
    made.execute("ALTER TABLE bare.plain ADD PRIMARY KEY (sequence)")
    made.execute("SET search_path TO bare")
    made.commit()
    return Bare(made, "%s")


def written(first: int) -> list[Row]:
    """What the ledger stored from a sequence on."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"{READ} WHERE e.sequence >= %s ORDER BY e.sequence", [first])
        return list(cursor.fetchall())


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def appends(bare: Bare, batch: int, rounds: int) -> dict[str, Any]:
    """Median seconds of one call: ours, and both bare ones, in turns."""
    from bench.making.node import NOTE, TEXT, Note

    from hanse.kernel.actors import system
    from hanse.ledger.writing import Draft, append_many

    actor = system("bench", "ee-cert", "EE", "member")
    drafts = [Draft(NOTE.name, Note(TEXT), reason="A benchmark.") for _ in range(batch)]
    took: dict[str, list[float]] = {"ours": [], "plain": [], "same": []}
    for _ in range(rounds):
        recorded: list[Any] = []
        took["ours"].append(timed(lambda: recorded.extend(append_many(drafts, actor))))  # noqa: B023 - run at once
        rows = written(recorded[0].sequence)
        assert len(rows) == batch
        took["plain"].append(timed(lambda: bare.plain(rows)))  # noqa: B023 - run at once
        took["same"].append(timed(lambda: bare.same(rows)))  # noqa: B023 - run at once
    middle = {name: statistics.median(values) for name, values in took.items()}
    stored = sum(len(value) for row in rows for value in row if isinstance(value, bytes | str | memoryview))
    return {"batch": batch, "octets": stored // batch, **middle}


def walks(entries: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Seconds of `fsck` and of `rebuild` on a node with attacks, traces, campaigns and consultations."""
    from bench.making.node import fill
    from django.db import connection

    from hanse.ledger.check import check
    from hanse.ledger.replay import rebuild

    fill(max(100, entries // 100), entries, progress)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_entry")
        total = cursor.fetchone()[0]

    def told(what: str, done: int, of: int) -> None:
        progress(f"fsck, {what}: {done:,} of {of:,}")

    found: list[Any] = []
    fsck = timed(lambda: found.extend(check(told)))
    assert not found, found[:3]
    made = timed(lambda: rebuild(lambda done, of: progress(f"rebuild: {done:,} of {of:,}")))
    return {"entries": total, "fsck": fsck, "rebuild": made}


def measure(address: str, rounds: int, entries: int) -> dict[str, Any]:
    """Everything on one database; Django is configured once per process."""
    from hanse.bootstrap import configure, make_tables
    from hanse.kernel.keys import Keyring
    from hanse.ledger.kinds import register
    from hanse.settings import Node

    with tempfile.TemporaryDirectory(prefix="hanse-bench-", dir=os.environ.get("HANSE_BENCH_FOLDER")) as name:
        node = Node(Path(name), "ee-cert", "CERT Estonia", "EE", database=address, exercise=True)
        configure(node, Keyring.new())
        from bench.making.node import NOTE
        from django.db import connection

        from hanse.ledger.sqlite.log_room import make_room

        register([NOTE])
        make_tables()
        make_room(connection)  # as the worker of a node does once it starts
        bare = bare_sqlite(Path(name)) if address == "sqlite" else bare_postgresql(address)
        appends(bare, 100, 3)  # imports, caches, the first pages of the files
        appended = [appends(bare, batch, rounds * (10 if batch == 1 else 1)) for batch in BATCHES]
        walked = walks(entries, _tell)
        # A new ledger's log still grows under each commit; one that is in use has its size, as have those of its bare copies.
        for _ in range(2 * LOG_PAGES * 8_192 // (1_000 * appended[-1]["octets"])):
            appends(bare, 1_000, 1)
        later = [appends(bare, batch, rounds * (10 if batch == 1 else 1)) for batch in BATCHES]
        return {"appends": {"new": appended, "in use": later}, "walks": walked}


def _tell(words: str) -> None:
    """Progress, one line that is written over; nothing where nobody looks."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{words}")
        sys.stderr.flush()


def run(address: str, rounds: int, entries: int) -> dict[str, Any]:
    """`measure` in a process of its own."""
    command = [
        sys.executable,
        __file__,
        "--database",
        address,
        "--rounds",
        str(rounds),
        "--entries",
        str(entries),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def show(database: str, told: dict[str, Any]) -> None:
    """The tables of one database."""
    print(f"\n{database}\n{'ledger':7} {'entries a call':>14} {'bytes each':>10} {'Hanse, µs each':>15} {'bare':>9} {'ratio':>6}"
          f" {'same tables':>12} {'ratio':>6}")  # fmt: skip
    for age, rows in told["appends"].items():
        for row in rows:
            each = {name: row[name] / row["batch"] * 1e6 for name in ("ours", "plain", "same")}
            bar = f"   (bar: {BAR:.0f}x)" if row["batch"] > 1 else ""
            print(
                f"{age:7} {row['batch']:14,} {row['octets']:10,} {each['ours']:15,.1f} {each['plain']:9,.1f}"
                f" {each['ours'] / each['plain']:5.2f}x {each['same']:12,.1f} {each['ours'] / each['same']:5.2f}x{bar}"
            )
    walked = told["walks"]
    for name in ("fsck", "rebuild"):
        rate = walked["entries"] / walked[name]
        print(f"{name:8} {walked['entries']:9,} entries in {walked[name]:6.1f} s: {rate:9,.0f} entries/s")


def main() -> None:
    """Run on both databases and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a short run")
    parser.add_argument("--entries", type=int, help="entries of the node for fsck and rebuild")
    parser.add_argument("--rounds", type=int, help="calls that are measured")
    parser.add_argument("--database", help="measure there, in this process, and print JSON")
    given = parser.parse_args()
    rounds = given.rounds or (5 if given.small else 20)
    entries = given.entries or (5_000 if given.small else 100_000)
    if given.database:
        print(json.dumps(measure(given.database, rounds, entries)))
        return
    from tests import postgres

    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
          f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC")  # fmt: skip
    show("SQLite", run("sqlite", rounds, entries))
    if postgres.programs() is None:
        print("\nPostgreSQL is not installed (Debian: postgresql): left out.")
        return
    with postgres.server() as address:
        show("PostgreSQL", run(address, rounds, entries))


if __name__ == "__main__":
    main()
