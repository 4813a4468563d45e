"""The source test on sources whose nature is known because the test made them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from hanse.attacks.attack import Attack
from hanse.kernel.address_columns import pack_all
from hanse.tracing.address_data import AddressData
from hanse.tracing.address_space import unicast_space, whole_space
from hanse.tracing.observe import References, SourceRows, observe
from hanse.tracing.source_test import SourceTest, classify
from tests.tracing import made

BARE = References(AddressData.absent("not needed here"))
SEEDS = 200


def _test(rows: SourceRows, attack: Attack | None = None) -> SourceTest:
    attack = attack or made.attack()
    return classify(attack, observe(attack, rows, BARE))


def _classes(number: int, kind: str, packets: str, seeds: int) -> Counter[str]:
    """Classes over many seeds for one kind of sources."""
    found: Counter[str] = Counter()
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        if kind == "botnet":
            numbers = np.unique(made.botnet(number, rng))
        else:
            space = whole_space(4) if kind == "whole" else unicast_space(4)
            numbers = np.unique(made.draw(space, number, rng))
        sent = made.several(len(numbers), rng) if packets == "several" else 1
        found[_test(made.rows(numbers, sent)).source_class] += 1
    return found


@pytest.mark.parametrize("kind", ["whole", "unreserved"])
@pytest.mark.parametrize(("number", "seeds"), [(200, SEEDS), (1000, 100), (10000, 20)])
def test_random_addresses_are_spoofed(kind: str, number: int, seeds: int) -> None:
    """Rule: addresses drawn at random, one packet each, are called spoofed at least 99 times in 100."""
    assert _classes(number, kind, "one", seeds)["spoofed"] >= 0.99 * seeds


@pytest.mark.parametrize("packets", ["one", "several"])
@pytest.mark.parametrize(("number", "seeds"), [(50, SEEDS), (200, SEEDS), (1000, 100), (10000, 20)])
def test_random_addresses_are_never_direct(packets: str, number: int, seeds: int) -> None:
    """Rule: whatever their number and packets, random addresses are not called direct, on any seed."""
    assert _classes(number, "unreserved", packets, seeds)["direct"] == 0


@pytest.mark.parametrize("number", [80, 600])
def test_a_botnet_is_direct(number: int) -> None:
    """Rule: 80 to 600 machines in 300 networks, several packets each, are apparent sources."""
    found = _classes(number, "botnet", "several", SEEDS)
    assert found["direct"] >= 0.98 * SEEDS
    assert found["spoofed"] == 0


@pytest.mark.parametrize("number", [50, 1000])
def test_a_botnet_seen_once_each_is_not_spoofed(number: int) -> None:
    """Rule: clustered sources of single packets (heavy sampling) are undetermined, never spoofed."""
    assert _classes(number, "botnet", "one", 100) == {"undetermined": 100}


def test_sampling_does_not_make_packets_return() -> None:
    """Rule: 1,000 estimated packets from a 1:1000 sample are one packet seen."""
    rng = np.random.default_rng(0)
    numbers = np.unique(made.draw(unicast_space(4), 3000, rng))
    assert _test(made.rows(numbers, 1000)).source_class == "spoofed"
    clustered = np.unique(made.botnet(3000, rng))
    assert _test(made.rows(clustered, 1000)).source_class == "undetermined"


@pytest.mark.parametrize(
    ("vector", "share", "expected"),
    [
        ("tcp_syn_flood", 0.9, "direct"),
        ("http_request_flood", 0.5, "direct"),
        ("tcp_syn_flood", 0.0, "undetermined"),
        ("tcp_syn_flood", None, "undetermined"),
        ("udp_flood", 0.9, "undetermined"),
    ],
)
def test_handshakes_decide_for_tcp_only(vector: str, share: float | None, expected: str) -> None:
    """Rule: a handshake with most sources proves them, even with few; answered UDP proves nothing."""
    rows = made.rows(made.botnet(10, np.random.default_rng(1)), 5)
    assert _test(rows, made.attack(vector=vector, answered_share=share)).source_class == expected


def test_reserved_sources_are_forged() -> None:
    """Rule: a botnet with 10 % reserved sources is called spoofed; with one leak in 200 it stays direct."""
    rng = np.random.default_rng(2)
    numbers = np.unique(made.botnet(200, rng))
    some = numbers.copy()
    some[:20] = (240 << 24) + np.arange(20)
    one = numbers.copy()
    one[0] = 10 << 24
    assert _test(made.rows(some, made.several(len(some), rng))).rule == "reserved"
    assert _test(made.rows(one, made.several(len(one), rng))).source_class == "direct"


def test_private_sources_of_a_private_victim_are_not_reserved() -> None:
    """Rule: inside an organisation private addresses are ordinary."""
    numbers = (10 << 24) + np.arange(0, 2_000_000, 5000, dtype=np.uint32)
    rows = made.rows(numbers, made.several(len(numbers), np.random.default_rng(0)))
    assert _test(rows).rule == "reserved"
    assert _test(rows, made.attack(victim="10.0.0.1")).source_class == "direct"


@pytest.mark.parametrize(("packets", "expected"), [("one", "spoofed"), ("several", "undetermined")])
def test_one_distance_for_all_the_world(packets: str, expected: str) -> None:
    """Rule: hundreds of networks with one TTL are packets of one place; not direct even if they return."""
    rng = np.random.default_rng(3)
    numbers = np.unique(made.botnet(500, rng))
    sent = made.several(len(numbers), rng) if packets == "several" else 1
    found = _test(made.rows(numbers, sent, 244))
    assert (found.source_class, found.rule) == (expected, "ttl")
    spread = rng.integers(40, 60, len(numbers)).astype(np.uint8)
    assert _test(made.rows(numbers, sent, spread)).rule != "ttl"


def test_unknown_ttl_is_not_used() -> None:
    """Rule: telemetry without TTL (0) is not taken for a constant one."""
    rng = np.random.default_rng(3)
    numbers = np.unique(made.botnet(500, rng))
    assert _test(made.rows(numbers, made.several(len(numbers), rng), 0)).source_class == "direct"


def test_one_network_is_undetermined() -> None:
    """Rule: sources that fill one /24 can be one machine's forgeries; no country follows from them."""
    numbers = (80 << 24) + np.arange(200, dtype=np.uint32)
    found = _test(made.rows(numbers, made.several(200, np.random.default_rng(0))))
    assert (found.source_class, found.rule) == ("undetermined", "one network")
    assert "80.0.0.0/24" in found.reasons[0]


