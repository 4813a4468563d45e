"""IP and transport headers: lengths, extension headers, ports, flags, fragments."""

import pytest

from tests.telemetry.packets import build
from tests.telemetry.packets.reading import Read, read


def raw(*packets: bytes | build.Caught) -> Read:
    """Read packets as a raw IP capture, a millisecond apart unless they say otherwise."""
    timed = [
        packet if isinstance(packet, build.Caught) else build.Caught(packet, 1_000_000_000 + 1_000 * number)
        for number, packet in enumerate(packets)
    ]
    return read(build.pcap(timed, 101))


def test_octets_are_those_of_the_ip_header() -> None:
    """A packet captured in part counts with the length that its IP header states."""
    four = build.ipv4(build.udp(bytes(1000)), build.UDP)
    six = build.ipv6(build.udp(bytes(1000)), build.UDP)
    assert raw(build.Caught(four[:60], wire=1028)).only["bytes"] == 1028
    assert raw(build.Caught(six[:60], wire=1048)).only["bytes"] == 1048


def test_length_zero_means_the_wire_length() -> None:
    """TSO leaves the IPv4 total length and the IPv6 payload length 0: then the wire length counts."""
    four = build.ipv4(build.tcp(payload=bytes(3000)), build.TCP, total=0)
    six = build.ipv6(build.tcp(payload=bytes(3000)), build.TCP, length=0)
    assert raw(build.Caught(four[:96], wire=9000)).only["bytes"] == 9000
    assert raw(build.Caught(six[:96], wire=9000)).only["bytes"] == 9000
    # No next header (59) is truly empty, whatever padding follows.
    assert raw(build.ipv6(bytes(20), 59, length=0)).only["bytes"] == 40


def test_ip_options_are_passed() -> None:
    """Ports stand behind IPv4 options; options beyond the captured part leave ports 0."""
    packet = build.ipv4(build.udp(), build.UDP, options=bytes(40))
    assert raw(packet).only["dst_port"] == 53
    row = raw(build.Caught(packet[:40], wire=len(packet))).only
    assert (row["dst_port"], row["bytes"]) == (0, 68)


@pytest.mark.parametrize(
    ("packet", "field"),
    [
        (build.ipv4(build.udp(), build.UDP, ihl=4), "IHL"),
        (build.ipv4(build.udp(), build.UDP, ihl=0), "IHL"),
        (build.ipv4(build.udp(), build.UDP, total=19), "total length"),
        (build.ipv4(build.udp(), build.UDP, total=28, ihl=15), "total length"),
        (b"\x75" + bytes(40), "IP version"),
    ],
)
def test_impossible_ip_headers(packet: bytes, field: str) -> None:
    """They are skipped and reported once with their field, count and first place; the rest is read."""
    good = build.ipv4(build.udp(), build.UDP)
    found = raw(good, packet, packet, good)
    (problem,) = found.report.problems
    assert (found.only["packets"], found.report.skipped) == (2, 2)
    assert (problem.field, problem.offset, problem.fatal) == (field, 24 + 16 + len(good) + 16, False)
    assert problem.what.startswith("2 packets")


def test_ports_of_each_protocol() -> None:
    """TCP, UDP, SCTP, UDP-Lite and DCCP have ports; others, and headers cut short, have 0."""
    for protocol in (6, 17, 132, 136, 33):
        row = raw(build.ipv4(build.udp(), protocol)).only
        assert (row["src_port"], row["dst_port"]) == (40_000, 53)
    for protocol in (2, 47, 50, 89):
        assert raw(build.ipv4(build.udp(), protocol)).only["dst_port"] == 0
    assert raw(build.ipv4(b"\x10\x10\x10", build.UDP)).only["dst_port"] == 0


def test_link_padding_is_not_read_as_ports() -> None:
    """Octets behind the IP packet are the link's padding, even where a port would stand."""
    assert raw(build.ipv4(b"", build.UDP) + b"\x11" * 26).only["src_port"] == 0


def test_tcp_flags_and_lowest_ttl() -> None:
    """The flags of all packets are or-ed, the ECN bits left out; the lowest TTL is kept."""
    packets = [
        build.ipv4(build.tcp(flags), build.TCP, ttl=ttl) for flags, ttl in ((2, 60), (16, 58), (0xC8, 61))
    ]
    row = raw(*packets).only
    assert (row["tcp_flags"], row["ttl"]) == (2 | 16 | 8, 58)


