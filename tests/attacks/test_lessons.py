"""What analysts teach, used in the next run."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hanse.attacks import lessons
from hanse.attacks.detect import Options, detect
from hanse.attacks.intervals import Gaps
from hanse.attacks.thresholds import Thresholds
from hanse.engine import Engine, open_engine
from hanse.kernel.errors import UsageError
from tests.attacks import build
from tests.attacks.build import addresses, flows, icmp_flood

DECIDED = "2007-05-20T12:00:00+00:00"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """One embedded engine for all tests of this file."""
    with open_engine() as opened:
        yield opened


def found(engine: Engine, paths: list[str], *taught: lessons.Lesson) -> list[dict[str, Any]]:
    """The attacks as JSON under lessons."""
    options = Options(lessons.gaps(taught, 300), Thresholds(raised=lessons.raised(taught)))
    return [attack.as_json() for attack in detect(engine, paths, options).attacks]


@pytest.mark.parametrize("network", [False, True], ids=["host", "network"])
def test_false_positive(engine: Engine, tmp_path: Path, *, network: bool) -> None:
    """Such traffic is no longer reported, to a host or a network; twice as much is."""
    hosts = [f"198.51.100.{i}" for i in range(1, 201)]
    carpet = {"src": addresses(300), "dst": hosts, "protocol": 1, "icmp": 8}
    once = flows(40_000, **carpet) if network else icmp_flood(0, 60, pps=200)
    twice = flows(40_000, **carpet, packets=2) if network else icmp_flood(0, 60, pps=400)
    paths = build.write(tmp_path, once)
    (attack,) = found(engine, paths)
    taught = lessons.false_positive(attack, "our own measurement", DECIDED)
    assert found(engine, paths, taught) == []
    assert len(found(engine, build.write(tmp_path, twice), taught)) == 1


def test_merge_and_split(engine: Engine, tmp_path: Path) -> None:
    """Two attacks that are one are found as one; cut again, they are two."""
    paths = build.write(tmp_path, icmp_flood(0, 40), icmp_flood(500, 40))
    first, second = found(engine, paths)
    merged = lessons.merge(first, second, 470, "one attacker paused", DECIDED)
    (whole,) = found(engine, paths, merged)
    assert whole["packets"] == first["packets"] + second["packets"]
    cut = lessons.split(whole, build.T0 // 1_000_000 + 300, "two after all", DECIDED)
    assert len(found(engine, paths, merged, cut)) == 2


def test_different_vectors_do_not_merge(engine: Engine, tmp_path: Path) -> None:
    """An attack has one victim and one vector, so that others are not merged with it."""
    (attack,) = found(engine, build.write(tmp_path, icmp_flood(0, 40)))
    with pytest.raises(UsageError, match="one victim by one vector"):
        lessons.merge(attack, {**attack, "vector": "udp_flood"}, 10, "no", DECIDED)


def test_kept_in_a_file(tmp_path: Path) -> None:
    """Lessons are read as they were written; none are there before the first, and nonsense is refused."""
    path = tmp_path / "lessons.json"
    assert lessons.load(path) == ()
    taught = (lessons.Lesson("split", "192.0.2.1", "icmp_flood", ("A-1",), 7.0, "why", DECIDED),)
    lessons.save(taught, path)
    assert lessons.load(path) == taught
    assert lessons.gaps(taught, 300) == Gaps(300, {}, {taught[0].cells[0]: [7]})
    path.write_text("[]", "utf-8")
    with pytest.raises(UsageError, match="not a file of lessons"):
        lessons.load(path)


def written(path: Path, **other: Any) -> Path:
    """A file with one lesson, some fields of it otherwise."""
    row = {
        "kind": "false-positive", "victim": "198.51.100.1", "vector": "icmp_flood", "attacks": ["A-1"],
        "value": 500.0, "reason": "our own", "decided": DECIDED,
    }  # fmt: skip
    path.write_text(json.dumps({"lessons": [row | other]}), "utf-8")
    return path


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "forget"},
        {"victim": 7},
        {"victim": "everybody"},
        {"value": "500"},
        {"value": -1},
        {"value": 1e400},
        {"attacks": "A-1"},
        {"reason": None},
    ],
    ids=str,
)
def test_a_file_of_lessons_is_read_by_its_types(tmp_path: Path, other: dict[str, Any]) -> None:
    """What is no lesson is said when the file is read, and not found in the middle of a detection."""
    assert lessons.load(written(tmp_path / "good.json"))
    with pytest.raises(UsageError, match="not a file of lessons"):
        lessons.load(written(tmp_path / "bad.json", **other))


def test_a_key_that_stands_twice_is_no_lesson(tmp_path: Path) -> None:
    """A file that two readers would understand differently is refused."""
    file = written(tmp_path / "twice.json")
    file.write_text(
        file.read_text("utf-8").replace('"value": 500.0', '"value": 1.0, "value": 500.0'), "utf-8"
    )
    with pytest.raises(UsageError, match="not a file of lessons"):
        lessons.load(file)


def test_of_two_who_teach_at_once_neither_is_lost(tmp_path: Path) -> None:
    """Reading, changing and writing a file is one step for everybody else who does so."""
    file = tmp_path / "lessons.json"
    one = lessons.false_positive(
        {"id": "A-1", "victim": "198.51.100.1", "vector": "icmp_flood", "peak_pps": 400.0}, "ours", DECIDED
    )

    def teach(_: int) -> None:
        lessons.change(file, lambda before: [*before, one])

    with ThreadPoolExecutor(8) as people:
        list(people.map(teach, range(40)))
    assert len(lessons.load(file)) == 40
    assert [each.name for each in tmp_path.iterdir()] == ["lessons.json"]


def test_no_merge_bridges_more_than_a_day(engine: Engine, tmp_path: Path) -> None:
    """Merged over weeks, two attacks would have every later one go on the first, and nobody would be told of it."""
    (attack,) = found(engine, build.write(tmp_path, icmp_flood(0, 40)))
    with pytest.raises(UsageError, match="campaign"):
        lessons.merge(attack, attack, lessons.MOST_QUIET_S + 1, "one gang", DECIDED)
    forged = lessons.Lesson(
        "merge", attack["victim"], attack["vector"], (attack["id"],), 1e9, "one gang", DECIDED
    )
    assert set(lessons.gaps((forged,), 300).longer_s.values()) == {lessons.MOST_QUIET_S}


def test_what_a_lesson_silences_is_said(engine: Engine, tmp_path: Path) -> None:
    """An attack below what an analyst once called harmless is no finding, and stands among what was dismissed."""
    paths = build.write(tmp_path, icmp_flood(0, 60, pps=200))
    (attack,) = found(engine, paths)
    taught = lessons.false_positive(attack, "our own measurement", DECIDED)
    options = Options(lessons.gaps((taught,), 300), Thresholds(raised=lessons.raised((taught,))))
    (said,) = detect(engine, paths, options).dismissed
    assert (said.victim, said.vector) == (attack["victim"], attack["vector"])
    assert "that an analyst called harmless" in said.reason
    assert detect(engine, paths).dismissed == ()
