"""Times, counters, ICMP, TTL and sampling as the fields of each protocol tell them."""

from struct import pack
from typing import Any

import pytest

from hanse.kernel.addresses import unpack
from tests.telemetry.exports.build import (
    EXPORT_S,
    UPTIME_MS,
    V5_DTYPE,
    a_set,
    ipfix,
    ipfix_options,
    records,
    template,
    v5_header,
    v9,
    v9_options,
)
from tests.telemetry.exports.feed import Feed

KEY: list[tuple[int, ...]] = [(8, 4), (12, 4), (2, 4), (1, 4)]
ROW = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + pack(">II", 3, 300)
NTP = 2_208_988_800


def _one(fields: list[tuple[int, ...]], content: bytes) -> dict[str, Any]:
    """The flow of an IPFIX record with a key and further fields."""
    (row,) = Feed()(ipfix(0, a_set(2, template(300, KEY + fields)), a_set(300, ROW + content)))
    return row


@pytest.mark.parametrize(
    ("elements", "content"),
    [
        ((150, 151, 4), pack(">II", EXPORT_S - 9, EXPORT_S - 2)),
        ((152, 153, 8), pack(">QQ", (EXPORT_S - 9) * 1000, (EXPORT_S - 2) * 1000)),
        ((154, 155, 8), pack(">IIII", EXPORT_S - 9 + NTP, 0, EXPORT_S - 2 + NTP, 0)),
        ((156, 157, 8), pack(">IIII", EXPORT_S - 9 + NTP, 0, EXPORT_S - 2 + NTP, 0)),
        ((158, 159, 4), pack(">II", 9_000_000, 2_000_000)),
    ],
)
def test_times_of_ipfix(elements: tuple[int, int, int], content: bytes) -> None:
    """Seconds, milliseconds, NTP micro- and nanoseconds, and deltas all give the same moments."""
    start, end, width = elements
    row = _one([(start, width), (end, width)], content)
    assert (row["start"].timestamp(), row["end"].timestamp()) == (EXPORT_S - 9, EXPORT_S - 2)


def test_ntp_fraction_and_era() -> None:
    """An NTP fraction counts in 2^-32 s; with the top bit clear the time is after 2036."""
    row = _one([(154, 8), (155, 8)], pack(">IIII", EXPORT_S + NTP, 1 << 31, 60, 0))
    assert row["start"].microsecond == 500_000
    assert row["end"].year == 2036


def test_times_since_the_exporters_start() -> None:
    """IPFIX's sysUpTime moments count from systemInitTimeMilliseconds."""
    row = _one([(160, 8), (22, 4), (21, 4)], pack(">QII", EXPORT_S * 1000, 5_000, 7_000))
    assert (row["start"].timestamp(), row["end"].timestamp()) == (EXPORT_S + 5, EXPORT_S + 7)


def test_times_since_a_start_nobody_tells() -> None:
    """Without a start the flow ends at export and lasts as long as its moments are apart."""
    row = _one([(22, 4), (21, 4)], pack(">II", 5_000, 7_000))
    assert (row["start"].timestamp(), row["end"].timestamp()) == (EXPORT_S - 2, EXPORT_S)


def test_no_time_is_the_time_of_export() -> None:
    """A record without any time gets its datagram's; a duration alone goes before it."""
    assert _one([], b"")["start"].timestamp() == EXPORT_S
    row = _one([(161, 4)], pack(">I", 4_000))
    assert (row["start"].timestamp(), row["end"].timestamp()) == (EXPORT_S - 4, EXPORT_S)


def test_uptime_wraps() -> None:
    """v9's switched times are right across the wrap of the 32-bit uptime."""
    fields: list[tuple[int, ...]] = [*KEY, (22, 4), (21, 4)]
    row = ROW + pack(">II", (1 << 32) - 3_000, 500)
    datagram = bytearray(v9(0, a_set(0, template(300, fields)), a_set(300, row)))
    datagram[4:8] = pack(">I", 1_000)
    (flow,) = Feed()(bytes(datagram))
    assert flow["start"].timestamp() == EXPORT_S - 4
    assert flow["end"].timestamp() == EXPORT_S - 0.5


def test_end_is_never_before_start() -> None:
    """Exporters that swap the two moments give a flow of no length, not a negative one."""
    row = _one([(150, 4), (151, 4)], pack(">II", EXPORT_S, EXPORT_S - 5))
    assert row["end"] == row["start"]


@pytest.mark.parametrize(
    ("fields", "content", "expected"),
    [
        ([(32, 2)], pack(">H", 0x0303), (3, 3)),
        ([(11, 2)], pack(">H", 0x0800), (8, 0)),
        ([(11, 2), (32, 2)], pack(">HH", 0x0800, 0), (8, 0)),
        ([(176, 1), (177, 1)], bytes([3, 13]), (3, 13)),
        ([(11, 2), (139, 2)], pack(">HH", 0, 0x8700), (135, 0)),
    ],
)
def test_icmp(fields: list[tuple[int, ...]], content: bytes, expected: tuple[int, int]) -> None:
    """ICMP type and code come from their own fields, else from the destination port; ports become 0."""
    row = _one([(4, 1), *fields], b"\x01" + content)
    assert (row["icmp_type"], row["icmp_code"]) == expected
    assert (row["src_port"], row["dst_port"]) == (0, 0)


