"""pcap and pcapng files: byte orders, clocks, sections, blocks, and what can be wrong with them."""

import pytest

from hanse.telemetry.packets import pcapng, recognise
from tests.telemetry.packets import build
from tests.telemetry.packets.build import Caught
from tests.telemetry.packets.reading import read

PACKET = build.ethernet(build.ipv4(build.udp(), build.UDP))
MOMENT = 1_178_726_527_123_456
"""2007-05-09 16:02:07.123456 UTC."""
ORDERS = pytest.mark.parametrize("order", ["<", ">"])


@ORDERS
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34])
def test_pcap(order: str, magic: int) -> None:
    """Both byte orders, micro- and nanoseconds, and the modified form with longer record headers."""
    data = build.pcap([Caught(PACKET, MOMENT), Caught(PACKET, MOMENT + 7)], order=order, magic=magic)
    found = read(data)
    assert recognise(data[:12])
    assert (found.report.format, found.report.packets, found.report.problems) == ("pcap", 2, [])
    assert (found.only["start"], found.only["end"]) == (MOMENT, MOMENT + 7)


def test_pcap_checksum_bits_are_not_the_link_type() -> None:
    """The upper bits of the link type field tell of frame checksums and are masked off."""
    assert read(build.pcap([PACKET + bytes(4)], 0x24000001)).only["bytes"] == 28


