"""What may stand before the IP header: link types, tags, labels, sessions."""

import pytest

from tests.telemetry.packets import build
from tests.telemetry.packets.reading import read

FOUR = build.ipv4(build.udp(b"x" * 10), build.UDP)
SIX = build.ipv6(build.tcp(), build.TCP)
PACKETS = pytest.mark.parametrize("packet", [FOUR, SIX], ids=["ipv4", "ipv6"])


def check(packet: bytes, frame: bytes, link: int = 1) -> None:
    """The frame, with padding behind it, gives the packet's flow: addresses, ports and IP octets."""
    for data in (build.pcap([frame + bytes(6)], link), build.pcapng([frame + bytes(6)], link, ">")):
        found = read(data)
        row = found.only
        assert found.report.problems == []
        assert (found.report.packets, found.report.flows, found.report.skipped) == (1, 1, 0)
        assert (row["packets"], row["bytes"], row["tunnel"], row["outer_src"]) == (1, len(packet), 0, None)
        if packet == FOUR:
            ends = ("192.0.2.1", "198.51.100.2", 40_000, 53, 17)
        else:
            ends = ("2001:db8::1", "2001:db8::2", 40_000, 80, 6)
        assert (row["src"], row["dst"], row["src_port"], row["dst_port"], row["protocol"]) == ends


@PACKETS
def test_ethernet(packet: bytes) -> None:
    """Ethernet (link type 1); what follows the IP packet (padding, checksum) is not counted."""
    check(packet, build.ethernet(packet))


@PACKETS
def test_linux_cooked(packet: bytes) -> None:
    """Linux cooked v1 (113) and v2 (276)."""
    check(packet, build.cooked(packet), 113)
    check(packet, build.cooked2(packet), 276)


@PACKETS
@pytest.mark.parametrize("link", [101, 12, 14])
def test_raw_ip(packet: bytes, link: int) -> None:
    """Raw IP under each of its numbers, the version told by the packet."""
    check(packet, packet, link)


def test_raw_ip_of_one_version() -> None:
    """Link types 228 (IPv4) and 229 (IPv6)."""
    check(FOUR, FOUR, 228)
    check(SIX, SIX, 229)


@PACKETS
@pytest.mark.parametrize("link", [0, 108])
@pytest.mark.parametrize("order", ["<", ">"])
def test_loopback(packet: bytes, link: int, order: str) -> None:
    """BSD loopback, its address family in either byte order."""
    check(packet, build.loopback(packet, order), link)


@PACKETS
@pytest.mark.parametrize("tags", [(0x8100,), (0x88A8, 0x8100), (0x9100, 0x8100), (0x8100, 0x8100, 0x8100)])
def test_vlan_and_qinq(packet: bytes, tags: tuple[int, ...]) -> None:
    """One tag, QinQ with both outer types, and three tags."""
    kind, payload = build.vlan(packet, *tags)
    check(packet, build.ethernet(payload, kind))
    assert kind == tags[0]


@PACKETS
def test_mpls(packet: bytes) -> None:
    """A stack of three labels, then IP; and a pseudowire: control word, then Ethernet."""
    check(packet, build.ethernet(build.mpls(packet, 16, 17, 18), 0x8847))
    check(packet, build.ethernet(build.mpls(packet, 16), 0x8848))
    check(packet, build.ethernet(build.mpls(bytes(4) + build.ethernet(packet), 16), 0x8847))


@PACKETS
def test_pppoe_in_vlan(packet: bytes) -> None:
    """A PPPoE session, bare and inside a VLAN."""
    check(packet, build.ethernet(build.pppoe(packet), 0x8864))
    kind, payload = build.vlan(build.pppoe(packet), 0x8100, ethertype=0x8864)
    check(packet, build.ethernet(payload, kind))


@PACKETS
def test_snap(packet: bytes) -> None:
    """802.3 with LLC and SNAP."""
    length, body = build.snap(packet)
    check(packet, build.ethernet(body, length))


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, build.ethernet(bytes(28), 0x0806)),
        (1, build.ethernet(b"\x42\x42\x03" + bytes(35), 38)),
        (1, build.ethernet(b"\x11\x00" + bytes(4) + b"\xc0\x21" + bytes(8), 0x8864)),
        (1, build.ethernet(build.mpls(b"\x10" + bytes(20), 16), 0x8847)),
        (1, build.ethernet(bytes(80), 0x8100)),
        (0, build.loopback(FOUR)[:1] + b"\x01\x01\x01" + FOUR),
    ],
    ids=["ARP", "spanning tree", "PPP link control", "MPLS without IP", "no end of tags", "odd family"],
)
def test_what_is_not_ip_is_skipped(link: int, frame: bytes) -> None:
    """Frames without IP are counted as skipped, which is no problem of the input."""
    found = read(build.pcap([frame, frame], link))
    assert found.rows == []
    assert (found.report.packets, found.report.skipped, found.report.problem_count) == (2, 2, 0)


def test_unknown_link_type() -> None:
    """Frames of a link type that is not known are skipped; the problem names the type, and is fatal."""
    found = read(build.pcap([bytes(60)] * 3, 147))
    (problem,) = found.report.problems
    assert (found.report.packets, found.report.skipped, found.report.whole) == (3, 3, False)
    assert "147" in problem.what
    assert problem.offset == 40
    assert problem.field == "link type"


def test_frames_too_short_for_their_headers() -> None:
    """A frame cut at any octet before the end of the IP header is skipped; after it the packet counts."""
    kind, payload = build.vlan(build.mpls(SIX, 16, 17), 0x88A8, 0x8100, ethertype=0x8847)
    for frame, before in ((build.ethernet(FOUR), 14), (build.ethernet(payload, kind), 30)):
        least = before + (20 if before == 14 else 40)
        for cut in range(len(frame) + 1):
            found = read(build.pcap([build.Caught(frame[:cut], wire=len(frame))]))
            assert found.report.skipped == (cut < least), cut
            if cut >= least:
                assert found.only["bytes"] == len(frame) - before
