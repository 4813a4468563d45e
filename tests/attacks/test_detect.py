"""What is an attack, and what is not."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hanse.attacks.attack import Attack
from hanse.attacks.detect import Options, detect, sensitivity
from hanse.attacks.evidence_slice import slice_of
from hanse.attacks.intervals import Gaps
from hanse.attacks.sources import SOURCES
from hanse.engine import Engine, open_engine
from tests.attacks import build
from tests.attacks.build import T0, VICTIM, addresses, both_ways, flows, icmp_flood


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """One embedded engine for all tests of this file."""
    with open_engine() as opened:
        yield opened


def found(engine: Engine, folder: Path, *parts: object) -> list[tuple[str, str]]:
    """(victim, vector) of every attack in the parts."""
    return [(a.victim, a.vector) for a in detect(engine, build.write(folder, *parts)).attacks]


def one(engine: Engine, folder: Path, *parts: object) -> Attack:
    """The only attack in the parts."""
    (attack,) = detect(engine, build.write(folder, *parts)).attacks
    return attack


def test_interval_and_rates(engine: Engine, tmp_path: Path) -> None:
    """An attack's interval, peak and volume are those of its traffic, to the second."""
    attack = one(engine, tmp_path, icmp_flood(100, 40, pps=300))
    assert attack.vector == "icmp_flood"
    assert abs(attack.start_us - (T0 + 100_000_000)) <= 1_000_000
    assert abs(attack.end_us - (T0 + 140_000_000)) <= 2_000_000
    assert attack.packets == 240 * 50
    assert attack.peak_pps == pytest.approx(300, rel=0.25)
    assert attack.peak_bps == pytest.approx(attack.peak_pps * 1028 * 8, rel=0.01)
    assert attack.sources == 100


def test_gap_decides(engine: Engine, tmp_path: Path) -> None:
    """Two bursts less than the gap apart are one attack, further apart they are two."""
    paths = build.write(tmp_path, icmp_flood(0, 30), icmp_flood(230, 30), icmp_flood(700, 30))
    assert len(detect(engine, paths).attacks) == 2
    assert len(detect(engine, paths, Options(Gaps(60))).attacks) == 3
    assert sensitivity(engine, paths) == {60: 3, 300: 2, 600: 1, 3600: 1}


def test_ids_are_stable(engine: Engine, tmp_path: Path) -> None:
    """The same telemetry gives the same ids, and more telemetry does not change them."""
    first = detect(engine, build.write(tmp_path, icmp_flood(0, 30))).attacks
    more = detect(engine, build.write(tmp_path, icmp_flood(0, 30), icmp_flood(9_000, 30))).attacks
    assert first[0].id == more[0].id != more[1].id


def test_long_flows_are_spread(engine: Engine, tmp_path: Path) -> None:
    """A flow of a minute counts with its rate in each of its seconds, not at once at its start."""
    attack = one(
        engine,
        tmp_path,
        flows(200, src=addresses(200), span_s=61, length_s=60, protocol=1, icmp=8, packets=600, size=100),
    )
    assert attack.peak_pps == pytest.approx(2_000, rel=0.1)


def test_monitoring_is_no_attack(engine: Engine, tmp_path: Path) -> None:
    """Pings of a few monitors, one a second each, stay under the threshold for days."""
    pings = flows(20_000, src=addresses(5), span_s=4_000, protocol=1, icmp=8, packets=1, size=84)
    assert found(engine, tmp_path, pings) == []


@pytest.mark.parametrize(
    ("flags", "vector", "count", "sources"),
    [
        (2, "tcp_syn_flood", 6_000, 3_000),
        (18, "tcp_synack_reflection", 6_000, 3_000),
        (4, "tcp_rst_flood", 30_000, 300),
        (1, "tcp_fin_flood", 12_000, 300),
        (0, "tcp_null_flood", 12_000, 300),
        (16, "tcp_ack_flood", 60_000, 300),
    ],
)
def test_tcp_floods(
    engine: Engine, tmp_path: Path, flags: int, vector: str, count: int, sources: int
) -> None:
    """Each kind of TCP segment outside any connection has its own vector."""
    other = flows(10, src=addresses(10, 9, "90.0.0.0"), dst=["192.0.2.9"], flags=27, dst_port=25)
    flood = flows(count, src=addresses(sources), flags=flags, src_port=4444, dst_port=6667, span_s=60)
    assert found(engine, tmp_path, flood, other) == [(VICTIM, vector)]


