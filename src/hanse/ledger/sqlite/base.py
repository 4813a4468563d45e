"""Whoever writes gets into SQLite in turn.

SQLite has one writer at a time and keeps no queue: who finds it busy sleeps, up to a tenth of a second, and tries again.
An import, which begins its next transaction as soon as it has ended one, is in again before anybody has woken up: a page
that writes down who looked at it waited for 20 s and was then refused. Here whoever begins takes a lock on a file first,
and gives it back once in: who waits for SQLite holds it, so that whoever comes out has to stand behind.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from django.db.backends.sqlite3 import base

SUFFIX: Final = "-turn"
"""Of the file beside the database. Nothing is ever written into it."""
LOOK_S: Final = 0.002
"""Seconds between looks whether it is one's turn."""


class DatabaseWrapper(base.DatabaseWrapper):
    """SQLite whose transactions begin one after the other."""

    def _start_transaction_under_autocommit(self) -> None:
        name, options = str(self.settings_dict["NAME"]), self.settings_dict["OPTIONS"]
        if options.get("transaction_mode") != "IMMEDIATE" or not os.path.isabs(name):  # noqa: PTH117 - memory has no path
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # the stubs do not know it
            return
        with in_turn(name + SUFFIX, options.get("timeout", 5.0)):
            if self.execute_wrappers or self.queries_logged:
                super()._start_transaction_under_autocommit()  # type: ignore[misc]  # the stubs do not know it
                return
            # Without a cursor of Django, which takes four times as long as to begin.
            with self.wrap_database_errors:
                self.connection.execute("BEGIN IMMEDIATE")


@contextmanager
def in_turn(path: str, patience_s: float) -> Iterator[None]:
    """Hold the turn of those who begin to write, or go on without it where nobody gives it back in time.

    Args:
        path: The file that is locked; it is made where it is not there.
        patience_s: After which a process that was stopped in its turn holds nobody up any more. SQLite itself then
            says whether it is busy.
    """
    turn = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait(turn, time.monotonic() + patience_s)
        yield
    finally:
        os.close(turn)  # which gives it back


def _wait(turn: int, until: float) -> None:
    while time.monotonic() < until:
        with suppress(BlockingIOError):
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(LOOK_S)
