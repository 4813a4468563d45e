"""Whether a node is served, and that nobody changes its tables meanwhile: a lock that its processes hold in common."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hanse.console.processes import FOLDER
from hanse.kernel.errors import UsageError

LOCK = "served.lock"
"""File in the node's folder `run`; in it, nothing. The system lets go of the lock when a process ends, however it does."""


def be_served(home: Path) -> None:
    """Say that this process serves the node, until it ends.

    Raises:
        UsageError: Its tables are being brought to another version.
    """
    if not _lock(_opened(home), fcntl.LOCK_SH):
        raise UsageError(
            f"The node in {home} is being upgraded. Serve it when that is over; a backup and the tables take some "
            "minutes per million entries."
        )


def is_served(home: Path) -> bool:
    """Whether any process serves the node."""
    file = _opened(home)
    try:
        return not _lock(file, fcntl.LOCK_EX)
    finally:
        os.close(file)


@contextmanager
def not_served(home: Path, otherwise: str) -> Iterator[None]:
    """Keep everybody from serving the node meanwhile.

    Args:
        home: The node's folder.
        otherwise: Why it may not be served, in words that follow "The node in /folder is served:".

    Raises:
        UsageError: Somebody serves it.
    """
    file = _opened(home)
    try:
        if not _lock(file, fcntl.LOCK_EX):
            raise UsageError(f"The node in {home} is served: {otherwise}")
        yield
    finally:
        os.close(file)


def _opened(home: Path) -> int:
    folder = home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _lock(file: int, how: int) -> bool:
    """Whether the lock was got at once."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
