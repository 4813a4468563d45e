"""`hanse lesson` and `hanse learn`: what is taught changes what is found, and undo takes it back."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import floods, found, hanse


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[dict[str, Any]]]:
    """Flows with two floods on one victim, the JSON of what was found in them, and the attacks."""
    folder = tmp_path_factory.mktemp("case")
    flows = floods(folder, 0, 1_000)
    value = found("attacks", flows)
    told = folder / "found.json"
    told.write_text(json.dumps(value), "utf-8")
    return flows, told, value["attacks"]


def teach(file: Path, *words: object) -> None:
    """Give a lesson; it must be taken."""
    result = hanse("lesson", *words, "--reason", "[red]known\x1b", "--lessons", file)
    assert result.exit_code == 0, result.output
    assert f"hanse lesson undo 1 --lessons {file}" in result.stdout


def ids(flows: Path, file: Path) -> list[str]:
    """Ids of the attacks under a file of lessons."""
    return [attack["id"] for attack in found("attacks", flows, "--lessons", file)["attacks"]]


def test_a_false_positive_is_no_longer_found_until_undone(case, tmp_path):
    """Traffic that was called harmless is not reported again; undo restores exactly what was found."""
    flows, told, attacks = case
    file = tmp_path / "lessons.json"
    teach(file, "false-positive", told, attacks[0]["id"])
    assert ids(flows, file) == []
    listed = hanse("lesson", "list", "--lessons", file)
    assert re.search(r"false-positive .* icmp_flood .* Up to [0-9.]+ k?packets/s", listed.stdout)
    assert "[red]known\\x1b" in listed.stdout.replace("\n", "") or "[red]" in listed.stdout
    assert "\x1b" not in listed.stdout
    assert hanse("lesson", "undo", 1, "--lessons", file).exit_code == 0
    assert ids(flows, file) == [attack["id"] for attack in attacks]


def test_a_merge_joins(case, tmp_path):
    """Two attacks that were called one are found as one."""
    flows, told, attacks = case
    file = tmp_path / "lessons.json"
    teach(file, "merge", told, attacks[1]["id"], attacks[0]["id"])
    assert ids(flows, file) == [attacks[0]["id"]]


def test_a_split_cuts(case, tmp_path):
    """An attack that was called two is cut at the second told."""
    flows, told, attacks = case
    file = tmp_path / "lessons.json"
    teach(file, "split", told, attacks[0]["id"], "--at", "2007-05-03T00:00:30Z")
    starts = [attack["start"] for attack in found("attacks", flows, "--lessons", file)["attacks"]]
    assert len(starts) == 3
    assert starts[1].startswith("2007-05-03T00:00:3")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["false-positive", "{told}", "A-000000000000", "--reason", "x"], "no attack A-000000000000"),
        (["false-positive", "{told}", "{first}"], "--reason"),
        (["split", "{told}", "{first}", "--at", "noon", "--reason", "x"], "not a time"),
        (
            ["split", "{told}", "{first}", "--at", "2001-05-03T00:00:30Z", "--reason", "x"],
            "not inside the attack",
        ),
        (["merge", "{told}", "{first}", "{first}", "--reason", "x"], "is one attack already"),
        (["undo", "7"], "There are 0 lessons"),
    ],
)
def test_wrong_lessons_are_refused(case, tmp_path, words, said):
    """A lesson on nothing, without a reason or with no time ends with 2, and nothing is written."""
    _, told, attacks = case
    file = tmp_path / "lessons.json"
    filled = [word.format(told=told, first=attacks[0]["id"]) for word in words]
    result = hanse("lesson", *filled, "--lessons", file)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not file.exists()


def test_a_learnt_baseline_is_used(case, tmp_path):
    """What was usual when learning is no attack under the baseline learnt."""
    flows, _, _ = case
    file = tmp_path / "baseline.parquet"
    result = hanse("learn", flows, "--out", file)
    assert result.exit_code == 0, result.output
    assert "Learnt" in result.stderr
    assert len(found("attacks", flows, "--baseline", file)["attacks"]) <= 2


def test_nothing_is_learnt_from_nonsense(tmp_path):
    """Without flows to learn from no baseline is written, and the reason is told."""
    bad = tmp_path / "bad.bin"
    bad.write_bytes(b"nonsense")
    result = hanse("learn", bad, "--out", tmp_path / "baseline.parquet")
    assert result.exit_code == 1
    assert "no flows to learn from" in result.stderr
    assert not (tmp_path / "baseline.parquet").exists()
