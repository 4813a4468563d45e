"""sFlow v5: plain and expanded samples, sampled headers and sampled addresses."""

import socket
from struct import pack

import pytest

from hanse.kernel.addresses import pack as address
from hanse.kernel.addresses import unpack
from tests.telemetry.exports.feed import Feed

TCP = pack(">HHIIBBHHH", 1234, 80, 1, 0, 0x50, 0x02, 1024, 0, 0)
IPV4 = pack(">BBHHHBBH4s4s", 0x45, 0, 1_400, 1, 0, 60, 6, 0, b"\x0a\0\0\x01", b"\x0a\0\0\x02") + TCP
IPV6 = (
    pack(">IHBB", 0x60000000, 1_360, 6, 55)
    + socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    + TCP
)
MACS = bytes(12)
VLANS = MACS + pack(">HHHH", 0x88A8, 5, 0x8100, 7)


def header(frame: bytes, protocol: int = 1) -> bytes:
    """A raw packet header record."""
    padded = frame + bytes(-len(frame) % 4)
    body = pack(">IIII", protocol, 1_500, 4, len(frame)) + padded
    return pack(">II", 1, len(body)) + body


def sample(source: int, sequence: int, *records: bytes, rate: int = 512, expanded: bool = False) -> bytes:
    """A flow sample around its records."""
    content = b"".join(records)
    if expanded:
        head = pack(">IIIIIIIIIII", sequence, 0, source, rate, 0, 0, 0, 1, 0, 2, len(records))
    else:
        head = pack(">IIIIIIII", sequence, source, rate, 0, 0, 1, 2, len(records))
    return pack(">II", 3 if expanded else 1, len(head) + len(content)) + head + content


def datagram(sequence: int, *samples: bytes, agent: str = "198.51.100.7") -> bytes:
    """An sFlow datagram around its samples."""
    raw = address(agent)
    packed = pack(">I", 1) + raw[12:] if raw[:10] == bytes(10) else pack(">I", 2) + raw
    return pack(">I", 5) + packed + pack(">IIII", 3, sequence, 1_000, len(samples)) + b"".join(samples)


def sflow(sequence: int, samples: list[tuple[int, int]]) -> bytes:
    """A datagram with a sample for each (source, sequence)."""
    frame = header(MACS + b"\x08\0" + IPV4)
    return datagram(sequence, *(sample(source, number, frame) for source, number in samples))


@pytest.mark.parametrize(
    ("record", "src"),
    [
        (header(MACS + b"\x08\0" + IPV4), "10.0.0.1"),
        (header(VLANS + b"\x08\0" + IPV4), "10.0.0.1"),
        (header(MACS + b"\x86\xdd" + IPV6), "2001:db8::1"),
        (header(IPV4, 11), "10.0.0.1"),
        (header(IPV6, 12), "2001:db8::1"),
    ],
)
@pytest.mark.parametrize("expanded", [False, True])
def test_sampled_header(record: bytes, src: str, *, expanded: bool) -> None:
    """One sampled packet is a flow of one packet, its octets those of the IP header, sampling beside."""
    (row,) = Feed()(datagram(1, sample(9, 1, record, expanded=expanded)))
    assert unpack(row["src"]) == src
    assert (row["src_port"], row["dst_port"], row["protocol"], row["tcp_flags"]) == (1234, 80, 6, 2)
    assert (row["packets"], row["bytes"], row["sampling"]) == (1, 1_400, 512)
    assert unpack(row["exporter"]) == "198.51.100.7"
    assert row["ttl"] == (60 if src == "10.0.0.1" else 55)


def test_sampled_addresses_without_header() -> None:
    """Sampled IPv4 and IPv6 records serve where there is no header; with one they are passed over."""
    four = pack(">IIII4s4sIIII", 3, 32, 1_000, 17, b"\x0a\0\0\x01", b"\x0a\0\0\x02", 53, 4_000, 0, 0)
    ends = IPV6[8:40]
    six = pack(">IIII", 4, 56, 900, 6) + ends + pack(">IIII", 443, 5_000, 0x12, 0)
    feed = Feed()
    one, two = feed(datagram(1, sample(1, 1, four), sample(1, 2, six)))
    assert (unpack(one["src"]), one["src_port"], one["bytes"], one["packets"]) == ("10.0.0.1", 53, 1_000, 1)
    assert (unpack(two["src"]), two["tcp_flags"], two["sampling"]) == ("2001:db8::1", 0x12, 512)
    assert unpack(one["exporter"]) == "198.51.100.7"
    assert len(feed(datagram(2, sample(1, 3, four, header(MACS + b"\x08\0" + IPV4))))) == 1


def test_counters_and_extensions_are_passed_over() -> None:
    """Counter samples and extended records give no flow and do no harm."""
    counters = pack(">II", 2, 12) + bytes(12)
    extended = pack(">II", 1001, 16) + bytes(16)
    feed = Feed()
    rows = feed(datagram(1, counters, sample(1, 1, extended, header(MACS + b"\x08\0" + IPV4))))
    assert len(rows) == 1
    assert feed.report.problem_count == 0
    assert feed(datagram(2, sample(1, 2, extended))) == []
    assert feed.report.skipped == 1


def test_frames_without_ip_are_skipped() -> None:
    """A sampled ARP frame is no flow."""
    feed = Feed()
    assert feed(datagram(1, sample(1, 1, header(MACS + b"\x08\x06" + bytes(28))))) == []
    assert feed.report.skipped == 1


def test_agent_of_ipv6() -> None:
    """The exporter is the agent's address, also an IPv6 one, not the sender's."""
    (row,) = Feed()(datagram(1, sample(1, 1, header(MACS + b"\x08\0" + IPV4)), agent="2001:db8::7"))
    assert unpack(row["exporter"]) == "2001:db8::7"


def test_lying_sample_length_says_where() -> None:
    """A sample that reaches beyond its datagram is an error with offset; the samples before it count."""
    good = sample(1, 1, header(MACS + b"\x08\0" + IPV4))
    feed = Feed()
    assert len(feed(datagram(1, good, pack(">II", 1, 4_000) + bytes(40)))) == 1
    (problem,) = feed.report.problems
    assert problem.field == "sample length"
    assert problem.offset == 28 + len(good) + 4
