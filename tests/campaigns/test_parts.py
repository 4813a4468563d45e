"""The tests behind a link, each by itself: their p-values are what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.campaigns import chance, target_lists
from hanse.campaigns.concurrency import SMOOTH_S, Starts
from hanse.campaigns.fingerprint import FLOOR, look
from hanse.campaigns.source_overlap import Sources, population
from tests.campaigns.plans import DAY_S, MAY_3, Maker, estonia_registry


@given(st.integers(1, 400), st.integers(1, 400), st.integers(500, 100_000), st.integers(0, 400))
def test_overlap_bound_is_never_below_the_exact_chance(first, second, people, common):
    """The bound on an overlap is at least the hypergeometric tail, so that errors go towards no link."""
    from scipy import stats

    common = min(common, first, second)
    exact = stats.hypergeom.logsf(common - 1, people, first, second)
    bound = chance.log_overlap(np.array(float(common)), np.array(first * second / people))
    assert bound >= exact - 1e-6


@given(st.integers(1, 400), st.integers(1, 400), st.integers(400, 100_000), st.integers(0, 401))
def test_the_chance_of_an_overlap_is_the_hypergeometric_tail(first, second, people, common):
    """As SciPy has it, also of what cannot be and of what cannot but be."""
    from scipy import stats

    exact = stats.hypergeom.logsf(common - 1, people, first, second)
    assert chance.log_in_common(common, people, first, second) == pytest.approx(
        min(exact, 0), rel=1e-6, abs=1e-8
    )


@given(st.integers(0, 3_000), st.integers(0, 3_000), st.floats(0, 1))
def test_the_chance_of_a_count_is_the_binomial_tail(hits, tries, each):
    """As SciPy has it, as far down as it goes: below 1e-300 it says that there is none."""
    from scipy import stats

    exact = stats.binom.logsf(hits - 1, tries, each)
    found = chance.log_at_least(hits, tries, each)
    # Below 1e-260 the reference has fewer and fewer digits, and below 2e-308 none.
    close = 1e-6 if exact > -600 else 1e-2
    assert found == pytest.approx(min(exact, 0), rel=close, abs=1e-8) or (np.isneginf(exact) and found < -680)


def test_two_graded_tests_together_hold_their_level():
    """Of a million pairs of uniform p-values a share c has a joint p-value of at most c."""
    rng = np.random.default_rng(1)
    joint = np.exp(chance.log_joint(*np.log(rng.random((2, 1_000_000))), graded=True))
    for level in (1e-3, 1e-4):
        assert (joint <= level).mean() == pytest.approx(level, rel=0.25)
    assert (joint[joint < 1] <= chance.SPEAKS).all()


def test_a_two_valued_test_with_a_graded_one_holds_its_level():
    """Where one test holds with chance q or not at all, the product is the chance itself."""
    rng = np.random.default_rng(2)
    rare = np.where(rng.random(1_000_000) < 0.01, 0.01, 1.0)
    joint = np.exp(chance.log_joint(np.log(rare), np.log(rng.random(1_000_000)), graded=False))
    assert (joint <= 1e-4).mean() == pytest.approx(1e-4, rel=0.4)


def test_neither_test_links_without_the_other():
    """However small one p-value is, a second test that does not speak leaves the pair unlinked."""
    assert chance.log_joint(np.array(-5_000.0), np.log(np.array(0.06)), graded=True) == 0
    assert chance.log_joint(np.array(-5_000.0), np.log(np.array(0.06)), graded=False) == 0


def test_concurrency_agrees_with_shuffles():
    """The p-value of two starts is the share of shuffles, within the hours around, that bring them as close."""
    maker = Maker(3)
    for number in range(400):
        maker.add(f"10.0.0.{number % 250}", MAY_3 + int(maker.rng.integers(DAY_S)), maker.pool(5))
    starts = Starts(maker.attacks)
    rng = np.random.default_rng(4)
    order = np.argsort(starts.seconds)
    for one, other in ((order[200], order[201]), (order[100], order[104])):
        gap = abs(starts.seconds[one] - starts.seconds[other])
        stated = float(np.exp(starts.log_p(np.array([one]), np.array([other]))[0, 0]))
        # An unrelated attack takes the place of any other one, moved within the hours around it.
        drawn = rng.choice(starts.seconds, 400_000) + rng.uniform(-SMOOTH_S, SMOOTH_S, 400_000)
        shuffled = (np.abs(drawn - starts.seconds[one]) <= gap + 0.5).mean()
        assert stated == pytest.approx(shuffled, rel=0.3)


def test_starts_on_one_victim_with_one_vector_are_not_compared():
    """The gap rule spaces attacks of one vector on one victim, so that their starts prove nothing."""
    maker = Maker(5)
    for second in (0, 1):
        maker.add("10.0.0.1", MAY_3 + second, maker.pool(5))
    maker.add("10.0.0.2", MAY_3 + 90_000, maker.pool(5))
    assert Starts(maker.attacks).log_p(np.array([0]), np.array([1]))[0, 0] == 0


def test_plain_looks_are_common_and_odd_ones_rare():
    """A plain reflection speaks for nothing; an odd packet size makes a look rare; none is rarer than the floor."""
    maker = Maker(6)
    pool = maker.pool(5)

    def share(vector: str, size: int, **more) -> float:
        return look(
            maker.add("10.0.0.1", MAY_3, pool, vector=vector, packet_sizes=((size, 0.9),), **more)
        ).share

    assert share("dns_reflection", 1500) > chance.SPEAKS
    assert share("ntp_reflection", 468) > chance.SPEAKS
    assert share("tcp_syn_flood", 40, dst_ports=((80, 1.0),)) > chance.SPEAKS
    assert share("dns_reflection", 1111) < chance.SPEAKS
    assert share("udp_flood", 777, dst_ports=((27_015, 1.0),), src_ports=((4_444, 1.0),)) == FLOOR


def test_looks_differ_by_vector_size_and_port():
    """Two attacks look alike only where vector, ICMP type, packet size and ports agree."""
    maker = Maker(7)
    pool = maker.pool(5)
    base = {"vector": "udp_flood", "packet_sizes": ((777, 0.9),), "dst_ports": ((80, 1.0),)}
    first = look(maker.add("10.0.0.1", MAY_3, pool, **base))
    assert look(maker.add("10.0.0.2", MAY_3, pool, **base)).key == first.key
    for change in (
        {"vector": "icmp_flood"},
        {"packet_sizes": ((778, 0.9),)},
        {"dst_ports": ((443, 1.0),)},
        {"src_ports": ((53, 1.0),)},
    ):
        assert look(maker.add("10.0.0.3", MAY_3, pool, **(base | change))).key != first.key


def test_populations_by_kind_of_source():
    """Spoofed attacks have no population; reflectors and undetermined sources have smaller ones than bots."""
    maker = Maker(8)
    pool = maker.pool(5)
    sizes = [
        population(maker.add("10.0.0.1", MAY_3, pool, vector=vector, source_class=kind))
        for vector, kind in (
            ("udp_flood", "spoofed"),
            ("memcached_reflection", "reflected"),
            ("dns_reflection", "reflected"),
            ("udp_flood", "direct"),
        )
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] == 0
    assert population(maker.add("10.0.0.1", MAY_3, pool, source_class="undetermined")) == 100_000


def test_a_source_met_by_all_is_no_overlap():
    """One or two sources in common (a resolver, a proxy) say nothing."""
    maker = Maker(9)
    shared = maker.pool(2)
    for number in range(2):
        maker.add(f"10.0.0.{number}", MAY_3, np.concatenate((shared, maker.pool(3))))
    sources = Sources(maker.attacks, maker.sources())
    assert sources.common(np.array([0]), np.array([1]))[0, 0] == 2
    assert sources.log_p(np.array([0]), np.array([1]))[0, 0] == 0


def test_thinning_keeps_the_verdict(monkeypatch):
    """Comparing a uniform part of the addresses finds the same strong overlap, and says that it is a part."""
    maker = Maker(10)
    bots = maker.pool(20_000)
    for number in range(6):
        maker.add(f"10.0.0.{number}", MAY_3, maker.rng.choice(bots, 10_000, replace=False))
    monkeypatch.setattr("hanse.campaigns.source_overlap.PRODUCT_BUDGET", 20_000)
    sources = Sources(maker.attacks, maker.sources())
    assert sources.thinning < 0.5
    assert sources.compares_samples(0, 1)
    assert sources.log_p(np.array([0]), np.array([1]))[0, 0] < -100


def test_possible_victims():
    """Hosts count as such, networks by a part of their addresses, a count from the telemetry before both."""
    maker = Maker(11)
    maker.add("10.0.0.1", MAY_3, maker.pool(5))
    assert target_lists.possible_victims(maker.attacks, None) == 1
    registry = estonia_registry()
    assert target_lists.possible_victims(maker.attacks, registry) == pytest.approx(9 + 2 * 8_192 * 0.05)
    assert target_lists.possible_victims(maker.attacks, registry, 5_000) == 5_000


def test_a_list_of_two_is_none():
    """Being on a list of fewer than three victims says nothing; on a longer one it never says more than the floor."""
    assert target_lists.log_on_list(2, 1e6) == 0
    assert np.exp(target_lists.log_on_list(3, 1e6)) == pytest.approx(target_lists.LIST_FLOOR)
    assert np.exp(target_lists.log_on_list(9, 300)) == pytest.approx(0.03)
