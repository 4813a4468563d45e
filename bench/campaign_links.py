"""How well the tests behind campaign links tell one real campaign from other attacks.

Run: ``python bench/campaign_links.py SHARED_DATA``, with the folder that holds ``campaigns`` and
``telemetry``. Prints a table of precision and recall. The thresholds are tuned on dates before 2025 and
used unchanged on dates after.

Same campaign: target lists that NoName057(16) gave its participants (DDoSia), and the group's apparent
sources as GovCERT.ch listed them in January and June 2024. Other campaigns: sources of other captures, and
decoy lists of the same size and mix of top-level domains, from at least 90 days away.
"""

import csv
import gzip
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dpkt
import numpy as np

from hanse.campaigns import chance
from hanse.campaigns.source_overlap import (
    DIRECT_POPULATION,
    HOSTS_PER_NETWORK,
    LEAST_COMMON,
)

SPLIT = datetime(2025, 1, 1, tzinfo=UTC)
FAR = timedelta(days=90)
DISTANCES = ((0, 1), (1, 3), (3, 7), (7, 30), (30, 90))
PER_DISTANCE = 400
NEXT = "a list and the next"
LEVEL = 0.01
PRECISION = 0.99
GRID = np.log(10.0) * np.linspace(-40, -1, 157)
"""Thresholds tried in tuning: p from 1e-40 to 0.1 in quarter decades."""


@dataclass(frozen=True)
class Snapshot:
    """A target list: when, and its hosts."""

    when: datetime
    hosts: frozenset[str]


@dataclass(frozen=True)
class Trial:
    """A pair of lists or source sets.

    Attributes:
        log_p: Natural logarithm of its p-value.
        same: Whether it is one campaign.
        kind: What it is made of.
        common: For lists of one campaign, whether they have any host in common.
    """

    log_p: float
    same: bool
    kind: str
    common: bool = False


def snapshots(folder: Path) -> list[Snapshot]:
    """The target lists, in order of time."""
    lists: dict[str, set[str]] = defaultdict(set)
    with gzip.open(
        folder / "campaigns" / "ddosia_targets_by_snapshot.csv.gz", "rt", encoding="utf-8"
    ) as file:
        for row in csv.DictReader(file):
            lists[row["snapshot"]].add(row["host"])
    found = [
        Snapshot(datetime.fromisoformat(name).replace(tzinfo=UTC), frozenset(hosts))
        for name, hosts in sorted(lists.items())
    ]
    return [each for each in found if len(each.hosts) >= 5]


class Decoys:
    """Draws lists of the same size and top-level domains from lists at least `FAR` away."""

    def __init__(self, lists: list[Snapshot], rng: np.random.Generator) -> None:
        self._rng = rng
        self._lists = lists
        self._pools: dict[str, dict[str, list[str]]] = {}

    def like(self, of: Snapshot) -> frozenset[str]:
        """A decoy of a list."""
        key = of.when.strftime("%Y-%m")
        if key not in self._pools:
            pool: dict[str, set[str]] = defaultdict(set)
            for other in self._lists:
                if abs(other.when - of.when) >= FAR + timedelta(days=31):
                    for host in other.hosts:
                        pool[_domain(host)].add(host)
            self._pools[key] = {name: sorted(hosts) for name, hosts in pool.items()}
        by_domain = self._pools[key]
        everyone = sorted(host for hosts in by_domain.values() for host in hosts)
        chosen = set()
        for host in sorted(of.hosts):
            pool_of = by_domain.get(_domain(host)) or everyone
            chosen.add(pool_of[int(self._rng.integers(len(pool_of)))])
        return frozenset(chosen)


class Targets:
    """The target test by top-level domain.

    Lists that go for one country have hosts in common by that alone. So a host counts as drawn from the
    hosts of its own domain, as a national registry would have it; those that the training lists name are
    taken as all there are, which expects more in common by chance than there can be.
    """

    def __init__(self, known: Iterable[Snapshot]) -> None:
        self._known = Counter(_domain(host) for host in {host for each in known for host in each.hosts})

    def log_p(self, one: frozenset[str], other: frozenset[str]) -> float:
        """Logarithm of the bound on the chance of so many hosts in common."""
        first, second = Counter(map(_domain, one)), Counter(map(_domain, other))
        expected = sum(
            number * second[name] / max(self._known[name], number + second[name])
            for name, number in first.items()
        )
        return float(chance.log_overlap(np.array(float(len(one & other))), np.array(expected)))


def _domain(host: str) -> str:
    return host.rsplit(".", 1)[-1]


