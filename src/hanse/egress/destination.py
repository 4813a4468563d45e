"""An URL read in one strict way, so that what is checked is what is connected to."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urljoin, urlsplit

from hanse.egress.addresses import Address
from hanse.egress.errors import RefusedError

LONGEST_URL = 8_192
_PLAIN = re.compile(r"[\x21-\x5b\x5d-\x7e]+")  # printable ASCII without space and backslash
_AUTHORITY = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9.-]+))(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where one request goes.

    Attributes:
        scheme: `https` or `http`.
        host: Lower-case name without a trailing dot, or the standard form of an address, without brackets.
        port: TCP port.
        target: Path and query, beginning with a slash.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def address(self) -> Address | None:
        """The address that the host is written as, None for a name."""
        return literal(self.host)

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL, without a fragment."""
        return f"{self.scheme}://{self.authority}{self.target}"

    def same_origin(self, other: "Destination") -> bool:
        """Whether credentials for this destination may go to the other."""
        return (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)

    def follow(self, location: str) -> "Destination":
        """Where a redirect leads.

        Args:
            location: The Location header, absolute or relative to this.

        Raises:
            RefusedError: It cannot be read, or leads from https to http.
        """
        try:
            absolute = urljoin(self.url, plain(location))
        except ValueError:
            raise RefusedError(f"{self.host}: a redirect leads to an address that cannot be read.") from None
        try:
            found = read(absolute, http=True)
        except RefusedError as error:
            raise RefusedError(f"{self.host}: a redirect leads elsewhere. {error}") from None
        if self.scheme == "https" and found.scheme == "http":
            raise RefusedError(
                f"{self.host}: a redirect leads from https to http ({found.host}). "
                "Ask the operator of the server, or enter the new https address."
            )
        return found


def plain(url: str) -> str:
    """The text itself, when it is short and plain enough to be read in one way only.

    Raises:
        RefusedError: It holds spaces, control characters, backslashes or anything but ASCII, or is too long.
    """
    if len(url) > LONGEST_URL:
        raise RefusedError(
            f"The address {url[:60]!r}... is longer than {LONGEST_URL} characters. Shorten it."
        )
    if not _PLAIN.fullmatch(url):
        raise RefusedError(
            f"The address {url[:200]!a} holds a space, a control character, a backslash or a letter outside "
            "ASCII. Write the host in its xn-- form and the rest percent-encoded."
        )
    return url


def read(url: str, *, http: bool = False) -> Destination:
    """An URL as a destination.

    Args:
        url: Absolute URL.
        http: Whether unencrypted http is accepted beside https.

    Raises:
        RefusedError: Another scheme, user data, a host that can be read in two ways, or a wrong port.
    """
    # 1. Only characters that every reader sees alike. 2. Scheme. 3. Host and port. 4. Path and query.
    parts = _split(plain(url))
    schemes = ("https", "http") if http else ("https",)
    if parts.scheme not in schemes:
        raise RefusedError(
            f"{url[:200]}: only {' and '.join(schemes)} can be used here. Enter such an address."
        )
    found = _AUTHORITY.fullmatch(parts.netloc)
    if found is None:
        raise RefusedError(
            f"{parts.scheme}://...: the host or port cannot be read, or a user name stands in the address. "
            "Write only scheme://host:port/path."
        )
    port = int(found["port"]) if found["port"] else _PORTS[parts.scheme]
    if not 1 <= port <= 65_535:
        raise RefusedError(f"{url[:200]}: there is no port {port}. Use 1 to 65535.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(parts.scheme, host_name(found["six"] or found["name"]), port, target)


def host_name(text: str) -> str:
    """The one form of a host: lower case, no trailing dot, addresses in their standard form.

    Raises:
        RefusedError: It is neither a name nor an address in standard form.
    """
    host = text.lower().removesuffix(".")
    address = literal(host)
    if address is not None:
        return str(address)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # Some resolvers read 2130706433, 0x7f.1 or 0177.0.0.1 as addresses: such hosts have two meanings.
        raise RefusedError(f"{text[:200]}: an address in a number form. Write it as four decimal numbers.")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise RefusedError(
            f"{text[:200]!a}: no host name. Write it in ASCII (xn-- form), without other signs."
        )
    return host


def literal(host: str) -> Address | None:
    """The address that a host is written as, None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise RefusedError(f"{url[:200]}: no address that can be read. Check the brackets.") from None
