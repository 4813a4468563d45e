"""One capture with everything in it, for tests and fuzzing to damage, and the rules that always hold."""

import numpy as np

from hanse.telemetry.packets import looks_like_export, read_flows, udp_payloads
from hanse.telemetry.packets.capture import Packets
from hanse.telemetry.reading import InputReport
from tests.telemetry.packets import build

LEAST_RECORD = 16
"""Octets of the smallest packet record in any container: a pcap record header (pcapng: 16 for a simple block)."""


def everything() -> list[bytes]:
    """Ethernet frames with each encapsulation, extension header, fragment and transport."""
    four = build.ipv4(build.udp(b"0123456789"), build.UDP, options=bytes(8))
    six = build.ipv6(build.extension(43, build.extension(build.TCP, build.tcp(), words=1)), 0)
    chain = build.ipv6(build.authentication(build.ICMP6, build.icmp(128)), 51)
    kind, tagged = build.vlan(build.mpls(four, 1, 2, 3), 0x88A8, 0x8100, ethertype=0x8847)
    length, body = build.snap(six)
    big = build.udp(bytes(64), 5000, 2055)
    return [
        build.ethernet(four),
        build.ethernet(six),
        build.ethernet(chain),
        build.ethernet(tagged, kind),
        build.ethernet(body, length),
        build.ethernet(build.pppoe(six), 0x8864),
        build.ethernet(
            build.ipv4(build.gre(build.ethernet(four), 0x6558, key=True, checksum=True), build.GRE)
        ),
        build.ethernet(build.ipv6(build.ipv4(build.ipv4(four, build.IPIP), build.IPIP), build.IPIP)),
        build.ethernet(build.ipv4(six, build.SIX_IN_FOUR)),
        build.ethernet(build.ipv4(big[:40], build.UDP, ident=5, more=True)),
        build.ethernet(build.ipv4(big[40:], build.UDP, ident=5, offset=40)),
        build.ethernet(build.ipv6(build.fragment6(build.UDP, big[40:], ident=9, offset=40, more=False), 44)),
        build.ethernet(build.ipv6(build.fragment6(build.UDP, big[:40], ident=9, offset=0, more=True), 44)),
        build.ethernet(bytes(28), 0x0806),
    ]


def captures() -> list[bytes]:
    """`everything` in each container, byte order and block type."""
    frames = everything()
    mixed = [build.section(">"), build.interface(1, ">", resolution=9, offset_s=5)]
    mixed += [build.obsolete(build.Caught(frame), 0, ">") for frame in frames]
    mixed += [build.simple(frame, ">") for frame in frames]
    return [
        build.pcap(frames),
        build.pcap(frames, order=">", magic=0xA1B23C4D),
        build.pcap(frames, magic=0xA1B2CD34),
        build.pcapng(frames),
        b"".join(mixed) + build.pcapng(frames, order=">"),
    ]


def check(data: bytes) -> InputReport:
    """Read a capture in every way and check what must hold for any bytes at all.

    Raises:
        AssertionError: A rule is broken.
    """
    array = np.frombuffer(data, np.uint8)
    report = InputReport("hostile")
    packets = octets = rows = 0
    for batch in read_flows(array, report, "v"):
        assert batch.num_rows > 0
        rows += batch.num_rows
        packets += sum(batch["packets"].to_pylist())
        octets += sum(batch["bytes"].to_pylist())
        assert (batch["end"].view("int64").to_numpy() >= batch["start"].view("int64").to_numpy()).all()
    assert report.flows == rows
    assert report.packets <= len(data) // LEAST_RECORD
    assert packets == report.packets - report.skipped
    dissected = 0
    for _, some in Packets(array, InputReport("hostile")):
        dissected += int(some["bytes"][some["fault"] == 0].sum())
    assert octets == dissected
    looks_like_export(array)
    for found in udp_payloads(array, InputReport("hostile")):
        ends = found.offsets + found.lengths
        assert (found.lengths >= 0).all()
        assert (found.offsets >= 0).all()
        assert (ends <= len(found.buffer)).all()
    for problem in report.problems:
        assert problem.offset is None or 0 <= problem.offset <= len(data) + LEAST_RECORD
    return report
