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
