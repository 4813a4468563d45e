"""A packet's headers to one row: addresses, ports, flags, fragment, tunnel, octets.

Everything that may stand before the IP header is taken off (VLAN and QinQ tags, MPLS labels, PPPoE,
SNAP), then tunnels (GRE, IP-in-IP, 6in4): the innermost IP packet gives the row, the outermost
tunnel's addresses are kept beside it. When the inside of a tunnel is no readable IP packet, the
tunnel packet itself is the row.

Numbers of protocols are those of the IANA registries "IEEE 802 Numbers", "Protocol Numbers" and
"IPv6 Extension Header Types", link types those of tcpdump.org/linktypes.html.
"""

import numpy as np

from hanse.telemetry.packets.compiled import kernel
from hanse.telemetry.packets.frames import Bytes, Int, Records, Row

PACKET = np.dtype(
    [
        ("time_us", np.int64),
        ("src_hi", np.uint64),  # addresses as two 64-bit numbers, IPv4 as ::ffff:a.b.c.d
        ("src_lo", np.uint64),
        ("dst_hi", np.uint64),
        ("dst_lo", np.uint64),
        ("outer_src_hi", np.uint64),  # zero without a tunnel
        ("outer_src_lo", np.uint64),
        ("outer_dst_hi", np.uint64),
        ("outer_dst_lo", np.uint64),
        ("kind", np.uint64),  # src_port 16, dst_port 16, protocol 8, tunnel 8, icmp type 8, code 8 bits
        ("hash", np.uint64),  # of all of the above but the time, seeded: equal for equal flows
        ("datagram", np.uint64),  # hash of what the fragments of one datagram have in common, else 0
        ("bytes", np.int64),  # IP octets by the IP header, not as captured
        ("payload", np.int64),  # file offset of what follows the IP headers
        ("payload_captured", np.int64),  # octets of it in the file
        ("fragment_offset", np.int32),  # octets before this fragment in its datagram
        ("fragment", np.uint8),  # NO_FRAGMENT, FIRST, LATER; plus LAST
        ("protocol", np.uint8),
        ("flags", np.uint8),  # TCP flags
        ("ttl", np.uint8),
        ("fault", np.uint8),  # OK, or why there is no row
    ],
    align=True,
)

OK, NOT_IP, CUT, BAD_IHL, BAD_LENGTH, BAD_VERSION, UNKNOWN_LINK, NO_INTERFACE = range(8)
"""Why a packet is no row. `CUT`: the capture ends before the IP header does."""

NO_FRAGMENT, FIRST, LATER, LAST = 0, 1, 2, 4

MAX_TAGS = 16
"""Tags, labels and inner Ethernet headers taken off one packet; hardware pushes at most about 10."""
MAX_TUNNELS = 4
"""Tunnels taken off one packet; what is deeper stays a tunnel packet (RFC 2473 default limit: 4)."""
MAX_EXTENSIONS = 16
"""IPv6 extension headers passed in one packet; RFC 8200, section 4.1 knows 7 in a row."""

ETHERNET, NULL, RAW_BSD, RAW_OPENBSD, RAW, LOOP, COOKED, IPV4, IPV6, COOKED2 = (
    1,
    0,
    12,
    14,
    101,
    108,
    113,
    228,
    229,
    276,
)
TYPE_IPV4, TYPE_IPV6, TYPE_ETHERNET, TYPE_PPPOE = 0x0800, 0x86DD, 0x6558, 0x8864
VLAN, QINQ, OLD_QINQ, MPLS, MPLS_MULTICAST = 0x8100, 0x88A8, 0x9100, 0x8847, 0x8848
PPP_IPV4, PPP_IPV6 = 0x0021, 0x0057
ICMP, IPIP, TCP, UDP, DCCP, SIX_IN_FOUR, ROUTING, FRAGMENT, GRE = 1, 4, 6, 17, 33, 41, 43, 44, 47
AUTHENTICATION, ICMP6, NO_NEXT, DESTINATION, SCTP, UDP_LITE, HOP_BY_HOP = 51, 58, 59, 60, 132, 136, 0
FLAG_BITS = 0x3F
"""FIN, SYN, RST, PSH, ACK, URG: those of the flow schema (the ECN bits say nothing of an attack)."""

MAPPED = np.uint64(0xFFFF00000000)
PRIME = np.uint64(0x9E3779B97F4A7C15)
U8, U16, U24, U32, U48 = np.uint64(8), np.uint64(16), np.uint64(24), np.uint64(32), np.uint64(48)


