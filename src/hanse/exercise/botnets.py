"""Invented botnets, and how many of their bots take part in an attack."""

from dataclasses import dataclass

import numpy as np

from hanse.exercise.floods import ICMP_TOOLS, MIXTURE, SYN_SIZES, Component, Recipe
from hanse.exercise.planning import Planned
from hanse.exercise.randomness import Addresses, access_addresses, stream
from hanse.exercise.records import ICMP, SYN, TCP

BOTS = 1_500
"""Bots at scale 1, in 300 /16s; a sixth of them are always on and take part in most attacks."""

NETWORKS = 300
LEAST_BOTS = 60
RECORDS_PER_ATTACK = 20_000
"""Records of the longest attacks at scale 1: it bounds the bots of an attack by its length."""


@dataclass(frozen=True, slots=True)
class Botnet:
    """Bots: the first `core` of `bots` are always on."""

    bots: Addresses
    core: int


def botnet(seed: int, name: str, scale: float) -> Botnet:
    """The bots of a name, at a scale; a larger scale has more of them."""
    n = int(BOTS * max(scale, 0.4))
    return Botnet(access_addresses(stream(seed, "botnet", name), n, NETWORKS), n // 6)


def gathered(
    army: Botnet, attack: Planned, streams: int, rng: np.random.Generator, scale: float
) -> Addresses:
    """The bots of one attack: half of them from the core, and more of them for a higher peak.

    Args:
        army: The botnet.
        attack: The attack.
        streams: Flows that each bot keeps up at once.
        rng: The attack's stream of random numbers.
        scale: Of the exercise.
    """
    minutes = attack.duration_s / 60 + 1
    wanted = (80 + 5.5 * attack.peak_mbps) * scale
    by_records = RECORDS_PER_ATTACK * scale / minutes / streams
    by_packets = attack.peak_mbps * 1e6 / 8 / 1100 * attack.duration_s / minutes / streams / 4
    n = int(min(max(LEAST_BOTS, min(wanted, by_records)), max(LEAST_BOTS, by_packets), len(army.bots)))
    stable = min(n // 2, army.core)
    from_core = rng.permutation(army.core)[:stable]
    others = army.core + rng.permutation(len(army.bots) - army.core)[: n - stable]
    return army.bots[np.concatenate((from_core, others))]


def recipe(attack: Planned, army: Botnet, number: str, seed: int, scale: float) -> Recipe:
    """How a planned flood is made."""
    rng = stream(seed, "recipe", number)
    if attack.vector == "tcp_syn_flood":
        flood = Component(1.0, TCP, SYN_SIZES[attack.tool % 2], -1, 80, SYN)
        return Recipe((flood,), np.empty(0, np.uint32), one_component_each=True, source_class="spoofed")
    if attack.vector == "generic_traffic_flood":
        bots = gathered(army, attack, len(MIXTURE), rng, scale)
        return Recipe(MIXTURE, bots, one_component_each=False, source_class="direct")
    most, rest = ICMP_TOOLS[attack.tool]
    share = 0.85 + 0.15 * float(rng.random())
    pings = (
        Component(share, ICMP, most, icmp_type=8),
        Component(1 - share, ICMP, rest, icmp_type=8),
    )
    bots = gathered(army, attack, 1, rng, scale)
    return Recipe(pings, bots, one_component_each=True, source_class="direct")
