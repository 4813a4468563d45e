"""What may be reached: public addresses, and the single others that the caller names."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from hanse.egress.addresses import Address, can_be_allowed, why_not_public
from hanse.egress.deadline import Deadline
from hanse.egress.destination import host_name, literal, read
from hanse.egress.errors import RefusedError, TimedOutError, UnreachableError, in_words

Resolve = Callable[[str, int], list[str]]
Dial = Callable[[str, int, float], socket.socket]


def system_resolve(host: str, port: int) -> list[str]:
    """The addresses of a name as the machine's resolver gives them, in its order.

    A name under localhost is this machine, whatever resolver it has (RFC 6761, section 6.3): many know none but
    ``localhost`` itself, while browsers know them all.
    """
    if host.endswith(".localhost"):
        return ["127.0.0.1"]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def system_dial(address: str, port: int, timeout_s: float) -> socket.socket:
    """A connection to exactly this address; names are never looked up here."""
    return socket.create_connection((str(ip_address(address)), port), timeout_s)


HTTPS = 443
"""The port of https, where none is written."""


@dataclass(frozen=True, slots=True)
class AllowedEndpoint:
    """One port of one non-public address that may be reached under one name; the caller answers for the approval.

    Attributes:
        host: The name (or address) as it stands in the URL or the relay's settings.
        address: The only non-public address that the host may have.
        port: The only TCP port; what else listens on that machine is not opened with it. By default that of https.

    Raises:
        RefusedError: The address is one that nobody may approve (metadata, multicast, disguised IPv4), or there is no such
            port.
    """

    host: str
    address: str
    port: int = HTTPS

    def __post_init__(self) -> None:
        """Refuse what no approval opens."""
        address = literal(self.address)
        if address is None or not can_be_allowed(address):
            raise RefusedError(f"{self.address}: cannot be allowed. Give the partner's own unicast address.")
        if not 1 <= self.port <= 65_535:
            raise RefusedError(f"There is no port {self.port}. Use 1 to 65535.")

    @classmethod
    def of(cls, url: str, address: str) -> "AllowedEndpoint":
        """The host and port of an URL, at an address; the port is that of the scheme where none is written.

        Raises:
            RefusedError: As of the constructor, or the URL cannot be read.
        """
        there = read(url, http=True)
        return cls(there.host, address, there.port)

    def covers(self, host: str, port: int, address: Address) -> bool:
        """Whether this opens a port of an address under a (normalised) host."""
        return (host_name(self.host), self.port, ip_address(self.address)) == (host, port, address)


@dataclass(frozen=True, slots=True)
class Rules:
    """How the node reaches out; the same for every client of a node.

    Attributes:
        resolve: Looks a name up; a seam for tests.
        dial: Opens a TCP connection to an address; a seam for tests.
        tls: What servers' certificates are checked against; None: the machine's trusted authorities.
        connect_timeout_s: Seconds for one connection, within the time of the whole call.
    """

    resolve: Resolve = system_resolve
    dial: Dial = system_dial
    tls: ssl.SSLContext | None = None
    connect_timeout_s: float = 10.0

    def tls_context(self) -> ssl.SSLContext:
        """The context for a TLS session: TLS 1.2 or newer, certificate and name checked."""
        return self.tls or ssl.create_default_context()


def checked_addresses(
    host: str, port: int, rules: Rules, allow: Iterable[AllowedEndpoint], deadline: Deadline
) -> list[str]:
    """The addresses of a host, each public or allowed; one bad address refuses them all.

    Args:
        host: Normalised name or address.
        port: TCP port that is meant to be connected to.
        rules: The node's rules.
        allow: Non-public addresses that the caller has approval for.
        deadline: When the call ends; looking up counts.

    Raises:
        RefusedError: An address is not public and not allowed.
        UnreachableError: The name has no address.
        TimedOutError: The resolver did not answer in time.
    """
    endpoints = tuple(allow)
    numbers = [host] if literal(host) is not None else _looked_up(host, port, rules.resolve, deadline)
    for number in numbers:
        address = literal(number)
        reason = "no address" if address is None else why_not_public(address)
        if reason is None or (address and any(one.covers(host, port, address) for one in endpoints)):
            continue
        raise RefusedError(
            f"{host}: its address {number} is not public ({reason}), so the node does not connect to its port {port}. "
            "If it is meant, have host, port and address approved by two people: under Settings, Non-public addresses, or with the "
            "partner whose address it is."
        )
    return numbers


def _looked_up(host: str, port: int, resolve: Resolve, deadline: Deadline) -> list[str]:
    """The answer of a resolver; it runs in a thread of its own because it has no time limit that can be set."""
    answers: list[list[str] | OSError | UnicodeError] = []

    def ask() -> None:
        try:
            answers.append(resolve(host, port))
        except (OSError, UnicodeError) as error:
            answers.append(error)

    thread = threading.Thread(target=ask, name="egress-resolve", daemon=True)
    thread.start()
    thread.join(deadline.left_s(f"{host}: looking up the name"))
    if not answers:
        raise TimedOutError(f"{host}: the resolver did not answer in time. Check the node's DNS.")
    answer = answers[0]
    if not isinstance(answer, list) or not answer:
        said = in_words(answer) if isinstance(answer, Exception) else "empty answer"
        raise UnreachableError(f"{host}: the name has no address ({said}). Check the spelling.")
    return answer