def target_trials(
    lists: list[Snapshot], decoys: Decoys, targets: Targets, rng: np.random.Generator
) -> list[Trial]:
    """Each list with the next one, and pairs of lists by distance in time; as many decoys."""
    found = []

    def add(one: Snapshot, other: Snapshot, kind: str) -> None:
        common = bool(one.hosts & other.hosts)
        found.append(Trial(targets.log_p(one.hosts, other.hosts), True, kind, common))
        found.append(Trial(targets.log_p(one.hosts, decoys.like(other)), False, kind))

    for index in rng.choice(len(lists) - 1, PER_DISTANCE, replace=False).tolist():
        add(lists[index], lists[index + 1], NEXT)
    for low, high in DISTANCES:
        for _ in range(PER_DISTANCE):
            one = lists[int(rng.integers(len(lists)))]
            later = [
                each for each in lists if timedelta(days=low) < each.when - one.when <= timedelta(days=high)
            ]
            if later:
                add(one, later[int(rng.integers(len(later)))], f"lists {low}-{high} d apart")
    return found


def listed_sources(path: Path) -> list[dict[str, str]]:
    """Rows of a list of apparent sources (IPv4)."""
    with path.open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if ":" not in row["ip_address"]]


def capture_sources(path: Path) -> frozenset[str]:
    """IPv4 sources of a capture."""
    found = set()
    with path.open("rb") as file:
        reader = dpkt.pcap.Reader(file)
        for _, raw in reader:
            packet = raw
            if reader.datalink() == dpkt.pcap.DLT_EN10MB:
                packet = raw[14:]
            if packet[0] >> 4 == 4:
                found.add(".".join(map(str, packet[12:16])))
    return frozenset(found)


def log_sources(one: frozenset[str], other: frozenset[str], population: float) -> float:
    """The source test as in `hanse.campaigns.source_overlap`, by address and by /24."""
    best = 0.0
    networks = [frozenset(each.rsplit(".", 1)[0] for each in side) for side in (one, other)]
    for first, second, people in (
        (one, other, population),
        (networks[0], networks[1], population / HOSTS_PER_NETWORK),
    ):
        common = len(first & second)
        if common >= LEAST_COMMON:
            expected = len(first) * len(second) / people
            bound = chance.log_overlap(np.array(float(common)), np.array(expected))
            best = min(best, float(bound) + float(np.log(2)))
    return min(best, 0.0)


@dataclass(frozen=True)
class SourceSets:
    """Source sets of attack-like objects: of the campaign by month, and of other captures."""

    january: list[frozenset[str]]
    june: list[frozenset[str]]
    others: list[frozenset[str]]


