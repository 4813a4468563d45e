"""Connections to checked addresses only, with one deadline over all that is read and written."""

import socket
import ssl
from collections.abc import Iterable
from typing import Any, Never

import httpcore

from hanse.egress.deadline import Deadline
from hanse.egress.errors import RefusedError, TimedOutError, UnreachableError, in_words
from hanse.egress.rules import Rules


def dial_first(
    host: str, addresses: list[str], port: int, rules: Rules, deadline: Deadline
) -> tuple[socket.socket, str]:
    """A connection to the first of some checked addresses that answers, and that address.

    Raises:
        UnreachableError: None answers.
        TimedOutError: The call's time is over.
    """
    last: OSError | None = None
    for address in addresses:
        timeout = min(rules.connect_timeout_s, deadline.left_s())
        try:
            return rules.dial(address, port, timeout), address
        except OSError as error:
            last = error
    deadline.left_s()
    raise UnreachableError(
        f"{host}, port {port} at {', '.join(addresses)}: no connection ({in_words(last)}). "
        "Check that the server runs and that the firewall lets the node out."
    )


class BoundStream(httpcore.NetworkStream):
    """A socket whose reads and writes all end at one deadline; timeouts of single steps are not needed."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._socket = sock
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Up to so many bytes, empty at the end.

        Raises:
            TimedOutError: The call's time is over.
            UnreachableError: The connection broke.
        """
        del timeout
        self._socket.settimeout(self._deadline.left_s())
        try:
            return self._socket.recv(max_bytes)
        except TimeoutError:
            raise self._deadline.error() from None
        except OSError as error:
            raise UnreachableError(
                f"{self._deadline.host}: the connection broke ({in_words(error)}). Try again."
            ) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all bytes.

        Raises:
            TimedOutError: The call's time is over.
            httpcore.WriteError: The connection broke; the server may still have sent an answer before.
        """
        del timeout
        rest = memoryview(buffer)
        while rest:
            self._socket.settimeout(self._deadline.left_s())
            try:
                rest = rest[self._socket.send(rest) :]
            except TimeoutError:
                raise self._deadline.error() from None
            except OSError as error:
                raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "BoundStream":
        """The same connection, encrypted, after the certificate was checked for the name.

        Raises:
            UnreachableError: No TLS session, or a certificate for another name or from an unknown issuer.
        """
        del timeout
        secured = secure(self._socket, ssl_context, server_hostname or self._deadline.host, self._deadline)
        return BoundStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """What the HTTP library asks about the socket; nothing that it needs here."""
        del info


def secure(sock: socket.socket, context: ssl.SSLContext, name: str, deadline: Deadline) -> ssl.SSLSocket:
    """A TLS session over a connection, or the connection closed.

    Raises:
        UnreachableError: The handshake failed or the certificate is not good for the name.
        TimedOutError: The call's time is over.
    """
    try:
        sock.settimeout(deadline.left_s())
        return context.wrap_socket(sock, server_hostname=name)
    except TimeoutError:
        sock.close()
        raise deadline.error(f"{name}: TLS handshake") from None
    except ssl.SSLCertVerificationError as error:
        sock.close()
        raise UnreachableError(
            f"{name}: its certificate is not good here ({error.verify_message.rstrip('.')}). Its operator mends the name and "
            "the dates; an issuer of your own network has to be one that this machine trusts."
        ) from error
    except (OSError, ValueError) as error:
        sock.close()
        raise UnreachableError(
            f"{name}: no TLS session ({in_words(error)}). Check that this port speaks TLS."
        ) from error
    except TimedOutError:
        sock.close()
        raise


class PinnedBackend(httpcore.NetworkBackend):
    """Gives the HTTP library a connection to one checked host and nothing else."""

    def __init__(self, host: str, addresses: list[str], rules: Rules, deadline: Deadline) -> None:
        self._host = host
        self._addresses = addresses
        self._rules = rules
        self._deadline = deadline
        self.peer = ""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> BoundStream:
        """A connection to one of the checked addresses; `peer` says to which."""
        del timeout, local_address, socket_options
        if host != self._host:
            raise RefusedError(f"{host}: was not checked; the request is for {self._host}.")
        sock, self.peer = dial_first(host, self._addresses, port, self._rules, self._deadline)
        return BoundStream(sock, self._deadline)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> Never:
        """Never: a local socket is no destination."""
        del timeout, socket_options
        raise RefusedError(f"{path}: local sockets are not reached from here.")
