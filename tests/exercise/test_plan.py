"""The plan of Estonia 2007: a joint table with the published margins."""

from collections import Counter

import pytest

from hanse.exercise.days import DAY_US, day_us
from hanse.exercise.facts import estonia_2007
from hanse.exercise.planning import (
    GENERIC_GAP_S,
    SAME_VECTOR_GAP_S,
    Planned,
    plan,
)

FACTS = estonia_2007()
SEEDS = range(20)


def day_of(attack: Planned) -> str:
    """The published day on which an attack starts; empty for another day."""
    return next((day for day in FACTS.by_date if 0 <= attack.start_us - day_us(day) < DAY_US), "")


def quiet_s(one: Planned, other: Planned) -> float:
    """Time between two attacks, s; negative where they overlap."""
    return max(one.start_us - other.end_us, other.start_us - one.end_us) / 1e6


def test_the_facts_add_up() -> None:
    """Every published table adds up to 128, and the parts read from the file are the published ones."""
    assert FACTS.total == 128
    assert sum(FACTS.by_vector.values()) == sum(FACTS.by_date.values()) == 128
    for rows in (FACTS.by_duration, FACTS.by_peak, FACTS.by_destination):
        assert sum(row.attacks for row in rows) == 128
    assert FACTS.by_vector == {"icmp_flood": 115, "tcp_syn_flood": 4, "generic_traffic_flood": 9}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plan_has_the_published_margins(seed: int) -> None:
    """For every seed, attacks by destination, date, vector, length and peak are exactly the published ones."""
    attacks = plan(FACTS, seed)
    assert Counter(each.victim for each in attacks) == {
        each.address: each.attacks for each in FACTS.by_destination
    }
    assert Counter(map(day_of, attacks)) == FACTS.by_date
    assert Counter(each.vector for each in attacks) == FACTS.by_vector
    for row in FACTS.by_duration:
        assert sum(row.low <= each.duration_s < row.high for each in attacks) == row.attacks
    for row in FACTS.by_peak:
        assert sum(row.low <= each.peak_mbps < row.high for each in attacks) == row.attacks
    assert max(each.duration_s for each in attacks) == FACTS.longest_s == 37_800


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plan_can_be_told_apart(seed: int) -> None:
    """Attacks on one victim keep the stated distance, some under an hour; the quiet days are quiet."""
    attacks = plan(FACTS, seed)
    pairs = [
        (one, other)
        for index, one in enumerate(attacks)
        for other in attacks[:index]
        if one.victim == other.victim
    ]
    same = [quiet_s(*pair) for pair in pairs if pair[0].vector == pair[1].vector]
    mixed = [quiet_s(*pair) for pair in pairs if "generic_traffic_flood" in {pair[0].vector, pair[1].vector}]
    assert min(same) >= SAME_VECTOR_GAP_S
    assert min(same) < 3600
    assert min(mixed) >= GENERIC_GAP_S
    for quiet in ("2007-05-05", "2007-05-06", "2007-05-07", "2007-05-10"):
        begin = day_us(quiet)
        assert not any(each.start_us < begin + DAY_US and each.end_us > begin for each in attacks)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plan_shows_coordination(seed: int) -> None:
    """Most attacks start within a minute of one on another victim, and some victims meet two vectors at once."""
    attacks = plan(FACTS, seed)
    together = sum(
        any(abs(one.start_us - other.start_us) < 60e6 and one.victim != other.victim for other in attacks)
        for one in attacks
    )
    assert together >= 64
    assert any(
        one.victim == other.victim and one.vector != other.vector and quiet_s(one, other) < 0
        for one in attacks
        for other in attacks
    )


def test_another_seed_gives_another_plan() -> None:
    """The joint table is drawn by seed, and the same seed draws the same one."""
    assert plan(FACTS, 1) == plan(FACTS, 1)
    assert plan(FACTS, 1) != plan(FACTS, 2)
