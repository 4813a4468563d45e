"""Which addresses are public; everything else is refused, with the name of the range as reason."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_SPECIAL_4 = {
    IPv4Network("0.0.0.0/8"): "this network",
    IPv4Network("10.0.0.0/8"): "private",
    IPv4Network("100.64.0.0/10"): "shared behind a carrier's NAT",
    IPv4Network("127.0.0.0/8"): "loopback",
    IPv4Network("169.254.0.0/16"): "link-local, where clouds serve their metadata",
    IPv4Network("172.16.0.0/12"): "private",
    IPv4Network("192.0.0.0/24"): "reserved for protocols",
    IPv4Network("192.0.2.0/24"): "for documentation",
    IPv4Network("192.88.99.0/24"): "a relay for 6to4",
    IPv4Network("192.168.0.0/16"): "private",
    IPv4Network("198.18.0.0/15"): "for benchmarks",
    IPv4Network("198.51.100.0/24"): "for documentation",
    IPv4Network("203.0.113.0/24"): "for documentation",
    IPv4Network("224.0.0.0/4"): "multicast",
    IPv4Network("240.0.0.0/4"): "reserved or broadcast",
}
"""Ranges of the IANA IPv4 Special-Purpose Address Registry that are no host on the Internet, and multicast."""

_SPECIAL_6 = {
    IPv6Network("::/128"): "unspecified",
    IPv6Network("::1/128"): "loopback",
    IPv6Network("::ffff:0:0/96"): "IPv4 written as IPv6",
    IPv6Network("::/96"): "IPv4 written as IPv6",
    IPv6Network("64:ff9b:1::/48"): "a local translation to IPv4",
    IPv6Network("2001::/32"): "a Teredo tunnel to IPv4",
    IPv6Network("2001::/23"): "reserved for protocols or benchmarks",
    IPv6Network("2001:db8::/32"): "for documentation",
    IPv6Network("2002::/16"): "a 6to4 tunnel to IPv4",
    IPv6Network("3fff::/20"): "for documentation",
    IPv6Network("fc00::/7"): "unique local",
    IPv6Network("fe80::/10"): "link-local",
    IPv6Network("fec0::/10"): "site-local",
    IPv6Network("ff00::/8"): "multicast",
}
"""The same for IPv6 (IANA IPv6 Special-Purpose Address Registry); the first range that fits gives the reason."""

_GLOBAL_6 = IPv6Network("2000::/3")
"""The only block from which IANA gives out addresses of hosts (RFC 4291 section 2.4)."""

_NAT64 = IPv6Network("64:ff9b::/96")
"""The well-known prefix (RFC 6052): the last 32 bits are the IPv4 address that is really reached."""

_NEVER = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("169.254.0.0/16"),
    IPv4Network("224.0.0.0/4"),
    IPv4Network("255.255.255.255/32"),
    IPv6Network("::/128"),
    IPv6Network("::/96"),
    IPv6Network("::ffff:0:0/96"),
    IPv6Network("64:ff9b::/96"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("2001::/32"),
    IPv6Network("2002::/16"),
    IPv6Network("fe80::/10"),
    IPv6Network("ff00::/8"),
)
"""What no approval opens: groups, links, and other ways to write an IPv4 address."""


def why_not_public(address: Address) -> str | None:
    """What an address is when it is not one of a host on the Internet, None when it is public."""
    if isinstance(address, IPv6Address) and address in _NAT64:
        inner = why_not_public(IPv4Address(int(address) & 0xFFFFFFFF))
        return None if inner is None else f"a translation to an IPv4 address that is {inner}"
    special = _SPECIAL_4 if isinstance(address, IPv4Address) else _SPECIAL_6
    for network, name in special.items():
        if address in network:
            return name
    if isinstance(address, IPv6Address) and address not in _GLOBAL_6:
        return "outside the block of public IPv6 addresses"
    return None


def can_be_allowed(address: Address) -> bool:
    """Whether an approval can open a non-public address: never metadata, multicast or disguised IPv4."""
    return address == IPv6Address("::1") or not any(address in network for network in _NEVER)