def test_icmp_type_and_code() -> None:
    """ICMP and ICMPv6 flows are told apart by type and code and have no ports."""
    found = raw(
        build.ipv4(build.icmp(3, 1), build.ICMP),
        build.ipv4(build.icmp(3, 3), build.ICMP),
        build.ipv6(build.icmp(128, 0), build.ICMP6),
    )
    seen = [(row["protocol"], row["icmp_type"], row["icmp_code"], row["src_port"]) for row in found.rows]
    assert seen == [(1, 3, 1, 0), (1, 3, 3, 0), (58, 128, 0, 0)]


def test_ipv6_extension_headers() -> None:
    """Hop-by-hop, routing, destination options (of any length) and AH are passed, in any order."""
    chain = build.authentication(build.UDP, build.udp())
    chain = build.extension(51, chain, words=3)
    chain = build.extension(60, chain)
    chain = build.extension(43, chain, words=2)
    packet = build.ipv6(chain, 0)
    row = raw(packet).only
    assert (row["protocol"], row["dst_port"], row["bytes"]) == (17, 53, len(packet))


def test_ipv6_extension_headers_without_end() -> None:
    """A chain longer than the limit, or cut short, is a flow of the protocol reached, without ports."""
    chain = build.udp()
    for number in range(40):
        chain = build.extension(60 if number else build.UDP, chain)
    assert raw(build.ipv6(chain, 60)).only["protocol"] == 60
    cut = build.ipv6(build.extension(build.UDP, build.udp(), words=30), 60)
    row = raw(build.Caught(cut[:56], wire=len(cut))).only
    assert (row["protocol"], row["dst_port"]) == (17, 0)


def test_authentication_header_over_ipv4() -> None:
    """Behind an authentication header stands the packet, unencrypted."""
    row = raw(build.ipv4(build.authentication(build.UDP, build.udp()), 51)).only
    assert (row["protocol"], row["dst_port"]) == (17, 53)


def pieces4(ident: int, source: int = 53) -> list[bytes]:
    """A UDP datagram of 2,008 octets in three IPv4 fragments."""
    whole = build.udp(bytes(2000), source, 4444)
    cuts = ((0, 800), (800, 1600), (1600, 2008))
    return [
        build.ipv4(whole[begin:end], build.UDP, ident=ident, offset=begin, more=end < 2008)
        for begin, end in cuts
    ]


def pieces6(ident: int) -> list[bytes]:
    """The same over IPv6."""
    whole = build.udp(bytes(2000), 53, 4444)
    cuts = ((0, 800), (800, 1600), (1600, 2008))
    return [
        build.ipv6(
            build.fragment6(build.UDP, whole[begin:end], ident=ident, offset=begin, more=end < 2008), 44
        )
        for begin, end in cuts
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
@pytest.mark.parametrize("pieces", [pieces4(7), pieces6(7)], ids=["ipv4", "ipv6"])
def test_fragments_join_their_datagrams_flow(pieces: list[bytes], order: tuple[int, ...]) -> None:
    """In any order the later fragments are of the flow whose ports the first one names."""
    row = raw(*(pieces[number] for number in order)).only
    assert (row["src_port"], row["dst_port"], row["protocol"]) == (53, 4444, 17)
    assert (row["packets"], row["fragments"], row["bytes"]) == (3, 2, sum(map(len, pieces)))
    assert row["end"] - row["start"] == 2_000


def test_fragments_of_different_datagrams_are_apart() -> None:
    """Two datagrams of one pair of hosts, interleaved, told apart by identification."""
    one, two = pieces4(1, 53), pieces4(2, 123)
    found = raw(*(piece for pair in zip(one, two, strict=True) for piece in pair))
    assert sorted((row["src_port"], row["packets"], row["fragments"]) for row in found.rows) == [
        (53, 3, 2),
        (123, 3, 2),
    ]


def test_fragments_whose_first_was_never_seen() -> None:
    """They become a flow with ports 0 whose packets are all fragments."""
    row = raw(*pieces4(7)[1:]).only
    assert (row["src_port"], row["dst_port"], row["packets"], row["fragments"]) == (0, 0, 2, 2)


def test_an_identification_used_again_later_is_another_datagram() -> None:
    """More than 30 s after its datagram a fragment is not taken to belong to it."""
    first, later, _ = pieces4(7)
    found = raw(build.Caught(first, 0), build.Caught(later, 31_000_000))
    assert [(row["src_port"], row["fragments"]) for row in found.rows] == [(53, 0), (0, 1)]


def test_a_whole_ipv6_packet_with_a_fragment_header_is_no_fragment() -> None:
    """An atomic fragment (RFC 6946) is a plain packet."""
    packet = build.ipv6(build.fragment6(build.UDP, build.udp(), ident=1, offset=0, more=False), 44)
    row = raw(packet).only
    assert (row["dst_port"], row["fragments"]) == (53, 0)
