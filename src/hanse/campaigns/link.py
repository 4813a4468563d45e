"""Separate attacks that belong together, found through pairs that two independent tests link."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse
from scipy.sparse import csgraph

from hanse.attacks.attack import Attack
from hanse.campaigns import chance, joining, merging, pairs, target_lists, verdict, wording
from hanse.campaigns.campaign import Campaign, Link
from hanse.campaigns.concurrency import Starts
from hanse.campaigns.fingerprint import Fingerprints
from hanse.campaigns.source_overlap import Sources
from hanse.constituency import Registry
from hanse.kernel import units
from hanse.tracing.trace import Trace

Index = npt.NDArray[np.int64]

MOST_COMPARED = 10_000
"""Attacks that are compared at once: time grows with their square, to some minutes here, and the waves' memory as well.
Whoever sweeps a network with small floods makes ten thousand in an hour; those are left out before any strong one."""


def compared(attacks: Sequence[Attack]) -> Sequence[Attack]:
    """Those of some attacks that are compared with each other: all, or the ones with most packets."""
    if len(attacks) <= MOST_COMPARED:
        return attacks
    return sorted(attacks, key=lambda each: (-each.packets, each.id))[:MOST_COMPARED]


def left_out(number: int) -> str:
    """What is to be said where not all of a number of attacks were compared; empty where all were."""
    if number <= MOST_COMPARED:
        return ""
    return (
        f"Only the {units.count(MOST_COMPARED)} attacks with most packets were compared with each other: whether the "
        "others belong to a campaign is not known."
    )


def find_campaigns(
    attacks: Sequence[Attack],
    sources: pa.Table,
    registry: Registry | None = None,
    *,
    level: float = chance.LEVEL,
    traces: Iterable[Trace] = (),
    span_us: tuple[int, int] | None = None,
    hosts: int = 0,
) -> tuple[Campaign, ...]:
    """The campaigns among attacks; attacks that belong to none are in none.

    The result does not depend on the order of the attacks.

    Args:
        attacks: Any number, in any order, with different ids; of very many, the strongest are `compared`.
        sources: Their sources (`hanse.attacks.attack.SOURCES`).
        registry: Whom the victims belong to; without it the scope is unknown.
        level: Chance of any false link, a third each for pairs, groups and attacks that join later.
        traces: Source tests; where given they decide what kind of sources an attack has.
        span_us: First and last microsecond of the telemetry; by default from first to last start, which
            makes attacks seem denser and is therefore the cautious choice.
        hosts: How many hosts of the constituency the telemetry shows, where counted; by default what the
            registry's networks probably hold.

    Returns:
        In order of start.
    """
    classes = {trace.attack_id: trace.source_class for trace in traces}
    ordered = sorted(
        (replace(each, source_class=classes.get(each.id, each.source_class)) for each in compared(attacks)),
        key=lambda each: (each.start_us, each.id),
    )
    if len(ordered) < 2:
        return ()
    bench, victims = prepare(ordered, sources, registry, span_us, hosts)
    tries = pairs.count_tries(bench)
    tree = _forest(bench, tries, level / 3)
    tree, merged = merging.merge(bench, tree, [each.vector for each in ordered], victims, level / 3)
    tree, joined = joining.join(bench, tree, victims, level / 3)
    found = []
    for members in components(tree):
        links = _links(ordered, bench, tries, tree, members, merged, joined)
        chosen = [ordered[number] for number in members]
        together = verdict.concurrent(bench.starts, members)
        found.append(verdict.campaign(_name(chosen), chosen, links, registry, together))
    return tuple(sorted(found, key=lambda each: (each.start_us, each.id)))


def prepare(
    attacks: Sequence[Attack],
    sources: pa.Table,
    registry: Registry | None,
    span_us: tuple[int, int] | None = None,
    hosts: int = 0,
) -> tuple[pairs.Bench, float]:
    """What the tests need, and how many hosts could have been victims; attacks in order of start."""
    starts = Starts(attacks, span_us)
    victims = target_lists.possible_victims(attacks, registry, hosts)
    waves = target_lists.Waves(starts.seconds, starts.victim, victims, starts.span_s)
    return pairs.Bench(Fingerprints(attacks), starts, Sources(attacks, sources), waves), victims


def _forest(bench: pairs.Bench, tries: pairs.Tries, level: float) -> joining.Tree:
    """The strongest links that hold each campaign together: one less than its attacks.

    A link that closes a circle of stronger ones never comes back when more links are added, so that
    one block's forest and the next block's links are enough.
    """
    tree = joining.Tree.empty(len(bench))
    for found in pairs.linked(bench, tries, level):
        tree = tree.with_links(found)
    return tree


def components(tree: joining.Tree) -> list[Index]:
    """Numbers of attacks by campaign, ascending; attacks alone are left out."""
    graph = sparse.coo_array(
        (np.ones(len(tree.first)), (tree.first, tree.second)), shape=(tree.number, tree.number)
    )
    _, label = csgraph.connected_components(graph.tocsr(), directed=False)
    order = np.argsort(label, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    return [group for group in groups if len(group) > 1]


def _links(
    attacks: Sequence[Attack],
    bench: pairs.Bench,
    tries: pairs.Tries,
    tree: joining.Tree,
    members: Index,
    merged: joining.Held,
    joined: joining.Held,
) -> tuple[Link, ...]:
    """The links inside a campaign, in order of their later attack, with the tests that hold."""
    inside = np.isin(tree.first, members)
    links = []
    for second, first in sorted(zip(tree.second[inside].tolist(), tree.first[inside].tolist(), strict=True)):
        way: wording.Way = "group" if (first, second) in merged else "member"
        held = merged.get((first, second)) or joined.get((first, second))
        if held is None:
            way = "pair"
            row, col = np.array([first]), np.array([second])
            more = partial(tries.between, row, col)
            held = pairs.holding(bench.log_p(row, col), more, pairs.INDEPENDENT)
        tests = wording.tests(bench, attacks, first, second, held, way)
        links.append(Link(attacks[first].id, attacks[second].id, tests))
    return tuple(links)


def _name(attacks: Sequence[Attack]) -> str:
    """A campaign's id, from the ids of its attacks."""
    ids = "\n".join(sorted(each.id for each in attacks))
    return "C-" + hashlib.sha256(ids.encode()).hexdigest()[:12]
