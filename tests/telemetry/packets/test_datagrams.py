"""UDP payloads of captured export streams, and how such captures are told by content."""

from struct import pack

import numpy as np
import pytest

from hanse.kernel.addresses import unpack
from hanse.telemetry.packets import looks_like_export, udp_payloads
from hanse.telemetry.packets.exports import is_export
from hanse.telemetry.reading import InputReport
from tests.telemetry.packets import build
from tests.telemetry.packets.build import Caught

V5 = pack(">HHIIIIBBH", 5, 2, 1, 2, 3, 4, 0, 0, 0) + bytes(96)
V9 = pack(">HHIIII", 9, 2, 1, 2, 3, 4) + pack(">HH", 0, 12) + bytes(8) + pack(">HH", 256, 8) + bytes(4)
IPFIX = pack(">HHIII", 10, 36, 1, 2, 3) + pack(">HH", 2, 12) + bytes(8) + pack(">HH", 999, 8) + bytes(4)
SFLOW = pack(">II4sIIII", 5, 1, bytes(4), 0, 1, 2, 2) + pack(">II8x", 1, 8) + pack(">II4x", 2, 4)
SFLOW6 = pack(">II16sIIII", 5, 2, bytes(16), 0, 1, 2, 1) + pack(">II8x", 1, 8)
DNS = pack(">HHHHHH", 9, 0x8180, 1, 1, 0, 0) + b"\x07example\x03com\0" + bytes(20)


def payloads(data: bytes) -> tuple[list[tuple[str, int, int, int, bytes]], InputReport]:
    """Sender, its port, the destination port, the moment and the octets of each payload; the report."""
    report = InputReport("made.pcap")
    out = []
    for batch in udp_payloads(np.frombuffer(data, np.uint8), report):
        for row in range(len(batch)):
            begin = batch.offsets[row]
            out.append(
                (
                    unpack(batch.sender[row].tobytes()),
                    int(batch.sender_port[row]),
                    int(batch.destination_port[row]),
                    int(batch.received_us[row]),
                    batch.buffer[begin : begin + batch.lengths[row]].tobytes(),
                )
            )
    return out, report


def packet(payload: bytes, src: str = "192.0.2.1") -> bytes:
    """An Ethernet frame with padding, from an exporter's port 5000 to a collector's 2055."""
    return build.ethernet(build.ipv4(build.udp(payload, 5000, 2055), build.UDP, src)) + bytes(8)


def test_payloads_in_order_with_their_senders() -> None:
    """Every UDP payload, padding left out, with sender, ports and time; other packets pass by."""
    six = build.ethernet(build.ipv6(build.udp(b"six", 5001, 4739), build.UDP))
    tcp = build.ethernet(build.ipv4(build.tcp(), build.TCP))
    data = build.pcap([Caught(packet(b"one"), 1), Caught(tcp, 2), Caught(six, 3), Caught(packet(b""), 4)])
    found, report = payloads(data)
    assert found == [
        ("192.0.2.1", 5000, 2055, 1, b"one"),
        ("2001:db8::1", 5001, 4739, 3, b"six"),
        ("192.0.2.1", 5000, 2055, 4, b""),
    ]
    assert (report.format, report.packets, report.problems) == ("pcap", 0, [])


