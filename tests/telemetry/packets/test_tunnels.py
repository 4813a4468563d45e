"""Tunnels: the inner packet is the flow, the outer addresses are kept beside it."""

import pytest

from tests.telemetry.packets import build
from tests.telemetry.packets.reading import read

FOUR = build.ipv4(build.udp(b"x" * 10), build.UDP, "10.1.1.1", "10.2.2.2", ttl=9)
SIX = build.ipv6(build.tcp(), build.TCP, "2001:db8:a::1", "2001:db8:b::2", hops=9)


def outer(payload: bytes, protocol: int) -> bytes:
    """An Ethernet frame with an IPv4 tunnel packet between 192.0.2.1 and 198.51.100.2."""
    return build.ethernet(build.ipv4(payload, protocol))


@pytest.mark.parametrize("packet", [FOUR, SIX], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("key", [False, True])
@pytest.mark.parametrize("sequence", [False, True])
def test_gre(packet: bytes, *, checksum: bool, key: bool, sequence: bool) -> None:
    """GRE with each combination of its optional words."""
    tunnel = build.gre(packet, checksum=checksum, key=key, sequence=sequence)
    row = read(build.pcap([outer(tunnel, build.GRE)])).only
    assert (row["outer_src"], row["outer_dst"], row["tunnel"]) == ("192.0.2.1", "198.51.100.2", 47)
    assert (row["bytes"], row["ttl"]) == (len(packet), 9)
    ends = ("10.1.1.1", "10.2.2.2", 17) if packet == FOUR else ("2001:db8:a::1", "2001:db8:b::2", 6)
    assert (row["src"], row["dst"], row["protocol"]) == ends


def test_ethernet_in_gre() -> None:
    """Transparent Ethernet bridging (0x6558), with a VLAN tag inside."""
    kind, tagged = build.vlan(FOUR, 0x8100)
    row = read(build.pcap([outer(build.gre(build.ethernet(tagged, kind), 0x6558), build.GRE)])).only
    assert (row["src"], row["dst_port"], row["tunnel"], row["outer_dst"]) == (
        "10.1.1.1",
        53,
        47,
        "198.51.100.2",
    )


def test_ip_in_ip_and_six_in_four() -> None:
    """Protocols 4 and 41, also over IPv6."""
    row = read(build.pcap([outer(FOUR, build.IPIP)])).only
    assert (row["src"], row["tunnel"], row["outer_src"]) == ("10.1.1.1", 4, "192.0.2.1")
    row = read(build.pcap([outer(SIX, build.SIX_IN_FOUR)])).only
    assert (row["src"], row["tunnel"], row["outer_src"]) == ("2001:db8:a::1", 41, "192.0.2.1")
    row = read(build.pcap([build.ipv6(FOUR, build.IPIP)], 101)).only
    assert (row["src"], row["tunnel"], row["outer_src"]) == ("10.1.1.1", 4, "2001:db8::1")


def test_tunnel_in_tunnel_keeps_the_outermost() -> None:
    """GRE around IP-in-IP: the innermost packet is the flow, the outermost tunnel stays beside it."""
    middle = build.ipv4(FOUR, build.IPIP, "172.16.0.1", "172.16.0.2")
    row = read(build.pcap([outer(build.gre(middle), build.GRE)])).only
    assert (row["src"], row["tunnel"], row["outer_src"], row["bytes"]) == (
        "10.1.1.1",
        47,
        "192.0.2.1",
        len(FOUR),
    )


def test_tunnels_are_taken_off_to_a_limit() -> None:
    """Behind four tunnels the packet reached is the flow, however many more there are."""
    packet = FOUR
    for number in range(30):
        packet = build.ipv4(packet, build.IPIP, f"10.9.0.{number}", "10.9.1.1")
    row = read(build.pcap([packet], 101)).only
    assert (row["src"], row["protocol"], row["tunnel"], row["outer_src"]) == ("10.9.0.25", 4, 4, "10.9.0.29")


@pytest.mark.parametrize(
    ("payload", "protocol"),
    [
        (build.gre(bytes(40), 0x0806), build.GRE),
        (build.gre(FOUR, version=1), build.GRE),
        (b"\x40\x00" + build.gre(FOUR)[2:], build.GRE),
        (build.gre(b"\x41" + FOUR[1:]), build.GRE),
        (build.gre(FOUR)[:12], build.GRE),
        (b"\xf0\0\x08\0" + bytes(4), build.GRE),
        (SIX, build.IPIP),
        (b"\x45\x00\x00\x01" + FOUR[4:], build.IPIP),
    ],
    ids=[
        "no IP",
        "version 1",
        "source routing",
        "short IHL",
        "cut",
        "words missing",
        "wrong version",
        "lying",
    ],
)
def test_a_tunnel_without_a_readable_packet_is_itself_the_flow(payload: bytes, protocol: int) -> None:
    """When the inside cannot be read the tunnel packet counts, with its own addresses and octets."""
    found = read(build.pcap([outer(payload, protocol)]))
    row = found.only
    assert (row["src"], row["dst"], row["protocol"]) == ("192.0.2.1", "198.51.100.2", protocol)
    assert (row["tunnel"], row["outer_src"], row["bytes"]) == (0, None, 20 + len(payload))
    assert found.report.problem_count == 0


def test_flows_of_different_tunnels_are_apart() -> None:
    """The same inner flow through two tunnels, and through none, is three flows."""
    frames = [build.ethernet(FOUR)]
    frames += [build.ethernet(build.ipv4(FOUR, build.IPIP, dst=f"198.51.100.{last}")) for last in (1, 2)]
    found = read(build.pcap(frames * 2))
    assert sorted((row["outer_dst"] or "", row["packets"]) for row in found.rows) == [
        ("", 2),
        ("198.51.100.1", 2),
        ("198.51.100.2", 2),
    ]


def test_fragmented_tunnel_packet() -> None:
    """Later fragments of a tunnel packet join the inner flow; no octet of it is counted twice."""
    inner = build.ipv4(build.udp(bytes(1400)), build.UDP, "10.1.1.1", "10.2.2.2")
    whole = build.gre(inner)
    pieces = [
        build.ipv4(whole[:800], build.GRE, ident=7, more=True),
        build.ipv4(whole[800:], build.GRE, ident=7, offset=800),
    ]
    row = read(build.pcap(pieces, 101)).only
    assert (row["src"], row["tunnel"], row["packets"], row["fragments"]) == ("10.1.1.1", 47, 2, 1)
    # The inner octets of the first piece, and the second piece with its own IP header.
    assert row["bytes"] == (800 - 4) + (len(whole) - 800 + 20)
