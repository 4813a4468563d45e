"""What someone tries who wants to stay unseen, to frame others, or to blind the detector."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from hanse.attacks import vectors as v
from hanse.attacks.detect import detect
from hanse.attacks.evidence import MOST_SUMMED, Suspect, slices
from hanse.attacks.evidence_slice import slice_of
from hanse.attacks.intervals import Interval
from hanse.attacks.series import Series
from hanse.engine import Engine, open_engine
from hanse.kernel.addresses import pack
from hanse.telemetry.schema import FLOW
from tests.attacks import build
from tests.attacks.build import VICTIM, addresses, flows, icmp_flood


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """One embedded engine for all tests of this file."""
    with open_engine() as opened:
        yield opened


def found(engine: Engine, folder: Path, *parts: object) -> list[tuple[str, str]]:
    """(victim, vector) of every attack in the parts."""
    return [(a.victim, a.vector) for a in detect(engine, build.write(folder, *parts)).attacks]


def with_column(rows: pa.Table, name: str, value: int) -> pa.Table:
    """The rows with one column set to one value, microseconds for times."""
    place = rows.schema.get_field_index(name)
    kind = FLOW.field(name).type
    values = pa.array([value] * rows.num_rows, pa.int64() if pa.types.is_timestamp(kind) else kind)
    return rows.set_column(place, FLOW.field(name), values.cast(kind))


LIES: tuple[dict[str, int], ...] = (
    {"packets": 0},
    {"packets": -5},
    {"bytes": -5},
    {"packets": 2**62},
    {"packets": 2**62, "sampling": 1_000},
    {"bytes": 2**62, "sampling": 2**31 - 1},
    {"end": 0},
    {"end": 2**52},
    {"sampling": 0},
    {"sampling": -1},
)


def test_lying_records_blind_nobody(engine: Engine, tmp_path: Path) -> None:
    """Impossible counters, rates and times in some records end no query and hide no attack of the others."""
    liars = []
    for lie in LIES:
        rows = icmp_flood(0, 20).slice(0, 3)
        for name, value in lie.items():
            rows = with_column(rows, name, value)
        liars.append(rows)
    assert found(engine, tmp_path, icmp_flood(0, 60), *liars) == [(VICTIM, "icmp_flood")]


def test_no_sum_of_counters_ends_a_query(engine: Engine, tmp_path: Path) -> None:
    """A hundred thousand records with the most octets that one can have: the sum is said as the most there is."""
    rows = flows(100_000, src=addresses(1_000), protocol=1, icmp=8, packets=10**9)
    (attack,) = detect(engine, build.write(tmp_path, with_column(rows, "bytes", 10**14))).attacks
    assert (attack.vector, attack.bytes) == ("icmp_flood", MOST_SUMMED)


@pytest.mark.parametrize("start", [-(2**61), 2**57, 253_402_300_799_000_000, 2**61])
def test_no_time_ends_a_query_or_frames_another_victim(engine: Engine, tmp_path: Path, start: int) -> None:
    """Floods that are dated beyond all clocks hide no attack of the others, and are none on the victim beside theirs."""
    late = [
        with_column(with_column(icmp_flood(0, 60, victim=f"192.0.2.{n}"), "start", start), "end", start)
        for n in range(1, 12)
    ]
    assert found(engine, tmp_path, icmp_flood(0, 60), *late) == [(VICTIM, "icmp_flood")]


def test_a_wrong_clock_makes_no_endless_interval(engine: Engine, tmp_path: Path) -> None:
    """A record whose end lies a century ahead is spread over a week at most."""
    far = with_column(icmp_flood(0, 20).slice(0, 1), "end", build.T0 + 100 * 365 * 86_400_000_000)
    (attack,) = detect(
        engine, build.write(tmp_path, icmp_flood(0, 60), with_column(far, "packets", 10**11))
    ).attacks
    assert attack.duration_s <= 7 * 86_400 + 60


def test_weeks_without_end_take_no_memory_by_the_minute() -> None:
    """An interval over eight thousand years, made of flows that are a week long each, is looked at where they begin."""
    begins = np.arange(0, 250_000_000_000, 604_800 * 1_000)
    rates = {3: Series(begins, np.ones(len(begins)), np.ones(len(begins)))}
    endless = Suspect(0, pack(VICTIM), v.ICMP, (3,), Interval(0, 250_000_000_000, 1.0, 1.0, 1.0))
    assert slices([endless], rates).num_rows <= len(begins)


FLAGGED = flows(10, src=["90.0.0.1"], dst=["192.0.2.9"], flags=27, dst_port=25)
"""A session elsewhere: the exporters report TCP flags."""


ODD = (
    (2 | 8, 80, "tcp_syn_flood"),
    (2 | 4, 6_667, "tcp_syn_flood"),
    (2 | 1, 443, "tcp_syn_flood"),
    (2 | 16 | 1, 6_667, "tcp_syn_flood"),
    (63, 6_667, "tcp_fin_flood"),
    (1 | 8, 80, "tcp_fin_flood"),
    (4 | 8, 80, "tcp_rst_flood"),
    (8 | 16, 80, "tcp_ack_flood"),
    (4 | 8 | 16, 443, "tcp_ack_flood"),
    (8, 80, "tcp_ack_flood"),
)
"""Flags, port, and what the flood is."""


def test_odd_flags_hide_no_flood(engine: Engine, tmp_path: Path) -> None:
    """A flood does not pass as web sessions or a crowd by setting flags that no session has so."""
    victims = [f"192.0.{n}.7" for n in range(len(ODD))]
    floods = [
        flows(40_000, src=addresses(5_000), dst=[victim], flags=flags, dst_port=port, src_port=4_444)
        for victim, (flags, port, _) in zip(victims, ODD, strict=True)
    ]
    expected = {(victim, vector) for victim, (_, _, vector) in zip(victims, ODD, strict=True)}
    assert set(found(engine, tmp_path, *floods, FLAGGED)) == expected


def test_all_flags_in_one_long_flow(engine: Engine, tmp_path: Path) -> None:
    """A stream of segments with all six flags set is no session, however many packets its flows have."""
    flood = flows(
        2_000, src=addresses(300), flags=63, dst_port=25, src_port=4_444, packets=50, span_s=70, length_s=10
    )
    assert found(engine, tmp_path, flood, FLAGGED) == [(VICTIM, "tcp_fin_flood")]


def test_evidence_of_a_tunnelled_flood(engine: Engine, tmp_path: Path) -> None:
    """The slice of a GRE flood holds its outer packets, whatever addresses are inside."""
    inside = addresses(6_000, base="60.0.0.0")
    flood = flows(
        60_000, src=inside, dst=inside[::-1].copy(), protocol=17, src_port=9, dst_port=9,
        tunnel=47, outer=(addresses(100), VICTIM),
    )  # fmt: skip
    paths = build.write(tmp_path, flood)
    (attack,) = [a for a in detect(engine, paths).attacks if a.vector == "gre_flood"]
    evidence = slice_of(engine, paths, attack)
    assert evidence.num_rows == attack.flows
    assert set(evidence["dst"].to_pylist()) == {pack(VICTIM)}


def test_a_port_scan_does_not_cover_a_flood(engine: Engine, tmp_path: Path) -> None:
    """A scan at the same time as a flood excuses only its own packets."""
    scan = flows(20_000, src=["203.0.113.9"], flags=2, dst_port=np.arange(20_000) % 10_000, span_s=20)
    flood = flows(9_000, src=addresses(3_000), flags=2, dst_port=80, span_s=20)
    assert found(engine, tmp_path, scan, flood) == [(VICTIM, "tcp_syn_flood")]


def test_pulses_are_one_attack(engine: Engine, tmp_path: Path) -> None:
    """Pulses a few seconds long, minutes apart, are one attack and not many that are too small to count."""
    pulses = [icmp_flood(120 * n, 3, pps=400) for n in range(5)]
    (attack,) = detect(engine, build.write(tmp_path, *pulses)).attacks
    assert attack.duration_s > 480


def test_flood_from_the_resolvers_own_port(engine: Engine, tmp_path: Path) -> None:
    """Packets under the name of the victim's resolver are excused, those of all others are not."""
    resolver = flows(300, src=[VICTIM], dst=["192.0.2.53"], protocol=17, dst_port=53, src_port=4_000)
    flood = flows(60_000, src=addresses(400), protocol=17, src_port=53, dst_port=4_000, size=1_200)
    spoofed = flows(20_000, src=["192.0.2.53"], protocol=17, src_port=53, dst_port=4_000, size=1_200)
    (attack,) = detect(engine, build.write(tmp_path, resolver, flood, spoofed)).attacks
    assert attack.vector == "dns_reflection"
    assert attack.sources == 400
