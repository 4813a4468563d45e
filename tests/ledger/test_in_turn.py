"""Nobody who writes waits behind more than one other transaction of a process that writes without end."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hanse.ledger.sqlite import base
from tests.ledger.greedy import HELD_S, opened
from tests.shared import ROOT

pytestmark = pytest.mark.django_db  # for databases of their own; pytest guards them all

PATIENCE_S = 20.0


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file with one table."""
    path = tmp_path / "one.sqlite3"
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE steps (number integer)")
        made.execute("INSERT INTO steps VALUES (0)")
        made.commit()
    return path


@pytest.fixture
def greedy(database: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes into it all the time."""
    process = subprocess.Popen([sys.executable, "-m", "tests.ledger.greedy", str(database)], cwd=ROOT)
    until = time.monotonic() + PATIENCE_S
    while steps(database) < 3:
        assert time.monotonic() < until
        time.sleep(HELD_S)
    yield process
    process.kill()
    process.wait()


def steps(database: Path) -> int:
    """How often it was written."""
    with closing(sqlite3.connect(database)) as reading:
        return int(reading.execute("SELECT number FROM steps").fetchone()[0])


def test_who_waits_is_next(database: Path, greedy: subprocess.Popen[bytes]) -> None:
    """The transaction that runs, and one that had its turn already, end before; then it is in."""
    assert greedy.poll() is None
    connection = opened(str(database))
    for _ in range(10):
        before = steps(database)
        connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        between = steps(database) - before
        connection.rollback()
        connection.set_autocommit(True)
        assert between <= 2
    connection.close()


def test_a_process_that_was_stopped_in_its_turn_holds_nobody_up_for_good(database: Path) -> None:
    """After its patience everybody goes on without, and SQLite alone decides."""
    path = f"{database}{base.SUFFIX}"
    code = f"import fcntl, os, time; fcntl.flock(os.open({path!r}, os.O_CREAT | os.O_RDWR), 2); print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as held:
        assert held.stdout
        held.stdout.readline()
        held.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        with base.in_turn(path, 0.2):
            waited = time.monotonic() - began
        held.kill()
    assert 0.2 <= waited < 5


def test_a_database_in_memory_has_no_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else writes into it, and it has no place beside which a file could lie."""
    monkeypatch.chdir(tmp_path)
    connection = opened(":memory:")
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    connection.rollback()
    connection.close()
    assert list(tmp_path.iterdir()) == []
