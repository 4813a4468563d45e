"""Exercises on disk: flows, registry and truth."""

import ipaddress
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
from click.testing import CliRunner

from hanse.constituency import Registry
from hanse.exercise.background import surroundings
from hanse.exercise.commands import exercise
from hanse.exercise.confusers import MAKERS, events, make
from hanse.exercise.days import BEGIN_US, DAY_US, END_US, day_us
from hanse.exercise.facts import estonia_2007
from hanse.exercise.hosts import estonian_hosts
from hanse.exercise.scenarios import SCENARIOS, generate
from hanse.exercise.truth import TrueAttack, Truth
from hanse.exercise.two_campaigns import SHARED_VICTIM, plan_two
from hanse.kernel.addresses import pack
from hanse.kernel.errors import UsageError
from hanse.telemetry.schema import FLOW

pytestmark = pytest.mark.xdist_group("exercise")  # what is made once is made on one worker

FACTS = estonia_2007()
SCALE = 0.1
SEED = 7


@dataclass(frozen=True)
class Made:
    """An exercise that was made: its truth, its flows, its folder."""

    truth: Truth
    flows: pa.Table
    folder: Path


def made(scenario: str, folder: Path) -> Made:
    """Make an exercise at the least scale and read its flows."""
    return read(generate(scenario, SEED, SCALE, folder), folder)


def read(truth: Truth, folder: Path) -> Made:
    """The flows of an exercise, in the order in which its files hold them."""
    return Made(truth, ds.dataset(folder / "flows", schema=FLOW).to_table(), folder)


