"""Serving a node: a web process, a worker and, where it is on, the collector, kept by a thin parent.

The parent opens no database: it starts its children, starts them anew, and ends them. They end with it also where
it is killed (`following`).
"""

import errno
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from hanse import logs
from hanse.console import processes
from hanse.kernel.errors import UsageError
from hanse.ledger import keyfile
from hanse.ledger.keyring import leave_no_core
from hanse.node.following import PARENT, follow_parent
from hanse.node.keeping import END_S, Child, keep
from hanse.node.served import be_served
from hanse.settings import SETTINGS_FILE, Node, listen_address, load, metrics_address

WEB_THREADS = 4
"""Requests served at once: pages are short, and SQLite has one writer."""

WEB_IDLE_S = 600
"""Seconds that a thread waits for its next request; a new one would have to open the database first."""

TAKEN_S = 5
"""Seconds that a port may still be taken by the processes of a node that was killed."""

WEB_END_S = 15
"""Seconds that the web process has to end in order."""


def application() -> Callable[..., Any]:
    """The web process's WSGI application."""
    follow_parent()
    from hanse.bootstrap import loading, start  # noqa: PLC0415 - only the web process configures Django

    node = start()
    be_served(node.home)
    if node.metrics:
        from hanse.node.metrics import publish  # noqa: PLC0415 - most nodes publish none

        publish(node)
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415
    from django.urls import get_resolver  # noqa: PLC0415

    with loading():
        made: Callable[..., Any] = get_wsgi_application()
        _ = get_resolver().url_patterns  # imports the views, which the first request would have to wait for
    from hanse.taxii import ahead  # noqa: PLC0415 - as above

    ahead.start()
    return made


def serve(home: Path, ready: Callable[[Node], None]) -> None:
    """Serve until told to stop (SIGINT, SIGTERM); all processes end with this one.

    Args:
        home: The node's folder.
        ready: Told the node once it is about to listen.

    Raises:
        SettingsError: There is no node in that folder, or a setting cannot be meant.
        UsageError: Nothing can listen where it should: most often something does already, such as this node.
        HanseError: There are no keys, or no passphrase.
    """
    follow_parent()  # where another process serves several nodes, they end with it
    logs.configure()
    leave_no_core()
    node = load(home)
    if node.metrics:
        metrics_address(node.metrics)  # refused here, before anything runs
    _refuse_taken(node)
    environment = {
        "HANSE_HOME": str(home),
        "HANSE_PASSPHRASE_FILE": _held("hanse-passphrase", keyfile.passphrase(home).encode()),
        PARENT: str(os.getpid()),
    }
    os.environ.update(environment)
    environment[keyfile.OPENER] = os.environ[keyfile.OPENER] = _held("hanse-opener", keyfile.stretched(home))
    processes.collector_is(home, processes.CollectorState(state="off", since_s=time.time()))
    processes.serving_begins(home)
    stopping = threading.Event()
    keepers = [
        threading.Thread(
            target=keep, args=(child, environment, stopping), name=f"keep-{child.name}", daemon=True
        )
        for child in (Child("worker"), _collector(node))
    ]
    for keeper in keepers:
        keeper.start()
    ready(node)
    try:
        _server(node).serve()
    finally:
        stopping.set()
        for keeper in keepers:
            keeper.join(timeout=END_S + 10)


def _refuse_taken(node: Node) -> None:
    """Refuse to begin where nothing can listen, which a node that was killed does for another moment.

    The web server shares its port with whoever else asks to share it, so that two nodes served by mistake on one would
    each get some of the requests and neither would say so.

    Raises:
        SettingsError: The setting cannot be meant.
        UsageError: The system does not let anybody listen there.
    """
    address = listen_address(node.listen)
    until = time.monotonic() + TAKEN_S
    while error := _refused(address):
        taken = error.errno == errno.EADDRINUSE
        if not taken or time.monotonic() > until:
            first = (
                "End what listens there, which may be this node, served already; or set" if taken else "Set"
            )
            raise UsageError(
                f"The node cannot listen on {node.listen}: {error.strerror}. {first} another `listen` in "
                f"{node.home / SETTINGS_FILE}."
            )
        time.sleep(0.1)


def _refused(address: tuple[str, int]) -> OSError | None:
    """Why nothing can listen at an address and port of TCP, if so."""
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as probe:
        # Connections whose listener has ended do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return error
    return None


def _server(node: Node) -> Any:
    """The web server, which runs the application in a process of its own."""
    address, port = listen_address(node.listen)
    return Granian(
        "hanse.node.serving:application",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=1,
        workers_kill_timeout=WEB_END_S,
        blocking_threads=WEB_THREADS,
        blocking_threads_idle_timeout=WEB_IDLE_S,
        respawn_failed_workers=True,
        log_level=LogLevels.warning,
        log_dictconfig=logs.FOR_GRANIAN,
    )


def _collector(node: Node) -> Child:
    """The collector, wanted as the worker reads it in the settings."""

    def wanted() -> str | None:
        wish = processes.wished(node.home)
        return wish.mark if wish.on else None

    def failed(code: int, again_s: float) -> None:
        told = processes.collector_state(node.home)
        if told.state != "failed":
            words = f"It ended by itself (exit code {code}); the log says more."
            told = processes.CollectorState(
                state="failed", words=words, address=told.address, since_s=time.time()
            )
        processes.collector_is(node.home, msgspec.structs.replace(told, again_s=time.time() + again_s))

    def ended() -> None:
        processes.collector_is(node.home, processes.CollectorState(state="off", since_s=time.time()))

    return Child("collector", wanted, failed, ended)


def _held(name: str, secret: bytes) -> str:
    """A secret that was asked for or made once, held in memory: a path that only this user's processes can read."""
    held = os.memfd_create(name)
    os.write(held, secret)
    return f"/proc/{os.getpid()}/fd/{held}"
