"""Child processes kept as they should be: running while they are wanted, anew when they end, ended with the parent."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_log = logging.getLogger(__name__)

LOOK_S = 0.25
"""Seconds between looks at whether a child lives and is wanted."""

SHORTEST_S, LONGEST_S = 1.0, 60.0
"""Seconds before a child that ended by itself is started again: twice as long each time, at most a minute."""

STEADY_S = 60.0
"""A child that lived for so long was well: its next failure is a first one again."""

END_S = 30.0
"""Seconds that a child has to end in order: the collector writes what it holds, and what ran as ended."""


def _quietly(_code: int, _again_s: float) -> None:
    """Nobody else is told of a failure."""


@dataclass(frozen=True)
class Child:
    """A child process to be kept.

    Attributes:
        name: The command of `hanse node` that it runs.
        wanted: What it is wanted for now: None for not at all; when it changes, the child starts anew.
        failed: Told the exit code and the seconds until the next attempt when it has ended by itself.
        ended: Told when it is not wanted any more and has ended.
    """

    name: str
    wanted: Callable[[], str | None] = str
    failed: Callable[[int, float], None] = _quietly
    ended: Callable[[], None] = lambda: None


def keep(child: Child, environment: dict[str, str], stopping: threading.Event) -> None:
    """Keep a child as it should be until told to stop; then it is ended first."""
    wait = SHORTEST_S
    while not stopping.is_set():
        mark = child.wanted()
        if mark is None:
            stopping.wait(LOOK_S)
            continue
        began = time.monotonic()
        process = _started(child.name, environment)
        while process.poll() is None and child.wanted() == mark and not stopping.wait(LOOK_S):
            pass
        if process.poll() is None:
            end(process)
            child.ended()
            wait = SHORTEST_S
            continue
        if time.monotonic() - began > STEADY_S:
            wait = SHORTEST_S
        _log.error(
            "%s ended by itself (%d); it is started again in %.0f s", child.name, process.returncode, wait
        )
        child.failed(process.returncode, wait)
        _rest(child, mark, wait, stopping)
        wait = min(wait * 2, LONGEST_S)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process in order, or else at once."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _started(name: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "hanse", "node", name], env={**os.environ, **environment})


def _rest(child: Child, mark: str, seconds: float, stopping: threading.Event) -> None:
    """Wait before the next attempt; a change of what is wanted ends the waiting."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and child.wanted() == mark and not stopping.wait(LOOK_S):
        pass
