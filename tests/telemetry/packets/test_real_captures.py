"""Real captures, against what tshark makes of them."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hanse.kernel.addresses import unpack
from hanse.telemetry.packets import looks_like_export, recognise, udp_payloads
from hanse.telemetry.reading import InputReport
from tests.shared import SHARED, shared_data
from tests.telemetry.packets.reading import table_of

Key = tuple[str, str, int, int, int]
FIELDS = [
    "ip.src",
    "ip.dst",
    "ip.proto",
    "ip.len",
    "ip.id",
    "ip.frag_offset",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.nxt",
    "ipv6.hopopts.nxt",
    "ipv6.plen",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "frame.number",
]
CAPTURES = [
    path.relative_to(SHARED).as_posix()
    for kind in ("attacks", "normal")
    for path in sorted((SHARED / "telemetry" / kind).glob("*.pcap*"))
] or ["telemetry/attacks"]
PORTED = {6: "tcp", 17: "udp"}


def tshark(path: Path, *arguments: str) -> list[str]:
    """Lines that tshark prints for a capture, reassembly of IP switched off."""
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("tshark is not installed")
    off = ("-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE")
    command = [program, "-n", "-r", str(path), *off, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def tshark_flows(path: Path) -> tuple[int, dict[Key, tuple[int, int]]]:
    """Packets in all, and packets and IP octets per 5-tuple; later fragments under their datagram's ports."""
    wanted = [part for field in FIELDS for part in ("-e", field)]
    lines = tshark(path, "-T", "fields", "-E", "occurrence=a", *wanted)
    packets = [inner(dict(zip(FIELDS, line.split("\t"), strict=True))) for line in lines]
    # A packet with an error inside is no readable IP packet for either side when tshark names no address.
    readable = [packet for packet in packets if packet["ip.src"] or packet["ipv6.src"]]
    first: dict[tuple[str, ...], tuple[int, int]] = {}
    for packet in readable:
        if packet["ip.src"] and packet["ip.frag_offset"] == "0":
            first.setdefault(datagram(packet), ports(packet))
    count: Counter[Key] = Counter()
    octets: Counter[Key] = Counter()
    for packet in readable:
        four = bool(packet["ip.src"])
        later = four and packet["ip.frag_offset"] != "0"
        source, target = first.get(datagram(packet), (0, 0)) if later else ports(packet)
        names = ("ip.src", "ip.dst", "ip.proto") if four else ("ipv6.src", "ipv6.dst", "ipv6.nxt")
        key = (packet[names[0]], packet[names[1]], source, target, int(packet[names[2]]))
        count[key] += 1
        octets[key] += int(packet["ip.len"]) if four else 40 + int(packet["ipv6.plen"])
    return len(packets), {key: (count[key], octets[key]) for key in count}


def inner(packet: dict[str, str]) -> dict[str, str]:
    """The fields of the packet inside an IPv4 tunnel (GRE 47, IP-in-IP 4); else of the packet itself.

    tshark lists a field of every header in a packet, those quoted in ICMP errors too, outermost first.
    """
    protocols = packet["ip.proto"].split(",")
    depth = 0
    while protocols[depth] in {"47", "4"} and depth + 1 < len(protocols):
        depth += 1
    parts = {name: text.split(",") for name, text in packet.items()}
    # Behind a hop-by-hop header, the only extension header in these captures, is the real protocol.
    parts["ipv6.nxt"] = parts["ipv6.hopopts.nxt"] if packet["ipv6.hopopts.nxt"] else parts["ipv6.nxt"]
    return {name: part[depth if name.startswith("ip.") else 0] for name, part in parts.items()}


def datagram(packet: dict[str, str]) -> tuple[str, ...]:
    """What the fragments of one IPv4 datagram have in common."""
    return tuple(packet[name] for name in ("ip.src", "ip.dst", "ip.proto", "ip.id"))


def ports(packet: dict[str, str]) -> tuple[int, int]:
    """The packet's own ports, not those of a packet quoted inside an ICMP error."""
    name = PORTED.get(int(packet["ip.proto"] or packet["ipv6.nxt"]))
    if name is None or not packet[f"{name}.srcport"]:
        return 0, 0
    return int(packet[f"{name}.srcport"]), int(packet[f"{name}.dstport"])


def our_flows(path: Path) -> tuple[InputReport, dict[Key, tuple[int, int]]]:
    """The same from the reader."""
    report = InputReport(path.name)
    count: Counter[Key] = Counter()
    octets: Counter[Key] = Counter()
    for row in table_of(np.memmap(path, np.uint8, "r"), report).to_pylist():
        key = (unpack(row["src"]), unpack(row["dst"]), row["src_port"], row["dst_port"], row["protocol"])
        count[key] += row["packets"]
        octets[key] += row["bytes"]
    return report, {key: (count[key], octets[key]) for key in count}


@pytest.mark.parametrize("name", CAPTURES)
def test_flows_agree_with_tshark(name: str) -> None:
    """Packets in all, and packets and octets of every 5-tuple, are those that tshark counts."""
    path = shared_data(name)
    packets, expected = tshark_flows(path)
    report, ours = our_flows(path)
    assert report.whole, report.problems
    assert report.packets == packets
    assert report.packets - report.skipped == sum(count for count, _ in expected.values())
    assert ours == expected


@pytest.mark.parametrize("kind", ["attacks", "normal", "formats"])
def test_only_export_streams_look_like_export_streams(kind: str) -> None:
    """Every capture under formats is told to be an export stream by content, no other one is."""
    for path in sorted(shared_data(f"telemetry/{kind}").glob("*.pcap*")):
        data = np.memmap(path, np.uint8, "r")
        assert recognise(data[:12].tobytes())
        assert looks_like_export(data) is (kind == "formats"), path.name


def test_payloads_agree_with_tshark(tmp_path: Path) -> None:
    """UDP payloads of all export streams are, octet by octet, those that tshark prints."""
    paths = sorted(shared_data("telemetry/formats").glob("*.pcap"))
    whole = [path.read_bytes() for path in paths]
    # All are little-endian Ethernet files: joined behind one header, tshark need start only once.
    assert {(data[:8], data[20:24]) for data in whole} == {(whole[0][:8], whole[0][20:24])}
    joined = whole[0][:24] + b"".join(data[24:] for data in whole)
    path = tmp_path / "joined.pcap"
    path.write_bytes(joined)
    ours = []
    for batch in udp_payloads(np.frombuffer(joined, np.uint8), InputReport(path.name)):
        for offset, length in zip(batch.offsets, batch.lengths, strict=True):
            ours.append(batch.buffer[offset : offset + length].tobytes().hex())
    assert len(ours) > 100
    assert ours == [line for line in tshark(path, "-T", "fields", "-e", "udp.payload") if line]
