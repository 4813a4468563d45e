"""A process that writes without end: `python -m tests.ledger.greedy FILE` begins anew as soon as it has committed."""

import sys
import time

from hanse.ledger.sqlite.base import DatabaseWrapper

HELD_S = 0.05
"""How long each of its transactions takes."""


def opened(path: str) -> DatabaseWrapper:
    """A connection as a node has it, to a database of its own."""
    from django.db import connections

    told = {
        "ENGINE": "hanse.ledger.sqlite",
        "NAME": path,
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
    }
    return DatabaseWrapper(connections.configure_settings({"default": told})["default"], "greedy")


def write(path: str) -> None:
    """Count in a table, a transaction for each step."""
    from django.conf import settings

    settings.configure()
    connection = opened(path)
    while True:
        connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        connection.cursor().execute("UPDATE steps SET number = number + 1")
        time.sleep(HELD_S)
        connection.commit()
        connection.set_autocommit(True)


if __name__ == "__main__":
    write(sys.argv[1])
