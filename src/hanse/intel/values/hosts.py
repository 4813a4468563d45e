"""Values of networks: addresses, domains, URLs, mail addresses."""

import ipaddress
import re
import unicodedata
from typing import Final
from urllib.parse import quote, unquote_to_bytes, urlsplit, urlunsplit

import idna

from hanse.intel.values.problem import ValueProblem

_MAPPED_BITS: Final = 96
"""Length of the prefix of IPv4-mapped addresses (RFC 4291, section 2.5.5.2)."""
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_BRACKETED: Final = re.compile(r"[\[({](\.|:|://|@|dot|at)[\])}]", re.IGNORECASE)
_MEANT: Final = {"dot": ".", "at": "@"}
_DIGITS: Final = re.compile(r"(?:ASN?)?\s*([0-9]{1,10})", re.IGNORECASE)
_PORTS: Final = {"http": 80, "https": 443, "ftp": 21, "ws": 80, "wss": 443}
_MAC: Final = re.compile(r"[0-9a-f]{12}")
_KEPT: Final = "!$&'()*+,;=:@/"
_AT: Final = "!$&'()*+,;=:"
_NAME: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_ASN_MOST: Final = 2**32 - 1


def refanged(text: str) -> str:
    """A value as it is, of one written so that nobody clicks on it: ``hxxp://example[.]com``."""
    text = _BRACKETED.sub(lambda found: _MEANT.get(found[1].lower(), found[1]), text)
    return re.sub(r"^h(?:xx|\*\*)p(s?)://", r"http\1://", text, flags=re.IGNORECASE)


def address(text: str) -> str:
    """An IP address: IPv4 in dotted form, IPv6 as RFC 5952 writes it; an IPv4-mapped one is the IPv4 one.

    Raises:
        ValueProblem: It is none, or names an interface of one machine (``%eth0``).
    """
    plain = refanged(text.strip()).strip("[]")
    if "%" in plain:
        raise ValueProblem("An address with a zone, such as %eth0, means something on one machine only.")
    try:
        found = ipaddress.ip_address(plain)
    except ValueError:
        raise ValueProblem(f"{plain[:60]!r} is no IP address.") from None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(found)


def network(text: str) -> str:
    """A network in CIDR form; bits that belong to hosts are cleared; one of IPv4-mapped addresses is the IPv4 one.

    Raises:
        ValueProblem: It is none.
    """
    plain = refanged(text.strip())
    try:
        found = ipaddress.ip_network(plain, strict=False) if "%" not in plain else None
    except ValueError:
        found = None
    if found is None:
        raise ValueProblem(f"{plain[:60]!r} is no network. Write it like 192.0.2.0/24.")
    if isinstance(found, ipaddress.IPv6Network) and found.prefixlen >= _MAPPED_BITS:
        mapped = found.network_address.ipv4_mapped
        if mapped is not None:
            return f"{mapped}/{found.prefixlen - _MAPPED_BITS}"
    return str(found)


def domain(text: str) -> str:
    """A domain in A-labels (IDNA 2008 with the mapping of UTS 46), lower-case, without the dot at its end.

    Raises:
        ValueProblem: It is none, or a single label.
    """
    plain = refanged(text.strip()).lower()
    try:
        found = (plain if plain.isascii() else idna.encode(plain, uts46=True).decode()).removesuffix(".")
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueProblem(f"{plain[:60]!r} is no domain: {str(error).rstrip('.')}.") from None
    labels = found.split(".")
    if len(labels) < 2 or len(found) > 253 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise ValueProblem(f"{plain[:60]!r} is no domain: it needs labels of letters, digits and hyphens.")
    return found


