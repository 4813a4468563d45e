"""Nodes without servers, to be cut off, killed and put back: one process has everything loaded, and forks each node.

`python -m tests.federation.jepsen.nursery FOLDER` reads one wish per line (JSON) and answers with a process id. Each
fork is a node: it connects to the socket that the wish names, does one job per line and answers it. What it asks of
other nodes goes over the same socket to the test, which is the network.
"""

import base64
import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

from tests.node.desks import become

TEMPLATE: Final = "template"
DIED: Final = 137
_NEVER: Final = -1


class Doom:
    """Kills this process at a step of a job: before each statement, before each commit, and right after it.

    Attributes:
        left: Steps until then; negative for never.
    """

    def __init__(self) -> None:
        self.left = _NEVER

    def install(self) -> None:
        """Watch this process's connection."""
        from django.db import connection

        connection.ensure_connection()
        connection.execute_wrappers.append(self._statement)
        commit = connection._commit

        def committing() -> None:
            self._step()
            commit()
            self._step()

        connection._commit = committing  # type: ignore[method-assign]  # the seam at which a commit is cut

    def _statement(self, execute: Callable[..., Any], *args: Any) -> Any:
        self._step()
        return execute(*args)

    def _step(self) -> None:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


class Line:
    """A fork's end of the socket: jobs come, answers and questions to other nodes go."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._file = self._socket.makefile("rwb")

    def say(self, told: dict[str, Any]) -> None:
        """One line."""
        self._file.write(json.dumps(told, default=str).encode() + b"\n")
        self._file.flush()

    def hear(self) -> dict[str, Any]:
        """The next line; the process ends where there is none any more."""
        line = self._file.readline()
        if not line:
            os._exit(0)
        heard: dict[str, Any] = json.loads(line)
        return heard


class ThroughTheTest:
    """Stands for the client that reaches partners: the test carries what is asked, or does not."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def post(self, url: str, *, body: bytes, limit_bytes: int, **_: Any) -> Any:
        """Ask a node; errors as of `Client.post`."""
        from hanse.egress.client import Response
        from hanse.egress.errors import TooLargeError, UnreachableError

        to = (urlsplit(url).hostname or "").removesuffix(".example")
        self._line.say({"post": to, "data": base64.b64encode(body).decode()})
        heard = self._line.hear()
        if "unreachable" in heard:
            raise UnreachableError(heard["unreachable"])
        data = base64.b64decode(heard["data"])
        if len(data) > limit_bytes:
            raise TooLargeError("It is too large.")
        return Response(heard["status"], {"content-type": heard["type"]}, data, "", "")


def _prepare(folder: Path) -> None:
    """Load everything, make empty tables once, and the attacks that all nodes find."""
    from django.db import connections

    from hanse.bootstrap import configure, make_tables
    from hanse.kernel.keys import Keyring
    from hanse.settings import Node

    home = folder / TEMPLATE
    home.mkdir(parents=True)
    configure(Node(home, "template", "Template", "EE", exercise=True), Keyring.new())
    make_tables()
    connections.close_all()
    from tests.federation.jepsen import jobs
    from tests.node.made import earliest

    earliest(jobs.ATTACKS)


def _tables(home: Path) -> None:
    """Empty tables, in place of `bootstrap.make_tables`, which takes seconds."""
    from django.db import connections

    connections.close_all()
    shutil.copy(home.parent / TEMPLATE / "hanse.sqlite3", home / "hanse.sqlite3")


def _set_clock(skew_us: list[int]) -> None:
    """Let this fork's clock be wrong by a time that can be changed."""
    from hanse.kernel import clock

    clock.time = SimpleNamespace(time_ns=lambda: time.time_ns() + skew_us[0] * 1_000)  # type: ignore[assignment]  # all that it reads


def _live(told: dict[str, Any]) -> None:
    """A fork's life: become the node, and do jobs."""
    home, line, skew_us, doom = Path(told["home"]), Line(told["socket"]), [told["skew_us"]], Doom()
    from hanse import bootstrap
    from hanse.federation import exchange
    from hanse.kernel.errors import HanseError
    from hanse.node import restoring
    from tests.federation.jepsen import jobs

    _set_clock(skew_us)
    client = ThroughTheTest(line)
    for module in (bootstrap, restoring):
        module.configure = become  # type: ignore[attr-defined]  # the seams that a second process of Django would need
        module.make_tables = lambda: _tables(home)  # type: ignore[attr-defined]  # as above
    exchange.make_client = lambda: client  # type: ignore[assignment,return-value]  # the one way out is the test
    jobs.client = client
    if (home / "settings.toml").exists():
        bootstrap.start(home)
        doom.install()
    while True:
        heard = line.hear()
        doom.left, skew_us[0] = heard.pop("doom", _NEVER), heard.pop("skew_us", skew_us[0])
        job = getattr(jobs, heard.pop("job"))
        try:
            answer = {"answer": job(**heard)}
        except HanseError as error:
            answer = {"refused": f"{type(error).__name__}: {error}"}
        doom.left = _NEVER
        line.say(answer)


def _fork(told: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        _live(told)
    except BaseException:  # noqa: BLE001 - a child never returns into its parent's work
        import traceback

        traceback.print_exc()
    finally:
        os._exit(1)


def main() -> None:
    """Fork nodes until the input ends."""
    folder = Path(sys.argv[1])
    os.environ["HANSE_PASSPHRASE_FILE"] = str(folder / "passphrase")
    (folder / "passphrase").write_text("for tests")
    from hanse import logs
    from hanse.kernel import keys

    logs.configure()
    keys._stretched = lambda *told: sha256(repr(told).encode()).digest()  # type: ignore[assignment]  # nobody guesses at these keys, and each start would take a second
    _prepare(folder)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a node that ended
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"pid": _fork(json.loads(line))}), flush=True)


if __name__ == "__main__":
    main()
