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
from scipy import stats

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
    """Two groups that hold together: logarithms of p-values, and the pairs of attacks that show it."""

    concurrency: float
    targets: float
    pairs: tuple[tuple[int, int], ...]

    @property
    def joint(self) -> float:
        """Logarithm of the joint p-value."""
        one, other = np.array(self.concurrency), np.array(self.targets)
        return float(chance.log_joint(one, other, graded=True))


def merge(
    bench: pairs.Bench, tree: Tree, vectors: Sequence[str], victims: float, level: float
) -> tuple[Tree, Held]:
    """Join groups that keep time on common targets.

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
        if found.joint + np.log(len(tried)) > np.log(level):
            continue
        for pair in found.pairs:
            held[pair] = {"concurrency": found.concurrency, "targets": found.targets}
            first.append(pair[0])
            second.append(pair[1])
            log_p.append(found.joint)
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
    """Both tests on two groups. The smaller one's waves are counted against the larger one's starts."""
    if other.campaign and (not one.campaign or len(one.attacks) < len(other.attacks)):
        one, other = other, one
    # Now `one` is a campaign, and the larger where both are.
    hit = _targets(bench.starts.victim, one.attacks, other.attacks, victims)
    if hit > np.log(chance.SPEAKS):
        return Together(0.0, hit, ())
    near, meetings = _meetings(bench, other, one)
    waves = list(_waves(bench.starts.seconds[other.attacks]))
    hits = sum(bool(near[wave].any()) for wave in waves)
    chances = [_covered(bench.starts.seconds[other.attacks[wave]], bench, one) for wave in waves]
    # Events of unequal chance are at most as scattered as ones of their mean (Hoeffding 1956).
    log_p = float(stats.binom.logsf(hits - 1, len(waves), min(float(np.mean(chances)), 1.0)))
    return Together(min(log_p, 0.0), hit, meetings)


def _targets(victim: Index, one: Index, other: Index, victims: float) -> float:
    """Logarithm of the hypergeometric chance of so many victims in common."""
    first, second = np.unique(victim[one]), np.unique(victim[other])
    common = len(np.intersect1d(first, second))
    if common < 2:
        return 0.0
    people = max(round(victims), len(first) + len(second) - common)
    return min(float(stats.hypergeom.logsf(common - 1, people, len(first), len(second))), 0.0)


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


def _meetings(
    bench: pairs.Bench, joining: Group, campaign: Group
) -> tuple[npt.NDArray[np.bool_], tuple[tuple[int, int], ...]]:
    """Which attacks of a group start with a campaign's on another victim, and the pairs that link them.

    A campaign is linked by its closest pair; of lone attacks each is linked that keeps time and whose
    victim is on the campaign's list.
    """
    victim = bench.starts.victim
    gaps = bench.starts.gaps(joining.attacks, campaign.attacks)
    gaps[victim[joining.attacks][:, None] == victim[campaign.attacks][None, :]] = np.inf
    closest = gaps.argmin(axis=1)
    best = gaps[np.arange(len(closest)), closest]
    near = best <= WAVE_S
    listed = near & np.isin(victim[joining.attacks], victim[campaign.attacks])
    chosen = np.flatnonzero(listed)
    if joining.campaign:
        chosen = chosen[np.argsort(best[chosen], kind="stable")[:1]]
    linked = zip(joining.attacks[chosen].tolist(), campaign.attacks[closest[chosen]].tolist(), strict=True)
    return near, tuple((min(pair), max(pair)) for pair in linked)
