"""A real node for tests: its processes as people start them, and beside them one process that reads and sets.

`python -m tests.node.living HOME` reads one job per line (JSON) and answers each with a line.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TextIO, TypeVar

from hanse.kernel.keys import opener
from hanse.ledger import keyfile
from tests.node.desks import ROOT, Desk, Forked, Started

STARTS_S = 120.0
"""Longest that processes may take to start on a busy machine."""

T = TypeVar("T")


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: Callable[[], T], seconds: float = STARTS_S, every: float = 0.25) -> T:
    """The first true answer within a time; the last answer is in the error."""
    end = time.monotonic() + seconds
    while True:
        answer = what()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {seconds:.0f} s; at last: {answer!r}"
        time.sleep(every)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid: int) -> list[int]:
    """Process ids of everything below a process."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid:
            one = int(stat.parent.name)
            found += [one, *children(one)]
    return found


def command_of(pid: int) -> str:
    """A process's command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Living:
    """A node in a folder.

    Attributes:
        home: The folder.
        url: Where it is served.
        log: What its processes wrote.
        process: `hanse node serve`, while it runs.
        beside: Module of the process beside.
        inside: Words of a command in front of that of the process beside, such as one that enters a namespace.
    """

    beside: ClassVar[str] = "tests.node.living"

    def __init__(self, home: Path, database: str, **more: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = home.with_name(home.name + ".log")
        self.environment = {
            **os.environ, "HANSE_HOME": str(home), "HANSE_DATABASE": database, "HANSE_URL": self.url,
            "HANSE_LISTEN": f"127.0.0.1:{self.port}", **more,
        }  # fmt: skip
        self.environment.pop("HANSE_PARENT", None)
        self.process: subprocess.Popen[bytes] | None = None
        self.inside: list[str] = []
        self._desk: Desk | None = None

    def make(self) -> None:
        """Found the node; in a file of its own, as a copy of one that was founded before."""
        if self.environment["HANSE_DATABASE"] == "sqlite":
            founded(self.home)
            self.environment |= opened()
            return
        _found(self.run)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `hanse node` with some words to its end."""
        command = [sys.executable, "-m", "hanse", "node", *words]
        return subprocess.run(
            command, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
        )

    def serve(self) -> int:
        """Serve it, and wait until it is well; the process id."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hanse", "node", "serve"],
                env=self.environment, cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip
        until(lambda: self.health()[0] == 200)
        return self.process.pid

    def health(self) -> tuple[int, dict[str, Any]]:
        """Status and content of the health page; 0 while nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/health/", timeout=5) as answer:  # noqa: S310 - our own
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, {}

    def child(self, name: str) -> int | None:
        """Process id of the child that runs a command of `hanse node`."""
        assert self.process
        found = [one for one in children(self.process.pid) if command_of(one).endswith(f"hanse node {name}")]
        return found[0] if found else None

    def do(self, job: str, **told: Any) -> Any:
        """Have something read or set, in the process beside."""
        if self._desk is None:
            self._desk = self._opened()
        line = self._desk.ask(json.dumps({"job": job, **told}) + "\n")
        assert line, f"{job} failed; its error is above"
        return json.loads(line)

    def _opened(self) -> Desk:
        """The process beside: one that has everything loaded, where it can be anybody's."""
        if self.inside or self.environment["HANSE_DATABASE"] != "sqlite":
            command = [*self.inside, sys.executable, "-m", self.beside, str(self.home)]
            return Started(command, self.environment)
        return Forked(self.beside, self.home, self.environment)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal to the parent and wait for its end and that of everything below it; its exit code.

        The children of a parent that was killed see within seconds that it is gone, and end. Until then one of them
        answers on the port on which the next `serve` listens, and would be taken for it.
        """
        assert self.process
        below = children(self.process.pid)
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self.process = None
        until(lambda: not any(alive(pid) for pid in below))
        return code

    def leave_desk(self) -> None:
        """End the process beside; the next job starts another, on what then is in the folder."""
        if self._desk is not None:
            self._desk.leave()
            self._desk = None

    def close(self) -> None:
        """End everything that still runs, also where the browser does not."""
        try:
            self.leave_desk()
        finally:
            self._end()

    def _end(self) -> None:
        if self.process is not None:
            below = children(self.process.pid)
            self.process.terminate()
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
            for pid in below:
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)


FIRST = ("--authority", "ee-cert", "--name", "CERT Estonia", "--country", "EE")


def _found(run: Callable[..., "subprocess.CompletedProcess[str]"], words: tuple[str, ...] = FIRST) -> str:
    """Found a node by the command of people; where it is served is told to its processes by their environment."""
    done = run("init", *words, "--unattended")
    assert done.returncode == 0, done.stderr
    return done.stdout


def founded(home: Path, words: tuple[str, ...] = FIRST, name: str = "founded") -> str:
    """Copy a founded node, which is founded once per run, into a folder; what the command said when it was founded.

    Founding loads everything, for 3 s. The run's folder is in `HANSE_TEST_RUN`.
    """
    first = Path(os.environ["HANSE_TEST_RUN"]) / name
    said = first.with_suffix(".said")
    with first.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker of the run may be founding it
        if not said.exists():
            told = _found(Living(first, "sqlite").run, words)
            passphrase = (first / "keys" / "passphrase").read_text().strip()
            first.with_suffix(".opener").write_bytes(opener((first / keyfile.KEYS).read_bytes(), passphrase))
            said.write_text(told)
    shutil.copytree(first, home, dirs_exist_ok=True)
    return said.read_text()


def opened(name: str = "founded") -> dict[str, str]:
    """Environment of processes of a node that was copied: its passphrase is stretched already, half a second for each.

    Once the keys were wrapped anew it is stretched again.
    """
    return {keyfile.OPENER: str((Path(os.environ["HANSE_TEST_RUN"]) / name).with_suffix(".opener"))}


@contextmanager
def living(home: Path, database: str = "sqlite", **more: str) -> Iterator[Living]:
    """A founded node that is not served yet; `more` are environment variables."""
    node = Living(home, database, **more)
    node.make()
    try:
        yield node
    finally:
        node.close()


def work(home: Path, lines: TextIO = sys.stdin, answers: TextIO = sys.stdout) -> None:
    """The process beside."""
    from hanse.bootstrap import start

    os.environ["HANSE_PASSPHRASE_FILE"] = str(home / "keys" / "passphrase")
    node = start(home)

    import msgspec

    from hanse.attacks.models import Alert, Attack
    from hanse.console import endpoints, service
    from hanse.kernel.actors import system
    from hanse.ledger.models import Entry
    from hanse.telemetry.models import Partition

    actor = system("tests", node.authority, node.country, node.tier)

    def change(group: str, value: dict[str, Any]) -> None:
        service.change(msgspec.convert(value, service.GROUPS[group]), actor)

    def allow(host: str, port: int, address: str) -> None:
        from hanse.accounts.approvals import approve
        from tests.accounts.people import acting, newcomer

        one, other = acting(newcomer("administrator")), acting(newcomer("approver", name="Jaan Tamm"))
        approve(endpoints.propose_endpoint(host, port, address, "It is our own.", one), other)

    def attacks() -> list[dict[str, Any]]:
        return list(Attack.projected.values("name", "victim", "vector", "state", "start_us", "end_us"))

    def alerts() -> list[dict[str, Any]]:
        return list(Alert.objects.order_by("sequence").values("channel", "to", "delivered", "words"))

    def kinds() -> list[str]:
        return list(Entry.objects.order_by("sequence").values_list("kind", flat=True))

    def partitions() -> list[dict[str, Any]]:
        return list(Partition.projected.values("source", "rows", "path"))

    jobs = {one.__name__: one for one in (change, allow, attacks, alerts, kinds, partitions)}
    for line in lines:
        told = json.loads(line)
        answer = jobs[told.pop("job")](**told)
        answers.write(json.dumps(answer, default=str) + "\n")
        answers.flush()


if __name__ == "__main__":
    work(Path(sys.argv[1]))
