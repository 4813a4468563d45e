"""What a campaign is against, and how it is said."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.campaigns import phrases, verdict
from hanse.constituency import Registry, Target
from hanse.kernel.countries import country_in_text
from tests.campaigns.plans import DAY_S, MAY_3, Maker

GOV = "public administration"


def targets(*entries: tuple[str, str, str, int]) -> list[Target]:
    """Registry entries of attacks: organisation, sector, country, and how many attacks."""
    return [
        Target("192.0.2.0/32", name, sector, country)
        for name, sector, country, number in entries
        for _ in range(number)
    ]


@pytest.mark.parametrize(
    ("found", "scope", "country"),
    [
        (targets(("A", GOV, "EE", 10)), "organisation", "EE"),
        (targets(("A", GOV, "EE", 19), ("B", "energy", "EE", 1)), "organisation", "EE"),
        (targets(("A", "banking", "EE", 5), ("B", "banking", "EE", 5)), "sector", "EE"),
        (targets(("A", GOV, "EE", 5), ("B", GOV, "EE", 5)), "sector", "EE"),
        (targets(("A", GOV, "EE", 5), ("B", GOV, "EE", 5), ("C", GOV, "EE", 1)), "state", "EE"),
        (
            targets(("A", "banking", "EE", 5), ("B", "energy", "EE", 5), ("C", "health", "EE", 2)),
            "state",
            "EE",
        ),
        (targets(("A", "banking", "EE", 5), ("B", "energy", "EE", 5)), "unknown", "EE"),
        (targets(("A", "banking", "EE", 5), ("B", "banking", "LV", 5)), "several states", ""),
        (
            targets(("A", "banking", "EE", 19), ("B", "banking", "EE", 19), ("C", "banking", "LV", 2)),
            "sector",
            "EE",
        ),
        ([*targets(("A", GOV, "EE", 4)), *[None] * 6], "unknown", ""),
        ([None] * 3, "unknown", ""),
    ],
)
def test_scope(found, scope, country):
    """Each rule of the scope, at its edge."""
    result = verdict.scope(found)
    assert (result.name, result.country) == (scope, country)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_effective_number_lies_between_one_and_all(counts):
    """The effective number of victims is at least one, at most their number, and all where hit alike."""
    value = verdict.effective_number(counts)
    assert 1 - 1e-9 <= value <= len(counts) + 1e-9
    assert verdict.effective_number([7] * len(counts)) == pytest.approx(len(counts))
    assert math.isclose(verdict.effective_number([*counts, 0]), value)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (0, 0, "on 3 May 2007"),
        (0, 8, "from 3 to 11 May 2007"),
        (-4, 1, "from 29 April to 4 May 2007"),
        (-150, 0, "from 4 December 2006 to 3 May 2007"),
    ],
)
def test_period(first, last, words):
    """A period names month and year once where it can."""
    assert phrases.period((MAY_3 + first * DAY_S) * 10**6, (MAY_3 + last * DAY_S) * 10**6) == words


def test_sentence_names_what_is_not_in_the_registry():
    """Victims without an entry are counted beside the organisations, and nobody is said to direct anything."""
    maker = Maker(1)
    registry = Registry(
        [Target(f"10.0.0.{number}/32", f"Bank {number}", "banking", "EE") for number in range(3)]
    )
    for number in range(4):
        maker.add(f"10.0.0.{number}", MAY_3 + number * DAY_S, maker.pool(5))
    campaign = verdict.campaign("C-1", maker.attacks, (), registry, 0.0)
    assert campaign.verdict == (
        "4 separate attacks on 3 organisations and 1 victim outside the registry in Estonia from 3 to 6 May 2007 "
        "are one coordinated campaign against the sector banking"
    )
    text = str(campaign.as_json())
    assert "directed" not in text
    assert campaign.refuted_by
    assert campaign.figures["quiet_days"] == 0


def test_without_a_registry_nothing_is_claimed_of_the_scope():
    """Without a registry the sentence says that whom it is against is not known."""
    maker = Maker(2)
    for number in range(3):
        maker.add(f"10.0.0.{number}", MAY_3, maker.pool(5))
    campaign = verdict.campaign("C-1", maker.attacks, (), None, 0.0)
    assert campaign.scope == "unknown"
    assert campaign.verdict == (
        "3 separate attacks on 3 victims on 3 May 2007 are one coordinated campaign; "
        "whom it is against is not known"
    )


def test_countries_have_their_article_in_a_sentence():
    """Inside a sentence some countries are named with "the", as people do."""
    assert [country_in_text(code) for code in ("GB", "NL", "US", "EE", "XX")] == [
        "the United Kingdom", "the Netherlands", "the United States", "Estonia", "XX",
    ]  # fmt: skip


def test_a_scope_that_rests_on_small_attacks_says_so() -> None:
    """A few small floods beside the strong ones make a campaign one against the state: what would refute it says that."""
    maker = Maker(3)
    names = {f"192.0.2.{number}": name for number, name in enumerate(("Bank", "Mill", "Clinic"), 1)}
    sectors = {"Bank": "banking", "Mill": "energy", "Clinic": "health"}
    registry = Registry(Target(victim, name, sectors[name], "EE") for victim, name in names.items())
    for number in range(10):
        maker.add("192.0.2.1", MAY_3 + number * 900, maker.pool(50))
    small = [maker.add(victim, MAY_3 + 5, maker.pool(50)) for victim in ("192.0.2.2", "192.0.2.3")]
    small += [maker.add(victim, MAY_3 + 905, maker.pool(50)) for victim in ("192.0.2.2", "192.0.2.3")]
    attacks = [replace(each, packets=1_000) if each in small else each for each in maker.attacks]
    found = verdict.campaign("C-1", attacks, (), registry, 1.0)
    assert found.scope == "state"
    (said,) = [line for line in found.refuted_by if "staged" in line]
    assert said.startswith(
        "The weaker ones of its attacks were staged by others. Of the 10 with most packets"
    )
    assert said.endswith("the scope is: organisation.")
    alike = verdict.campaign("C-1", maker.attacks, (), registry, 1.0)
    assert not any("staged" in line for line in alike.refuted_by)
