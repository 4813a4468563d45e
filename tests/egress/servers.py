"""Real servers on loopback, certificates, and rules whose resolver and dialling a test holds in its hand."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hanse.egress.rules import AllowedEndpoint, Rules

PUBLIC = "8.0.0.8"
"""A public address; `dial` of these tests leads it to loopback, so that nothing ever leaves the machine."""


def local(port: int) -> tuple[AllowedEndpoint, ...]:
    """A server of this machine, as two people would allow it."""
    return (AllowedEndpoint("localhost", "127.0.0.1", port),)


@dataclass
class Server:
    """A running server: its port and the requests that it saw."""

    port: int
    seen: list[Any] = field(default_factory=list)


@contextmanager
def http_server(answer: Callable[[BaseHTTPRequestHandler], None], tls: ssl.SSLContext | None = None):
    """A web server that answers with a function; `seen` holds method, path, headers and body."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            running.seen.append((self.command, self.path, dict(self.headers), body))
            answer(self)

        do_GET = do_POST = handle_any  # noqa: N815 - names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """A client that hangs up is what many tests are about."""

    server = Quiet(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    running = Server(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[Server]:
    """A TCP server that talks by a function, for what no web server says."""
    listener = socket.create_server(("127.0.0.1", 0))
    running = Server(listener.getsockname()[1])

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            running.seen.append("connection")
            threading.Thread(target=converse, args=(connection,), daemon=True).start()

    def converse(connection: socket.socket) -> None:
        with connection:
            try:
                talk(connection)
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield running
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def reply(handler: BaseHTTPRequestHandler, status: int = 200, body: bytes = b"", **headers: str) -> None:
    """Answer; underscores in header names stand for hyphens."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def local_rules(**more: Any) -> Rules:
    """Rules under which every name is this machine."""
    return Rules(**{"resolve": lambda host, port: ["127.0.0.1"], **more})


def public_rules(
    *answers: list[str], port: int | None = None, **more: Any
) -> tuple[Rules, list[str], list[str]]:
    """Rules whose resolver gives one answer after the other, and lists of names asked and addresses dialled."""
    asked: list[str] = []
    dialled: list[str] = []

    def resolve(host: str, _: int) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    def dial(address: str, to: int, timeout: float) -> socket.socket:
        dialled.append(address)
        return socket.create_connection(("127.0.0.1", port or to), timeout)

    return Rules(resolve=resolve, dial=dial, **more), asked, dialled


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A certificate for a name: contexts of a server that shows it and of a client that trusts it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
