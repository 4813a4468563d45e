"""Groups of attacks that keep time with each other on the same list of targets.

One command may start attacks of several vectors from different sources: then no pair has a fingerprint or
sources in common, and one pair's starts prove little. Wave after wave they do. So groups are tried:
campaigns found so far with each other, and with the attacks that still stand alone, taken by vector.

* *concurrency*: in how many waves of one group does an attack of the other start within a minute on another
  victim? Under the null each wave could lie anywhere in the hours around it (`concurrency.SMOOTH_S`).
* *targets*: how many victims have both groups hit, out of all hosts that could have been?

Which moments the waves have and which victims the groups have, taken over all waves, say nothing about
each other under the null, so the two count as independent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from hanse.campaigns import chance, pairs
from hanse.campaigns.concurrency import SMOOTH_S
from hanse.campaigns.joining import Held, Tree
from hanse.campaigns.target_lists import WAVE_S

MOST_GROUPS = 400
"""The largest groups are tried; smaller ones could not hold at the level anyway."""

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Group:
    """Attacks taken together: a campaign, or lone attacks of one vector."""

    attacks: Index
    campaign: bool


@dataclass(frozen=True, slots=True)
class Together:
    """What the tests say of two groups: logarithms of p-values, and the pairs of attacks that show it."""

    log_p: dict[str, float]
    pairs: tuple[tuple[int, int], ...]

    def best(self) -> tuple[float, tuple[str, str]]:
        """The best joint p-value (logarithm, corrected for the pairs of tests tried) and its two tests."""
        found = []
        for one, other in combinations(sorted(self.log_p), 2):
            first, second = np.array(self.log_p[one]), np.array(self.log_p[other])
            joint = float(chance.log_joint(first, second, graded=True))
            found.append((joint + float(np.log(len(self.log_p) * (len(self.log_p) - 1) / 2)), (one, other)))
        return min(found)


def merge(
    bench: pairs.Bench, tree: Tree, vectors: Sequence[str], victims: float, level: float
) -> tuple[Tree, Held]:
    """Join groups that keep time, have common targets or common sources: two of these three.

    Args:
        bench: The tests.
        tree: The links found so far.
        vectors: The vector of each attack.
        victims: How many hosts could have been victims.
        level: Chance of any false merging.

    Returns:
        The forest with the links added, and by link the tests that hold.
    """
    tried = [
        (one, other)
        for one, other in combinations(_groups(tree, vectors), 2)
        if one.campaign or other.campaign
    ]
    first, second, log_p = [], [], []
    held: Held = {}
    for one, other in tried:
        found = _together(bench, one, other, victims)
        joint, names = found.best()
        if joint + np.log(len(tried)) > np.log(level):
            continue
        for pair in found.pairs:
            held[pair] = {name: found.log_p[name] for name in names}
            first.append(pair[0])
            second.append(pair[1])
            log_p.append(joint)
    links = pairs.Found(np.array(first, np.int64), np.array(second, np.int64), np.array(log_p, np.float64))
    return tree.with_links(links), held


def _groups(tree: Tree, vectors: Sequence[str]) -> list[Group]:
    """Campaigns, then lone attacks by vector; the largest first."""
    label = tree.labels()
    found = [Group(np.flatnonzero(label == each), True) for each in np.unique(label[label >= 0])]
    alone = np.flatnonzero(label < 0)
    names = np.array([vectors[number] for number in alone.tolist()])
    found += [Group(alone[names == name], False) for name in np.unique(names)]
    found = [each for each in found if len(each.attacks) > 1]
    return sorted(found, key=lambda each: (-len(each.attacks), int(each.attacks[0])))[:MOST_GROUPS]


def _together(bench: pairs.Bench, one: Group, other: Group, victims: float) -> Together:
    """The tests on two groups. The smaller one's waves are counted against the larger one's starts."""
    if other.campaign and (not one.campaign or len(one.attacks) < len(other.attacks)):
        one, other = other, one
    # Now `one` is a campaign, and the larger where both are.
    closest, gap = _closest(bench, other, one)
    log_p = {
        "concurrency": _concurrency(bench, gap <= WAVE_S, one, other),
        "targets": _targets(bench.starts.victim, one.attacks, other.attacks, victims),
    }
    linked = _linked(bench, other, one, closest, gap)
    if other.campaign:
        log_p["sources"], common = _sources(bench, one, other)
        linked = (common,) if log_p["sources"] < log_p["concurrency"] else linked
    return Together(log_p, linked)


def _concurrency(bench: pairs.Bench, near: npt.NDArray[np.bool_], campaign: Group, group: Group) -> float:
    """Logarithm of the chance that so many waves of a group meet a start of a campaign."""
    seconds = bench.starts.seconds[group.attacks]
    waves = list(_waves(seconds))
    hits = sum(bool(near[wave].any()) for wave in waves)
    chances = [_covered(seconds[wave], bench, campaign) for wave in waves]
    # Events of unequal chance are at most as scattered as ones of their mean (Hoeffding 1956).
    return chance.log_at_least(hits, len(waves), float(np.mean(chances)))


def _sources(bench: pairs.Bench, one: Group, other: Group) -> tuple[float, tuple[int, int]]:
    """The best pair between two groups and the logarithm of its p-value, corrected for all such pairs."""
    found = []
    for part in pairs.blocks(len(other.attacks), len(one.attacks)):
        rows = other.attacks[part]
        log_p = bench.sources.log_p(rows, one.attacks)
        row, col = np.unravel_index(int(log_p.argmin()), log_p.shape)
        first, second = sorted((int(rows[row]), int(one.attacks[col])))
        found.append((float(log_p[row, col]), (first, second)))
    best, pair = min(found)
    return min(best + float(np.log(len(one.attacks) * len(other.attacks))), 0.0), pair


def _targets(victim: Index, one: Index, other: Index, victims: float) -> float:
    """Logarithm of the hypergeometric chance of so many victims in common."""
    first, second = np.unique(victim[one]), np.unique(victim[other])
    common = len(np.intersect1d(first, second))
    if common < 2:
        return 0.0
    people = max(round(victims), len(first) + len(second) - common)
    return chance.log_in_common(common, people, len(first), len(second))


def _waves(seconds: npt.NDArray[np.float64]) -> Iterator[Index]:
    """Positions of starts by wave: one wave is one event, however many attacks it has."""
    order = np.argsort(seconds, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(seconds[order]) > WAVE_S) + 1)


def _covered(wave: npt.NDArray[np.float64], bench: pairs.Bench, group: Group) -> float:
    """Share of the hours around a wave in which it would have met a start of a group."""
    begin, width = float(wave.min()), float(np.ptp(wave))
    starts = np.sort(bench.starts.seconds[group.attacks])
    low = np.clip(starts - WAVE_S - width, begin - SMOOTH_S, begin + SMOOTH_S)
    high = np.clip(starts + WAVE_S, begin - SMOOTH_S, begin + SMOOTH_S)
    reached = np.maximum.accumulate(np.concatenate(([begin - SMOOTH_S], high[:-1])))
    return float(np.maximum(high - np.maximum(low, reached), 0).sum() / (2 * SMOOTH_S))


def _closest(bench: pairs.Bench, group: Group, campaign: Group) -> tuple[Index, npt.NDArray[np.float64]]:
    """For each attack of a group, the campaign's attack on another victim that starts closest, and the gap, s."""
    victim = bench.starts.victim
    number, gap = [], []
    for part in pairs.blocks(len(group.attacks), len(campaign.attacks)):
        rows = group.attacks[part]
        gaps = bench.starts.gaps(rows, campaign.attacks)
        gaps[victim[rows][:, None] == victim[campaign.attacks][None, :]] = np.inf
        closest = gaps.argmin(axis=1)
        number.append(campaign.attacks[closest])
        gap.append(gaps[np.arange(len(rows)), closest])
    return np.concatenate(number), np.concatenate(gap)


def _linked(
    bench: pairs.Bench, group: Group, campaign: Group, closest: Index, gap: npt.NDArray[np.float64]
) -> tuple[tuple[int, int], ...]:
    """The pairs that stand for the link between two groups.

    Of two campaigns, the closest pair. Of lone attacks each that keeps time itself, and whose victim is on
    the campaign's list.
    """
    if group.campaign:
        chosen = np.argsort(gap, kind="stable")[:1]
    else:
        victim = bench.starts.victim
        chosen = np.flatnonzero((gap <= WAVE_S) & np.isin(victim[group.attacks], victim[campaign.attacks]))
    found = zip(group.attacks[chosen].tolist(), closest[chosen].tolist(), strict=True)
    return tuple((min(pair), max(pair)) for pair in found)
