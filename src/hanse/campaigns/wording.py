"""The tests that hold two attacks together, in words with numbers."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from hanse.attacks.attack import Attack
from hanse.campaigns import pairs
from hanse.campaigns.campaign import LinkTest
from hanse.kernel import units

Way = Literal["pair", "group", "member"]
"""How a link was found: by the two attacks alone, by the groups they stand for, or against a campaign."""

SMALLEST = 1e-300
"""Smaller p-values are given as this; a double ends near 1e-308."""

WAVES = ", and so do others of both groups: p is for all their waves"
COMMON_LIST = "both groups of attacks hit the same victims"
ON_LIST = "the victim is one of those that the other attacks of this campaign hit"


def tests(
    bench: pairs.Bench,
    attacks: Sequence[Attack],
    first: int,
    second: int,
    held: dict[str, float],
    way: Way,
) -> tuple[LinkTest, ...]:
    """The tests that hold two attacks together, the strongest first.

    Args:
        bench: The tests.
        attacks: In the order of the bench.
        first: Number of one attack.
        second: Number of the other.
        held: The tests that hold, with the logarithms of their p-values.
        way: How the link was found.
    """
    also = WAVES if way == "group" else ""
    on_list = {"pair": "", "group": COMMON_LIST, "member": ON_LIST}[way]
    said = {
        "fingerprint": lambda: _fingerprint(bench, first),
        "concurrency": lambda: _concurrency(bench, attacks, first, second) + also,
        "sources": lambda: _sources(bench, attacks, first, second),
        "targets": lambda: on_list or _targets(bench, first, second),
    }
    return tuple(
        LinkTest(name, max(float(np.exp(log_p)), SMALLEST), said[name]())
        for log_p, name in sorted((log_p, name) for name, log_p in held.items())
    )


def _fingerprint(bench: pairs.Bench, number: int) -> str:
    look = bench.fingerprints.looks[number]
    return f"same look: {look.words}; at most {look.share:.1%} of unrelated attacks look so"


def _concurrency(bench: pairs.Bench, attacks: Sequence[Attack], first: int, second: int) -> str:
    apart = abs(float(bench.starts.seconds[first] - bench.starts.seconds[second]))
    same = attacks[first].victim == attacks[second].victim
    where = "two vectors on one victim" if same else "two victims"
    return f"starts {units.duration(apart) if apart >= 1 else 'under 1 s'} apart, {where}"


def _sources(bench: pairs.Bench, attacks: Sequence[Attack], first: int, second: int) -> str:
    row, col = np.array([first]), np.array([second])
    common = float(bench.sources.common(row, col)[0, 0])
    networks = float(bench.sources.common_networks(row, col)[0, 0])
    kind = "reflectors" if attacks[first].source_class == "reflected" else "apparent sources"
    of = units.count(min(bench.sources.counted[first], bench.sources.counted[second]))
    sampled = " in the samples compared" if bench.sources.compares_samples(first, second) else ""
    also = f", {units.count(networks)} /24 networks" if networks else ""
    return f"{units.count(common)} of {of} {kind} in common{sampled}{also}"


def _targets(bench: pairs.Bench, first: int, second: int) -> str:
    again = units.count(float(bench.waves.repeated(np.array([first]), np.array([second]))[0, 0]))
    return f"the attacks that began with them hit {again} of the same victims again"