def test_syn_scan_is_no_attack(engine: Engine, tmp_path: Path) -> None:
    """One source that tries many ports, or many hosts, a few times each scans."""
    vertical = flows(20_000, src=["203.0.113.9"], flags=2, dst_port=np.arange(20_000) % 10_000, span_s=20)
    hosts = [f"198.51.{i // 200}.{i % 200 + 1}" for i in range(2_000)]
    horizontal = flows(20_000, src=["203.0.113.9"], dst=hosts, flags=2, dst_port=22, span_s=20)
    result = detect(engine, build.write(tmp_path, vertical, horizontal))
    assert result.attacks == ()
    assert any("port scan" in dismissed.reason for dismissed in result.dismissed)


def test_single_source_syn_flood(engine: Engine, tmp_path: Path) -> None:
    """One source that sends thousands of SYNs to one port floods; few sources are no excuse."""
    flood = flows(9_000, src=["203.0.113.9"], flags=2, dst_port=80, span_s=30)
    assert found(engine, tmp_path, flood) == [(VICTIM, "tcp_syn_flood")]


def test_reflection_needs_no_request(engine: Engine, tmp_path: Path) -> None:
    """Amplified answers that nobody asked for are a reflection; a resolver's own answers are not."""
    answers = flows(3_000, src=addresses(300), protocol=17, src_port=53, dst_port=4_321, size=1_300)
    assert found(engine, tmp_path, answers) == [(VICTIM, "dns_reflection")]
    servers = addresses(300)
    asked = both_ways(3_000, np.tile(build.pack_all([VICTIM]), (1, 1)), "192.0.2.1", 9)
    questions = flows(3_000, src=[VICTIM], dst=servers, protocol=17, src_port=4_321, dst_port=53, size=70)
    assert found(engine, tmp_path, answers, questions, *asked) == []


def test_small_answers_are_no_reflection(engine: Engine, tmp_path: Path) -> None:
    """Clients that ask a time server from port 123 are not amplifying anything."""
    clients = flows(6_000, src=addresses(3_000), protocol=17, src_port=123, dst_port=123, size=76)
    assert found(engine, tmp_path, clients) == []


def test_udp_flood_and_conversations(engine: Engine, tmp_path: Path) -> None:
    """UDP from many hosts is a flood unless the victim talks with them, as P2P and calls do."""
    flood = flows(60_000, src=addresses(500), protocol=17, src_port=5_555, dst_port=80)
    assert found(engine, tmp_path, flood) == [(VICTIM, "udp_flood")]
    talk = flows(6_000, src=[VICTIM], dst=addresses(500), protocol=17, src_port=80, dst_port=5_555)
    assert found(engine, tmp_path, flood, talk) == []


def test_one_way_video_is_no_attack(engine: Engine, tmp_path: Path) -> None:
    """A single host that streams 100 Mbit/s without an answer is no flood."""
    video = flows(
        60_000, src=["203.0.113.9"], protocol=17, src_port=5_004, dst_port=5_004, packets=10, size=1_316
    )
    assert found(engine, tmp_path, video) == []


def test_flash_crowd_and_request_flood(engine: Engine, tmp_path: Path) -> None:
    """Many clients with some requests each are a crowd; some clients that never stop are a flood."""
    crowd = both_ways(40_000, addresses(20_000), VICTIM, 80, packets=10, size=120)
    assert found(engine, tmp_path, *crowd) == []
    flood = both_ways(40_000, addresses(200), VICTIM, 80, packets=10, size=120)
    assert found(engine, tmp_path, *flood) == [(VICTIM, "http_request_flood")]


def test_tunnels_and_backups_are_no_attacks(engine: Engine, tmp_path: Path) -> None:
    """Single pairs at high rates, both ways, are tunnels and backups."""
    peer = build.pack_all(["203.0.113.9"])
    vpn = both_ways(20_000, peer, VICTIM, 0, protocol=50, packets=100, size=1_400)
    backup = both_ways(20_000, peer, VICTIM, 22, packets=100, size=1_400)
    assert found(engine, tmp_path, *vpn, *backup) == []


def test_answers_to_a_flood_are_no_attack(engine: Engine, tmp_path: Path) -> None:
    """The echo replies of a flooded host do not make its attackers victims."""
    bots = addresses(3, base="82.0.0.0")
    there = flows(3_000, src=bots, protocol=1, icmp=8, packets=50, size=1_028)
    back = flows(3_000, src=[VICTIM], dst=bots, protocol=1, icmp=0, packets=50, size=1_028)
    assert found(engine, tmp_path, there, back) == [(VICTIM, "icmp_flood")]


def test_generic_flood(engine: Engine, tmp_path: Path) -> None:
    """The same sources with several kinds of traffic, none in the majority, are one generic flood."""
    bots = addresses(200)
    parts = [
        flows(20_000, src=bots, protocol=17, src_port=999, dst_port=7),
        flows(20_000, src=bots, protocol=6, flags=16, dst_port=7),
        flows(20_000, src=bots, protocol=1, icmp=8),
        flows(20_000, src=bots, protocol=103),
    ]
    assert found(engine, tmp_path, *parts) == [(VICTIM, "generic_traffic_flood")]