@kernel
def _be16(data: Bytes, pos: Int) -> Int:
    return (np.int64(data[pos]) << 8) | np.int64(data[pos + 1])


@kernel
def _be32(data: Bytes, pos: Int) -> Int:
    return (
        (np.int64(data[pos]) << 24)
        | (np.int64(data[pos + 1]) << 16)
        | (np.int64(data[pos + 2]) << 8)
        | np.int64(data[pos + 3])
    )


@kernel
def _be64(data: Bytes, pos: Int) -> np.uint64:
    return (np.uint64(_be32(data, pos)) << U32) | np.uint64(_be32(data, pos + 4))


@kernel
def _mix(state: np.uint64, word: np.uint64) -> np.uint64:
    """One step of a multiply-and-fold hash (the multiplier is 2^64 over the golden ratio)."""
    state = (state ^ word) * PRIME
    return state ^ (state >> U32)


@kernel
def _family(data: Bytes, pos: Int, end: Int) -> tuple[Int, Int]:
    """EtherType and first byte after a loopback header; a negative EtherType is a fault.

    The address family (2 IPv4; 10, 24, 28, 30 IPv6) is in the byte order of whichever machine captured.
    """
    if end - pos < 4:
        return -CUT, pos
    family = _be32(data, pos)
    if family & 0xFFFFFF == 0:
        family >>= 24
    return (TYPE_IPV4, pos + 4) if family in (2, 10, 24, 28, 30) else (-NOT_IP, pos)


@kernel
def _link_type(data: Bytes, pos: Int, end: Int, link: Int) -> tuple[Int, Int]:
    """EtherType and first byte after the link header; a negative EtherType is a fault."""
    if link in (RAW, RAW_BSD, RAW_OPENBSD, IPV4, IPV6):
        return TYPE_IPV4, pos
    if link in (NULL, LOOP):
        return _family(data, pos, end)
    size, at = 0, 0
    if link == ETHERNET:
        size, at = 14, 12
    elif link == COOKED:
        size, at = 16, 14
    elif link == COOKED2:
        size, at = 20, 0
    if size == 0:
        return (-NO_INTERFACE if link < 0 else -UNKNOWN_LINK), pos
    return (_be16(data, pos + at), pos + size) if end - pos >= size else (-CUT, pos)


@kernel
def _labels(data: Bytes, pos: Int, end: Int) -> tuple[Int, Int]:
    """EtherType and first byte behind an MPLS stack: IP, or Ethernet behind a control word (RFC 4385)."""
    for _ in range(MAX_TAGS):
        if end - pos < 5:
            return -CUT, pos
        bottom = data[pos + 2] & 1
        pos += 4
        if bottom:
            nibble = data[pos] >> 4
            if nibble == 0:
                return TYPE_ETHERNET, pos + 4
            return (TYPE_IPV4, pos) if nibble in (4, 6) else (-NOT_IP, pos)
    return -NOT_IP, pos


@kernel
def _layer(data: Bytes, pos: Int, end: Int, ethertype: Int) -> tuple[Int, Int]:
    """EtherType and first byte behind one tag, label stack or inner link header."""
    size = end - pos
    if ethertype in (MPLS, MPLS_MULTICAST):
        return _labels(data, pos, end)
    if ethertype in (VLAN, QINQ, OLD_QINQ):
        return (_be16(data, pos + 2), pos + 4) if size >= 4 else (-CUT, pos)
    if ethertype == TYPE_ETHERNET:
        return (_be16(data, pos + 12), pos + 14) if size >= 14 else (-CUT, pos)
    if ethertype == TYPE_PPPOE and size >= 8:
        return (TYPE_IPV4 if _be16(data, pos + 6) in (PPP_IPV4, PPP_IPV6) else -NOT_IP), pos + 8
    if ethertype <= 1500 and size >= 8 and _be32(data, pos) == 0xAAAA0300 and data[pos + 4] == 0:
        return _be16(data, pos + 6), pos + 8  # SNAP (RFC 1042) under an 802.3 length
    return (-CUT if ethertype == TYPE_PPPOE else -NOT_IP), pos


@kernel
def _network(data: Bytes, pos: Int, end: Int, ethertype: Int) -> Int:
    """First byte of the IP header behind tags, labels, PPPoE and SNAP; a negative number is a fault."""
    for _ in range(MAX_TAGS):
        if ethertype < 0:
            return ethertype
        if ethertype in (TYPE_IPV4, TYPE_IPV6):
            return pos
        ethertype, pos = _layer(data, pos, end, ethertype)
    return -NOT_IP


