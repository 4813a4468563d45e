"""Attacks that stand apart, tried against the campaigns that the pairs have established.

The tries are fewer than all pairs: each attack that stands alone, with each member. So weaker evidence
is enough at the same level. A campaign's victims are by then a list that was found without the attack on
trial, so that being on it is independent of when the attack started, and counts beside concurrency.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph

from hanse.campaigns import chance, pairs, target_lists

ALL = tuple(combinations(pairs.TESTS, 2))
TWO_VALUED = ("fingerprint", "targets")

Held = dict[tuple[int, int], dict[str, float]]
"""By link (the earlier attack first), the tests that hold with the logarithms of their p-values."""

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tree:
    """A forest of links over attacks: their numbers, and the logarithm of each link's p-value."""

    number: int
    first: Index
    second: Index
    log_p: Array

    @classmethod
    def empty(cls, number: int) -> "Tree":
        """No links among that many attacks."""
        nothing = np.empty(0, np.int64)
        return cls(number, nothing, nothing, np.empty(0))

    def with_links(self, found: pairs.Found) -> "Tree":
        """The strongest forest out of these links and more; ties go to the earlier attacks."""
        if not len(found.first):
            return self
        first = np.concatenate((self.first, found.first))
        second = np.concatenate((self.second, found.second))
        log_p = np.concatenate((self.log_p, found.log_p))
        order = np.lexsort((first, second, log_p))
        rank = np.empty(len(order))
        rank[order] = np.arange(1, len(order) + 1)
        graph = sparse.coo_array((rank, (first, second)), shape=(self.number, self.number)).tocsr()
        kept = csgraph.minimum_spanning_tree(graph).tocoo()
        chosen = order[kept.data.astype(np.int64) - 1]
        chosen = chosen[np.lexsort((first[chosen], second[chosen]))]
        return Tree(self.number, first[chosen], second[chosen], log_p[chosen])

    def labels(self) -> Index:
        """A number for each attack, equal within a campaign, -1 for attacks alone."""
        graph = sparse.coo_array(
            (np.ones(len(self.first)), (self.first, self.second)), shape=(self.number, self.number)
        )
        _, label = csgraph.connected_components(graph.tocsr(), directed=False)
        alone = np.bincount(label)[label] == 1
        return np.where(alone, -1, label).astype(np.int64)


def join(bench: pairs.Bench, tree: Tree, victims: float, level: float) -> tuple[Tree, Held]:
    """Add attacks that belong to an established campaign; campaigns are never merged here.

    Args:
        bench: The tests.
        tree: The links found so far.
        victims: How many hosts could have been victims.
        level: Chance of any false joining.

    Returns:
        The forest with the links added, and by link the tests that hold.
    """
    label = tree.labels()
    alone, members = np.flatnonzero(label < 0), np.flatnonzero(label >= 0)
    if not len(alone) or not len(members):
        return tree, {}
    allowed = np.log(level) - np.log(float(len(alone)) * len(members))
    campaigns = len(np.unique(label[members]))
    held: Held = {}
    rows, cols, values = [], [], []
    for some in (alone[part] for part in pairs.blocks(len(alone), len(members))):
        log_p = bench.log_p(some, members)
        log_p["targets"] = _listed(bench, some, members, label, victims)
        more = _tries(bench, log_p, some, members, campaigns)
        strength = pairs.log_linked(log_p, more, ALL, TWO_VALUED)
        strength += np.log(len(ALL))
        best = strength.argmin(axis=1)
        for row in np.flatnonzero(strength[np.arange(len(some)), best] <= allowed).tolist():
            rows.append(int(some[row]))
            cols.append(int(members[best[row]]))
            values.append(float(strength[row, best[row]]))
            one = {test: value[row : row + 1, best[row] : best[row] + 1] for test, value in log_p.items()}
            held[min(rows[-1], cols[-1]), max(rows[-1], cols[-1])] = pairs.holding(one, _one(more, row), ALL)
    first, second = np.array(rows, np.int64), np.array(cols, np.int64)
    found = pairs.Found(np.minimum(first, second), np.maximum(first, second), np.array(values))
    return tree.with_links(found), held


def _tries(
    bench: pairs.Bench, log_p: dict[str, Array], rows: Index, members: Index, campaigns: int
) -> Callable[[str, str], Array]:
    """Tries at a second test among the members that pass a given one; a campaign's list is one try."""

    def more(given: str, second: str) -> Array:
        passed = log_p[given] <= np.log(chance.SPEAKS)
        if second == "targets":
            return np.full((len(passed), 1), float(campaigns))
        if second == "fingerprint":
            counted = pairs.look_tries(passed, rows, members, bench.fingerprints)
        else:
            counted = passed.sum(axis=1).astype(np.float64)
        return np.maximum(counted, 1.0)[:, None]

    return more


def _one(more: Callable[[str, str], Array], row: int) -> Callable[[str, str], Array]:
    return lambda given, second: more(given, second)[row : row + 1]


def _listed(bench: pairs.Bench, rows: Index, members: Index, label: Index, victims: float) -> Array:
    """Logarithms of p-values for being on the list of a member's campaign, another victim than the member."""
    victim = bench.starts.victim
    out = np.zeros((len(rows), len(members)))
    for campaign in np.unique(label[members]):
        inside = label[members] == campaign
        listed = np.unique(victim[members[inside]])
        on = np.isin(victim[rows], listed)
        out[np.ix_(on, inside)] = target_lists.log_on_list(len(listed), victims)
    return np.where(victim[rows][:, None] == victim[members][None, :], 0.0, out)
