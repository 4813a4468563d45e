"""The worker: does the queued work, and what a node does by the clock (checkpoints, retention, watched folders)."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command
from django.db import DatabaseError, close_old_connections

from hanse.kernel.actors import system
from hanse.kernel.errors import HanseError
from hanse.settings import Node

_log = logging.getLogger(__name__)

CHECKPOINT_S = 60.0
"""Seconds between checkpoints (DESIGN.md)."""
RETENTION_S = 3600.0
"""Seconds between looks at retention dates; purging is promised within 24 hours."""
FOLDERS_S = 5.0
"""Seconds between looks at watched folders."""
QUEUE_S = 0.5
"""Seconds between looks at the queue when it is empty."""
ALIVE = "worker.alive"
"""File in the node's home whose time says when the worker last lived."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something done again and again.

    Attributes:
        name: For the log.
        every_s: Seconds between the end of one time and the beginning of the next.
        do: What is done.
    """

    name: str
    every_s: float
    do: Callable[[], object]


def chores(node: Node) -> list[Chore]:
    """What this node does by the clock."""
    from hanse.ledger.retention import purge_due  # noqa: PLC0415 - after Django is configured
    from hanse.ledger.tree import integrate  # noqa: PLC0415
    from hanse.jobs_wiring import look  # noqa: PLC0415

    watcher = system("watcher", node.authority, node.country, node.tier)
    return [
        Chore("alive", 5.0, (node.home / ALIVE).touch),
        Chore("checkpoint", CHECKPOINT_S, integrate),
        Chore("retention", RETENTION_S, purge_due),
        Chore("folders", FOLDERS_S, lambda: look(watcher)),
    ]


def work(node: Node) -> None:
    """Work until told to stop (SIGTERM, SIGINT): the chores on threads of their own, the queue on this one."""
    stop = threading.Event()
    threads = [threading.Thread(target=_again, args=(chore, stop), daemon=True) for chore in chores(node)]
    for thread in threads:
        thread.start()
    try:
        call_command("db_worker", interval=QUEUE_S, startup_delay=False, verbosity=1)
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=5)


def _again(chore: Chore, stop: threading.Event) -> None:
    """Do a chore until told to stop; one that fails is tried again at its next time."""
    while True:
        close_old_connections()
        try:
            chore.do()
        except (HanseError, DatabaseError, OSError):
            _log.exception("%s failed; it is tried again in %.0f s", chore.name, chore.every_s)
        if stop.wait(chore.every_s):
            return


def last_alive(home: Path) -> float | None:
    """When the worker last lived, s UTC; None if never."""
    try:
        return (home / ALIVE).stat().st_mtime
    except FileNotFoundError:
        return None