def test_counters_by_rank() -> None:
    """Totals and initiator counts serve where deltas are absent; layer 2 only where nothing else is."""
    for elements, expected in (
        ([(86, 4), (85, 4)], 500), ([(298, 4), (231, 4)], 500), ([(2, 4), (352, 4)], 500),
        ([(352, 4), (1, 4)], 500),
    ):  # fmt: skip
        fields: list[tuple[int, ...]] = [(8, 4), (12, 4), *elements]
        content = bytes(8) + pack(">II", 5, 500)
        (row,) = Feed()(ipfix(0, a_set(2, template(300, fields)), a_set(300, content)))
        assert row["bytes"] == expected


def test_both_families_in_one_template() -> None:
    """A template with IPv4 and IPv6 fields gives the address that ipVersion names."""
    fields: list[tuple[int, ...]] = [(60, 1), (8, 4), (12, 4), (27, 16), (28, 16), (2, 4)]
    six = bytes.fromhex("20010db8") + bytes(11) + b"\x01"
    rows = b"\x06" + bytes(8) + six + six + pack(">I", 1)
    rows += b"\x04" + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + bytes(32) + pack(">I", 1)
    found = Feed()(ipfix(0, a_set(2, template(300, fields)), a_set(300, rows)))
    assert [unpack(row["src"]) for row in found] == ["2001:db8::1", "10.0.0.1"]


def test_ttl_and_wide_flags() -> None:
    """MinimumTTL goes before maximumTTL; TCP flags of two octets keep the lower one."""
    row = _one([(53, 1), (52, 1), (6, 2)], bytes([64, 60]) + pack(">H", 0x0112))
    assert (row["ttl"], row["tcp_flags"]) == (60, 0x12)


def test_v5_sampling_word() -> None:
    """The lower 14 bits of v5's sampling word are the interval; 0 means every packet."""
    content = records(V5_DTYPE, 2).tobytes()
    feed = Feed()
    assert {row["sampling"] for row in feed(v5_header(2, 0, sampling=0x4000 | 512) + content)} == {512}
    assert {row["sampling"] for row in feed(v5_header(2, 2) + content)} == {1}


V9_KEY = a_set(0, template(300, KEY))
WITH_SAMPLER = a_set(0, template(301, [*KEY, (48, 1)]))


def _rates(*sets: bytes) -> list[int]:
    return [row["sampling"] for row in Feed()(v9(0, *sets))]


def test_sampling_for_a_whole_stream() -> None:
    """Fields 34 and 35 in options data hold for all flows of the stream from there on, not before."""
    options = a_set(1, v9_options(400, [(1, 4)], [(34, 4), (35, 1)]))
    told = a_set(400, bytes(4) + pack(">IB", 100, 1))
    assert _rates(V9_KEY, a_set(300, ROW), options, told, a_set(300, ROW)) == [1, 100]


def test_sampling_by_sampler() -> None:
    """A flow that names a sampler has that sampler's rate; an unknown one means not sampled."""
    options = a_set(1, v9_options(400, [(1, 4)], [(48, 1), (49, 1), (50, 4)]))
    table = a_set(400, bytes(4) + pack(">BBI", 1, 2, 100) + bytes(4) + pack(">BBI", 2, 2, 200), pad=False)
    flows = a_set(301, ROW + b"\x02" + ROW + b"\x01" + ROW + b"\x00")
    assert _rates(WITH_SAMPLER, options, table, flows) == [200, 100, 1]


def test_one_sampler_is_everybodys() -> None:
    """Flows that cannot name a sampler have the rate that all samplers of the stream have."""
    options = a_set(1, v9_options(400, [(1, 4)], [(48, 1), (50, 4)]))
    assert _rates(V9_KEY, options, a_set(400, bytes(4) + pack(">BI", 1, 64)), a_set(300, ROW)) == [64]


def test_sampling_in_the_record_itself() -> None:
    """A flow's own sampling field goes before what options data said."""
    assert _one([(34, 4)], pack(">I", 77))["sampling"] == 77


@pytest.mark.parametrize(
    ("fields", "content", "rate"),
    [
        ([(305, 4), (306, 4)], pack(">II", 1, 999), 1_000),
        ([(305, 4), (306, 4)], pack(">II", 10, 90), 10),
        ([(304, 2), (305, 4)], pack(">HI", 3, 2_048), 2_048),
        ([(309, 4), (310, 4)], pack(">II", 1, 512), 512),
        ([(311, 8)], pack(">d", 0.01), 100),
    ],
)
def test_ipfix_selectors(fields: list[tuple[int, ...]], content: bytes, rate: int) -> None:
    """Selector options (RFC 5477) become one in so many packets, also from domain 0 for all domains."""
    feed = Feed()
    options = a_set(3, ipfix_options(400, [(149, 4)], fields))
    feed(ipfix(0, options, a_set(400, bytes(4) + content), domain=0))
    (row,) = feed(ipfix(0, a_set(2, template(300, KEY)), a_set(300, ROW), domain=7))
    assert row["sampling"] == rate


def test_sampling_stays_with_its_exporter() -> None:
    """What one exporter says of its sampling says nothing of another."""
    feed = Feed()
    options = a_set(1, v9_options(400, [(1, 4)], [(34, 4)]))
    feed(v9(0, options, a_set(400, bytes(4) + pack(">I", 100))))
    (row,) = feed(v9(0, V9_KEY, a_set(300, ROW)), sender="192.0.2.9")
    assert row["sampling"] == 1


def test_uptime_of_the_builder_is_that_of_the_header() -> None:
    """The made datagrams say one uptime, so that the times above mean what they say."""
    assert v5_header(1, 0)[4:8] == pack(">I", UPTIME_MS)
