"""Which attacks are linked, and which must not be."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.campaigns import link
from hanse.campaigns.campaign import Campaign
from hanse.campaigns.link import find_campaigns
from hanse.tracing.trace import Trace
from tests.campaigns.plans import DAY_S, ESTONIA, MAY_3, Maker, estonia, estonia_registry


def found(maker: Maker, **more) -> tuple[Campaign, ...]:
    """The campaigns among the attacks of a maker."""
    return find_campaigns(maker.attacks, maker.sources(), **more)


def botnet_campaign(maker: Maker, victims: list[str], days: range, size: int, vector: str) -> set[str]:
    """Direct floods of one botnet in one wave a day; their ids."""
    bots = maker.pool(2_000)
    ids = set()
    for day in days:
        wave = MAY_3 + day * DAY_S + maker.rng.integers(DAY_S - 600)
        for victim in victims:
            attack = maker.add(
                victim,
                wave + maker.rng.random() * 40,
                maker.rng.choice(bots, 500),
                vector=vector,
                icmp_type=8 if vector == "icmp_flood" else -1,
                packet_sizes=((size, 0.95),),
            )
            ids.add(attack.id)
    return ids


@pytest.mark.parametrize("seed", range(5))
def test_estonia_is_one_campaign_against_the_state(seed):
    """128 attacks with four quiet days and four spoofed SYN floods are one campaign against the state, EE."""
    maker = estonia(seed)
    (campaign,) = found(maker, registry=estonia_registry())
    assert set(campaign.attacks) == {attack.id for attack in maker.attacks}
    assert (campaign.scope, campaign.country) == ("state", "EE")
    assert campaign.verdict == (
        "128 separate attacks on 9 organisations in Estonia from 3 to 11 May 2007 "
        "are one coordinated campaign against the state"
    )
    assert campaign.figures["quiet_days"] == 4
    assert campaign.figures["top_day_share"] == 58 / 128


def test_every_link_rests_on_two_independent_tests():
    """Each link names at least two tests, the links span the campaign, and each attack is in one."""
    maker = estonia(7)
    (campaign,) = found(maker, registry=estonia_registry())
    assert len(campaign.links) == len(campaign.attacks) - 1
    assert all(len({test.name for test in link.tests}) >= 2 for link in campaign.links)
    assert {end for link in campaign.links for end in (link.first, link.second)} == set(campaign.attacks)
    assert all(0 < test.p_value <= 0.05 for link in campaign.links for test in link.tests)


def test_spoofed_attacks_never_link_by_sources():
    """Links of spoofed attacks name other tests, even where their false addresses are the same."""
    maker = estonia(3)
    spoofed = {attack.id for attack in maker.attacks if attack.source_class == "spoofed"}
    (campaign,) = found(maker, registry=estonia_registry())
    of_spoofed = [link for link in campaign.links if {link.first, link.second} & spoofed]
    assert of_spoofed
    assert all(test.name != "sources" for link in of_spoofed for test in link.tests)
    same = Maker(1)
    pool = same.pool(1_000)
    for day in range(6):
        same.add(
            f"10.0.0.{day}",
            MAY_3 + day * DAY_S * 1.3,
            pool,
            source_class="spoofed",
            packet_sizes=((1111, 1.0),),
        )
    assert found(same) == ()


def test_the_source_test_of_tracing_decides():
    """A trace that calls the sources spoofed takes their overlap out of the evidence."""
    maker = Maker(2)
    botnet_campaign(maker, ["10.0.0.1", "10.0.0.2", "10.0.0.3"], range(2), 1028, "icmp_flood")
    assert len(found(maker)) == 1
    traces = [Trace(attack.id, "spoofed", "") for attack in maker.attacks]
    tests = {test.name for each in found(maker, traces=traces) for link in each.links for test in link.tests}
    assert "sources" not in tests


def test_two_campaigns_with_a_victim_in_common_stay_apart():
    """Two botnets on overlapping days, one victim of both, and lone attacks: two campaigns, the rest alone."""
    for seed in range(10):
        maker = Maker(seed)
        one = botnet_campaign(maker, [f"10.0.0.{n}" for n in range(1, 7)], range(4), 1028, "icmp_flood")
        two = botnet_campaign(maker, [f"10.0.0.{n}" for n in range(6, 12)], range(2, 6), 540, "udp_flood")
        maker.unrelated(15, days=6)
        campaigns = found(maker)
        assert [set(each.attacks) for each in campaigns] == [one, two]


def test_one_victim_alone_is_no_evidence():
    """Attacks on one victim from unrelated sources with different looks stay alone."""
    maker = Maker(5)
    for number in range(12):
        size = 100 + 31 * number
        maker.add("10.0.0.1", MAY_3 + number * 40_000, maker.pool(500), packet_sizes=((size, 0.9),))
    assert found(maker) == ()


def test_one_country_or_one_network_alone_never_links():
    """Sources of one country and one operator (a /12), but other addresses and other /24, link nothing."""
    maker = Maker(6)
    hosts = maker.rng.permutation(np.arange(4_096, dtype=np.uint32)) * 256 + (20 << 24) + 7
    for number in range(8):
        pool = hosts[number * 500 : number * 500 + 500]
        maker.add(f"10.0.0.{number}", MAY_3 + number * DAY_S * 1.1, pool, packet_sizes=((1111, 0.9),))
    assert found(maker) == ()


def test_overlap_by_network_links_where_addresses_change():
    """Hosts whose last octet changes (dynamic addresses) are found by their /24."""
    maker = Maker(8)
    networks = maker.rng.permutation(np.arange(2**16, dtype=np.uint32))[:400] * 256 + (60 << 24)
    for number in range(4):
        pool = networks + maker.rng.integers(1, 255, len(networks), dtype=np.uint32)
        maker.add(f"10.0.0.{number}", MAY_3 + number * DAY_S, pool, packet_sizes=((1111, 0.9),))
    (campaign,) = found(maker)
    assert len(campaign.attacks) == 4


def test_common_reflectors_are_weaker_than_common_bots():
    """Thirty common reflectors of 500 are what a small population gives by chance; thirty common bots are not."""
    for source_class, vector, linked in (("direct", "udp_flood", 1), ("reflected", "cldap_reflection", 0)):
        maker = Maker(9)
        shared = maker.pool(30)
        for number in range(2):
            pool = np.concatenate((shared, maker.pool(770)))
            maker.add(
                f"10.0.0.{number}",
                MAY_3 + number * DAY_S,
                pool,
                vector=vector,
                source_class=source_class,
                packet_sizes=((777, 0.9),),
            )
        assert len(found(maker)) == linked


def test_samples_of_sources_are_compared_as_samples():
    """Attacks of which only the smallest hashes are kept link like whole ones, and unrelated ones do not."""
    maker = Maker(10)
    bots, rest = maker.pool(40_000), maker.pool(40_000)
    for number, pool in enumerate((bots, bots, rest)):
        maker.add(f"10.0.0.{number}", MAY_3 + number * DAY_S, pool, packet_sizes=((1111, 0.9),))
    # Each keeps the same tenth of all addresses, chosen by the address alone.
    table = maker.sources()
    numbers = np.array([int.from_bytes(raw[12:]) for raw in table["src"].to_pylist()], np.uint64)
    kept = table.filter((numbers * 2_654_435_761 % 2**32) % 10 == 0)
    (campaign,) = find_campaigns(maker.attacks, kept)
    assert set(campaign.attacks) == {maker.attacks[0].id, maker.attacks[1].id}


def test_spoofed_campaign_in_waves():
    """Spoofed floods with an unusual look that start together on many victims are one campaign by themselves."""
    maker = Maker(11)
    for day in range(3):
        wave = MAY_3 + day * DAY_S + maker.rng.integers(DAY_S - 60)
        for victim in range(8):
            maker.add(
                f"10.0.0.{victim}",
                wave + int(maker.rng.integers(4)),
                maker.pool(1_000),
                source_class="spoofed",
                vector="udp_flood",
                packet_sizes=((777, 0.9),),
                dst_ports=((27_015, 1.0),),
            )
    maker.unrelated(20, days=3)
    spoofed = {attack.id for attack in maker.attacks[:24]}
    campaigns = found(maker, hosts=2_000)
    assert sum(len(each.attacks) for each in campaigns) == 24
    assert set().union(*(each.attacks for each in campaigns)) == spoofed


@pytest.mark.parametrize("number", [5, pytest.param(30, marks=pytest.mark.soak), 90])
def test_unrelated_attacks_stay_alone(number):
    """Under the null at most 1% of runs find anything; 60 runs of each size allow three by chance."""
    runs = 0
    for seed in range(60):
        maker = Maker(10_000 + seed)
        maker.unrelated(number)
        runs += bool(found(maker))
    assert runs <= 3


@pytest.mark.soak
def test_unrelated_attacks_stay_alone_over_many_seeds():
    """Under the null at least 99% of 2,000 runs find no campaign."""
    runs = 0
    for seed in range(2_000):
        maker = Maker(50_000 + seed)
        maker.unrelated(60)
        runs += bool(found(maker))
    assert runs <= 20


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_order_of_input_does_not_matter(seed):
    """Shuffled attacks and sources give the same campaigns, links and words."""
    maker = Maker(12)
    botnet_campaign(maker, [f"10.0.0.{n}" for n in range(4)], range(3), 1028, "icmp_flood")
    maker.unrelated(10)
    shuffled = list(maker.attacks)
    random.Random(seed).shuffle(shuffled)
    table = maker.sources()
    order = np.random.default_rng(seed).permutation(len(table))
    assert find_campaigns(shuffled, table.take(order)) == found(maker)


def test_nothing_from_nothing():
    """No attack, or one, is no campaign; attacks without any sources are no error."""
    maker = Maker(13)
    assert found(maker) == ()
    maker.add("10.0.0.1", MAY_3, maker.pool(10))
    assert found(maker) == ()
    two = [replace(maker.attacks[0], id="x", sources=0), replace(maker.attacks[0], id="y", sources=0)]
    assert find_campaigns(two, maker.sources().slice(0, 0)) == ()


def test_prefixes_and_ipv6_victims():
    """Attacks on whole networks and on IPv6 hosts are linked like others."""
    maker = Maker(14)
    victims = ["10.0.0.0/24", "2001:db8::1", "2001:db8:1::/48"]
    ids = botnet_campaign(maker, victims, range(2), 1028, "icmp_flood")
    (campaign,) = found(maker, registry=estonia_registry())
    assert set(campaign.attacks) == ids
    assert campaign.scope == "unknown"


@pytest.mark.parametrize(
    "number",
    [3_000, pytest.param(10_000, marks=pytest.mark.soak), pytest.param(20_000, marks=pytest.mark.soak)],
)
def test_thousands_of_attacks(number):
    """300 attacks of one campaign among thousands of others are found and told apart, in seconds."""
    maker = Maker(15)
    ids = botnet_campaign(maker, [f"10.9.0.{n}" for n in range(60)], range(5), 777, "icmp_flood")
    for index in range(number - len(ids)):
        kind = ("udp_flood", "tcp_syn_flood", "ntp_reflection")[index % 3]
        maker.add(
            f"10.1.{maker.rng.integers(200)}.{maker.rng.integers(250)}",
            MAY_3 + int(maker.rng.integers(14 * DAY_S)),
            maker.pool(40),
            vector=kind,
            packet_sizes=((int(maker.rng.integers(40, 1_500)), 0.9),),
        )
    campaigns = found(maker)
    assert ids <= set(max(campaigns, key=lambda each: len(each.attacks)).attacks)
    assert sum(len(each.attacks) for each in campaigns) <= len(ids) + 6


def test_plan_of_estonia_has_the_published_tables():
    """The tests' own plan keeps the published number of attacks by day."""
    maker = estonia(0)
    days = np.array([attack.start_us // 1_000_000 - MAY_3 for attack in maker.attacks]) // DAY_S
    assert np.bincount(days).tolist() == [21, 17, 0, 0, 0, 31, 58, 0, 1]
    assert {attack.victim for attack in maker.attacks} == set(ESTONIA)


def test_of_very_many_attacks_the_strongest_are_compared(monkeypatch):
    """Small floods made to slow the comparison down are left out before any strong one, and that is said."""
    maker = Maker(4)
    strong = botnet_campaign(maker, ["192.0.2.1", "192.0.2.2", "192.0.2.3"], range(4), 1111, "icmp_flood")
    maker.unrelated(60)
    maker.attacks = [each if each.id in strong else replace(each, packets=500) for each in maker.attacks]
    monkeypatch.setattr(link, "MOST_COMPARED", 20)
    (campaign,) = found(maker)
    assert set(campaign.attacks) == strong
    assert "Only the 20 attacks with most packets" in link.left_out(len(maker.attacks))
    assert link.left_out(20) == ""
