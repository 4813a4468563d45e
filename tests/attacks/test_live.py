"""Attacks in a stream of flows."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from hanse.attacks.live import LiveDetector
from hanse.engine import Engine, open_engine
from hanse.kernel import clock
from tests.attacks import build


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """One embedded engine for all tests of this file."""
    with open_engine() as opened:
        yield opened


def test_begun_once_and_ended_once(engine: Engine) -> None:
    """An attack is reported with its first batch, grows with the next, and ends after the gap."""
    live = LiveDetector(engine)
    calm = build.flows(500, src=build.addresses(50), flags=27, dst_port=443, span_s=5)
    assert live.feed(calm) == []
    first = live.feed(build.icmp_flood(5, 10))
    assert [attack.vector for attack in first] == ["icmp_flood"]
    assert live.feed(build.icmp_flood(15, 10)) == []
    (running,) = live.running.values()
    assert running.id == first[0].id
    assert running.packets == 2 * first[0].packets
    assert running.duration_s == pytest.approx(20, abs=2)
    assert live.ended(running.end_us + 299_000_000) == []
    assert live.ended(running.end_us + 301_000_000) == [running]
    assert live.running == {}


def test_what_is_dated_ahead_does_not_run_for_ever(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forged flood of next month is over after the gap as well: the next one on its victim is announced."""
    live = LiveDetector(engine)
    monkeypatch.setattr(clock, "now_us", lambda: build.T0)
    ahead = build.icmp_flood(30 * 86_400, 10)
    assert len(live.feed(ahead)) == 1
    assert live.ended(build.T0 + 299_000_000) == []
    assert len(live.ended(build.T0 + 301_000_000)) == 1
    assert len(live.feed(build.icmp_flood(400, 10))) == 1


def test_an_attack_goes_on_under_the_next_detector(engine: Engine) -> None:
    """What ran when another one stopped is the same attack, begins once more when it is seen, and ends after the gap."""
    before = LiveDetector(engine)
    (first,) = before.feed(build.icmp_flood(5, 10))
    live = LiveDetector(engine)
    live.resume([first])
    (again,) = live.feed(build.icmp_flood(60, 10))
    assert (again.id, again.start_us, again.packets) == (first.id, first.start_us, 2 * first.packets)
    assert live.feed(build.icmp_flood(75, 10)) == []
    assert len(live.ended(build.T0 + 400_000_000)) == 1
    (other,) = live.feed(build.icmp_flood(600, 10))
    assert other.id != first.id


def test_what_does_not_go_on_ends(engine: Engine) -> None:
    """An attack that was taken up and is not seen any more is over after the gap, and the next one is another."""
    (first,) = LiveDetector(engine).feed(build.icmp_flood(5, 10))
    live = LiveDetector(engine)
    live.resume([first])
    assert live.ended(first.end_us + 299_000_000) == []
    assert live.ended(first.end_us + 301_000_000) == [first]
    (other,) = live.feed(build.icmp_flood(600, 10))
    assert other.id != first.id


def test_an_attack_on_a_whole_network_begins_live(engine: Engine) -> None:
    """Carpet bombing, in which no host receives enough for an attack, is seen as it comes."""
    live = LiveDetector(engine)
    hosts = [f"198.51.100.{number}" for number in range(1, 201)]
    carpet = build.flows(10_000, src=build.addresses(300), dst=hosts, protocol=1, icmp=8, size=500, span_s=10)
    begun = live.feed(carpet)
    assert [(attack.victim, attack.vector) for attack in begun] == [("198.51.100.0/24", "icmp_flood")]


def test_traffic_under_a_networks_threshold_is_looked_at_no_further(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The screen drops what reaches ten seconds of a host's threshold, but not of a network's."""
    hosts = [f"198.51.100.{number}" for number in range(1, 201)]
    under = build.flows(900, src=build.addresses(300), dst=hosts, protocol=1, icmp=8, size=500, span_s=10)
    monkeypatch.setattr("hanse.attacks.live.detect_in", lambda *_: pytest.fail("was looked at closely"))
    assert LiveDetector(engine).feed(under) == []


def test_empty_batch(engine: Engine) -> None:
    """No flows, no attack."""
    assert LiveDetector(engine).feed(build.icmp_flood(0, 10).slice(0, 0)) == []


def test_a_flow_that_says_it_began_years_ago_makes_no_attack_of_years(engine: Engine) -> None:
    """One record whose clock nothing refutes, its end being now, stands as a day at the most on the situation page."""
    live = LiveDetector(engine)
    flood = build.icmp_flood(5, 10, packets=10_000_000)
    years = pa.array([build.T0 - 19 * 31_557_600 * 1_000_000] * len(flood), pa.int64())
    place = flood.schema.get_field_index("start")
    flood = flood.set_column(place, flood.schema.field(place), years.cast(flood.schema.field(place).type))
    (attack,) = live.feed(flood)
    assert attack.duration_s <= 86_400 + 15
    assert attack.end_us > build.T0
