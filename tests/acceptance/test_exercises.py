"""The exercises, end to end: what is true is found, and nothing else."""

from collections import Counter
from pathlib import Path

import pytest

from hanse.attacks.attack import Attack
from hanse.exercise.facts import estonia_2007
from hanse.exercise.scenarios import generate
from hanse.pipeline import Analysis, Choices, analyse
from tests.acceptance.compare import load_truth, matched, tables
from tests.shared import shared_data

pytestmark = pytest.mark.xdist_group("acceptance")  # what is made once is made on one worker

SMALL = 0.3
"""A scale that fits a test run; `make soak` uses scale 1."""


def run(scenario: str, seed: int, scale: float, folder: Path) -> tuple[Analysis, dict]:
    """Make an exercise and analyse it as a user would."""
    generate(scenario, seed, scale, folder)
    choices = Choices(registry=folder / "registry.csv", lessons=folder / "none.json")
    return analyse([str(folder / "flows")], choices), load_truth(folder)


@pytest.fixture(scope="module")
def estonia(tmp_path_factory: pytest.TempPathFactory) -> tuple[Analysis, dict]:
    """One run of the Estonia exercise, shared by the tests of this file."""
    return run("estonia-2007", 1, SMALL, tmp_path_factory.mktemp("estonia"))


def check_estonia(found: Analysis, truth: dict) -> None:
    """128 of 128, none extra, the published tables, one campaign against the state, no confuser."""
    pairs, missed, extra = matched(found.attacks, truth)
    assert missed == []
    assert extra == []
    assert len(pairs) == 128
    assert {attack.victim for attack in found.attacks} <= {true["victim"] for true in truth["attacks"]}
    (campaign,) = found.campaigns
    assert len(campaign.attacks) == 128
    assert (campaign.scope, campaign.country) == ("state", "EE")


def check_tables(attacks: tuple[Attack, ...]) -> None:
    """The tables by destination, date, vector, duration and peak equal the published ones."""
    import json

    facts = json.loads(shared_data("campaigns/estonia-2007.json").read_text("utf-8"))
    found = tables(attacks, facts)
    assert found["vector"] == Counter(facts["by_vector"])
    assert found["destination"] == Counter(
        {row["address"]: row["attacks"] for row in facts["by_destination"]}
    )
    assert found["date"] == Counter(facts["by_date"])
    published = Counter({(row["from_s"], row["to_s"]): row["attacks"] for row in facts["by_duration"]})
    assert found["duration"] == published + Counter({None: 128 - published.total()})
    assert found["peak"] == Counter(
        {(row["from"], row["to"]): row["attacks"] for row in facts["by_peak_mbps"]}
    )
    assert max(attack.duration_s for attack in attacks) == pytest.approx(10.5 * 3600, rel=0.01)
    assert sum(attack.peak_bps >= 90e6 for attack in attacks) == 10


def test_estonia_attacks_and_campaign(estonia: tuple[Analysis, dict]) -> None:
    """128 separate attacks and one campaign against the state are found, and nothing else."""
    check_estonia(*estonia)


def test_estonia_tables(estonia: tuple[Analysis, dict]) -> None:
    """What was found makes the tables that were published in May 2007."""
    check_tables(estonia[0].attacks)


def test_estonia_facts_are_the_published_ones() -> None:
    """The exercise's own facts are the shared ones: 128 attacks, longest 10 h 30 min."""
    facts = estonia_2007()
    assert sum(facts.by_vector.values()) == 128


def test_estonia_source_classes(estonia: tuple[Analysis, dict]) -> None:
    """No spoofed attack is given a country, and no class contradicts the truth."""
    found, truth = estonia
    pairs, _, _ = matched(found.attacks, truth)
    for true in truth["attacks"]:
        attack = pairs[true["id"]]
        assert attack.source_class in {true["source_class"], "undetermined"}
    for trace in found.traces:
        if trace.source_class != "direct":
            assert trace.countries_mean != "apparent sources"


def test_quiet(tmp_path: Path) -> None:
    """Background with every confuser gives no attack and no campaign."""
    found, truth = run("quiet", 1, SMALL, tmp_path)
    assert truth["confusers"]
    assert found.attacks == ()
    assert found.campaigns == ()


def check_two(found: Analysis, truth: dict) -> None:
    """Two campaigns stay apart in spite of a shared victim, and lone attacks stay alone."""
    pairs, missed, extra = matched(found.attacks, truth)
    assert (missed, extra) == ([], [])
    member = {attack: campaign.id for campaign in found.campaigns for attack in campaign.attacks}
    groups: dict[str | None, set[str | None]] = {}
    for true in truth["attacks"]:
        groups.setdefault(true["campaign"], set()).add(member.get(pairs[true["id"]].id))
    lone = groups.pop(None)
    assert lone == {None}
    assert all(len(ids) == 1 and None not in ids for ids in groups.values())
    assert len({next(iter(ids)) for ids in groups.values()}) == 2
    assert len(found.campaigns) == 2


def test_two_campaigns(tmp_path: Path) -> None:
    """Two campaigns on overlapping days with one shared victim are kept apart, lone attacks alone."""
    check_two(*run("two-campaigns", 1, SMALL, tmp_path))


@pytest.mark.soak
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_estonia_seeds(seed: int, tmp_path: Path) -> None:
    """Five seeds at full scale: all of the above."""
    found, truth = run("estonia-2007", seed, 1.0, tmp_path)
    check_estonia(found, truth)
    check_tables(found.attacks)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 21))
def test_quiet_seeds(seed: int, tmp_path: Path) -> None:
    """Twenty seeds of background: nothing found."""
    found, _ = run("quiet", seed, 1.0, tmp_path)
    assert found.attacks == ()


@pytest.mark.soak
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_two_campaigns_seeds(seed: int, tmp_path: Path) -> None:
    """Five seeds of two campaigns at full scale."""
    check_two(*run("two-campaigns", seed, 1.0, tmp_path))
