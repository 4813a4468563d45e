"""Ordinary traffic that resembles an attack to a counter, and must never be reported."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hanse.attacks.detect import detect
from hanse.engine import Engine, open_engine
from tests.attacks import build
from tests.attacks.build import VICTIM, addresses, flows


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """One embedded engine for all tests of this file."""
    with open_engine() as opened:
        yield opened


def found(engine: Engine, folder: Path, *parts: object) -> list[tuple[str, str]]:
    """(victim, vector) of every attack in the parts."""
    return [(a.victim, a.vector) for a in detect(engine, build.write(folder, *parts)).attacks]


def sampled(count: int, seed: int, **more: object) -> object:
    """One packet in a thousand of the traffic of ten minutes, each sample a flow of its own."""
    rng = np.random.default_rng(seed)
    peers = addresses(100_000, 7, "60.0.0.0")[rng.integers(0, 100_000, count)]
    flags = rng.choice(list(more.pop("flags", (0,))), count)
    for side in ("src", "dst"):
        if side not in more:
            more[side] = peers
    return flows(count, flags=flags, span_s=600, sampling=1_000, **more)


CLIENT_FLAGS = (2, 16, 16, 16, 16, 16, 16, 24, 24, 17)
SERVER_FLAGS = (18, 16, 16, 16, 16, 16, 24, 24, 24, 17)


@pytest.mark.parametrize(
    ("protocol", "port", "there", "back"),
    [(6, 443, 12_000, 24_000), (17, 443, 12_000, 24_000), (17, 53, 12_000, 12_000)],
    ids=["web server", "quic server", "name server"],
)
def test_sampled_busy_server(
    engine: Engine, tmp_path: Path, protocol: int, port: int, there: int, back: int
) -> None:
    """Sampling mostly takes one packet of a conversation; a busy server is not flooded for that."""
    tcp = protocol == 6
    asked = sampled(
        there, 1, dst=[VICTIM], dst_port=port, protocol=protocol, flags=CLIENT_FLAGS if tcp else (0,)
    )
    said = sampled(
        back, 2, src=[VICTIM], src_port=port, protocol=protocol, flags=SERVER_FLAGS if tcp else (0,)
    )
    assert found(engine, tmp_path, asked, said) == []


@pytest.mark.parametrize("protocol", [6, 17])
def test_sampled_gateway(engine: Engine, tmp_path: Path, protocol: int) -> None:
    """Thousands of users behind one address download more than they send, and are not flooded either."""
    down = sampled(
        20_000, 3, dst=[VICTIM], src_port=443, dst_port=40_000, protocol=protocol, size=1_400,
        flags=SERVER_FLAGS if protocol == 6 else (0,),
    )  # fmt: skip
    up = sampled(
        8_000, 4, src=[VICTIM], dst_port=443, src_port=40_000, protocol=protocol,
        flags=CLIENT_FLAGS if protocol == 6 else (0,),
    )  # fmt: skip
    assert found(engine, tmp_path, down, up) == []


def test_sampled_flood_of_a_busy_server(engine: Engine, tmp_path: Path) -> None:
    """What exceeds conversations by far is still found in sampled telemetry, on a busy server too."""
    asked = sampled(2_000, 1, dst=[VICTIM], dst_port=443, flags=CLIENT_FLAGS)
    said = sampled(4_000, 2, src=[VICTIM], src_port=443, flags=SERVER_FLAGS)
    syn = sampled(6_000, 5, dst=[VICTIM], dst_port=443, flags=(2,))
    udp = sampled(6_000, 6, dst=[VICTIM], dst_port=9_999, src_port=4_444, protocol=17)
    assert "tcp_syn_flood" in {vector for _, vector in found(engine, tmp_path, asked, said, syn)}
    assert "udp_flood" in {vector for _, vector in found(engine, tmp_path, asked, said, udp)}


NETWORK = [f"198.51.100.{i}" for i in range(1, 255)]
FLAGGED = flows(10, src=["90.0.0.1"], dst=["192.0.2.9"], flags=27, dst_port=25)
"""A session elsewhere: the exporters report TCP flags."""


def test_monitoring_of_a_network(engine: Engine, tmp_path: Path) -> None:
    """One host that pings each host of a network three times a minute, all within two seconds, watches it."""
    sweeps = [
        flows(762, src=["203.0.113.9"], dst=NETWORK, protocol=1, icmp=8, start_s=60 * n, span_s=1.5, size=84)
        for n in range(10)
    ]
    assert found(engine, tmp_path, *sweeps) == []


def test_conversation_over_midnight(engine: Engine, tmp_path: Path) -> None:
    """Whom the victim talks with until after midnight has not become a stranger by the date."""
    night = 86_400.0
    peers = addresses(50)
    said = flows(
        50, src=[VICTIM], dst=peers, protocol=17, src_port=6_881, dst_port=5_555, packets=2_000,
        start_s=night - 900, span_s=1_800, length_s=1_700,
    )  # fmt: skip
    heard = flows(30_000, src=peers, protocol=17, src_port=5_555, dst_port=6_881, start_s=night, span_s=30)
    assert found(engine, tmp_path, said, heard) == []
    early = flows(
        30_000, src=peers, protocol=17, src_port=5_555, dst_port=6_881, start_s=night - 30, span_s=25
    )
    later = flows(
        500, src=[VICTIM], dst=peers, protocol=17, src_port=6_881, dst_port=5_555, start_s=night + 60
    )
    assert found(engine, tmp_path, early, later) == []


def test_fragments_of_tunnels(engine: Engine, tmp_path: Path) -> None:
    """A tunnel server gets a fragment with every full packet, from peers that it answers."""
    peers = addresses(50)
    fragments = flows(30_000, src=peers, protocol=17, fragments=1, size=600)
    said = flows(500, src=[VICTIM], dst=peers, protocol=17, src_port=1_701, dst_port=1_701, packets=60)
    assert found(engine, tmp_path, fragments, said) == []


def test_one_way_telemetry_is_never_sure(engine: Engine, tmp_path: Path) -> None:
    """Where only one direction is seen, what looks unasked may be answers: no finding there is sure."""
    replies = flows(60_000, src=addresses(500), protocol=1, icmp=0, span_s=60)
    downloads = flows(
        60_000, src=addresses(900), dst=["192.0.2.7"], flags=16, src_port=443, packets=10, size=1_400
    )
    answers = flows(
        9_000, src=addresses(300), dst=["192.0.2.8"], protocol=17, src_port=53, size=1_300, span_s=30
    )
    attacks = detect(engine, build.write(tmp_path, replies, downloads, answers, FLAGGED)).attacks
    assert sorted(a.vector for a in attacks) == ["dns_reflection", "icmp_flood", "tcp_ack_flood"]
    assert {a.confidence for a in attacks} <= {"medium", "low"}
    assert all(any("not seen" in reason for reason in a.reasons) for a in attacks)


def test_resets_of_forged_hosts_are_no_second_attack(engine: Engine, tmp_path: Path) -> None:
    """Hosts whose address was forged in a SYN flood refuse the victim's answers; that is no RST flood."""
    forged = addresses(20_000, base="90.0.0.0")
    syn = flows(20_000, src=forged, flags=2, dst_port=80)
    answers = flows(20_000, src=[VICTIM], dst=forged, flags=18, src_port=80)
    resets = flows(15_000, src=forged[:15_000], flags=4, dst_port=80)
    assert found(engine, tmp_path, syn, answers, resets) == [(VICTIM, "tcp_syn_flood")]


def test_busy_clients_are_never_sure(engine: Engine, tmp_path: Path) -> None:
    """A content network before a web server reconnects like a flood; flows alone cannot make that sure."""
    fetches = flows(
        90_000, src=addresses(50), flags=27, dst_port=443, src_port=np.arange(90_000) % 50_000, packets=8
    )
    (attack,) = detect(engine, build.write(tmp_path, fetches)).attacks
    assert attack.vector == "http_request_flood"
    assert attack.confidence != "high"
    assert any("content network" in line for line in attack.refuted_by)
