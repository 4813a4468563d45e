"""Whatever the bytes: no crash, no hang, no packet from nowhere, none lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.telemetry.packets import build, hostile

CAPTURES = hostile.captures()
HEADS = [
    build.pcap([]),
    build.pcap([], order=">", magic=0xA1B23C4D),
    build.pcap([], 101),
    build.pcap([], 0),
    build.pcapng([]),
    build.pcapng([], order=">"),
    build.section(),
    build.pcap([])[:4],
    b"",
]


@pytest.mark.parametrize("number", range(len(CAPTURES)))
def test_the_capture_to_be_damaged_is_sound(number: int) -> None:
    """Before damage every packet but ARP is dissected."""
    report = hostile.check(CAPTURES[number])
    assert report.whole
    assert report.skipped * 14 == report.packets


@settings(max_examples=300)
@given(st.sampled_from(HEADS), st.binary(max_size=400))
def test_any_bytes_behind_a_header(head: bytes, tail: bytes) -> None:
    """Arbitrary bytes behind a true file header."""
    hostile.check(head + tail)


@settings(max_examples=300)
@given(
    st.sampled_from(CAPTURES),
    st.lists(
        st.tuples(st.integers(0, 10_000), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, 0x45, 0x60])), max_size=8
    ),
    st.integers(0, 40),
)
def test_mutated_captures(capture: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    """A sound capture with a few octets changed, and its end cut off."""
    data = bytearray(capture)
    for at, value in changes:
        data[at % len(data)] = value
    hostile.check(bytes(data[: len(data) - cut]))


@settings(max_examples=300)
@given(
    st.sampled_from([0, 1, 12, 101, 108, 113, 228, 229, 276]), st.lists(st.binary(max_size=120), max_size=5)
)
def test_any_bytes_as_packets(link: int, packets: list[bytes]) -> None:
    """Arbitrary packets of each link type in a sound container: all counted, none lost."""
    report = hostile.check(build.pcap(packets, link))
    assert report.packets == len(packets)


@settings(max_examples=300)
@given(
    st.sampled_from([4, 6, 17, 41, 43, 44, 47, 51, 58, 60]),
    st.binary(max_size=160),
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from([0, 8, 65_528]),
)
def test_any_bytes_in_an_ip_packet(protocol: int, payload: bytes, six: bool, ident: int, offset: int) -> None:
    """Arbitrary bytes where tunnels, extension headers and fragments are expected."""
    if six:
        packet = build.ipv6(payload, protocol)
    else:
        packet = build.ipv4(payload, protocol, ident=ident, offset=offset, more=offset == 0)
    report = hostile.check(build.pcap([packet] * 3, 101))
    assert (report.packets, report.skipped) == (3, 0)


def set_octets(step: int) -> None:
    """Set each `step`-th octet of each capture to extremes and check."""
    for capture in CAPTURES:
        for at in range(0, len(capture), step):
            for value in (0, 0xFF):
                hostile.check(capture[:at] + bytes([value]) + capture[at + 1 :])


def test_some_octets_set_to_extremes() -> None:
    """Every 29th octet of each capture (no multiple of any field) once 0x00 and once 0xFF."""
    set_octets(29)


@pytest.mark.soak
def test_every_single_octet_set_to_extremes() -> None:
    """Each octet of each capture once 0x00 and once 0xFF."""
    set_octets(1)
