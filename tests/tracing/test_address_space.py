import ipaddress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.kernel.address_columns import pack_all
from hanse.tracing.address_space import (
    Space,
    clustering,
    divergence,
    null_moments,
    positions,
    reserved,
    routed_space,
    unicast_space,
    whole_space,
)
from hanse.tracing.ranges import parse_table


def _u64(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.uint64)


@pytest.mark.parametrize("number", [50, 200, 1000, 10000])
def test_the_noise_floor_is_what_simulation_gives(number: int) -> None:
    """Rule: the closed-form mean, spread and percentiles equal those of evenly spread sources."""
    rng = np.random.default_rng(7)
    space = whole_space(4)
    found = [divergence(rng.integers(0, 2**32, number, dtype=np.uint64), space) for _ in range(400)]
    values = np.array([one.value for one in found])
    mean, deviation, _ = null_moments(number)
    assert values.mean() == pytest.approx(mean, abs=4 * deviation / 20)
    assert values.std() == pytest.approx(deviation, rel=0.2)
    # 400 trials: 5 % is 20 with standard deviation 4.4; 1 % is 4 with 2.
    assert 5 <= (values > found[0].floor95).sum() <= 36
    assert (values > found[0].floor99).sum() <= 12


def test_the_floor_tends_to_chi_square() -> None:
    """Rule: for many sources per block the mean is (blocks - 1) / (8 n ln 2) bits."""
    mean, _, _ = null_moments(10_000_000, 4096)
    assert mean == pytest.approx(4095 / (8 * 10_000_000 * np.log(2)), rel=0.01)


def test_divergence_is_zero_to_one() -> None:
    """Rule: perfectly even sources diverge by 0 bits, sources all outside the space by 1 (less blocks' part)."""
    even = (np.arange(4096, dtype=np.uint64) << np.uint64(20)) + np.uint64(5)
    assert divergence(even, whole_space(4)).value == pytest.approx(0, abs=1e-12)
    outside = divergence(np.full(100, 10 << 24, np.uint64), unicast_space(4))
    assert outside.value == pytest.approx(1)


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1))
def test_reserved_space_agrees_with_the_library(number: int) -> None:
    """Rule: what is reserved is what the standard library knows as not global, unicast space being the rest."""
    address = ipaddress.IPv4Address(number)
    raw = pack_all([str(address)])
    found = bool(reserved(raw, 4, private=True)[0])
    if not address.is_global and not address.is_multicast:
        assert found or address in ipaddress.ip_network("192.0.0.0/24")
    inside = not np.isnan(unicast_space(4).fractions(positions(raw, 4))[0])
    assert inside != found


@pytest.mark.parametrize(
    ("text", "private", "expected"),
    [
        ("10.1.2.3", True, True),
        ("10.1.2.3", False, False),
        ("127.0.0.1", False, True),
        ("240.0.0.1", True, True),
        ("8.8.8.8", True, False),
        ("2a00::1", True, False),
        ("fe80::1", True, True),
        ("fd00::1", True, True),
        ("fd00::1", False, False),
        ("4000::1", True, True),
    ],
)
def test_reserved(text: str, private: bool, expected: bool) -> None:
    """Rule: private sources count as reserved only where the victim is not private itself."""
    assert reserved(pack_all([text]), 6 if ":" in text else 4, private=private).tolist() == [expected]


def test_unicast_space_is_86_per_cent() -> None:
    """Rule: 13.8 % of 2^32 is reserved, which is the share that random addresses show."""
    assert unicast_space(4).size / 2**32 == pytest.approx(0.862, abs=0.0005)


def test_fractions_walk_the_space_in_order() -> None:
    """Rule: positions map to their rank in the space, NaN outside."""
    space = Space.of("made", _u64(10, 100), _u64(19, 109))
    assert space.fractions(_u64(10, 19, 100, 109)) == pytest.approx([0, 0.45, 0.5, 0.95])
    assert np.isnan(space.fractions(_u64(9, 20, 99, 110))).all()


def test_routed_ipv6_ranges_finer_than_a_64_fall_together() -> None:
    """Rule: IPv6 ranges inside one /64 count once."""
    text = "2001::,2001::ff,1,A\n2001::1:0,2001::1:ff,2,B\n2001:0:0:5::,2001:0:0:6::,3,C\n"
    space = routed_space(parse_table(text.encode(), "made"))
    assert space.size == 3


def test_clustering_counts_equal_networks() -> None:
    """Rule: n sources spread over N equal networks give about N, with the true value inside the bounds."""
    rng = np.random.default_rng(1)
    sources = (rng.integers(0, 500, 2000, dtype=np.uint64) << np.uint64(16)) + np.arange(
        2000, dtype=np.uint64
    )
    found = clustering(sources, 4)
    assert found.low < 500 < found.high
    assert found.networks == pytest.approx(500, rel=0.1)
    none = clustering(_u64(1 << 16, 2 << 16), 4)
    assert (none.pairs, none.networks, none.high) == (0, np.inf, np.inf)