@kernel
def _ipv4(data: Bytes, pos: Int, end: Int, wire_end: Int, row: Row) -> Int:
    """Fill the row from an IPv4 header (RFC 791); on a fault the row is as it was."""
    if end - pos < 20:
        return CUT
    header = (np.int64(data[pos]) & 15) * 4
    if header < 20:
        return BAD_IHL
    total = _be16(data, pos + 2)
    if total == 0:  # the network card cut this packet up later (TSO): only the wire length is true
        total = wire_end - pos
    if total < header:
        return BAD_LENGTH
    row.src_hi = row.dst_hi = np.uint64(0)
    row.src_lo = MAPPED | np.uint64(_be32(data, pos + 12))
    row.dst_lo = MAPPED | np.uint64(_be32(data, pos + 16))
    row.bytes = total
    row.ttl = data[pos + 8]
    row.protocol = data[pos + 9]
    row.payload = pos + header
    piece = _be16(data, pos + 6)
    _note_fragment(row, (piece & 0x1FFF) * 8, piece & 0x2000 != 0, _be16(data, pos + 4))
    row.payload_captured = max(0, min(end, pos + total) - row.payload)
    return OK


@kernel
def _ipv6(data: Bytes, pos: Int, end: Int, wire_end: Int, row: Row) -> Int:
    """Fill the row from an IPv6 header and its extension headers (RFC 8200, AH: RFC 4302)."""
    if end - pos < 40:
        return CUT
    protocol = np.int64(data[pos + 6])
    total = 40 + _be16(data, pos + 4)
    if total == 40 and protocol != NO_NEXT:  # TSO or a jumbogram: only the wire length is true
        total = max(40, wire_end - pos)
    row.src_hi = _be64(data, pos + 8)
    row.src_lo = _be64(data, pos + 16)
    row.dst_hi = _be64(data, pos + 24)
    row.dst_lo = _be64(data, pos + 32)
    row.bytes = total
    row.ttl = data[pos + 7]
    _note_fragment(row, 0, False, 0)
    last = min(end, pos + total)
    at = pos + 40
    for _ in range(MAX_EXTENSIONS):
        if last - at < 8 or row.fragment & LATER:
            break
        if protocol == FRAGMENT:
            protocol = np.int64(data[at])
            piece = _be16(data, at + 2)
            row.protocol = protocol
            _note_fragment(row, piece & 0xFFF8, piece & 1 != 0, _be32(data, at + 4))
            at += 8
        elif protocol in (HOP_BY_HOP, ROUTING, DESTINATION):
            protocol, at = np.int64(data[at]), at + (np.int64(data[at + 1]) + 1) * 8
        else:
            break
    row.protocol = protocol
    row.payload = at
    row.payload_captured = max(0, last - at)
    return OK


@kernel
def _note_fragment(row: Row, offset: Int, more: bool, number: Int) -> None:
    """Say which part of its datagram the packet is; `number` is the datagram's identification.

    `row.hash` holds the seed still.
    """
    row.fragment_offset = offset
    row.datagram = np.uint64(0)
    row.fragment = NO_FRAGMENT
    if offset == 0 and not more:
        return
    row.fragment = (FIRST if offset == 0 else LATER) | (0 if more else LAST)
    state = _mix(_mix(row.hash, row.src_hi), row.src_lo)
    state = _mix(_mix(state, row.dst_hi), row.dst_lo)
    state = _mix(state, (np.uint64(number) << U8) | np.uint64(row.protocol))
    row.datagram = state | np.uint64(1)


@kernel
def _ip(data: Bytes, pos: Int, end: Int, wire_end: Int, row: Row) -> Int:
    """Fill the row from whichever IP header starts at `pos`; on a fault the row is as it was."""
    if pos >= end:
        return CUT
    version = data[pos] >> 4
    if version == 4:
        fault = _ipv4(data, pos, end, wire_end, row)
    elif version == 6:
        fault = _ipv6(data, pos, end, wire_end, row)
    else:
        return BAD_VERSION
    # Behind an authentication header (RFC 4302) stands the packet itself, unencrypted.
    if (
        fault == OK
        and row.protocol == AUTHENTICATION
        and row.payload_captured >= 12
        and not row.fragment & LATER
    ):
        size = (np.int64(data[row.payload + 1]) + 2) * 4
        row.protocol = data[row.payload]
        row.payload += size
        row.payload_captured = max(0, row.payload_captured - size)
    return fault