def test_simultaneous_vectors_are_linked(engine: Engine, tmp_path: Path) -> None:
    """Two vectors from different sources at once are two attacks that name each other."""
    syn = flows(20_000, src=addresses(9_000, base="90.0.0.0"), flags=2, dst_port=80)
    attacks = detect(engine, build.write(tmp_path, icmp_flood(0, 60, pps=400), syn)).attacks
    assert sorted(a.vector for a in attacks) == ["icmp_flood", "tcp_syn_flood"]
    assert attacks[0].linked == (attacks[1].id,)
    assert attacks[1].linked == (attacks[0].id,)


def test_carpet_bombing(engine: Engine, tmp_path: Path) -> None:
    """A network in which no host is over its threshold is one attack on the network."""
    hosts = [f"198.51.100.{i}" for i in range(1, 201)]
    carpet = flows(60_000, src=addresses(300), dst=hosts, protocol=1, icmp=8, size=500)
    assert found(engine, tmp_path, carpet) == [("198.51.100.0/24", "icmp_flood")]


def test_fragments_alone(engine: Engine, tmp_path: Path) -> None:
    """Later fragments without their first are a fragment flood."""
    flood = flows(30_000, src=addresses(50), protocol=17, fragments=1, packets=1, size=1_500)
    assert found(engine, tmp_path, flood) == [(VICTIM, "ip_fragment_flood")]


def test_gre_flood_shows_on_the_outer_victim(engine: Engine, tmp_path: Path) -> None:
    """GRE from many outer sources is a flood on the outer address, whatever is inside."""
    inside = addresses(30_000, base="60.0.0.0")
    flood = flows(
        60_000,
        src=inside,
        dst=inside[::-1].copy(),
        protocol=17,
        tunnel=47,
        outer=(addresses(200), VICTIM),
        size=500,
    )
    assert found(engine, tmp_path, flood) == [(VICTIM, "gre_flood")]


def test_multicast_is_nobodys_victim(engine: Engine, tmp_path: Path) -> None:
    """Service discovery to a multicast group is no attack on it."""
    chatter = flows(
        60_000, src=addresses(500), dst=["239.255.255.250"], protocol=17, src_port=5_555, dst_port=1_900
    )
    assert found(engine, tmp_path, chatter) == []


def test_ipv6_victim(engine: Engine, tmp_path: Path) -> None:
    """An IPv6 host is a victim like any other."""
    flood = icmp_flood(0, 60, victim="2001:db8::7")
    assert found(engine, tmp_path, flood) == [("2001:db8::7", "icmp_flood")]


def test_sampled_telemetry_is_scaled(engine: Engine, tmp_path: Path) -> None:
    """Rates are estimates of the traffic, not of the samples; a handful of samples is no rate."""
    flood = flows(600, src=addresses(600), protocol=17, src_port=5_555, dst_port=80, sampling=1_000)
    attack = one(engine, tmp_path, flood)
    assert attack.packets == 600_000
    assert attack.peak_pps == pytest.approx(10_000, rel=0.1)
    assert found(engine, tmp_path, flood.slice(0, 25)) == []


def test_missing_flags_are_no_null_flood(engine: Engine, tmp_path: Path) -> None:
    """Where exporters report no TCP flags at all, flows without flags are not segments without flags."""
    unknown = flows(60_000, src=addresses(300), flags=0, dst_port=6_667)
    assert found(engine, tmp_path, unknown) == []


def test_sources_table(engine: Engine, tmp_path: Path) -> None:
    """Every attack hands on its sources, in the documented schema."""
    result = detect(engine, build.write(tmp_path, icmp_flood(0, 60)))
    assert result.sources.schema == SOURCES
    assert result.sources.num_rows == result.attacks[0].sources == 100
    assert sum(result.sources["packets"].to_pylist()) == result.attacks[0].packets


def test_evidence_slice(engine: Engine, tmp_path: Path) -> None:
    """The slice of an attack holds its flows and no other."""
    noise = both_ways(500, addresses(100, 5, "70.0.0.0"), VICTIM, 80)
    paths = build.write(tmp_path, icmp_flood(10, 60), *noise)
    attack = detect(engine, paths).attacks[0]
    evidence = slice_of(engine, paths, attack)
    assert evidence.num_rows == attack.flows
    assert set(evidence["protocol"].to_pylist()) == {1}


def test_nothing_in_nothing_out(engine: Engine, tmp_path: Path) -> None:
    """An empty flow table is no error."""
    assert found(engine, tmp_path, icmp_flood(0, 30).slice(0, 0)) == []
