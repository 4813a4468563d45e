"""Sequence gaps: what each protocol counts, late datagrams, restarts and the 32-bit wrap."""

from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.telemetry.exports.build import V5_DTYPE, a_set, ipfix, records, template, v5_header, v9
from tests.telemetry.exports.feed import Feed
from tests.telemetry.exports.test_sflow import sflow
from tests.telemetry.exports.test_templates import DATA, ROW, SMALL, TEMPLATE

CONTENT = records(V5_DTYPE, 2).tobytes()


def _v5(sequence: int, engine: int = 0) -> bytes:
    return v5_header(2, sequence, engine=engine) + CONTENT


def _v9(sequence: int) -> bytes:
    return v9(sequence, a_set(0, template(300, SMALL)), a_set(300, ROW * 5))


def _ipfix(sequence: int) -> bytes:
    return ipfix(sequence, TEMPLATE, a_set(300, ROW * 3))


@pytest.mark.parametrize(
    ("make", "sequences", "lost"),
    [
        (_v5, [0, 2, 4, 10], 4),
        (_v9, [7, 8, 12], 3),
        (_ipfix, [0, 3, 6, 15], 6),
        (_v5, [(1 << 32) - 2, 0, 2], 0),
        (_v9, [(1 << 32) - 1, 0, 3], 2),
    ],
)
def test_gaps_count_what_the_protocol_counts(make, sequences: list[int], lost: int) -> None:
    """v5 counts flows, v9 datagrams, IPFIX data records; the numbers wrap at 2^32."""
    feed = Feed()
    feed(*(make(number) for number in sequences))
    assert feed.report.lost == lost


def test_a_late_datagram_is_not_lost() -> None:
    """Datagrams that overtook each other lose nothing, one in a call or all in one."""
    for at_once in (True, False):
        feed = Feed()
        order = [_v5(number) for number in (0, 2, 8, 4, 6, 10)]
        if at_once:
            feed(*order)
        else:
            for one in order:
                feed(one)
        assert feed.report.lost == 0


def test_a_repeated_datagram_fills_nothing_twice() -> None:
    """A datagram that arrives twice does not make up for another that never came."""
    feed = Feed()
    feed(_v5(0), _v5(6), _v5(2), _v5(2), _v5(0))
    assert feed.report.lost == 2


def test_a_restart_is_no_loss() -> None:
    """A router that starts to count anew has lost nothing by that."""
    feed = Feed()
    feed(_v9(5_000), _v9(5_001), _v9(0), _v9(1), _v9(2), _v9(4))
    assert feed.report.lost == 1
    assert feed.decoder.losses.restarts == 1


def test_one_stray_datagram_changes_nothing() -> None:
    """A single far number is no restart: counting goes on where it was."""
    feed = Feed()
    feed(_v9(10), _v9(2_000_000_000), _v9(11), _v9(13))
    assert feed.report.lost == 1


def test_streams_count_apart() -> None:
    """Engines, domains and exporters each have their own sequence."""
    feed = Feed()
    feed(_v5(0), _v5(1_000, engine=1), _v5(2), _v5(1_002, engine=1))
    feed(_v5(77), sender="192.0.2.77")
    feed(ipfix(5, TEMPLATE, DATA, domain=1), ipfix(99, TEMPLATE, DATA, domain=2))
    assert feed.report.lost == 0


def test_unknown_records_are_no_gap() -> None:
    """Where records could not be counted (no template yet), the next number is believed."""
    feed = Feed()
    feed(ipfix(0, DATA), ipfix(1, TEMPLATE, DATA), ipfix(2, DATA))
    assert feed.report.lost == 0


def test_sflow_counts_datagrams_and_samples() -> None:
    """Lost sFlow datagrams and samples are both known; samples are what the report calls lost."""
    feed = Feed()
    feed(sflow(1, [(1, 5)]), sflow(2, [(1, 6)]), sflow(5, [(1, 9), (2, 1)]), sflow(6, [(2, 2)]))
    assert feed.decoder.losses.sflow_datagrams == 2
    assert feed.decoder.losses.sflow_samples == feed.report.lost == 2


@given(st.permutations(range(10)), st.sets(st.integers(1, 8)), st.integers(0, (1 << 32) - 1))
@settings(max_examples=60)
def test_lost_is_what_never_came(order: list[int], missing: set[int], start: int) -> None:
    """Whatever the order of arrival, exactly the missing datagrams are lost, the first having come first."""
    feed = Feed()
    arrived = [0, *(number for number in order if number not in missing and number not in {0, 9}), 9]
    feed(*(_v9(start + number) for number in arrived))
    assert feed.report.lost == len(missing)


def test_the_helper_counts_as_the_wire_does() -> None:
    """The sequence number stands where the header has it."""
    assert _v9(7)[12:16] == pack(">I", 7)
