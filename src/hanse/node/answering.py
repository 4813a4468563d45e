"""Answering other nodes while this one recovers: what may be asked then, and no page.

Two nodes that were restored at the same time keep things for each other. This serves them, in the process that asks
in turn: on the node's own address, where `hanse node serve` does not run yet.
"""

import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final
from wsgiref import simple_server

from django.db import connections

from hanse.federation import wire
from hanse.settings import listen_address

SLOWEST_S: Final = 60
"""Seconds in which whoever asks has to say all of it, however it comes, and then to take each part of the answer."""

AT_ONCE: Final = 32
"""Connections that are held at once: each has a thread, and anybody can open one and say nothing.

They are not counted by address: behind a proxy that speaks TLS all partners have the same.
"""

_FREE_S: Final = 1
"""Seconds that a new connection waits for one to end: that whom it displaces does so at once."""

ADDRESS: Final = "/league/"

Only = Callable[[], frozenset[str]]
"""What may be asked of this node now."""

_SAID: Final = "hanse.said"


class _Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = AT_ONCE

    def __init__(self, *of: Any) -> None:
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._asking: dict[socket.socket, float] = {}  # those that have not said all, the oldest first
        super().__init__(*of)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own; where all are at work, the one that has been asking for longest makes room.

        Partners say what they ask at once, so that whoever holds connections by saying little keeps none of them out.
        """
        if not self._free.acquire(blocking=False):
            self._end_asking(lambda _: True, most=1)
            if not self._free.acquire(timeout=_FREE_S):
                self.shutdown_request(request)
                return
        with self._lock:
            self._asking[request] = time.monotonic()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer it."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.has_asked(request)
            self._free.release()

    def shutdown_request(self, request: Any) -> None:
        """Close it; from then on its number may be another's."""
        self.has_asked(request)
        super().shutdown_request(request)

    def has_asked(self, request: socket.socket) -> None:
        """Is told that somebody has said all, and is answered now."""
        with self._lock:
            self._asking.pop(request, None)

    def service_actions(self) -> None:
        """Twice a second: end those that take too long to say what they ask, though they say a little all the time."""
        until = time.monotonic() - SLOWEST_S
        self._end_asking(lambda since: since < until, most=AT_ONCE)

    def _end_asking(self, who: Callable[[float], bool], most: int) -> None:
        """End the oldest that have not said all, by since when they ask: their threads read no more, and end."""
        with self._lock:
            for request in [one for one, since in self._asking.items() if who(since)][:most]:
                del self._asking[request]
                with suppress(OSError):  # it has gone by itself
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, unless it is that somebody said nothing, or went."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def server_bind(self) -> None:
        """Bind, without asking anybody for the name of the address."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Quiet(simple_server.WSGIRequestHandler):
    timeout = SLOWEST_S

    def get_environ(self) -> dict[str, Any]:
        """As for each application, and how to read the message."""
        return {**super().get_environ(), _SAID: self._said}

    def _said(self, length: int) -> bytes | None:
        """The message, of so many bytes; None where it did not come whole."""
        try:
            data = self.rfile.read(length)
        except OSError:
            return None
        if len(data) < length:
            return None
        server: Any = self.server
        server.has_asked(self.request)
        return data

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
    host, port = listen_address(listen)
    try:
        server = simple_server.make_server(host, port, _application(only), _Server, _Quiet)
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
        data = environ[_SAID](int(length))
        if data is None:
            return _words(start, "408 Request Timeout", "The message did not come whole.")
        try:
            told = wire.answer(data, only())
        finally:
            connections.close_all()  # each message has a thread of its own
        kind = wire.CONTENT_TYPE if told.signed else "text/plain; charset=utf-8"
        start(f"{told.status} Answered", [("Content-Type", kind), ("Content-Length", str(len(told.data)))])
        return [told.data]

    return league


def _words(start: Any, status: str, words: str) -> Iterable[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [words.encode()]
