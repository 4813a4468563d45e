"""Rates and intervals: what holds for any traffic."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hanse.attacks import series
from hanse.attacks.attack import Attack
from hanse.attacks.detect import detect
from hanse.attacks.intervals import Gaps, find_intervals
from hanse.engine import Engine, open_engine
from tests.attacks.build import T0, addresses, flows, icmp_flood

PIECES = st.lists(st.tuples(st.integers(1, 400), st.floats(0, 100)), min_size=1, max_size=40)
"""A rate as (seconds until it changes, packets/s)."""

FLOWS = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 90_000_000), st.integers(0, 50_000_000), st.integers(1, 10**6)
    ),
    min_size=1,
    max_size=40,
)
"""Flows as (cell, start and length in microseconds, packets)."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """One embedded engine for all tests of this file."""
    with open_engine() as opened:
        yield opened


def rate_of(pieces: list[tuple[int, float]]) -> series.Series:
    """A rate from its pieces, back to zero at the end."""
    second = np.cumsum([0, *(length for length, _ in pieces)])
    pps = np.array([*(rate for _, rate in pieces), 0.0])
    return series.Series(second, pps, pps * 100)


@given(PIECES, st.floats(1, 80), st.integers(0, 700))
def test_intervals_are_apart(pieces: list[tuple[int, float]], limit: float, gap: int) -> None:
    """The intervals of a cell are in order, more than the gap apart, and each has its peak over the threshold."""
    found = find_intervals(rate_of(pieces), limit, gap)
    assert all(one.end - one.first >= 1 and one.peak_pps >= limit for one in found)
    assert all(later.first - one.end > gap for one, later in pairwise(found))


@given(PIECES, st.floats(1, 80), st.integers(0, 700), st.integers(0, 700))
def test_a_larger_gap_gives_no_more(
    pieces: list[tuple[int, float]], limit: float, one: int, other: int
) -> None:
    """A larger gap only joins intervals: never more of them, and none begins or ends anywhere new."""
    rate = rate_of(pieces)
    small = find_intervals(rate, limit, min(one, other))
    large = find_intervals(rate, limit, max(one, other))
    assert len(large) <= len(small)
    for interval in small:
        assert any(wide.first <= interval.first and interval.end <= wide.end for wide in large)


@given(PIECES, st.floats(1, 80), st.floats(1, 80))
def test_a_higher_threshold_finds_no_more_seconds(
    pieces: list[tuple[int, float]], one: float, other: float
) -> None:
    """What is over a higher threshold is over a lower one, at the same gap."""
    rate = rate_of(pieces)
    low = find_intervals(rate, min(one, other), 10)
    high = find_intervals(rate, max(one, other), 10)
    for interval in high:
        assert any(wide.first <= interval.first and interval.end <= wide.end for wide in low)


@given(PIECES, st.lists(st.integers(1, 5_000), max_size=3))
def test_cuts_cut(pieces: list[tuple[int, float]], cuts: list[int]) -> None:
    """No interval goes over a second at which an analyst cut."""
    gaps = Gaps(300, cuts={(b"v", 1): sorted(cuts)})
    rate = rate_of(pieces)
    for interval in gaps.intervals(b"v", 1, rate, np.full(len(rate.second), 10.0)):
        inner = rate.second[(rate.second > interval.first) & (rate.second < interval.end)]
        assert not any(cut in inner for cut in cuts)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FLOWS)
def test_the_rate_holds_all_packets(engine: Engine, made: list[tuple[int, int, int, int]]) -> None:
    """The rate, summed over its seconds, is the packets of the flows, in every cell, and it is never negative."""
    cell, start, length, packets = (np.array(column, np.int64) for column in zip(*made, strict=True))
    rows = {"cell": cell, "start_us": start, "end_us": start + length, "packets": packets, "octets": packets}
    spread = engine.arrow(series.spans(engine.table(pa.table(rows), "hanse_test_flows")))
    for number, rate in series.series_by_cell(spread).items():
        area = float(np.sum(np.diff(rate.second) * rate.pps[:-1]))
        assert area == pytest.approx(int(packets[cell == number].sum()), rel=1e-6)
        assert rate.pps[-1] == pytest.approx(0, abs=1e-3)
        assert (rate.pps >= 0).all()


def _traffic() -> pa.Table:
    """Two attacks, a network under attack, and something besides."""
    hosts = [f"198.51.100.{i}" for i in range(1, 60)]
    return pa.concat_tables(
        [
            icmp_flood(0, 40),
            icmp_flood(700, 40),
            flows(9_000, src=addresses(3_000), dst=["192.0.2.5"], flags=2, dst_port=80, span_s=30),
            flows(30_000, src=addresses(300), dst=hosts, protocol=1, icmp=8, size=500),
            flows(50, src=addresses(10), flags=27, dst_port=25, packets=9),
        ]
    )


@pytest.fixture(scope="module")
def whole(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Attack, ...]:
    """The attacks of `_traffic` in one file."""
    path = tmp_path_factory.mktemp("whole") / "flows.parquet"
    pq.write_table(_traffic(), path)
    return detect(engine, [str(path)]).attacks


def test_order_and_files_do_not_matter(engine: Engine, tmp_path: Path, whole: tuple[Attack, ...]) -> None:
    """The same flows shuffled and cut into files give the same attacks, ids, counts and rates included."""
    rows = _traffic()
    rows = rows.take(np.random.default_rng(7).permutation(rows.num_rows))
    cuts = [0, 1, 5_000, 20_000, rows.num_rows]
    for number, (low, high) in enumerate(pairwise(cuts)):
        pq.write_table(rows.slice(low, high - low), tmp_path / f"{number}.parquet")
    again = detect(engine, [str(tmp_path)]).attacks
    assert len(whole) == 4
    assert [attack.as_json() for attack in again] == [attack.as_json() for attack in whole]


def test_sampling_scales(engine: Engine, tmp_path: Path, whole: tuple[Attack, ...]) -> None:
    """A record of n packets sampled 1 in k is an estimate of n times k packets at k times the rate."""
    rows = _traffic()
    place = rows.schema.get_field_index("sampling")
    scaled = rows.set_column(place, rows.schema.field(place), pa.array([10] * rows.num_rows, pa.int32()))
    pq.write_table(scaled, tmp_path / "flows.parquet")
    again = {attack.id: attack for attack in detect(engine, [str(tmp_path)]).attacks}
    # Each host of the network is over its threshold then.
    hosts = [attack for attack in whole if "/" not in attack.victim]
    assert len(hosts) == 3
    for attack in hosts:
        assert again[attack.id].packets == 10 * attack.packets
        assert again[attack.id].peak_pps == pytest.approx(10 * attack.peak_pps)
        assert again[attack.id].sources == attack.sources


def test_time_moves_only_times(engine: Engine, tmp_path: Path, whole: tuple[Attack, ...]) -> None:
    """The same traffic a day and an odd time later is the same attacks, so much later."""
    rows, later = _traffic(), 86_400_000_000 + 7_123_000_000
    for name in ("start", "end"):
        place = rows.schema.get_field_index(name)
        moved = pa.array(rows[name].cast(pa.int64()).to_numpy() + later).cast(rows.schema.field(place).type)
        rows = rows.set_column(place, rows.schema.field(place), moved)
    pq.write_table(rows, tmp_path / "flows.parquet")
    again = detect(engine, [str(tmp_path)]).attacks
    assert sorted((a.victim, a.vector, a.start_us - later, a.packets) for a in again) == sorted(
        (a.victim, a.vector, a.start_us, a.packets) for a in whole
    )
    assert min(a.start_us for a in whole) == T0
