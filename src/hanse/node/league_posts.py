"""The processes of one node of a league: making it, serving it, its exercise, and the desk beside it.

Each is a session of its own, so that Ctrl-C in the terminal reaches none of them but by this process, which ends them
in order; where this process is killed, they end by themselves (`following`).
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from hanse.egress.client import Client
from hanse.egress.errors import EgressError
from hanse.egress.rules import AllowedEndpoint, Rules
from hanse.exercise.vantage import Vantage
from hanse.kernel.errors import HanseError
from hanse.node.following import PARENT
from hanse.settings import SETTINGS_FILE

T = TypeVar("T")

ADDRESS: Final = "127.0.0.1"
WELL_S: Final = 2.0
"""Seconds that a node has to say that it is well, once asked."""
LAST_LINES: Final = 3
"""Lines of a log that are shown when a process fails."""


class LeagueError(HanseError):
    """The league cannot go on; says whose node it is, and what to do."""


class Post:
    """One node of the league on this machine.

    Args:
        one: Who it is.
        folder: The league's folder.
        port: Where it listens on the loopback address.

    Attributes:
        one: Who it is.
        home: The node's folder.
        log: What its processes write.
        url: Its console's address.
        port: Where it listens.
    """

    def __init__(self, one: Vantage, folder: Path, port: int) -> None:
        self.one = one
        self.home = folder / one.key
        self.log = folder / f"{one.key}.log"
        self.port = port
        self.url = f"http://{one.key}.localhost:{port}"
        self._node: subprocess.Popen[bytes] | None = None
        self._desk: subprocess.Popen[bytes] | None = None
        self._others: list[subprocess.Popen[bytes]] = []

    @property
    def is_made(self) -> bool:
        """Whether the node is there."""
        return (self.home / SETTINGS_FILE).exists()

    def make(self) -> subprocess.Popen[bytes]:
        """Begin to make the node, in a folder that gets its name once all of it is there."""
        one, new = self.one, self._new
        shutil.rmtree(new, ignore_errors=True)
        return self._start(
            "init", "--authority", one.authority, "--name", one.name, "--country", one.country, "--tier", one.tier,
            "--url", self.url, "--listen", f"{ADDRESS}:{self.port}", "--unattended", "--exercise", home=new,
        )  # fmt: skip

    def made(self) -> None:
        """Give the folder of a node that was made its name."""
        self._new.rename(self.home)

    @property
    def _new(self) -> Path:
        return self.home.with_name(self.home.name + ".new")

    def play(self, seed: int, scale: float) -> subprocess.Popen[bytes]:
        """Begin to make the node's telemetry and to look for attacks in it."""
        return self._start("exercise", "--seed", str(seed), "--scale", str(scale), self.one.scenario)

    def serve(self) -> None:
        """Begin to serve the node."""
        self._node = self._start("serve")

    def is_well(self) -> bool:
        """Whether the node answers and says that it is well.

        Raises:
            LeagueError: Its process has ended.
        """
        self.check()
        there = AllowedEndpoint(f"{self.one.key}.localhost", ADDRESS)
        try:
            answer = Client(Rules()).get(f"{self.url}/health/", http=True, allow=(there,), timeout_s=WELL_S)
        except EgressError:
            return False
        return answer.status == 200

    def check(self) -> None:
        """Raise where the node does not run any more.

        Raises:
            LeagueError: It has ended.
        """
        if self._node is not None and self._node.poll() is not None:
            raise self.failed(f"its node has ended by itself (exit code {self._node.returncode})")

    def failed(self, what: str) -> LeagueError:
        """The error that says what went wrong, with the end of the log."""
        lines = self.log.read_text("utf-8", "replace").strip().splitlines() if self.log.exists() else []
        said = "\n".join(f"  {line[:300]}" for line in lines[-LAST_LINES:])
        return LeagueError(f"{self.one.short}: {what}. Its log, {self.log}, ends with:\n{said}")

    def ask(self, job: str, answer: type[T], **told: Any) -> T:
        """Have the people of the node do something.

        Raises:
            LeagueError: They could not; says why.
        """
        self.open_desk()
        assert self._desk is not None  # noqa: S101 - it was opened just now
        assert self._desk.stdin is not None  # noqa: S101 - it was started with pipes
        assert self._desk.stdout is not None  # noqa: S101 - as above
        line = b""
        with suppress(BrokenPipeError):
            self._desk.stdin.write(msgspec.json.encode({"job": job, **told}) + b"\n")
            self._desk.stdin.flush()
            line = self._desk.stdout.readline()
        if not line:
            raise self.failed("the process in which its people work has ended")
        said = msgspec.json.decode(line)
        if "error" in said:
            raise LeagueError(f"{self.one.short}: {said['error']}")
        return msgspec.convert(said["said"], answer)

    def open_desk(self) -> None:
        """Begin the process beside the node in which its people work, where it does not run yet."""
        if self._desk is None:
            self._desk = self._start("league-desk", piped=True)

    def leave_desk(self) -> None:
        """End the process beside the node, which nobody needs any more."""
        if self._desk is not None:
            assert self._desk.stdin is not None  # noqa: S101 - it was started with pipes
            with suppress(BrokenPipeError):
                self._desk.stdin.close()
            self._desk.wait()
            self._desk = None

    @property
    def processes(self) -> list[int]:
        """Ids of the processes that serve the node: the first and all below it."""
        return [] if self._node is None else with_below(self._node.pid)

    @property
    def running(self) -> list[subprocess.Popen[bytes]]:
        """All that it started and that runs."""
        every = [*self._others, *(one for one in (self._desk, self._node) if one is not None)]
        return [one for one in every if one.poll() is None]

    def _start(self, *words: str, home: Path | None = None, piped: bool = False) -> subprocess.Popen[bytes]:
        """Start `hanse node` with some words."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HANSE_")}
        told = {"HANSE_HOME": str(home or self.home), PARENT: str(os.getpid())}
        pipe = subprocess.PIPE if piped else None
        with self.log.open("ab") as log:
            started = subprocess.Popen(
                [sys.executable, "-m", "hanse", "node", *words],
                env=kept | told, stdin=pipe or subprocess.DEVNULL, stdout=pipe or log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        if not piped:
            self._others.append(started)
        return started


class Batch:
    """Some work of each of several nodes, a few at a time.

    Args:
        posts: The nodes.
        start: Begins the work of one.
        most: How many at a time.
    """

    def __init__(
        self, posts: Sequence[Post], start: Callable[[Post], subprocess.Popen[bytes]], most: int
    ) -> None:
        self._waiting = list(posts)
        self._start = start
        self._most = most
        self._running: list[tuple[Post, subprocess.Popen[bytes]]] = []

    @property
    def over(self) -> bool:
        """Whether all is done."""
        return not self._waiting and not self._running

    def step(self) -> list[Post]:
        """Start what there is room for; the nodes whose work is done since the last step.

        Raises:
            LeagueError: The work of one failed.
        """
        done = []
        for post, process in list(self._running):
            if process.poll() is not None:
                self._running.remove((post, process))
                if process.returncode:
                    raise post.failed(f"a command failed (exit code {process.returncode})")
                done.append(post)
        while self._waiting and len(self._running) < self._most:
            post = self._waiting.pop(0)
            self._running.append((post, self._start(post)))
        return done


def end_all(posts: Sequence[Post], within_s: float) -> None:
    """End every process of some nodes in order, and after some seconds at once."""
    running = [process for post in posts for process in post.running]
    for process in running:
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + within_s
    for process in running:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=max(0.0, deadline - time.monotonic()))
    for process in running:
        if process.poll() is None:  # so that its id is still its own
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def with_below(pid: int) -> list[int]:
    """A process and all below it, by their ids."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def memory_mib(pids: Sequence[int]) -> float | None:
    """Memory of some processes together, MiB, pages that several share counted once; None where it is not told."""
    total = 0
    try:
        for pid in pids:
            words = Path(f"/proc/{pid}/smaps_rollup").read_text().split()
            total += int(words[words.index("Pss:") + 1])
    except (OSError, ValueError):
        return None
    return total / 1024
