"""Cleaning the database's files of what was purged, or sealed only later: freed pages, write-ahead logs and statistics keep old text.

SQLite overwrites a deleted row (secure_delete), but moving rows between pages leaves copies in their gaps, and its
write-ahead log holds earlier pages: the file is written anew (VACUUM) and the log cut to nothing. PostgreSQL keeps
dead rows, bounds of its statistics, and full pages in its log: tables are written anew (VACUUM FULL), statistics
are made again, and the log is switched, so that the files before it go at the checkpoint; that needs
``wal_recycle = off`` and no archive, about which `hanse node doctor` warns.
"""

from collections.abc import Callable

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.ledger.models import Body, Scrubbed
from hanse.ledger.replay import projections
from hanse.ledger.routing import database
from hanse.ledger.service import last_purge

_beside: list[Callable[[BaseDatabaseWrapper], object]] = []


def also_clean(clean: Callable[[BaseDatabaseWrapper], object]) -> None:
    """Have what lies beside the projections cleaned with them, such as a search index: given the database's connection."""
    if clean not in _beside:
        _beside.append(clean)


class ErasingError(HanseError):
    """The database's files could not be cleaned; what was purged may still be read in them."""


def scrub() -> bool:
    """Clean the files, if something was purged or sealed since they last were; whether that was needed.

    It writes the tables anew and keeps writers out meanwhile, some seconds per gigabyte: a chore does it at most
    once an hour, never a page. It runs outside of transactions.

    Raises:
        ErasingError: The database refuses, or readers stay in its log. It is to be tried again.
    """
    done, _ = Scrubbed.objects.get_or_create(pk=1)
    last = max(done.sealed, last_purge())
    if last <= done.through:
        return False
    connection = connections[database()]
    try:
        for clean in _beside:
            clean(connection)
        (_sqlite if connection.vendor == "sqlite" else _postgresql)(connection)
    except DatabaseError as error:
        raise ErasingError(
            f"What was purged may still be in the database's files: {str(error).strip()}. It is tried again; on "
            "PostgreSQL the node's user needs to own its tables and be a member of pg_checkpoint, with EXECUTE on "
            "pg_switch_wal()."
        ) from error
    Scrubbed.objects.filter(pk=1).update(through=last, time_us=now_us())
    return True


def _sqlite(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy = cursor.fetchone()[0]
    if busy:
        raise ErasingError("A reader keeps the write-ahead log from being cut. It is tried again.")


def _postgresql(connection: BaseDatabaseWrapper) -> None:
    quote = connection.ops.quote_name
    tables = [quote(name) for name in (Body._meta.db_table, *(one._meta.db_table for one in projections()))]
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM (FULL, ANALYZE) {', '.join(tables)}")
        cursor.execute("VACUUM FULL pg_catalog.pg_statistic")
        cursor.execute("SELECT pg_switch_wal()")
        cursor.execute("CHECKPOINT")
