"""Answering other nodes while this one recovers: what may be asked then, and no page.

Two nodes that were restored at the same time keep things for each other. This serves them, in the process that asks
in turn: on the node's own address, where `hanse node serve` does not run yet.
"""

import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from wsgiref import simple_server

from django.db import connections

from hanse.federation import wire

SLOWEST_S: Final = 60
"""Seconds in which whoever asks has to say it, and to hear the answer."""

AT_ONCE: Final = 32
"""Connections that are held at once: each has a thread, and anybody can open one and say nothing."""

ADDRESS: Final = "/league/"

Only = Callable[[], frozenset[str]]
"""What may be asked of this node now."""


class _Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True

    def __init__(self, *of: Any) -> None:
        self._free = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(*of)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own; whoever comes when all are at work is closed to, and asks again."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer it."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def server_bind(self) -> None:
        """Bind, without asking anybody for the name of the address."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Quiet(simple_server.WSGIRequestHandler):
    timeout = SLOWEST_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Nothing: what matters is said by what answers."""


@contextmanager
def answering(listen: str, only: Only, say: Callable[[str], None]) -> Iterator[None]:
    """Answer other nodes meanwhile; where the address is taken, the caller goes on without that, and says so.

    Args:
        listen: Address and port to bind, as of the settings.
        only: As of `wire.answer`, asked for each message.
        say: Is told where nobody can be answered.
    """
    host, _, port = listen.rpartition(":")
    try:
        server = simple_server.make_server(host.strip("[]"), int(port), _application(only), _Server, _Quiet)
    except OSError as error:
        say(
            f"Partners that recover as well cannot be answered at {listen}: {error.strerror}. They wait for this node; "
            "end what uses that address."
        )
        yield
        return
    with server:
        thread = threading.Thread(target=server.serve_forever, name="answers", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _application(only: Only) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """Takes a message, answers with one."""

    def league(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or ""
        if environ["REQUEST_METHOD"] != "POST" or environ["PATH_INFO"] != ADDRESS:
            return _words(
                start,
                "503 Service Unavailable",
                "This node recovers after a restore, and does not serve yet.",
            )
        if not length.isdecimal() or int(length) > wire.LIMIT_BYTES:
            return _words(
                start, "413 Content Too Large", "The message is too large, or does not say how long it is."
            )
        try:
            told = wire.answer(environ["wsgi.input"].read(int(length)), only())
        finally:
            connections.close_all()  # each message has a thread of its own
        kind = wire.CONTENT_TYPE if told.signed else "text/plain; charset=utf-8"
        start(f"{told.status} Answered", [("Content-Type", kind), ("Content-Length", str(len(told.data)))])
        return [told.data]

    return league


def _words(start: Any, status: str, words: str) -> Iterable[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [words.encode()]