def url(text: str) -> str:
    """A URL, normalised as RFC 3986, section 6.2.2 and 6.2.3 say: what differs in spelling alone becomes equal.

    Raises:
        ValueProblem: It is none, or has no scheme or host.
    """
    plain = refanged(text.strip())
    try:
        parts = urlsplit(plain)
        port = parts.port
        host = (parts.hostname or "").removesuffix(".")
    except ValueError as error:
        raise ValueProblem(f"{plain[:60]!r} is no URL: {str(error).rstrip('.')}.") from None
    scheme = parts.scheme.lower()
    if not scheme or not host:
        raise ValueProblem(
            f"{plain[:60]!r} is no URL: it needs a scheme and a host, like https://example.org/."
        )
    where = _host(host)
    if port is not None and port != _PORTS.get(scheme):
        where = f"{where}:{port}"
    if parts.username is not None:
        where = f"{_escaped(parts.netloc.rpartition('@')[0], _AT)}@{where}"
    path = _without_dots(_escaped(parts.path, _KEPT)) or "/"
    return urlunsplit(
        (scheme, where, path, _escaped(parts.query, _KEPT + "?"), _escaped(parts.fragment, _KEPT + "?"))
    )


def email(text: str) -> str:
    """A mail address, lower-case, its domain in A-labels.

    The part before the @ may be told apart by case (RFC 5321, section 2.4); no large provider does, and criminals
    write it as they please, so that it is lowered too.

    Raises:
        ValueProblem: It is none.
    """
    plain = re.sub(r"^mailto:", "", refanged(text.strip()), flags=re.IGNORECASE)
    local, at, where = plain.rpartition("@")
    local = unicodedata.normalize("NFC", local.lower())
    if not local or len(local) > 64 or not local.isprintable() or re.search(r"[\s<>\"(),:;\\\[\]@]", local):
        raise ValueProblem(f"{plain[:60]!r} is no mail address. Write it like name@example.org.")
    return f"{local}{at}{domain(where)}"


def asn(text: str) -> str:
    """An autonomous system: ``AS64496``.

    Raises:
        ValueProblem: It is none.
    """
    found = _DIGITS.fullmatch(text.strip())
    number = int(found[1]) if found else 0
    if not 0 < number <= _ASN_MOST:
        raise ValueProblem(
            f"{text[:40]!r} is no AS number. Write it like AS64496; {_ASN_MOST:,} is the last."
        )
    return f"AS{number}"


def mac(text: str) -> str:
    """A hardware address (IEEE 802): twelve hexadecimal digits, in pairs with colons.

    Raises:
        ValueProblem: It is none.
    """
    plain = re.sub(r"[:.\-\s]", "", text.lower())
    if not _MAC.fullmatch(plain):
        raise ValueProblem(f"{text[:40]!r} is no hardware address. Write it like 00:00:5e:00:53:01.")
    return ":".join(plain[at : at + 2] for at in range(0, 12, 2))


def _host(text: str) -> str:
    """A URL's host: an address or a domain; a name of one label is one too, such as ``localhost``.

    Raises:
        ValueProblem: It is none of these.
    """
    if ":" in text or re.fullmatch(r"[0-9.]+", text):
        found = address(text)
        return f"[{found}]" if ":" in found else found
    if _NAME.fullmatch(text.lower()):
        return text.lower()
    return domain(text)


def _escaped(text: str, kept: str) -> str:
    """Percent-encoding in its one form: only what needs it, in capitals (RFC 3986, sections 6.2.2.1 and 6.2.2.2)."""
    pieces = re.split(r"(%[0-9A-Fa-f]{2})", text)
    told = []
    for piece in pieces:
        if len(piece) == 3 and piece[0] == "%":
            meant = chr(unquote_to_bytes(piece)[0])
            told.append(meant if meant.isascii() and (meant.isalnum() or meant in "-._~") else piece.upper())
        else:
            told.append(quote(piece, safe=kept))
    return "".join(told)


def _without_dots(path: str) -> str:
    """A path without ``.`` and ``..`` (RFC 3986, section 5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments[1:]:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    end = "/" if segments[-1] in {".", ".."} and kept else ""
    return "/" + "/".join(kept) + end
