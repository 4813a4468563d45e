"""The process beside a node of the tests, which reads and sets: forked from one that has everything loaded.

`python -m tests.node.desks` reads one wish per line (JSON), forks what it asks for, and answers with the process id. To
load a node's rooms takes as long as most of what such a process is started for.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

from tests.forking import forked

ROOT = Path(__file__).parents[2]
MODULES: Final = ("tests.node.living", "tests.federation.sovereign")
"""What the process can be: each has `work`, which does a job per line (JSON) and answers each with a line."""
STARTS_S: Final = 120.0
ENDS_S: Final = 20.0


class Desk(Protocol):
    """A process beside a node."""

    def ask(self, line: str) -> str:
        """Its answer to a job; empty where it has ended."""

    def leave(self) -> None:
        """Let it end, and wait until it has."""


class Started:
    """One that loads everything for itself.

    Args:
        command: What it is started by.
        environment: Its environment.
    """

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line: str) -> str:
        """Its answer to a job; empty where it has ended."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(line)
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def leave(self) -> None:
        """Let it end, and wait until it has."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=ENDS_S)


class Forked:
    """One that has everything loaded; the node's tables are in a file.

    Args:
        module: One of `MODULES`.
        home: The node's folder.
        environment: Its environment.
    """

    def __init__(self, module: str, home: Path, environment: dict[str, str]) -> None:
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as waits:
            path = f"{folder}/desk"
            waits.bind(path)
            waits.listen(1)
            waits.settimeout(STARTS_S)
            _wish({"module": module, "home": str(home), "environment": environment, "socket": path})
            self._socket, _ = waits.accept()
        self._file = self._socket.makefile("rw")

    def ask(self, line: str) -> str:
        """Its answer to a job; empty where it has ended."""
        self._file.write(line)
        self._file.flush()
        return self._file.readline()

    def leave(self) -> None:
        """Let it end, and wait until it has: its end of the socket is closed by that."""
        self._socket.shutdown(socket.SHUT_WR)
        self._socket.settimeout(ENDS_S)
        while self._socket.recv(4096):
            pass
        self._file.close()
        self._socket.close()


@cache
def _nursery() -> "subprocess.Popen[str]":
    """The process that forks them; it ends with this one."""
    command = [sys.executable, "-m", "tests.node.desks"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    atexit.register(process.stdin.close)
    return process


def _wish(told: dict[str, Any]) -> None:
    process = _nursery()
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(told) + "\n")
    process.stdin.flush()
    assert process.stdout.readline(), "the nursery of desks ended; its error is above"


def become(node: Any, keys: Any) -> None:
    """Let this fork serve a node, in place of `bootstrap.configure`, which Django allows once."""
    from django.conf import settings
    from django.db import connections

    from hanse.bootstrap import session_secret
    from hanse.ledger import identity, keyring

    connections.close_all()
    settings.HANSE_NODE = node
    settings.SECRET_KEY = session_secret(keys)
    name = str(node.home / "hanse.sqlite3")
    settings.DATABASES["default"]["NAME"] = name
    connections["default"].settings_dict["NAME"] = name
    identity.belong_to(node.authority)
    keyring.hold(keys)


def _live(told: dict[str, Any]) -> None:
    """A fork's life: do jobs until there are no more."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(told["environment"])
    line = socket.socket(socket.AF_UNIX)
    line.connect(told["socket"])
    from django.db import connections

    from hanse import bootstrap

    bootstrap.configure = become
    lines: TextIO = line.makefile("r")
    import_module(told["module"]).work(Path(told["home"]), lines, line.makefile("w"))
    connections.close_all()


def main() -> None:
    """Fork until the input ends."""
    from hanse.bootstrap import configure
    from hanse.kernel.keys import Keyring
    from hanse.settings import Node

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for one that ended
    with tempfile.TemporaryDirectory(prefix="hanse-desks-") as folder:
        configure(Node(Path(folder), "template", "Template", "EE", exercise=True), Keyring.new())
        import tests.federation.sovereign_jobs  # noqa: F401 - for the forks

        for name in MODULES:
            import_module(name)
        for line in sys.stdin:
            sys.stdout.write(f"{forked(partial(_live, json.loads(line)))}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