def source_sets(folder: Path, rng: np.random.Generator, parts: int = 20) -> SourceSets:
    """Half of a month's sources each, as one attack uses a part of a botnet; others thinned to that size."""
    january = [
        r["ip_address"] for r in listed_sources(folder / "campaigns" / "20240117_NoName057-DDoS-CH.csv")
    ]
    june = [
        r["ip_address"] for r in listed_sources(folder / "campaigns" / "20240615_NoName057-attacking-ips.csv")
    ]
    attacks = folder / "telemetry" / "attacks"
    raw = [capture_sources(path) for path in sorted(attacks.glob("*.pcap"))]
    fingerprint = json.loads((attacks / "ddosdb_fingerprint_1da3b_icmp.json").read_text("utf-8"))
    raw.append(frozenset(fingerprint["src_ips"]))

    def halves(pool: Iterable[str], size: int) -> Iterator[frozenset[str]]:
        ordered = sorted(pool)
        for _ in range(parts):
            yield frozenset(rng.choice(ordered, min(size, len(ordered)), replace=False).tolist())

    others = [each for pool in raw if len(pool) > 50 for each in halves(pool, len(january) // 2)]
    return SourceSets(list(halves(january, len(january) // 2)), list(halves(june, len(june) // 2)), others)


def source_trials(sets: SourceSets) -> list[Trial]:
    """Pairs of source sets: one month, both months, and the campaign with other captures."""

    def pairs(
        left: list[frozenset[str]], right: list[frozenset[str]], same: bool, kind: str
    ) -> Iterator[Trial]:
        for index, one in enumerate(left):
            for other in right[index + 1 :] if left is right else right:
                yield Trial(log_sources(one, other, DIRECT_POPULATION), same, kind)

    ours = sets.january + sets.june
    return [
        *pairs(sets.january, sets.january, True, "one day, two draws"),
        *pairs(sets.june, sets.june, True, "one day, two draws"),
        *pairs(sets.january, sets.june, True, "January with June"),
        *pairs(ours, sets.others, False, "other captures"),
    ]


def tuned(trials: list[Trial]) -> float:
    """The loosest threshold with a precision of 99%, since one false link merges two campaigns."""
    good = [level for level in GRID if _scores(trials, lambda t, at=level: t.log_p <= at)[0] >= PRECISION]
    return float(max(good, default=GRID[0]))


def _scores(trials: list[Trial], linked: Callable[[Trial], bool]) -> tuple[float, float]:
    """Precision and recall."""
    right = sum(linked(trial) for trial in trials if trial.same)
    wrong = sum(linked(trial) for trial in trials if not trial.same)
    positives = sum(trial.same for trial in trials)
    precision = right / (right + wrong) if right + wrong else float("nan")
    recall = right / positives if positives else float("nan")
    return precision, recall


def row(name: str, trials: list[Trial], level: float) -> str:
    """A line of the table."""
    precision, recall = _scores(trials, lambda trial: trial.log_p <= level)
    positives = sum(trial.same for trial in trials)
    return (
        f"| {name} | {positives} | {len(trials) - positives} | {np.exp(level):.1e} "
        f"| {precision:.3f} | {recall:.3f} |"
    )


def both_trials(
    lists: list[Snapshot],
    decoys: Decoys,
    targets: Targets,
    sets: SourceSets,
    rng: np.random.Generator,
    number: int = 800,
) -> list[Trial]:
    """Pairs with sources and targets: all of the campaign, or with one of the two, or both, of others."""
    ours = sets.january + sets.june
    found = []
    for index in range(number):
        one = lists[int(rng.integers(len(lists)))]
        near = [each for each in lists if timedelta(0) < each.when - one.when <= timedelta(days=3)]
        if not near:
            continue
        other = near[int(rng.integers(len(near)))]
        first, second = rng.choice(len(ours), 2, replace=False)
        foreign = sets.others[int(rng.integers(len(sets.others)))]
        decoy = decoys.like(other)
        cases = (
            ("both of the campaign", other.hosts, ours[second]),
            ("its targets, other sources", other.hosts, foreign),
            ("its sources, decoy targets", decoy, ours[second]),
            ("neither", decoy, foreign),
        )
        # One positive and one negative each time, so that precision is for even odds.
        for kind, hosts, sources in (cases[0], cases[1 + index % 3]):
            joint = chance.log_joint(
                np.array(targets.log_p(one.hosts, hosts)),
                np.array(log_sources(ours[first], sources, DIRECT_POPULATION)),
                graded=True,
            )
            found.append(Trial(float(joint), kind == "both of the campaign", kind))
    return found


def main(folder: Path) -> None:
    """Print the tables."""
    rng = np.random.default_rng(20261124)
    lists = snapshots(folder)
    before = [each for each in lists if each.when < SPLIT]
    after = [each for each in lists if each.when >= SPLIT]
    hosts = len({host for each in before for host in each.hosts})
    print(f"{len(before)} lists before 2025 ({hosts} hosts), {len(after)} after.\n")
    targets, decoys = Targets(before), Decoys(lists, rng)
    print("| test | same campaign | other | p at most | precision | recall |")
    print("|---|---|---|---|---|---|")
    train, test = target_trials(before, decoys, targets, rng), target_trials(after, decoys, targets, rng)
    level = tuned(train)
    print(row("targets, before 2025 (tuned)", train, level))
    print(row("**targets, 2025**", test, level))
    for kind in (NEXT, *(f"lists {low}-{high} d apart" for low, high in DISTANCES)):
        some = [each for each in test if each.kind == kind]
        any_common = sum(each.common for each in some) / max(sum(each.same for each in some), 1)
        print(row(f"targets, 2025, {kind} ({any_common:.0%} have a host in common)", some, level))
    sets = source_sets(folder, rng)
    trials = source_trials(sets)
    level = tuned(trials)
    print(row("sources, 2024 (not held out)", trials, level))
    for kind in ("one day, two draws", "January with June"):
        print(row(f"sources, 2024, {kind}", [t for t in trials if t.kind == kind or not t.same], level))
    for name, some in (("two tests, before 2025", before), ("**two tests, 2025**", after)):
        pairs = both_trials(some, decoys, targets, sets, rng)
        strict = float(np.log(LEVEL / len(pairs)))
        print(row(f"{name}, level {LEVEL:g} over {len(pairs)} pairs", pairs, strict))
    for kind in ("its targets, other sources", "its sources, decoy targets", "neither"):
        wrong = [each for each in pairs if each.kind == kind]
        linked = sum(each.log_p <= strict for each in wrong)
        print(f"\nTwo tests, 2025, {kind}: {linked} of {len(wrong)} linked.", end="")
    print()


if __name__ == "__main__":
    SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    GIVEN = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED
    if GIVEN.exists():
        main(GIVEN)
    else:
        print(f"no shared data at {GIVEN}: name its folder; campaign links left out")
