"""Thresholds: fixed, learnt from a victim's own past, and raised by analysts."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.attacks import baseline
from hanse.attacks import vectors as v
from hanse.attacks.detect import Options, detect
from hanse.attacks.thresholds import HOURS_PER_WEEK, MOST_HARMLESS_PPS, Thresholds, fixed_limit, hour_of_week
from hanse.engine import Engine, open_engine
from hanse.kernel.addresses import pack
from hanse.kernel.errors import UsageError
from tests.attacks import build
from tests.attacks.build import VICTIM, addresses, flows, icmp_flood

CELL = (pack(VICTIM), v.ICMP)
MONDAY = 345_600
"""1970-01-05 00:00:00 UTC, a Monday, s since the epoch."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """One embedded engine for all tests of this file."""
    with open_engine() as opened:
        yield opened


def test_hour_of_week() -> None:
    """Hours of the week are counted from Monday 00:00 UTC, and begin anew after 168."""
    seconds = np.array([MONDAY, MONDAY + 3_599, MONDAY + 3_600, MONDAY - 1, MONDAY + 7 * 86_400])
    assert hour_of_week(seconds).tolist() == [0, 0, 1, 167, 0]


@given(st.lists(st.floats(0, 1e6), max_size=60), st.integers(0, 60))
def test_robust_limit_never_falls_under_the_median(rates: list[float], quiet: int) -> None:
    """A learnt limit is at least the median of all minutes, those without traffic included."""
    minutes = len(rates) + quiet
    limit = baseline.robust_limit(np.array(rates), minutes)
    assert limit >= (float(np.median([*rates, *[0.0] * quiet])) if minutes else 0.0)


@given(st.integers(1, 29), st.floats(1e3, 1e9))
def test_an_attack_in_the_past_does_not_raise_the_limit(minutes: int, flood: float) -> None:
    """Up to half of an hour's minutes may have been an attack, however large, and the limit stays near normal."""
    rates = np.array([*np.linspace(90, 110, 60 - minutes), *[flood] * minutes])
    assert baseline.robust_limit(rates, 60) < 1_000


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_never_under_the_fixed(learnt: float, raised: float) -> None:
    """What was learnt or taught only raises a threshold, and the report names the one that holds."""
    both = Thresholds({CELL: np.full(HOURS_PER_WEEK, learnt)}, {CELL: raised})
    fixed = fixed_limit(*CELL)
    (limit,) = both.limit(*CELL, np.array([MONDAY]))
    assert limit == max(fixed, learnt, raised)
    origin = both.origin(*CELL, float(limit))
    assert {"fixed": fixed, "learnt": learnt, "taught": raised}[origin] == limit


@pytest.mark.parametrize("peak", [1e18, float("inf"), float("nan")])
def test_a_forged_peak_that_was_called_harmless_leaves_nobody_unwatched(peak: float) -> None:
    """Traffic of a million packets/s to one host is reported whatever was decided before."""
    taught = Thresholds(raised={CELL: peak})
    (limit,) = taught.limit(*CELL, np.array([MONDAY]))
    assert limit == MOST_HARMLESS_PPS
    assert taught.origin(*CELL, float(limit)) == "taught"


def test_networks_are_held_to_more() -> None:
    """A network's fixed threshold is a multiple of a host's."""
    assert fixed_limit(pack(VICTIM)[:15], v.ICMP) == v.CARPET_FACTOR * fixed_limit(*CELL)


def test_a_clock_that_is_wrong_by_millennia_spoils_no_baseline(engine: Engine, tmp_path: Path) -> None:
    """One flow at each end of the calendar changes nothing of what is normal, and fits into memory."""
    normal = icmp_flood(0, 3_600, pps=300)
    stamp = normal.schema.field("start").type
    far = [
        row.set_column(at, normal.schema.field(at), pa.array([us], pa.int64()).cast(stamp))
        for us in (5 * 3_600_000_000, 253_402_300_799_000_000)
        for at, row in ((0, normal.slice(0, 1)),)
    ]
    learnt = baseline.learn(engine, build.write(tmp_path, normal))
    again = baseline.learn(engine, build.write(tmp_path, normal, *far))
    busiest = int(np.argmax(learnt[CELL]))
    assert again[CELL][busiest] == pytest.approx(learnt[CELL][busiest], rel=0.01)


def test_a_busy_hour_does_not_alarm(engine: Engine, tmp_path: Path) -> None:
    """Traffic as in the same hour a week before is normal with a baseline, ten times as much is not."""
    week = 7 * 86_400
    past = build.write(tmp_path, icmp_flood(0, 3_600, pps=300))
    learnt = baseline.learn(engine, past)
    baseline.save(learnt, tmp_path / "normal.baseline")
    options = Options(thresholds=Thresholds(baseline.load(tmp_path / "normal.baseline")))
    same = build.write(tmp_path, icmp_flood(week + 60, 600, pps=250))
    assert len(detect(engine, same).attacks) == 1
    assert detect(engine, same, options).attacks == ()
    more = build.write(tmp_path, icmp_flood(week + 60, 600, pps=9_000))
    (attack,) = detect(engine, more, options).attacks
    assert "learnt" in attack.threshold


def test_a_quiet_past_names_the_fixed_threshold(engine: Engine, tmp_path: Path) -> None:
    """Where the past is quieter than the fixed threshold, that one fires, with its other conditions."""
    quiet = {(pack(VICTIM), code): np.zeros(HOURS_PER_WEEK) for code in (v.ICMP, v.UDP)}
    options = Options(thresholds=Thresholds(quiet))
    (attack,) = detect(engine, build.write(tmp_path, icmp_flood(0, 60)), options).attacks
    assert "fixed" in attack.threshold
    video = flows(6_000, src=["203.0.113.9"], protocol=17, src_port=5_004, dst_port=5_004, packets=50)
    assert detect(engine, build.write(tmp_path, video), options).attacks == ()


def test_a_raised_threshold_is_named(engine: Engine, tmp_path: Path) -> None:
    """An attack over what an analyst called harmless says so."""
    options = Options(thresholds=Thresholds(raised={CELL: 100.0}))
    (attack,) = detect(engine, build.write(tmp_path, icmp_flood(0, 60)), options).attacks
    assert "analyst" in attack.threshold


def test_no_baseline_says_how_to_make_one(tmp_path: Path) -> None:
    """A file that is no baseline is refused by name, with the command that makes one."""
    path = tmp_path / "nonsense"
    path.write_bytes(b"nonsense")
    with pytest.raises(UsageError, match="hanse learn"):
        baseline.load(path)
    other = build.write(tmp_path, flows(1, src=addresses(1)))[0]
    with pytest.raises(UsageError, match="not a baseline"):
        baseline.load(Path(other))