def fragments(payload: bytes, ident: int) -> list[bytes]:
    """A UDP datagram as three IPv4 fragments."""
    whole = build.udp(payload, 5000, 2055)
    cuts = ((0, 480), (480, 960), (960, len(whole)))
    return [
        build.ethernet(build.ipv4(whole[a:b], build.UDP, ident=ident, offset=a, more=b < len(whole)))
        for a, b in cuts
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_fragmented_datagrams_are_put_together(order: tuple[int, ...]) -> None:
    """In any order of arrival; the datagram has its place where its last piece came."""
    payload = bytes(range(256)) * 5
    pieces = [fragments(payload, 7)[number] for number in order]
    frames = [packet(b"a"), pieces[0], packet(b"b"), pieces[1], pieces[1], pieces[2], packet(b"c")]
    found, report = payloads(build.pcap(frames))
    assert [octets for *_, octets in found] == [b"a", b"b", payload, b"c"]
    assert {(source, target) for _, source, target, _, _ in found} == {(5000, 2055)}
    assert report.problems == []


def test_incomplete_and_overlapping_datagrams_are_counted_and_left_out() -> None:
    """Missing pieces, overlapping pieces, and more open datagrams than are held: nothing wrong comes out."""
    first, middle, last = fragments(bytes(1280), 1)
    overlap = build.ethernet(build.ipv4(bytes(320), build.UDP, ident=2, offset=968))
    two = fragments(bytes(1280), 2)
    many = [fragments(bytes(1280), 1000 + number)[0] for number in range(300)]
    found, report = payloads(build.pcap([first, last, two[0], two[1], overlap, *many]))
    assert found == []
    assert "302 fragmented" in report.problems[0].what
    assert middle


def test_datagrams_cut_by_the_snap_length() -> None:
    """What was captured of them is given, and their number reported."""
    whole = build.ethernet(build.ipv4(build.udp(bytes(1000)), build.UDP))
    found, report = payloads(build.pcap([Caught(whole[:200], wire=len(whole)), packet(b"x")]))
    assert [len(octets) for *_, octets in found] == [200 - 42, 1]
    assert report.problems[0].what.startswith("1 UDP")


def test_udp_lengths_that_lie() -> None:
    """A UDP length under 8 is no length; one over the packet gives what is there; no header, nothing."""
    short = build.udp(b"abc", 1, 2)[:4] + pack(">HH", 3, 0) + b"abc"
    long = build.udp(b"abc", 1, 2)[:4] + pack(">HH", 999, 0) + b"abc"
    frames = [build.ipv4(data, build.UDP) for data in (short, long, b"abcdefg")]
    found, _ = payloads(build.pcap(frames, 101))
    assert [octets for *_, octets in found] == [b"abc", b"abc"]


@pytest.mark.parametrize(
    "payload", [V5, V9, IPFIX, SFLOW, SFLOW6], ids=["v5", "v9", "ipfix", "sflow", "sflow6"]
)
def test_export_datagrams_are_told(payload: bytes) -> None:
    """Each kind is told whole, and from its head alone when the capture cut it."""
    assert is_export(payload, len(payload))
    for end in range(48, len(payload)):
        assert is_export(payload[:end], len(payload))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        DNS,
        bytes(1200),
        V5[:2] + b"\0\x03" + V5[4:],
        V5[:2] + b"\0\0" + V5[4:],
        V5[:2] + b"\0\x64" + V5[4:],
        V9[:20] + pack(">HH", 17, 12) + V9[24:],
        V9[:20] + pack(">HH", 256, 3) + V9[24:],
        V9[:20] + pack(">HH", 256, 9999) + V9[24:],
        V9[:20],
        IPFIX[:2] + pack(">H", 4000) + IPFIX[4:],
        IPFIX[:2] + pack(">H", 16) + IPFIX[4:],
        SFLOW[:4] + pack(">I", 3) + SFLOW[8:],
        SFLOW[:24] + pack(">I", 0) + SFLOW[28:],
        SFLOW[:24] + pack(">I", 10_000) + SFLOW[28:],
        SFLOW[:32] + pack(">I", 7) + SFLOW[36:],
        SFLOW[:32] + pack(">I", 5000) + SFLOW[36:],
        SFLOW[:40],
    ],
)
def test_what_only_begins_like_an_export_is_none(payload: bytes) -> None:
    """A version word is not enough: counts, set ids and lengths must fit the datagram."""
    assert not is_export(payload, len(payload))


def test_a_capture_is_judged_by_most_of_its_payloads() -> None:
    """Mostly exports: yes, whatever the port. Mostly other UDP, or hardly any exports at all: no."""
    tcp = build.ethernet(build.ipv4(build.tcp(), build.TCP))

    def verdict(*frames: bytes) -> bool:
        return looks_like_export(np.frombuffer(build.pcap(frames), np.uint8))

    assert verdict(packet(V9))
    assert verdict(packet(V9), packet(IPFIX), packet(DNS), *[tcp] * 10)
    assert not verdict(packet(V9), packet(DNS), packet(DNS))
    assert not verdict(packet(V9), *[tcp] * 10)
    assert not verdict(tcp)
    assert not verdict()
    assert not looks_like_export(np.frombuffer(b"no capture at all, but long enough", np.uint8))


def test_fragmented_exports_are_told_by_their_heads() -> None:
    """A stream of fragmented datagrams is an export stream too: the first fragments tell."""
    big = pack(">HHIIII", 9, 20, 1, 2, 3, 4) + pack(">HH", 256, 1304) + bytes(1300)
    frames = [piece for number in range(20) for piece in fragments(big, number)]
    assert looks_like_export(np.frombuffer(build.pcap(frames), np.uint8))
