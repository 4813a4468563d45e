"""A node of its own, made and served by the command that people use; it ends with the test that started it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.node.living import founded, opened
from tests.shared import ROOT

NAME = "CERT Estonia"
LOG = "served.log"
"""What it says, in its folder."""
STARTS_S = 180
"""Longest that a node may take to answer: it imports Django, and numba in the worker."""


@dataclass(frozen=True, slots=True)
class Served:
    """A node that answers.

    Attributes:
        url: Where browsers reach it.
        invitation: The first administrator's link, which works once.
        home: Its folder.
        pid: The process that `hanse node serve` is.
    """

    url: str
    invitation: str
    home: Path
    pid: int

    def said(self) -> str:
        """The end of its log."""
        return (self.home / LOG).read_text(errors="replace")[-8_000:]


def hanse(home: Path, *words: str, **more: str) -> str:
    """Run a command of the node and give what it prints.

    Raises:
        subprocess.CalledProcessError: It failed; what it said is in the error.
    """
    environment = {**os.environ, "HANSE_HOME": str(home), **more}
    done = subprocess.run(
        [sys.executable, "-m", "hanse", *words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"hanse {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def served(
    home: Path, *, exercise: bool = True, name: str = NAME, database: str = "sqlite"
) -> Iterator[Served]:
    """Make a node in an empty folder and serve it on a free port.

    Args:
        home: The folder.
        exercise: Whether the node says that it rehearses.
        name: What the authority is called.
        database: ``sqlite``, or the address of a PostgreSQL database.
    """
    port = _free_port()
    url = f"http://localhost:{port}"
    if (exercise, name, database) == (True, NAME, "sqlite"):
        told, known = founded(home), opened()
        settings = home / "settings.toml"
        settings.write_text(settings.read_text().replace("exercise = false", "exercise = true"))
    else:
        known = {}
        told = hanse(
            home, "node", "init", "--authority", "ee-cert", "--name", name, "--country", "EE", "--unattended",
            *(["--exercise"] if exercise else []), HANSE_DATABASE=database,
        )  # fmt: skip
    invitation = re.search(r"http://[^/\s]+(/\S*/welcome/\S+)", told)
    assert invitation, told
    environment = {
        **os.environ, "HANSE_HOME": str(home), "HANSE_DATABASE": database, "HANSE_URL": url,
        "HANSE_LISTEN": f"127.0.0.1:{port}", **known,
    }  # fmt: skip
    with (home / LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hanse", "node", "serve"],
            env=environment, cwd=ROOT, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _wait(f"{url}/health/", process, home / LOG)
        yield Served(url, url + invitation[1], home, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + STARTS_S
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - this node's own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"The node did not answer within {STARTS_S} s: {log.read_text()}")