@ORDERS
@pytest.mark.parametrize(
    ("resolution", "units"),
    [
        (None, 10**6),
        (6, 10**6),
        (9, 10**9),
        (3, 10**3),
        (0, 1),
        (10, 10**10),
        (0x80 | 20, 2**20),
        (0x80 | 32, 2**32),
    ],
)
def test_pcapng_clock(order: str, resolution: int | None, units: int) -> None:
    """A packet's time is that of its interface's clock: powers of ten and of two, to its resolution."""
    stamp = MOMENT * units // 1_000_000
    blocks = [build.section(order), build.interface(1, order, resolution=resolution)]
    found = read(b"".join([*blocks, build.enhanced(Caught(PACKET, stamp), 0, order)]))
    assert found.only["start"] == stamp * 1_000_000 // units
    assert abs(found.only["start"] - MOMENT) <= max(1, 1_000_000 // units)


@pytest.mark.parametrize("offset", [3600, -3600, 0])
def test_pcapng_time_offset(offset: int) -> None:
    """if_tsoffset, signed seconds, is added."""
    blocks = [build.section(), build.interface(offset_s=offset), build.enhanced(Caught(PACKET, MOMENT))]
    assert read(b"".join(blocks)).only["start"] == MOMENT + offset * 1_000_000


@pytest.mark.parametrize(
    ("stamp", "resolution", "offset", "expected"),
    [
        (2**64 - 1, None, None, 253_402_300_799_000_000),
        (2**63 - 1, 0, None, 253_402_300_799_000_000),
        (2**64 - 1, 0, None, 253_402_300_799_000_000),
        (2**64 - 1, 0, -10, 253_402_300_789_000_000),
        (5, None, -(2**63), 0),
        (5, None, 2**63 - 1, 253_402_300_799_000_000),
        (2**62, 0x80 | 62, None, 1_000_000),
        (2**62 + 2**61, 0x80 | 62, None, 1_500_000),
    ],
)
def test_pcapng_times_without_a_calendar(
    stamp: int, resolution: int | None, offset: int | None, expected: int
) -> None:
    """Times before 1970 or after 9999 become the nearest moment between; nothing overflows."""
    blocks = [build.section(), build.interface(resolution=resolution, offset_s=offset)]
    assert read(b"".join([*blocks, build.enhanced(Caught(PACKET, stamp))])).only["start"] == expected


@pytest.mark.parametrize("resolution", [19, 127, 0x80 | 63, 0xFF])
def test_pcapng_clock_that_is_too_fine(resolution: int) -> None:
    """A clock finer than any 64-bit time can use is reported; its packets still count."""
    blocks = [build.section(), build.interface(resolution=resolution), build.enhanced(Caught(PACKET, MOMENT))]
    found = read(b"".join(blocks))
    assert found.only["packets"] == 1
    assert [problem.field for problem in found.report.problems] == ["if_tsresol"]


@ORDERS
def test_pcapng_interfaces_each_have_their_own_link_and_clock(order: str) -> None:
    """Ethernet in microseconds, raw IP in nanoseconds and cooked frames in one section."""
    packet = PACKET[14:]
    blocks = [
        build.section(order),
        build.interface(1, order),
        build.interface(101, order, resolution=9),
        build.enhanced(Caught(PACKET, MOMENT), 0, order),
        build.interface(113, order),
        build.enhanced(Caught(packet, MOMENT * 1000 + 1000), 1, order),
        build.enhanced(Caught(build.cooked(packet), MOMENT + 2), 2, order),
    ]
    found = read(b"".join(blocks))
    row = found.only
    assert (row["packets"], row["start"], row["end"]) == (3, MOMENT, MOMENT + 2)


def test_pcapng_sections_start_anew() -> None:
    """A second section has its own byte order and its own interfaces."""
    other = (
        build.section(">")
        + build.interface(101, ">")
        + build.enhanced(Caught(PACKET[14:], MOMENT + 5), 0, ">")
    )
    found = read(build.pcapng([Caught(PACKET, MOMENT)]) + other + build.pcapng([Caught(PACKET, MOMENT + 9)]))
    assert (found.only["packets"], found.only["end"], found.report.problems) == (3, MOMENT + 9, [])


@ORDERS
def test_pcapng_obsolete_and_simple_blocks(order: str) -> None:
    """Both give packets; a simple block's, having no time, takes the time of the one before it."""
    blocks = [
        build.section(order),
        build.interface(1, order, snap=60),
        build.obsolete(Caught(PACKET, MOMENT), 0, order),
        build.simple(PACKET + bytes(18), order, wire=1500),
        build.block(5, bytes(12), order),
        build.block(0x0BAD, b"any", order),
    ]
    found = read(b"".join(blocks))
    assert (found.only["packets"], found.only["start"], found.only["end"]) == (2, MOMENT, MOMENT)
    (problem,) = found.report.problems
    assert (problem.field, problem.fatal) == ("time", False)


def test_pcapng_packet_of_an_unknown_interface() -> None:
    """It is skipped with a fatal problem; the packets around it are read."""
    blocks = [build.pcapng([PACKET]), build.enhanced(PACKET, 7), build.enhanced(PACKET, 0)]
    found = read(b"".join(blocks))
    (problem,) = found.report.problems
    assert (found.only["packets"], found.report.skipped, problem.fatal) == (2, 1, True)


@pytest.mark.parametrize("data", [b"", b"\xd4\xc3\xb2\xa1", build.pcap([])[:23]])
def test_a_file_header_cut_short(data: bytes) -> None:
    """Nothing is read and it is said where the file ends."""
    found = read(data)
    assert (found.rows, found.report.problems[0].offset, found.report.whole) == ([], len(data), False)


def test_a_capture_without_packets() -> None:
    """A header alone is a whole capture of nothing."""
    for data in (build.pcap([]), build.pcapng([]), build.section()):
        found = read(data)
        assert (found.rows, found.report.problems, found.report.whole) == ([], [], True)


@pytest.mark.parametrize("make", [build.pcap, build.pcapng])
def test_a_file_cut_at_any_octet(make: build.Writer) -> None:
    """Whole packets before the cut are read; one fatal problem tells the place of the first missing one."""
    whole = make([Caught(PACKET, MOMENT)] * 3)
    empty = len(make([]))
    size = (len(whole) - empty) // 3
    for end in range(empty + 1, len(whole)):
        found = read(whole[:end])
        complete = (end - empty) // size
        assert found.report.packets == complete
        problems = found.report.problems
        assert len(problems) == ((end - empty) % size != 0), end
        if problems:
            begin = empty + complete * size
            assert problems[0].fatal
            assert begin <= (problems[0].offset or 0) < begin + 16


def test_pcap_record_that_cannot_be_true() -> None:
    """A captured length over any packet's stops the reading at that field; what came before remains."""
    good = build.pcap([PACKET] * 2)
    found = read(good + bytes(8) + b"\xff\xff\xff\x7f" + bytes(2000))
    (problem,) = found.report.problems
    assert (found.report.packets, problem.offset, problem.field) == (2, len(good) + 8, "captured length")


@pytest.mark.parametrize("length", [0, 8, 13, 30, 2**32 - 4])
def test_pcapng_block_length_that_cannot_be_true(length: int) -> None:
    """A block shorter than its frame, not a multiple of 4, or longer than the file stops the reading."""
    good = build.pcapng([PACKET] * 2)
    found = read(good + b"\x06\0\0\0" + length.to_bytes(4, "little") + bytes(64))
    (problem,) = found.report.problems
    assert (found.report.packets, problem.offset, problem.field) == (2, len(good) + 4, "block total length")


def test_pcapng_lengths_of_a_block_that_differ() -> None:
    """The length behind a block must be that before it."""
    good = build.pcapng([PACKET])
    found = read(good + build.enhanced(PACKET)[:-4] + bytes(4))
    assert (found.report.packets, found.report.problems[0].offset) == (1, len(good) + 4)


def test_pcapng_packet_longer_than_its_block() -> None:
    """A captured length beyond the block's end stops the reading at that field."""
    good = build.pcapng([PACKET])
    bad = bytearray(build.enhanced(PACKET))
    bad[20:24] = (len(PACKET) + 100).to_bytes(4, "little")
    found = read(good + bytes(bad))
    problem = found.report.problems[0]
    assert (found.report.packets, problem.offset, problem.field) == (1, len(good) + 20, "captured length")


@pytest.mark.parametrize(
    ("tail", "field"),
    [
        (build.section(major=2), "major version"),
        (build.block(0x0A0D0D0A, bytes(16)), "byte-order magic"),
        (build.block(1, bytes(4)), "block total length"),
        (build.section()[:20], "block total length"),
        (build.interface()[:-2], "block total length"),
    ],
)
def test_pcapng_header_blocks_that_are_wrong(tail: bytes, field: str) -> None:
    """They end the reading with a fatal problem at the block; what came before remains."""
    good = build.pcapng([PACKET])
    found = read(good + tail)
    (problem,) = found.report.problems
    assert (found.report.packets, problem.field, problem.fatal) == (1, field, True)
    assert len(good) <= (problem.offset or 0) <= len(good) + 12


def test_pcapng_options_that_lie_are_ignored() -> None:
    """An option longer than its block says nothing; the clock stays the default one."""
    body = build.pack("<HHI", 1, 0, 0) + build.pack("<HH", 9, 60_000) + bytes(4)
    data = build.section() + build.block(1, body) + build.enhanced(Caught(PACKET, MOMENT))
    assert read(data).only["start"] == MOMENT


def test_pcapng_interfaces_without_end() -> None:
    """Interfaces over the limit are reported; memory is bounded by the limit."""
    many = build.interface() * 65_600
    found = read(build.section() + many + build.enhanced(PACKET, 65_535) + build.enhanced(PACKET, 65_599))
    assert (found.report.packets, found.report.skipped) == (2, 1)
    assert not found.report.whole


@pytest.mark.parametrize(
    "head", [b"", b"\x0a\x0d\x0d\x0a" + bytes(8), b"PK\x03\x04", b"\xa1\xb2\xc3\xd5", bytes(12)]
)
def test_other_files_are_not_recognised(head: bytes) -> None:
    """Only the magic numbers of captures are."""
    assert not recognise(head)


def test_pcapng_headers_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of nothing but header blocks is left at a limit; what came before remains."""
    monkeypatch.setattr(pcapng, "MAX_HEADERS", 10)
    good = build.pcapng([PACKET])
    found = read(good + build.section() * 20)
    (problem,) = found.report.problems
    assert (found.report.packets, problem.offset, problem.fatal) == (1, len(good) + 8 * 28, True)