@pytest.fixture(scope="module")
def exercises(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """Gives an exercise by name; each is made once."""
    return cache(lambda scenario: made(scenario, tmp_path_factory.mktemp("exercise") / "out"))


@pytest.fixture(scope="module", params=SCENARIOS)
def any_exercise(request: pytest.FixtureRequest, exercises: Callable[[str], Made]) -> Made:
    """Each exercise."""
    return exercises(request.param)


@pytest.fixture(scope="module")
def estonia(exercises: Callable[[str], Made]) -> Made:
    """Estonia 2007."""
    return exercises("estonia-2007")


def micros(column: pa.ChunkedArray) -> np.ndarray:
    """A time column as microseconds."""
    return column.cast(pa.int64()).to_numpy()


def test_flows_are_well_formed(any_exercise: Made) -> None:
    """Flows have the schema, whole milliseconds, an end not before the start, and lie in the fourteen days."""
    flows, truth = any_exercise.flows, any_exercise.truth
    start, end = micros(flows["start"]), micros(flows["end"])
    assert flows.schema.equals(FLOW)
    assert flows.num_rows == truth.flows
    assert (start <= end).all()
    assert start.min() >= BEGIN_US
    assert end.max() < END_US
    assert not (start % 1000).any()
    assert not (end % 1000).any()
    assert (end - start).max() <= 65_000_000
    assert pc.min(flows["packets"]).as_py() >= 1
    assert pc.min(pc.subtract(flows["bytes"], pc.multiply(flows["packets"], 20))).as_py() >= 0
    assert set(flows["vantage"].unique().to_pylist()) == {"border-1", "border-2"}


def test_the_truth_file_says_what_was_made(any_exercise: Made) -> None:
    """truth.json holds the attacks, campaigns, confusers and assumptions with times in ISO 8601."""
    truth = any_exercise.truth
    written = json.loads((any_exercise.folder / "truth.json").read_text("utf-8"))
    assert written == truth.as_json()
    assert written["assumptions"]
    assert {each["kind"] for each in written["confusers"]} == set(MAKERS)
    assert all(each["start"].endswith("Z") and each["start"] < each["end"] for each in written["attacks"])


def test_the_registry_knows_every_victim_and_confused_host(any_exercise: Made) -> None:
    """The registry is valid, and each attacked or confusing host is in it."""
    registry = Registry.load(any_exercise.folder / "registry.csv")
    for attack in any_exercise.truth.attacks:
        assert registry.lookup(attack.victim) is not None
    for confuser in any_exercise.truth.confusers:
        assert all("/" in host or registry.lookup(host) for host in confuser.hosts)
    assert registry.covers("EE").organisations >= 25
    assert registry.covers("EE").sectors >= 10


def test_confusers_keep_away_from_attacks(any_exercise: Made) -> None:
    """No confuser lies on a victim on a day of an attack on it, so that a report of one is always wrong."""
    for confuser in any_exercise.truth.confusers:
        for attack in any_exercise.truth.attacks:
            near = confuser.start_us < attack.end_us + DAY_US // 24
            near &= attack.start_us < confuser.end_us + DAY_US // 24
            if near and "/" in confuser.hosts[0]:
                continue
            assert not (near and attack.victim in confuser.hosts)


def check_attack(made: Made, attack: TrueAttack, rows: pa.Table) -> None:
    """The flows to a victim in an attack's interval hold at least what the truth says of it."""
    start, end = micros(rows["start"]), micros(rows["end"])
    inside = rows.filter(pa.array((start >= attack.start_us) & (end <= attack.end_us)))
    assert pc.sum(inside["packets"]).as_py() >= attack.packets
    assert pc.sum(inside["bytes"]).as_py() >= attack.bytes
    first = micros(inside["start"]).min()
    last = micros(inside["end"]).max()
    assert (first, last) == (attack.start_us, attack.end_us)


def test_the_truth_is_in_the_flows(any_exercise: Made) -> None:
    """Every attack's packets and bytes are there, between the stated first and last packet."""
    flows = any_exercise.flows
    victims = {attack.victim for attack in any_exercise.truth.attacks}
    by_victim = {
        victim: flows.filter(pc.equal(flows["dst"], pa.scalar(pack(victim), flows["dst"].type)))
        for victim in victims
    }
    for attack in any_exercise.truth.attacks:
        check_attack(any_exercise, attack, by_victim[attack.victim])


def test_the_flows_of_estonia_have_the_published_margins(estonia: Made) -> None:
    """As made, and not only as planned: tables by destination, date, vector, length and peak are exact."""
    attacks = estonia.truth.attacks
    assert len(attacks) == FACTS.total
    assert Counter(each.victim for each in attacks) == {
        each.address: each.attacks for each in FACTS.by_destination
    }
    assert Counter(each.vector for each in attacks) == FACTS.by_vector
    for day, number in FACTS.by_date.items():
        assert sum(0 <= each.start_us - day_us(day) < DAY_US for each in attacks) == number
    for row in FACTS.by_duration:
        assert sum(row.low <= each.duration_s < row.high for each in attacks) == row.attacks
    for row in FACTS.by_peak:
        assert sum(row.low <= each.peak_bps / 1e6 < row.high for each in attacks) == row.attacks
    assert max(each.duration_s for each in attacks) == FACTS.longest_s


def test_the_same_seed_gives_the_same_flows(estonia: Made, tmp_path: Path) -> None:
    """Same scenario, seed and scale: equal tables, in the same order, and truth, by the command as well. Another seed: others."""
    out = tmp_path / "again"
    wished = ["estonia-2007", "--seed", str(SEED), "--scale", str(SCALE), "--out", str(out)]
    result = CliRunner().invoke(exercise, wished)
    assert (result.exit_code, result.stdout) == (0, "")
    assert read(estonia.truth, out).flows.equals(estonia.flows)
    assert json.loads((out / "truth.json").read_text("utf-8")) == estonia.truth.as_json()
    other = [plan_two(seed) for seed in (1, 1, 2)]
    assert other[0] == other[1] != other[2]


def test_quiet_has_no_attacks(exercises: Callable[[str], Made]) -> None:
    """The exercise "quiet" is background and confusers only."""
    quiet = exercises("quiet")
    written = json.loads((quiet.folder / "truth.json").read_text("utf-8"))
    assert written["attacks"] == written["campaigns"] == []
    assert written["confusers"]
    assert quiet.flows.num_rows > 0


@pytest.mark.parametrize("seed", range(20))
def test_two_campaigns_overlap_and_share_one_victim(seed: int) -> None:
    """Both campaigns have common days and one common victim; lone attacks share neither victim nor time."""
    attacks = plan_two(seed)
    victims = {name: {each.victim for each in attacks if each.campaign == name} for name in ("A", "B", "")}
    days = {
        name: {each.start_us // DAY_US for each in attacks if each.campaign == name} for name in ("A", "B")
    }
    assert victims["A"] & victims["B"] == {SHARED_VICTIM}
    assert days["A"] & days["B"]
    assert len(victims["A"]) >= 6
    assert len([each for each in attacks if not each.campaign]) == 6
    assert not victims[""] & (victims["A"] | victims["B"])
    for lone in (each for each in attacks if not each.campaign):
        assert all(abs(lone.start_us - other.start_us) >= 7_200e6 for other in attacks if other is not lone)


def test_every_kind_of_confuser_goes_both_ways_or_says_why() -> None:
    """Each confuser is large enough to tempt, has its stated host, and only a scan goes unanswered."""
    around = surroundings(estonian_hosts(FACTS.by_destination), 1, SCALE)
    for event in events(around):
        records, confuser = make(event, 1)
        ways = {"in": int((records.dst == event.host).sum()), "out": int((records.src == event.host).sum())}
        if event.kind != "horizontal port scan":
            assert min(ways.values()) > 0, event.kind
            assert all(ipaddress.ip_address(host) for host in confuser.hosts)
        assert records.packets.sum() >= 900, event.kind
        assert confuser.start_us // DAY_US == confuser.end_us // DAY_US, event.kind


def test_wrong_wishes_are_refused(tmp_path: Path) -> None:
    """Unknown scenarios, scales and seeds out of range, and a folder with flows are refused with a reason."""
    for scenario, seed, scale in (("france", 1, 1.0), ("quiet", -1, 1.0), ("quiet", 1, 0.01)):
        with pytest.raises(UsageError):
            generate(scenario, seed, scale, tmp_path)
    there = tmp_path / "flows" / "old.parquet"
    there.parent.mkdir()
    there.write_bytes(b"")
    with pytest.raises(UsageError, match="holds flows already"):
        generate("quiet", 1, SCALE, tmp_path)
    assert CliRunner().invoke(exercise, ["quiet", "--out", str(tmp_path)]).exit_code == 2
