"""SQLite's log has its length before it is needed, and nothing of that is in the database."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db.utils import load_backend

from hanse.ledger.sqlite import log_room


@pytest.fixture
def connection(tmp_path, django_db_blocker):
    """Django's, to a file of its own."""
    settings = {
        "ENGINE": "hanse.ledger.sqlite", "NAME": str(tmp_path / "a.sqlite3"), "TIME_ZONE": None, "AUTOCOMMIT": True,
        "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False, "ATOMIC_REQUESTS": False, "USER": "", "PASSWORD": "", "HOST": "",
        "PORT": "", "TEST": {}, "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"},
    }  # fmt: skip
    made = load_backend("hanse.ledger.sqlite").DatabaseWrapper(settings, "a")
    with django_db_blocker.unblock(), closing(made):
        made.ensure_connection()
        made.connection.execute("CREATE TABLE kept (x)")
        made.connection.execute("INSERT INTO kept VALUES (7)")
        yield made


def log(connection) -> Path:
    """Its file."""
    return Path(f"{connection.settings_dict['NAME']}-wal")


def test_the_log_keeps_the_length_that_it_was_given(connection):
    """What is written after it makes the log no longer."""
    assert log_room.make_room(connection)
    length = log(connection).stat().st_size
    assert length >= log_room.LOG_BYTES
    connection.connection.execute("INSERT INTO kept VALUES (8)")
    assert log(connection).stat().st_size == length


def test_nothing_of_it_is_in_the_database_even_after_a_crash(connection, tmp_path):
    """A copy of the files as a crash would leave them has what was committed and no more."""
    log_room.make_room(connection)
    connection.connection.execute("INSERT INTO kept VALUES (8)")
    left = tmp_path / "left.sqlite3"
    shutil.copy(connection.settings_dict["NAME"], left)
    shutil.copy(log(connection), f"{left}-wal")
    with closing(sqlite3.connect(left)) as found:
        assert found.execute("SELECT x FROM kept ORDER BY x").fetchall() == [(7,), (8,)]
        assert found.execute("SELECT name FROM sqlite_master").fetchall() == [("kept",)]
        assert found.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_what_is_long_enough_is_left_alone(connection):
    """It is done once for as long as the database is open."""
    assert log_room.make_room(connection)
    assert not log_room.make_room(connection)


def test_a_disk_without_room_is_left_alone(connection, monkeypatch):
    """The last of a disk is for what is meant to stay."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=log_room.FREE_BYTES - 1))
    before = log(connection).stat().st_size
    assert not log_room.make_room(connection)
    assert log(connection).stat().st_size == before


def test_whoever_writes_is_not_waited_for_without_end(connection, monkeypatch):
    """A node whose database is busy starts without it."""
    monkeypatch.setattr(log_room, "_PATIENCE_S", 0.05)
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not log_room.make_room(connection)
    assert log_room.make_room(connection)


@pytest.mark.parametrize(("vendor", "name"), [("postgresql", "hanse"), ("sqlite", ":memory:")])
def test_a_server_or_memory_needs_none(vendor, name):
    """Nothing is opened of another database than SQLite in a file."""
    assert not log_room.make_room(SimpleNamespace(vendor=vendor, settings_dict={"NAME": name}))
