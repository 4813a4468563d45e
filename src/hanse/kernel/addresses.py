"""IP addresses as 16 bytes: IPv4 as IPv4-mapped IPv6 (RFC 4291, section 2.5.5.2)."""

import ipaddress

V4_MAPPED = bytes(10) + b"\xff\xff"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def pack(text: str) -> bytes:
    """The 16 bytes of an address written in text.

    Raises:
        ValueError: The text is no IPv4 or IPv6 address.
    """
    return _packed(ipaddress.ip_address(text))


def _packed(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    return V4_MAPPED + address.packed if address.version == 4 else address.packed


def unpack(raw: bytes) -> str:
    """Text of a 16-byte address: dotted form for IPv4, RFC 5952 for IPv6."""
    if raw[:12] == V4_MAPPED:
        return f"{raw[12]}.{raw[13]}.{raw[14]}.{raw[15]}"
    return str(ipaddress.IPv6Address(raw))


def is_v4(raw: bytes) -> bool:
    """Whether a 16-byte address is an IPv4 one."""
    return raw[:12] == V4_MAPPED


def network(text: str) -> Network:
    """A host or network in its one form: IPv4 written as IPv4-mapped IPv6 is IPv4.

    Raises:
        ValueError: The text is no host or network, or has host bits.
    """
    found = ipaddress.ip_network(text)
    if found.version == 6 and found.prefixlen >= 96 and is_v4(found.network_address.packed):
        return ipaddress.ip_network((found.network_address.packed[12:], found.prefixlen - 96))
    return found


def network_bounds(network: Network) -> tuple[bytes, bytes]:
    """First and last 16-byte address of a network."""
    return _packed(network.network_address), _packed(network.broadcast_address)


def prefix_of(raw: bytes, v4_bits: int = 24, v6_bits: int = 48) -> str:
    """The network around an address in text, by default its /24 (IPv4) or /48 (IPv6)."""
    bits = v4_bits if is_v4(raw) else v6_bits
    return str(ipaddress.ip_network(f"{unpack(raw)}/{bits}", strict=False))
