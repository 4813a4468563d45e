"""Flow records: timeouts, a full table, fragments under pressure, and that nothing is lost or doubled."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.telemetry.packets.capture import Packets
from hanse.telemetry.packets.flows import ACTIVE_US, INACTIVE_US
from hanse.telemetry.packets.flowtable import FlowTable
from hanse.telemetry.reading import InputReport
from tests.telemetry.packets import build
from tests.telemetry.packets.build import Caught
from tests.telemetry.packets.reading import read

SECOND = 1_000_000


def at(*moments_us: int) -> list[tuple[int, int, int]]:
    """Start, end and packets of each record of one flow with packets at these moments."""
    packet = build.ipv4(build.udp(), build.UDP)
    found = read(build.pcap([Caught(packet, 10**15 + moment) for moment in moments_us], 101))
    return [(row["start"] - 10**15, row["end"] - 10**15, row["packets"]) for row in found.rows]


def test_a_silence_over_the_inactive_timeout_ends_a_record() -> None:
    """Up to the timeout is the same record, one microsecond more a new one."""
    assert at(0, INACTIVE_US) == [(0, INACTIVE_US, 2)]
    assert at(0, INACTIVE_US + 1) == [(0, 0, 1), (INACTIVE_US + 1, INACTIVE_US + 1, 1)]


def test_no_record_is_longer_than_the_active_timeout() -> None:
    """A flow that never rests is cut into records of at most the active timeout."""
    records = at(*range(0, 25 * SECOND, SECOND))
    assert [packets for _, _, packets in records] == [11, 11, 3]
    assert all(end - start <= ACTIVE_US for start, end, _ in records)


def test_packets_out_of_order_widen_their_record() -> None:
    """A packet that is older than its record moves the start back, unless a timeout lies between."""
    assert at(5 * SECOND, 4 * SECOND) == [(4 * SECOND, 5 * SECOND, 2)]
    assert at(5 * SECOND, 5 * SECOND - INACTIVE_US) == [(5 * SECOND - INACTIVE_US, 5 * SECOND, 2)]
    assert len(at(5 * SECOND, 5 * SECOND - INACTIVE_US - 1)) == 2
    assert at(5 * SECOND, 5 * SECOND - ACTIVE_US - 1) == [
        (5 * SECOND, 5 * SECOND, 1),
        (-5_000_001, -5_000_001, 1),
    ]


def test_each_part_of_the_key_tells_flows_apart() -> None:
    """Addresses, ports and protocol."""
    base = {"src": "192.0.2.1", "dst": "198.51.100.2"}
    packets = [
        build.ipv4(build.udp(), build.UDP, **base),
        build.ipv4(build.udp(), build.UDP, src="192.0.2.9", dst="198.51.100.2"),
        build.ipv4(build.udp(), build.UDP, src="192.0.2.1", dst="198.51.100.9"),
        build.ipv4(build.udp(src=1), build.UDP, **base),
        build.ipv4(build.udp(dst=1), build.UDP, **base),
        build.ipv4(build.udp(), 136, **base),
        build.ipv6(build.udp(), build.UDP, "::ffff:0:192.0.2.1", "::ffff:0:198.51.100.2"),
    ]
    assert [row["packets"] for row in read(build.pcap(packets * 3, 101)).rows] == [3] * len(packets)


def test_more_flows_than_the_table_holds() -> None:
    """The table is handed out when it is full; every flow and packet is there once."""
    count = 150_000
    record = np.dtype([("head", "u1", 16), ("packet", "u1", 28)])
    records = np.zeros(count, record)
    one = build.pcap([build.ipv4(build.udp(), build.UDP)], 101)
    records["head"] = np.frombuffer(one[24:40], np.uint8)
    records["packet"] = np.frombuffer(one[40:], np.uint8)
    records["packet"][:, 12:16] = np.arange(count, dtype=">u4").view(np.uint8).reshape(-1, 4)
    found = read(one[:24] + records.tobytes())
    assert (found.report.packets, found.report.flows, len(found.rows)) == (count, count, count)
    assert found.total("packets") == count
    assert len({row["src"] for row in found.rows}) == count


def test_fragments_pushed_out_of_the_ring_are_not_lost() -> None:
    """When more datagrams wait than can be remembered, the oldest become flows without ports."""
    packets = [build.ipv4(bytes(16), build.UDP, ident=number, offset=800) for number in range(50)]
    for size in (1, 3, 49, 64):
        table = FlowTable(ACTIVE_US, INACTIVE_US, records=8, datagrams=size)
        assert run(table, build.pcap(packets, 101)) == (50, 50 * 36, 50)


def run(table: FlowTable, data: bytes) -> tuple[int, int, int]:
    """Packets, octets and later fragments that come out of a table."""
    taken = []
    for _, rows in Packets(np.frombuffer(data, np.uint8), InputReport("")):
        done = table.count(rows, 0)
        while done < len(rows):
            taken.append(table.take().copy())
            done = table.count(rows, done)
    while not table.drain():
        taken.append(table.take().copy())
    every = np.concatenate([*taken, table.take()])
    return int(every["packets"].sum()), int(every["bytes"].sum()), int(every["fragments"].sum())


PIECE = st.tuples(
    st.integers(0, 3),  # host
    st.integers(0, 3),  # identification
    st.sampled_from([0, 0, 8, 16]),  # offset
    st.booleans(),  # more to come
    st.integers(0, 40 * SECOND),  # moment
)


@settings(max_examples=150)
@given(st.lists(PIECE, max_size=60), st.integers(2, 6), st.integers(1, 5))
def test_nothing_is_lost_and_nothing_doubled(
    pieces: list[tuple[int, int, int, bool, int]], records: int, datagrams: int
) -> None:
    """Packets, octets and fragments of all records are those of the packets, however small the table."""
    caught = [
        Caught(
            build.ipv4(
                build.udp(bytes(8)), build.UDP, f"10.0.0.{host}", ident=ident, offset=offset, more=more
            ),
            moment,
        )
        for host, ident, offset, more, moment in pieces
    ]
    table = FlowTable(ACTIVE_US, INACTIVE_US, records=records, datagrams=datagrams)
    later = sum(offset > 0 for _, _, offset, _, _ in pieces)
    assert run(table, build.pcap(caught, 101)) == (len(pieces), 36 * len(pieces), later)


def test_hashes_cannot_be_foreseen() -> None:
    """Two readings of one capture hash differently, so nobody can send packets made to collide."""
    data = np.frombuffer(build.pcap([build.ipv4(build.udp(), build.UDP)], 101), np.uint8)
    hashes = {int(rows[0]["hash"]) for _ in range(2) for _, rows in Packets(data, InputReport(""))}
    assert len(hashes) == 2