@kernel
def _inside(data: Bytes, row: Row) -> Int:
    """First byte of the IP header inside a tunnel packet; a negative number when there is none."""
    pos = row.payload
    end = pos + row.payload_captured
    if row.fragment & LATER or row.payload_captured < 8:
        return -NOT_IP
    if row.protocol in (IPIP, SIX_IN_FOUR):
        return pos if data[pos] >> 4 == (4 if row.protocol == IPIP else 6) else -NOT_IP
    if row.protocol != GRE:
        return -NOT_IP
    flags = _be16(data, pos)
    if flags & 0x4007:  # source routing (RFC 1701, obsolete) or another version (PPTP)
        return -NOT_IP
    size = 4
    for bit in (0x8000, 0x2000, 0x1000):  # checksum, key, sequence (RFC 2784, RFC 2890)
        if flags & bit:
            size += 4
    return _network(data, pos + size, end, _be16(data, pos + 2)) if end - pos >= size else -CUT


@kernel
def _tunnels(data: Bytes, start: Int, row: Row) -> Int:
    """Go into the tunnels of the row, whose IP header is at `start`: the outermost's protocol or 0."""
    tunnel = np.int64(0)
    for _ in range(MAX_TUNNELS):
        pos = _inside(data, row)
        if pos < 0:
            break
        src_hi, src_lo, dst_hi, dst_lo = row.src_hi, row.src_lo, row.dst_hi, row.dst_lo
        protocol, fragment, datagram, offset = row.protocol, row.fragment, row.datagram, row.fragment_offset
        outer_end = row.payload + row.payload_captured
        room = row.bytes - (pos - start)
        start = pos
        if _ip(data, pos, outer_end, pos + room, row) != OK:
            break
        if fragment:
            # The rest of the inner packet is in the later fragments, which are counted themselves.
            row.bytes = min(row.bytes, room)
            if not row.fragment:
                row.fragment, row.datagram, row.fragment_offset = fragment, datagram, offset
        if tunnel == 0:
            tunnel = protocol
            row.outer_src_hi, row.outer_src_lo, row.outer_dst_hi, row.outer_dst_lo = (
                src_hi,
                src_lo,
                dst_hi,
                dst_lo,
            )
    return tunnel


@kernel
def _transport(data: Bytes, tunnel: Int, row: Row) -> None:
    """Ports, TCP flags, ICMP type and code, then the two hash words; ports are 0 where not seen."""
    source, target, icmp = 0, 0, 0
    protocol = np.int64(row.protocol)
    pos, size = row.payload, row.payload_captured
    row.flags = 0
    if not row.fragment & LATER:
        if protocol in (TCP, UDP, SCTP, UDP_LITE, DCCP) and size >= 4:
            source, target = _be16(data, pos), _be16(data, pos + 2)
            if protocol == TCP and size >= 14:
                row.flags = data[pos + 13] & FLAG_BITS
        elif protocol in (ICMP, ICMP6) and size >= 2:
            icmp = _be16(data, pos)
    ports = np.uint64((source << 16) | target)
    rest = np.uint64((protocol << 24) | (tunnel << 16) | icmp)
    row.kind = (ports << U32) | rest
    state = _mix(_mix(row.hash, row.src_hi), row.src_lo)
    state = _mix(_mix(state, row.dst_hi), row.dst_lo)
    if tunnel:
        state = _mix(_mix(state, row.outer_src_hi), row.outer_src_lo)
        state = _mix(_mix(state, row.outer_dst_hi), row.outer_dst_lo)
    row.hash = _mix(state, row.kind)


@kernel
def dissect(data: Bytes, frames: Records, rows: Records, seed: np.uint64) -> Int:
    """Fill one row per frame, in order, and say how many of them have a fault.

    Args:
        data: The whole file.
        frames: What to dissect, an array of `FRAME`.
        rows: Where to put it, an array of `PACKET` at least as long; what it held does not matter.
        seed: Where the hashes start: a secret number, so that nobody can send packets made to have
            equal hashes. Hashes of one capture compare with each other only.
    """
    faults = 0
    for number in range(len(frames)):
        frame = frames[number]
        row = rows[number]
        row.time_us = frame.time_us
        row.hash = seed
        row.outer_src_hi = row.outer_src_lo = row.outer_dst_hi = row.outer_dst_lo = np.uint64(0)
        start = frame.offset
        end = start + frame.captured
        ethertype, pos = _link_type(data, start, end, frame.link)
        pos = _network(data, pos, end, ethertype)
        fault = -pos if pos < 0 else _ip(data, pos, end, start + frame.wire, row)
        if fault == OK:
            _transport(data, _tunnels(data, pos, row), row)
        else:
            faults += 1
        row.fault = fault
    return faults
