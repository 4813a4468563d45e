"""Two campaigns on overlapping days with one shared victim, and six attacks that stand alone.

Campaign A is against a state: ICMP and UDP floods of one botnet on organisations of several sectors in
Estonia, 4 to 9 May. Campaign B is against a sector: reflected DNS and NTP answers from two lists of
reflectors, and SYN floods of another botnet, on banks in Latvia, Lithuania, Finland and one in Estonia,
7 to 11 May. That Estonian bank is hit by both. All of it is invented.
"""

from dataclasses import dataclass

import numpy as np

from hanse.exercise.botnets import botnet, gathered
from hanse.exercise.days import MS_US, SECOND_US, at
from hanse.exercise.floods import Component, Recipe
from hanse.exercise.planning import SAME_VECTOR_GAP_S, WAVE_S, Planned
from hanse.exercise.randomness import Addresses, access_addresses, heavy_tailed, stream
from hanse.exercise.records import ACK, GRE, ICMP, SYN, TCP, UDP

SHARED_VICTIM = "198.18.1.10"
"""A bank's site in Estonia."""

STATE_VICTIMS = (
    SHARED_VICTIM,
    "195.80.106.72",
    "195.80.109.158",
    "198.18.5.10",
    "198.18.6.10",
    "198.18.12.10",
    "198.18.14.10",
    "198.18.15.10",
    "198.18.16.10",
    "198.18.18.10",
)
BANKS = (SHARED_VICTIM, *(f"198.19.{network}.{host}" for network in range(1, 7) for host in (10, 11)))
LONE_GAP_S = 7_200
"""A lone attack starts at least this long from the start of any other attack, s."""

DNS_REFLECTORS, NTP_REFLECTORS = 2_000, 900


@dataclass(frozen=True, slots=True)
class _Style:
    """A way to attack: its vector, and what is sent; `army` names who sends."""

    vector: str
    army: str
    component: Component
    source_class: str = "direct"


STYLES = {
    "A": (
        _Style("icmp_flood", "botnet A", Component(1.0, ICMP, 1028, icmp_type=8)),
        _Style("udp_flood", "botnet A", Component(1.0, UDP, 1052, -1, 80)),
    ),
    "B": (
        _Style("dns_reflection", "dns list", Component(1.0, UDP, 1378, 53, -1), "reflected"),
        _Style("ntp_reflection", "ntp list", Component(1.0, UDP, 440, 123, -1), "reflected"),
        _Style("tcp_syn_flood", "botnet B", Component(1.0, TCP, 52, -1, 443, SYN)),
    ),
}
LONE = (
    ("198.18.13.10", _Style("icmp_flood", "lone 1", Component(1.0, ICMP, 92, icmp_type=8))),
    ("198.18.7.10", _Style("udp_flood", "lone 2", Component(1.0, UDP, 128, -1, 27015))),
    ("198.18.17.10", _Style("tcp_ack_flood", "lone 3", Component(1.0, TCP, 40, -1, 80, ACK))),
    ("198.19.7.10", _Style("ssdp_reflection", "lone 4", Component(1.0, UDP, 320, 1900, -1), "reflected")),
    ("198.19.8.10", _Style("gre_flood", "lone 5", Component(1.0, GRE, 540))),
    ("198.19.9.10", _Style("tcp_syn_flood", "lone 6", Component(1.0, TCP, 40, -1, 25, SYN), "spoofed")),
)
"""Victims that no campaign attacks, each with a vector and sources of its own."""

_DAYS = {"A": range(4, 10), "B": range(7, 12)}
_WAVES_PER_DAY = 3
_VICTIMS_PER_WAVE = {"A": 3, "B": 3}


