"""The four views of Estonia 2007: dealt out whole, told apart by whose they are, and none of them enough alone."""

from collections import Counter

import pytest

from hanse.campaigns.verdict import scope
from hanse.constituency import Registry
from hanse.exercise.background import surroundings
from hanse.exercise.confusers import events
from hanse.exercise.days import DAY_US, END_US, day_us
from hanse.exercise.facts import estonia_2007
from hanse.exercise.planning import plan
from hanse.exercise.scenarios import VIEWS
from hanse.exercise.vantage import LEAGUE, SHORT_DAY, Vantage, destinations, hosts_of, planned_for
from hanse.kernel.countries import STATES
from hanse.kernel.markings import TIERS

FACTS = estonia_2007()
SEED = 2007


def registry(one: Vantage) -> Registry:
    """Whom a vantage point watches over."""
    return Registry(host.target for host in hosts_of(one, FACTS))


def test_every_attack_is_seen_from_exactly_one_place() -> None:
    """The published destinations are all dealt out, each once, so that the four together see all 128 and no more."""
    assert Counter(destinations()) == Counter({each.address: 1 for each in FACTS.by_destination})
    numbers = [attack.number for one in LEAGUE for attack in planned_for(one, FACTS, SEED)]
    assert sorted(numbers) == list(range(1, FACTS.total + 1))


def test_the_short_views_are_one_day_of_it() -> None:
    """58 attacks, as published for 9 May, none of which goes on into the next day; three days of traffic around them."""
    seen = [attack for one in LEAGUE for attack in planned_for(one, FACTS, SEED, short=True)]
    whole = {(one.victim, one.number) for each in LEAGUE for one in planned_for(each, FACTS, SEED)}
    assert len(seen) == FACTS.by_date[SHORT_DAY] == 58
    assert {(one.victim, one.number) for one in seen} <= whole
    assert all(day_us(SHORT_DAY) <= one.start_us and one.end_us < day_us(SHORT_DAY) + DAY_US for one in seen)
    assert all(planned_for(one, FACTS, SEED, short=True) for one in LEAGUE)


@pytest.mark.parametrize("seed", range(5))
def test_a_view_changes_nothing_but_the_victim(seed: int) -> None:
    """Each attack has the time, length, peak, vector and tool that it has in the whole plan."""
    whole = plan(FACTS, seed)
    for one in LEAGUE:
        for attack in planned_for(one, FACTS, seed):
            there = whole[attack.number - 1]
            assert (attack.start_us, attack.duration_s, attack.peak_mbps, attack.vector, attack.tool) == (
                there.start_us, there.duration_s, there.peak_mbps, there.vector, there.tool,
            )  # fmt: skip
            assert (attack.victim == there.victim) == bool(one.keeps)


def test_nobody_sees_anothers_hosts() -> None:
    """No address is in two constituencies, and each victim is in that of who sees the attack."""
    owners = Counter(target.prefix for one in LEAGUE for target in registry(one))
    assert set(owners.values()) == {1}
    for one in LEAGUE:
        known = registry(one)
        assert all(known.lookup(attack.victim) for attack in planned_for(one, FACTS, SEED))


def test_no_view_alone_shows_whom_it_is_against_and_all_together_do() -> None:
    """By the rules of the verdict each alone is at most a sector's, all together are on three states."""
    targets = {
        one.key: [registry(one).lookup(attack.victim) for attack in planned_for(one, FACTS, SEED)]
        for one in LEAGUE
    }
    assert {key: scope(found).name for key, found in targets.items()} == {
        "ee": "sector", "fi": "organisation", "gb": "organisation", "nato": "organisation",
    }  # fmt: skip
    assert {one.key: one.scope for one in LEAGUE} == {
        key: scope(found).name for key, found in targets.items()
    }
    together = [one for found in targets.values() for one in found]
    assert scope(together).name == "several states"
    assert {one.country for one in together if one} == {"EE", "FI", "GB"}


def test_every_kind_of_traffic_has_its_hosts_in_each_view() -> None:
    """Confusers fall on a view's own hosts and inside the fourteen days; a scan goes over its own networks."""
    for one in LEAGUE:
        hosts = hosts_of(one, FACTS)
        own = {host.number for host in hosts}
        found = events(surroundings(hosts, SEED, 0.1))
        assert {event.host for event in found} <= own
        assert {event.network for event in found} == {
            min(each for each in own if each >> 17 == 0x6309) & ~0xFF
        }
        assert all(event.start_us + event.length_us <= END_US for event in found)


def test_the_league_has_one_of_each_tier_that_states_have() -> None:
    """Two member states, an associated state, and an organisation without a country; names and ids are theirs alone."""
    assert [(one.tier, one.country) for one in LEAGUE] == [
        ("member", "EE"), ("member", "FI"), ("associated", "GB"), ("organisation", ""),
    ]  # fmt: skip
    assert {one.tier for one in LEAGUE} <= set(TIERS)
    assert {one.country for one in LEAGUE if one.country} <= STATES
    for name in ("key", "authority", "name", "short"):
        assert len({getattr(one, name) for one in LEAGUE}) == len(LEAGUE)
    assert tuple(one.scenario() for one in LEAGUE) == VIEWS