@pytest.mark.parametrize(("icmp_type", "expected"), [(8, "direct"), (3, "undetermined"), (0, "undetermined")])
def test_icmp_answers_are_undetermined(icmp_type: int, expected: str) -> None:
    """Rule: clustered senders of ICMP answers may be reflectors or attackers; of requests they are direct."""
    rng = np.random.default_rng(4)
    numbers = np.unique(made.botnet(300, rng))
    attack = made.attack(vector="icmp_flood", icmp_type=icmp_type)
    assert _test(made.rows(numbers, made.several(len(numbers), rng)), attack).source_class == expected


def test_a_reflection_is_reflected_unless_its_sources_are_made_up() -> None:
    """Rule: the vector decides for real hosts of any number; random sources with a service port are forged."""
    rng = np.random.default_rng(5)
    attack = made.attack(vector="dns_reflection", src_ports=((53, 0.9),), requested_share=0.8)
    few = _test(made.rows(made.botnet(3, rng), 400), attack)
    assert few.source_class == "reflected"
    assert any("asked for" in reason for reason in few.reasons)
    forged = _test(made.rows(np.unique(made.draw(unicast_space(4), 2000, rng))), attack)
    assert forged.source_class == "spoofed"


def test_random_ipv6_is_spoofed_by_unannounced_space(tmp_path: object) -> None:
    """Rule: IPv6 sources mostly in space that nobody announces are forged."""
    rng = np.random.default_rng(6)
    raw = rng.integers(0, 256, (200, 16), dtype=np.uint8)
    raw[:, 0] = 0x20 | raw[:, 0] & 0x1F
    rows = SourceRows(raw, np.ones(200, np.int64), np.ones(200, np.int64), np.zeros(200, np.uint8))
    from pathlib import Path

    data = made.data(Path(str(tmp_path)))
    attack = made.attack(victim="2001:db8::1")
    found = classify(attack, observe(attack, rows, References(data)))
    assert (found.source_class, found.rule) == ("spoofed", "unannounced")
    assert classify(attack, observe(attack, rows, BARE)).source_class == "spoofed"


def test_without_sources_nothing_is_claimed() -> None:
    """Rule: no source rows, no class."""
    attack = made.attack()
    empty = SourceRows(pack_all([]), *(np.zeros(0, np.int64),) * 2, np.zeros(0, np.uint8))
    assert classify(attack, observe(attack, empty, BARE)).source_class == "undetermined"


def test_a_sample_is_called_one() -> None:
    """Rule: when only a sample of the sources was judged, the reasons say so."""
    rng = np.random.default_rng(7)
    attack = replace(made.attack(), sources=1_000_000)
    found = _test(made.rows(made.draw(unicast_space(4), 1000, rng)), attack)
    assert any("of 1\u2009000\u2009000 sources" in reason for reason in found.reasons)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["whole", "unreserved"])
@pytest.mark.parametrize("packets", ["one", "several"])
@pytest.mark.parametrize("number", [50, 200, 1000, 10000])
def test_error_rates_over_many_seeds(kind: str, packets: str, number: int) -> None:
    """Rule: over 1,000 seeds random addresses are never direct, and from 200 on spoofed 98 times in 100."""
    found = _classes(number, kind, packets, 1000)
    assert found["direct"] == 0
    if number >= 200:
        assert found["spoofed"] >= 980