def plan_two(seed: int) -> tuple[Planned, ...]:
    """The attacks of both campaigns and the lone ones, in order of start."""
    rng = stream(seed, "two campaigns")
    placed: list[Planned] = []
    for name, victims in (("A", STATE_VICTIMS), ("B", BANKS)):
        for index, when in enumerate(_waves(name, rng)):
            chosen = [str(each) for each in rng.permutation(victims)[: _VICTIMS_PER_WAVE[name]]]
            if index % 4 == 1 and SHARED_VICTIM not in chosen:
                chosen[0] = SHARED_VICTIM
            for victim in chosen:
                attack = _drawn(name, victim, when, rng)
                if all(_apart(attack, other) for other in placed):
                    placed.append(attack)
    for victim, style in LONE:
        placed.append(_alone(victim, style, placed, rng))
    return tuple(sorted(placed, key=lambda each: (each.start_us, each.victim)))


def _waves(name: str, rng: np.random.Generator) -> list[int]:
    slot = 24 / _WAVES_PER_DAY
    # The two campaigns keep to different halves of each third of a day.
    half = 0.0 if name == "A" else slot / 2
    return [
        at(day, wave * slot + half + float(rng.random()) * slot * 0.25)
        for day in _DAYS[name]
        for wave in range(_WAVES_PER_DAY)
    ]


def _drawn(name: str, victim: str, when: int, rng: np.random.Generator) -> Planned:
    styles = STYLES[name]
    style = styles[int(rng.integers(0, len(styles)))]
    start = when + int(rng.random() * WAVE_S * 1000) * MS_US
    length = float(heavy_tailed(rng, 1, 1.2, 90, 5_400)[0]) + round(float(rng.random()), 3)
    peak = 2.0 + round(float(rng.random()), 2) if style.component.protocol == TCP else _peak(rng)
    return Planned(victim, style.vector, start, round(length, 3), peak, styles.index(style), name)


def _peak(rng: np.random.Generator) -> float:
    return round(8.0 + float(rng.random() * rng.random()) * 150, 2)


def _alone(victim: str, style: _Style, placed: list[Planned], rng: np.random.Generator) -> Planned:
    """A lone attack, far in time from all others."""
    peak = 3.0 if style.component.protocol == TCP else 12.0
    while True:
        start = at(3 + int(rng.integers(0, 9)), float(rng.random()) * 23) + int(rng.integers(0, 1000)) * MS_US
        if all(abs(start - other.start_us) >= LONE_GAP_S * SECOND_US for other in placed):
            return Planned(victim, style.vector, start, 60 + float(rng.integers(0, 240)), peak)


def _apart(one: Planned, other: Planned) -> bool:
    if one.victim != other.victim or one.vector != other.vector:
        return True
    gap = max(one.start_us - other.end_us, other.start_us - one.end_us)
    return gap >= SAME_VECTOR_GAP_S * SECOND_US


def recipe_of(attack: Planned, number: str, seed: int, scale: float) -> Recipe:
    """How an attack of `plan_two` is made."""
    if attack.campaign:
        style = STYLES[attack.campaign][attack.tool]
    else:
        style = next(each for victim, each in LONE if victim == attack.victim)
    rng = stream(seed, "recipe", number)
    sources = np.empty(0, np.uint32)
    if style.source_class == "direct":
        sources = gathered(botnet(seed, style.army, scale), attack, 1, rng, scale)
    elif style.source_class == "reflected":
        sources = _reflectors(style.army, attack, seed, scale, rng)
    return Recipe(
        (style.component,),
        sources,
        one_component_each=True,
        source_class=style.source_class,
        answers=style.component.protocol != UDP,
    )


def _reflectors(name: str, attack: Planned, seed: int, scale: float, rng: np.random.Generator) -> Addresses:
    """The reflectors that an attack uses: seven in ten of a list that all attacks of a campaign share."""
    most = DNS_REFLECTORS if name == "dns list" else NTP_REFLECTORS
    known = access_addresses(stream(seed, "reflectors", name), int(most * max(scale, 0.4)), 400)
    minutes = attack.duration_s / 60 + 1
    # No more than 40,000 records an attack at scale 1, and some packets in each.
    by_packets = attack.peak_mbps * 1e6 / 8 / 1400 * attack.duration_s / minutes / 2
    n = int(max(120, min(0.7 * len(known), 40_000 * scale / minutes, by_packets)))
    return known[rng.permutation(len(known))[: min(n, len(known))]]
