"""Serving a node: one web process and one worker, watched by a thin parent that does nothing else."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from hanse.ledger import keyfile
from hanse.settings import load

WEB_THREADS = 4
"""Requests served at once: pages are short, and SQLite has one writer."""
RESTART_S = 2.0
"""Seconds before a worker that ended by itself is started again."""


def application() -> Callable[..., Any]:
    """The web process's WSGI application."""
    from hanse.bootstrap import start  # noqa: PLC0415 - only the web process configures Django

    start()
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415

    made: Callable[..., Any] = get_wsgi_application()
    return made


def serve(home: Path, ready: Callable[[str], None]) -> None:
    """Serve until told to stop (SIGINT, SIGTERM); both processes end with this one.

    Args:
        home: The node's folder.
        ready: Told the node's address once it is about to listen.
    """
    node = load(home)
    held = _hand_over(home)
    environment = {**os.environ, "HANSE_HOME": str(home), "HANSE_PASSPHRASE_FILE": held}
    os.environ.update(environment)
    stopping = threading.Event()
    worker = threading.Thread(target=_keep_working, args=(environment, stopping), daemon=True)
    worker.start()
    address, _, port = node.listen.rpartition(":")
    server = Granian(
        "hanse.node.serving:application",
        address=address.strip("[]"),
        port=int(port),
        interface=Interfaces.WSGI,
        factory=True,
        workers=1,
        blocking_threads=WEB_THREADS,
        respawn_failed_workers=True,
        log_level=LogLevels.warning,
    )
    ready(node.url)
    try:
        server.serve()
    finally:
        stopping.set()
        worker.join(timeout=20)


def _hand_over(home: Path) -> str:
    """The passphrase, asked for once and held in memory: a path that only this user's processes can read."""
    held = os.memfd_create("hanse-passphrase")
    os.write(held, keyfile.passphrase(home).encode())
    return f"/proc/{os.getpid()}/fd/{held}"


def _keep_working(environment: dict[str, str], stopping: threading.Event) -> None:
    """Run the worker, again if it ends by itself, until told to stop."""
    while not stopping.is_set():
        process = subprocess.Popen([sys.executable, "-m", "hanse", "node", "worker"], env=environment)
        while process.poll() is None and not stopping.wait(0.2):
            pass
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
        stopping.wait(RESTART_S)
