"""The HTTP client: strict addresses, checked and pinned connections, bounded answers, no memory of its own."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import httpcore

from hanse.egress.connecting import PinnedBackend
from hanse.egress.deadline import Deadline
from hanse.egress.decoding import capped, too_large, unpacked
from hanse.egress.destination import Destination, read
from hanse.egress.errors import RefusedError, TooLargeError, UnreachableError
from hanse.egress.rules import AllowedEndpoint, Rules, checked_addresses

LIMIT_BYTES = 10_000_000
TIMEOUT_S = 30.0
MOST_REDIRECTS = 3
HEADER_BYTES = 65_536

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 section 5.6.2, token
_VALUE = re.compile(r"[\x20-\x7e\t]*")
_OWN = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "te",
        "upgrade",
        "accept-encoding",
        "expect",
    }
)
"""Headers that the client sets, or that would change how the message is cut."""

_CARRIED = frozenset({"accept", "accept-language", "user-agent", "range", "if-range"})
"""Headers that hold no secret and may follow a redirect to another origin; all others are dropped."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered.

    Attributes:
        status: HTTP status code; also 4xx and 5xx are answers.
        headers: Names in lower case; of repeated ones the values joined by a comma.
        body: Unpacked body.
        final_url: Address after redirects.
        peer: The address that was checked and connected to.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    final_url: str
    peer: str


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer whose body has not been read; attributes as in `Response`."""

    status: int
    headers: Mapping[str, str]
    parts: Iterator[bytes]
    final_url: str
    peer: str


class Client:
    """Fetches over https, one connection per request; holds nothing but the rules, so threads may share it."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        limit_bytes: int = LIMIT_BYTES,
        timeout_s: float = TIMEOUT_S,
        allow: Iterable[AllowedEndpoint] = (),
        http: bool = False,
    ) -> Response:
        """Fetch an address, following at most three redirects.

        Args:
            url: Absolute URL.
            headers: What to send; dropped at a redirect to another origin, except harmless ones.
            limit_bytes: Most bytes of the body, both as received and as unpacked.
            timeout_s: Seconds for everything: looking up, connecting, redirects, reading.
            allow: Non-public addresses that may be reached.
            http: Whether unencrypted http may be used.

        Raises:
            RefusedError: The address, an address it leads to, or a header is not allowed.
            UnreachableError: No answer; TimedOutError when the time is over.
            TooLargeError: The answer is over a cap.
        """
        endpoints = tuple(allow)
        with self.opened(url, headers or {}, limit_bytes, timeout_s, endpoints, http=http) as answer:
            return _whole(answer)

    def post(
        self,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        limit_bytes: int = LIMIT_BYTES,
        timeout_s: float = TIMEOUT_S,
        allow: Iterable[AllowedEndpoint] = (),
        http: bool = False,
    ) -> Response:
        """Send a body; a redirect is refused, because a body belongs to whom it was addressed.

        Args and errors as in `get`.
        """
        deadline = Deadline.after(url[:200], timeout_s)
        there = read(url, http=http)
        with self._exchange(
            "POST", there, checked_headers(headers or {}), body, limit_bytes, deadline, tuple(allow)
        ) as got:
            if got.status in _REDIRECTS:
                raise RefusedError(
                    f"{there.host}: the server wants the message sent elsewhere ({got.headers.get('location', '')[:200]!a}). "
                    "Check the new address and enter it."
                )
            return _whole(got)

    @contextmanager
    def opened(
        self,
        url: str,
        headers: Mapping[str, str],
        limit_bytes: int,
        timeout_s: float,
        allow: tuple[AllowedEndpoint, ...],
        *,
        http: bool,
        packed: bool = True,
    ) -> Iterator[Opened]:
        """The answer to a GET after redirects, its body still to be read; `packed`: whether gzip is welcome."""
        deadline = Deadline.after(url[:200], timeout_s)
        there, sent = read(url, http=http), checked_headers(headers)
        for _ in range(MOST_REDIRECTS + 1):
            with self._exchange(
                "GET", there, sent, None, limit_bytes, deadline, allow, packed=packed
            ) as answer:
                location = answer.headers.get("location")
                if answer.status not in _REDIRECTS or location is None:
                    yield answer
                    return
            before, there = there, there.follow(location)
            if not before.same_origin(there):
                sent = {name: value for name, value in sent.items() if name.lower() in _CARRIED}
        raise RefusedError(f"{there.host}: more than {MOST_REDIRECTS} redirects. Enter the final address.")

    @contextmanager
    def _exchange(
        self,
        method: str,
        there: Destination,
        headers: Mapping[str, str],
        body: bytes | None,
        limit_bytes: int,
        deadline: Deadline,
        allow: tuple[AllowedEndpoint, ...],
        *,
        packed: bool = True,
    ) -> Iterator[Opened]:
        """One request to one checked destination, and its answer."""
        # 1. Look up once and check every address. 2. Connect only to those. 3. Bound what comes back.
        addresses = checked_addresses(there.host, there.port, self.rules, allow, deadline)
        backend = PinnedBackend(there.host, addresses, self.rules, deadline)
        connection = httpcore.HTTPConnection(
            origin=httpcore.Origin(there.scheme.encode(), there.host.encode(), there.port),
            ssl_context=self.rules.tls_context() if there.scheme == "https" else None,
            network_backend=backend,
        )
        request = httpcore.Request(
            method,
            httpcore.URL(scheme=there.scheme, host=there.host, port=there.port, target=there.target),
            headers=_sent(there, headers, body, packed=packed),
            content=body,
        )
        try:
            with connection:
                answer = connection.handle_request(request)
                yield _opened(answer, there, backend.peer, limit_bytes)
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise UnreachableError(
                f"{there.host} at {backend.peer}: the answer broke off or is no HTTP ({error}). Try again later."
            ) from error


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers, each fit to be sent as one line.

    Raises:
        RefusedError: One is not, or is the client's own.
    """
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or name.lower() in _OWN:
            raise RefusedError(
                f"The header {name[:60]!a} cannot be sent. Use one line of ASCII and another name."
            )
    return dict(headers)


def _sent(
    there: Destination, headers: Mapping[str, str], body: bytes | None, *, packed: bool
) -> list[tuple[str, str]]:
    """All header lines of a request."""
    lines = [("Host", there.authority), ("Connection", "close")]
    lines.append(("Accept-Encoding", "gzip" if packed else "identity"))
    if not any(name.lower() == "user-agent" for name in headers):
        lines.append(("User-Agent", "Hanse"))
    if body is not None:
        lines.append(("Content-Length", str(len(body))))
    return lines + list(headers.items())


def _opened(answer: httpcore.Response, there: Destination, peer: str, limit: int) -> Opened:
    """An answer with its header checked and its body capped."""
    if sum(len(name) + len(value) + 4 for name, value in answer.headers) > HEADER_BYTES:
        raise TooLargeError(f"{there.host}: the header is over {HEADER_BYTES:,} bytes. Tell its operator.")
    headers: dict[str, str] = {}
    for raw_name, raw_value in answer.headers:
        name, value = raw_name.decode("ascii").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise too_large(there.host, limit)
    parts: Iterator[bytes] = capped(answer.iter_stream(), limit, there.host)
    coding = headers.get("content-encoding", "identity").lower()
    if coding in {"gzip", "x-gzip"}:
        parts = unpacked(parts, limit, there.host)
    elif coding != "identity":
        raise UnreachableError(f"{there.host}: packs its answer as {coding[:60]!a}, which was not asked for.")
    return Opened(answer.status, headers, parts, there.url, peer)


def _whole(answer: Opened) -> Response:
    return Response(answer.status, answer.headers, b"".join(answer.parts), answer.final_url, answer.peer)
