"""The processes of one node of a league: those that serve it, and the desk beside it in which its people work.

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
from queue import Empty, Queue
from threading import Thread
from typing import Any, Final, TypeVar

import msgspec

from hanse.egress.client import Client
from hanse.egress.errors import EgressError
from hanse.egress.rules import AllowedEndpoint, Rules
from hanse.exercise.vantage import Vantage
from hanse.kernel.errors import HanseError
from hanse.node.following import PARENT

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
        self._answers: Queue[bytes] = Queue()

    @property
    def is_made(self) -> bool:
        """Whether the node is there, whole."""
        return self._made.exists()

    @property
    def _made(self) -> Path:
        """A file that is there once the node is: one whose making was broken off is made anew."""
        return self.home.with_name(f"{self.home.name}.made")

    def open_desk(self) -> None:
        """Begin the process beside the node in which its people work; it makes the node first where there is none."""
        if self._desk is not None:
            return
        words = ["hanse.node.league_beside", self.one.key]
        if not self.is_made:
            shutil.rmtree(self.home, ignore_errors=True)
            words += ["--make", "--url", self.url, "--listen", f"{ADDRESS}:{self.port}"]
        self._desk = self._start(*words, piped=True)
        Thread(target=self._listen, args=(self._desk,), name=f"desk-{self.one.key}", daemon=True).start()

    def _listen(self, desk: subprocess.Popen[bytes]) -> None:
        """Hand on what the desk answers, and an empty line when it has ended."""
        assert desk.stdout is not None  # noqa: S101 - it was started with pipes
        for line in desk.stdout:
            self._answers.put(line)
        self._answers.put(b"")

    def is_open(self) -> bool:
        """Whether the desk has just become ready.

        Raises:
            LeagueError: It could not be opened.
        """
        with suppress(Empty):
            if not self._answers.get_nowait():
                raise self.failed("the process in which its people work has ended")
            self._made.touch()
            return True
        return False

    def serve(self) -> None:
        """Begin to serve the node."""
        self._node = self._start("hanse", "node", "serve")

    def is_well(self) -> bool:
        """Whether the node answers and says that it is well.

        Raises:
            LeagueError: Its process has ended.
        """
        self.check()
        there = AllowedEndpoint.of(self.url, ADDRESS)
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
        assert self._desk is not None  # noqa: S101 - it is opened before anything is asked
        assert self._desk.stdin is not None  # noqa: S101 - it was started with pipes
        with suppress(BrokenPipeError):
            self._desk.stdin.write(msgspec.json.encode({"job": job, **told}) + b"\n")
            self._desk.stdin.flush()
        line = self._answers.get()
        if not line:
            raise self.failed("the process in which its people work has ended")
        said = msgspec.json.decode(line)
        if "error" in said:
            raise LeagueError(f"{self.one.short}: {said['error']}")
        return msgspec.convert(said["said"], answer)

    def close_desk(self) -> None:
        """Tell the process beside the node that nobody needs it any more."""
        if self._desk is not None:
            assert self._desk.stdin is not None  # noqa: S101 - it was started with pipes
            with suppress(BrokenPipeError):
                self._desk.stdin.close()

    def leave_desk(self) -> None:
        """Wait for its end."""
        if self._desk is not None:
            self._desk.wait()
            self._desk = None

    @property
    def processes(self) -> list[int]:
        """Ids of the processes that serve the node: the first and all below it."""
        return [] if self._node is None else with_below(self._node.pid)

    @property
    def running(self) -> list[subprocess.Popen[bytes]]:
        """All that it started and that runs."""
        every = [one for one in (self._desk, self._node) if one is not None]
        return [one for one in every if one.poll() is None]

    def _start(self, *words: str, piped: bool = False) -> subprocess.Popen[bytes]:
        """Start a program of this installation: a module, and words."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HANSE_")}
        told = {"HANSE_HOME": str(self.home), PARENT: str(os.getpid())}
        pipe = subprocess.PIPE if piped else None
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *words],
                env=kept | told, stdin=pipe or subprocess.DEVNULL, stdout=pipe or log, stderr=log,
                start_new_session=True,
            )  # fmt: skip


class Batch:
    """Some work of each of several nodes, a few at a time.

    Args:
        posts: The nodes.
        start: Begins the work of one.
        is_done: Whether that of one is done.
        most: How many at a time.
    """

    def __init__(
        self,
        posts: Sequence[Post],
        start: Callable[[Post], object],
        is_done: Callable[[Post], bool],
        most: int,
    ) -> None:
        self._waiting = list(posts)
        self._start = start
        self._is_done = is_done
        self._most = most
        self.running: list[Post] = []

    @property
    def over(self) -> bool:
        """Whether all is done."""
        return not self._waiting and not self.running

    def step(self) -> list[Post]:
        """Start what there is room for; the nodes whose work is done since the last step."""
        done = [post for post in self.running if self._is_done(post)]
        self.running = [post for post in self.running if post not in done]
        while self._waiting and len(self.running) < self._most:
            post = self._waiting.pop(0)
            self._start(post)
            self.running.append(post)
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
