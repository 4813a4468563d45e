"""Room in SQLite's log before it is needed: commits then fill a file that has its length already.

SQLite takes its log away when the last connection closes. Of a node that was just started, each commit makes it longer,
and the disk has to note the new length beside what was written: a page that writes down who looked waits longer (a
bare row takes 0.19 ms in place of 0.12) until 32 MB were written, which may be days.
"""

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from hanse.ledger.sqlite.base import SUFFIX, in_turn

LOG_BYTES: Final = 31 * 1024 * 1024
"""A little less than that after which SQLite begins its log anew (`settings.database`)."""
FREE_BYTES: Final = 20 * LOG_BYTES
"""On a disk with less than that, the log takes only what it needs."""
_PATIENCE_S: Final = 5.0


def make_room(connection: Any) -> bool:
    """Make the log of a database as long as it gets anyway; whether that was done.

    What is written for it is never committed: whoever opens the file, also after a crash on the way, sees nothing of it.
    It takes some 30 ms, once, in which nobody else can write.

    Args:
        connection: Of Django, to the ledger's database; it is opened, and keeps the log for as long as it is open. Of
            another database than SQLite in a file, nothing is done.
    """
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or not Path(name).is_file():
        return False
    connection.ensure_connection()
    with suppress(OSError, sqlite3.Error):  # the node runs without it as well
        log = Path(f"{name}-wal")
        if (log.is_file() and log.stat().st_size >= LOG_BYTES) or shutil.disk_usage(
            log.parent
        ).free < FREE_BYTES:
            return False
        with closing(sqlite3.connect(name, timeout=_PATIENCE_S, isolation_level=None)) as own:
            own.execute("PRAGMA cache_size=16")  # pages; what does not fit goes into the log
            with in_turn(name + SUFFIX, _PATIENCE_S):
                own.execute("BEGIN IMMEDIATE")
            try:
                own.execute("CREATE TABLE room (of_no_use)")
                own.execute("INSERT INTO room VALUES (zeroblob(?))", (LOG_BYTES,))
            finally:
                own.execute("ROLLBACK")
        return True
    return False
