"""Packets and capture files for tests: small functions from fields to bytes, nothing hidden.

Layers are put together from the outside in: ``ethernet(ipv4(udp(b"payload", 53, 4444), ...))``.
Checksums are zero: nothing that is tested looks at them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from struct import pack

TCP, UDP, ICMP, ICMP6, GRE, IPIP, SIX_IN_FOUR = 6, 17, 1, 58, 47, 4, 41


Writer = Callable[[Iterable["Caught | bytes"]], bytes]
"""`pcap` or `pcapng` with their defaults."""


@dataclass(frozen=True)
class Caught:
    """One captured packet: when (microseconds, or the file's own unit), what, and its length on the wire."""

    data: bytes
    time: int = 1_178_700_000_000_000
    wire: int | None = None

    @property
    def length(self) -> int:
        """Octets on the wire."""
        return len(self.data) if self.wire is None else self.wire


# --- link layers -----------------------------------------------------------------------------------


def ethernet(payload: bytes, ethertype: int | None = None) -> bytes:
    """An Ethernet frame; without `ethertype`, that of the IP version of the payload."""
    return bytes.fromhex("0200000000010200000000ff") + pack(">H", ethertype or type_of(payload)) + payload


def type_of(packet: bytes) -> int:
    """The EtherType of an IP packet."""
    return 0x0800 if packet[0] >> 4 == 4 else 0x86DD


def vlan(payload: bytes, *tags: int, ethertype: int | None = None) -> tuple[int, bytes]:
    """A stack of tags around a payload, given by their EtherTypes from the outside: (EtherType, bytes)."""
    kind = ethertype or type_of(payload)
    for number, tag in enumerate(reversed(tags)):
        payload, kind = pack(">HH", 100 + number, kind) + payload, tag
    return kind, payload


def mpls(payload: bytes, *labels: int) -> bytes:
    """A label stack (to be sent as EtherType 0x8847), the last label at the bottom."""
    words = [(label << 12) | 64 for label in labels]
    words[-1] |= 0x100
    return b"".join(pack(">I", word) for word in words) + payload


def pppoe(payload: bytes) -> bytes:
    """A PPPoE session frame (EtherType 0x8864)."""
    protocol = 0x0021 if payload[0] >> 4 == 4 else 0x0057
    return pack(">BBHHH", 0x11, 0, 7, len(payload) + 2, protocol) + payload


def snap(payload: bytes) -> tuple[int, bytes]:
    """An 802.3 frame with LLC and SNAP: (length field, bytes)."""
    body = b"\xaa\xaa\x03\0\0\0" + pack(">H", type_of(payload)) + payload
    return len(body), body


def cooked(payload: bytes) -> bytes:
    """A Linux cooked v1 frame (link type 113)."""
    return pack(">HHH8sH", 0, 1, 6, bytes(8), type_of(payload)) + payload


def cooked2(payload: bytes) -> bytes:
    """A Linux cooked v2 frame (link type 276)."""
    return pack(">HHIHBB8s", type_of(payload), 0, 1, 1, 0, 6, bytes(8)) + payload


def loopback(payload: bytes, order: str = "<") -> bytes:
    """A BSD loopback frame (link type 0, or 108 with order ``>``)."""
    return pack(order + "I", 2 if payload[0] >> 4 == 4 else 30) + payload


# --- IP --------------------------------------------------------------------------------------------


def ipv4(
    payload: bytes,
    protocol: int,
    src: str = "192.0.2.1",
    dst: str = "198.51.100.2",
    *,
    ttl: int = 64,
    total: int | None = None,
    ident: int = 0,
    offset: int = 0,
    more: bool = False,
    options: bytes = b"",
    ihl: int | None = None,
) -> bytes:
    """An IPv4 packet; `offset` in octets (a multiple of 8), `total` and `ihl` true unless given."""
    words = ihl if ihl is not None else 5 + len(options) // 4
    size = 20 + len(options) + len(payload) if total is None else total
    piece = (offset // 8) | (0x2000 if more else 0)
    head = pack(">BBHHHBBH", 0x40 | words, 0, size, ident, piece, ttl, protocol, 0)
    return head + ip_address(src).packed + ip_address(dst).packed + options + payload


def ipv6(
    payload: bytes,
    following: int,
    src: str = "2001:db8::1",
    dst: str = "2001:db8::2",
    *,
    hops: int = 64,
    length: int | None = None,
) -> bytes:
    """An IPv6 packet; extension headers are part of the payload."""
    size = len(payload) if length is None else length
    return (
        pack(">IHBB", 6 << 28, size, following, hops)
        + ip_address(src).packed
        + ip_address(dst).packed
        + payload
    )


def extension(following: int, payload: bytes, words: int = 0) -> bytes:
    """A hop-by-hop, routing or destination options header of 8 + 8 `words` octets."""
    return pack(">BB", following, words) + bytes(6 + 8 * words) + payload


def fragment6(following: int, payload: bytes, *, ident: int, offset: int, more: bool) -> bytes:
    """An IPv6 fragment header; `offset` in octets."""
    return pack(">BBHI", following, 0, offset | more, ident) + payload


def authentication(following: int, payload: bytes) -> bytes:
    """An authentication header with a 12-octet check value."""
    return pack(">BBHII", following, 4, 0, 1, 1) + bytes(12) + payload


def gre(
    payload: bytes,
    protocol: int | None = None,
    *,
    checksum: bool = False,
    key: bool = False,
    sequence: bool = False,
    version: int = 0,
) -> bytes:
    """A GRE header with its optional words."""
    flags = (0x8000 if checksum else 0) | (0x2000 if key else 0) | (0x1000 if sequence else 0) | version
    head = pack(">HH", flags, type_of(payload) if protocol is None else protocol)
    return head + bytes(4 * (checksum + key + sequence)) + payload


# --- transport -------------------------------------------------------------------------------------


def udp(payload: bytes = b"", src: int = 40_000, dst: int = 53) -> bytes:
    """A UDP datagram."""
    return pack(">HHHH", src, dst, 8 + len(payload), 0) + payload


def tcp(flags: int = 2, src: int = 40_000, dst: int = 80, payload: bytes = b"") -> bytes:
    """A TCP segment without options."""
    return pack(">HHIIBBHHH", src, dst, 1, 0, 0x50, flags, 65_535, 0, 0) + payload


def icmp(kind: int = 8, code: int = 0, payload: bytes = bytes(8)) -> bytes:
    """An ICMP or ICMPv6 message."""
    return pack(">BBH", kind, code, 0) + payload


# --- containers ------------------------------------------------------------------------------------


def pcap(
    packets: Iterable[Caught | bytes],
    link: int = 1,
    *,
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    snap: int = 262_144,
) -> bytes:
    """A classic pcap file; times in microseconds, also for the nanosecond magic."""
    out = [pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)]
    for item in packets:
        packet = item if isinstance(item, Caught) else Caught(item)
        rest = packet.time % 1_000_000 * (1_000 if magic == 0xA1B23C4D else 1)
        out.append(pack(order + "IIII", packet.time // 1_000_000, rest, len(packet.data), packet.length))
        if magic == 0xA1B2CD34:
            out.append(bytes(8))
        out.append(packet.data)
    return b"".join(out)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block around a body, which is padded to 4 octets."""
    body += bytes(-len(body) % 4)
    return pack(order + "II", kind, len(body) + 12) + body + pack(order + "I", len(body) + 12)


def section(order: str = "<", major: int = 1) -> bytes:
    """A section header block of unstated length."""
    return block(0x0A0D0D0A, pack(order + "IHHq", 0x1A2B3C4D, major, 0, -1), order)


def interface(
    link: int = 1,
    order: str = "<",
    *,
    resolution: int | None = None,
    offset_s: int | None = None,
    snap: int = 0,
) -> bytes:
    """An interface description block with if_tsresol and if_tsoffset as wanted."""
    options = b""
    if resolution is not None:
        options += pack(order + "HHB3x", 9, 1, resolution)
    if offset_s is not None:
        options += pack(order + "HHq", 14, 8, offset_s)
    if options:
        options += bytes(4)
    return block(1, pack(order + "HHI", link, 0, snap) + options, order)


def enhanced(packet: Caught | bytes, number: int = 0, order: str = "<") -> bytes:
    """An enhanced packet block on interface `number`; the time in that interface's units."""
    item = packet if isinstance(packet, Caught) else Caught(packet)
    head = pack(order + "IIIII", number, item.time >> 32, item.time & 0xFFFFFFFF, len(item.data), item.length)
    return block(6, head + item.data, order)


def obsolete(packet: Caught, number: int = 0, order: str = "<") -> bytes:
    """An obsolete packet block."""
    stamp = (packet.time >> 32, packet.time & 0xFFFFFFFF)
    head = pack(order + "HHIIII", number, 0, *stamp, len(packet.data), packet.length)
    return block(2, head + packet.data, order)


def simple(data: bytes, order: str = "<", wire: int | None = None) -> bytes:
    """A simple packet block."""
    return block(3, pack(order + "I", len(data) if wire is None else wire) + data, order)


def pcapng(packets: Iterable[Caught | bytes], link: int = 1, order: str = "<") -> bytes:
    """A pcapng file of one section and one interface with enhanced packet blocks."""
    blocks = [section(order), interface(link, order), *(enhanced(packet, 0, order) for packet in packets)]
    return b"".join(blocks)
