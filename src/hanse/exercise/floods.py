"""From planned attacks to flow records.

A router's cache exports a lasting flow every `ACTIVE_S` seconds; it looks through its cache once a
second, so records meet at whole seconds. A piece is one such record: one source, one component of the
attack, at most `ACTIVE_S` plus `SHORTEST_S` seconds. Bytes are shared among pieces and the whole is then
scaled until its busiest second, measured on the finished records, has the planned rate.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hanse.exercise.days import MS_US, SECOND_US
from hanse.exercise.planning import Planned
from hanse.exercise.randomness import (
    Addresses,
    Floats,
    Integers,
    forged_addresses,
    heavy_tailed,
    rounded,
    stream,
)
from hanse.exercise.records import ACK, GRE, ICMP, IGMP, RST, SYN, TCP, UDP, Records
from hanse.exercise.truth import TrueAttack
from hanse.kernel.addresses import pack

ACTIVE_S = 60
"""Active timeout of the routers, s: a lasting flow is exported this often."""

SHORTEST_S = 5
"""A piece at either end of an attack that would be shorter is part of its neighbour, s."""

MOST_JITTER_US = 50_000
"""First and last packet of a piece lie this close to its ends, microseconds."""

ABSENT = 0.04
"""Share of pieces that are missing: bots that were switched off for a minute."""

PEAK_TOLERANCE = 0.003
REPLIED = 0.3
"""Share of flood records that the victim still answers."""


@dataclass(frozen=True, slots=True)
class Component:
    """One kind of packet in an attack.

    Attributes:
        share: Of the attack's packets.
        protocol: IP protocol number.
        size: IP octets per packet.
        src_port: Source port; -1 for a random one per source.
        dst_port: Destination port; -1 for a random one per record.
        tcp_flags: Flags of every packet.
        icmp_type: ICMP type.
        fragment: Whether the packets are later fragments.
    """

    share: float
    protocol: int
    size: int
    src_port: int = 0
    dst_port: int = 0
    tcp_flags: int = 0
    icmp_type: int = 0
    fragment: bool = False


ICMP_TOOLS = ((1028, 60), (540, 84), (1500, 92))
"""IP octets of the echo requests that each attack tool sends: most, and the rest."""

SYN_SIZES = (40, 48)

MIXTURE = (
    Component(0.30, UDP, 528, -1, -1),
    Component(0.22, TCP, 40, -1, 80, ACK),
    Component(0.18, ICMP, 540, icmp_type=8),
    Component(0.14, UDP, 1000, fragment=True),
    Component(0.10, GRE, 300),
    Component(0.06, IGMP, 60),
)
"""A generic flood, by share of packets: no vector has a majority of packets or of bytes."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an attack is made: its components, and from where.

    Attributes:
        components: What every source sends.
        sources: Source addresses; empty for forged ones.
        one_component_each: Whether a source sends only one of the components, by their shares.
        source_class: ``direct``, ``spoofed`` or ``reflected``.
        answers: Whether the victim answers some of it.
    """

    components: tuple[Component, ...]
    sources: Addresses
    one_component_each: bool
    source_class: str
    answers: bool = True


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Records to be: index of their stream (a source with a component), times (us), share of the whole."""

    stream: Integers
    start_us: Integers
    end_us: Integers
    weight: Floats


@lru_cache(maxsize=1_024)
def address_number(text: str) -> int:
    """An IPv4 address in text as host-order integer."""
    return int.from_bytes(pack(text)[12:])


def make(
    number: str, attack: Planned, recipe: Recipe, seed: int, scale: float
) -> Iterator[tuple[Records, TrueAttack | None]]:
    """The flow records of one attack.

    Yields:
        First the records towards the victim with the truth about them, then what the victim answers.
    """
    rng = stream(seed, "attack", number)
    if recipe.source_class == "spoofed":
        records = _forged(attack, recipe.components[0], rng, scale)
    else:
        records = _from_sources(attack, recipe, rng)
    yield records, _truth(number, attack, recipe, records)
    if recipe.answers:
        yield _answers(records, rng), None


def _truth(number: str, attack: Planned, recipe: Recipe, records: Records) -> TrueAttack:
    rates = per_second(records)
    return TrueAttack(
        number,
        attack.victim,
        attack.vector,
        int(records.start_us.min()),
        int(records.end_us.max()),
        float(rates.max()) * 8,
        int(records.packets.sum()),
        int(records.octets.sum()),
        len(records),
        len(np.unique(records.src)),
        recipe.source_class,
        attack.campaign,
    )


def per_second(records: Records) -> Floats:
    """Octets/s in each second from the first on, each record spread evenly over the seconds it touches."""
    first = records.start_us // SECOND_US
    last = records.end_us // SECOND_US
    base = int(first.min())
    rate = records.octets / (last - first + 1)
    n = int(last.max()) - base + 2
    change = np.bincount(first - base, rate, n) - np.bincount(last + 1 - base, rate, n)
    return np.cumsum(change)[:-1]


def _from_sources(attack: Planned, recipe: Recipe, rng: np.random.Generator) -> Records:
    """An attack of lasting flows from real sources."""
    kinds = len(recipe.components)
    n = len(recipe.sources)
    shares = np.array([each.share for each in recipe.components])
    if recipe.one_component_each:
        component = np.searchsorted(np.cumsum(shares)[:-1], rng.permutation(n) / n, side="right")
        source = np.arange(n)
        share = np.ones(n)
    else:
        component = np.tile(np.arange(kinds), n)
        source = np.repeat(np.arange(n), kinds)
        share = shares[component]
        # Not every bot sends everything.
        keep = (rng.random(n * kinds) < 0.8) | (np.arange(n * kinds) < kinds)
        component, source, share = component[keep], source[keep], share[keep]
    pieces = _pieces(attack, len(source), rng)
    strength = heavy_tailed(rng, n, 1.8, 10, 60)[source] * share
    weight = pieces.weight * strength[pieces.stream]
    sizes = np.array([each.size for each in recipe.components])[component[pieces.stream]]
    packets = _packets(pieces, weight, sizes, attack.peak_mbps * 1e6 / 8, rng)
    which = component[pieces.stream]
    ports = rng.integers(1024, 65536, len(source))[pieces.stream]
    hops = rng.integers(8, 22, n)
    initial = np.array([128, 128, 128, 64])[rng.integers(0, 4, n)]
    return _records(
        recipe,
        pieces,
        which,
        recipe.sources[source[pieces.stream]],
        packets,
        ports,
        rng,
        attack,
        (initial - hops)[source[pieces.stream]],
    )


def _records(
    recipe: Recipe,
    pieces: _Pieces,
    which: Integers,
    src: Addresses,
    packets: Integers,
    ports: Integers,
    rng: np.random.Generator,
    attack: Planned,
    ttl: Integers,
) -> Records:
    def column(name: str) -> Integers:
        return np.array([getattr(each, name) for each in recipe.components], np.int64)[which]

    to_port = column("dst_port")
    from_port = column("src_port")
    return Records.of(
        pieces.start_us,
        pieces.end_us,
        src,
        address_number(attack.victim),
        column("protocol"),
        packets,
        packets * column("size"),
        np.where(from_port < 0, ports, from_port),
        np.where(to_port < 0, rng.integers(1, 65536, len(which)), to_port),
        column("tcp_flags"),
        column("icmp_type"),
        fragments=packets * column("fragment"),
        ttl=ttl,
    )


def _pieces(attack: Planned, streams: int, rng: np.random.Generator) -> _Pieces:
    """When each stream's records begin and end, and how strong they are."""
    late = min(0.9, 0.02 * attack.duration_s) * 1e3
    begin = attack.start_us + (rng.random(streams) * late).astype(np.int64) * MS_US
    finish = attack.end_us - (rng.random(streams) * late).astype(np.int64) * MS_US
    begin[0], finish[0] = attack.start_us, attack.end_us
    first_cut = attack.start_us // SECOND_US + rng.integers(SHORTEST_S + 1, ACTIVE_S + 1, streams)
    room = attack.end_us // SECOND_US - SHORTEST_S - first_cut
    cuts = np.where(room >= 0, room // ACTIVE_S + 1, 0)
    of = np.repeat(np.arange(streams), cuts + 1)
    index = np.arange(len(of)) - np.repeat(np.cumsum(cuts + 1) - (cuts + 1), cuts + 1)
    low = np.where(index == 0, begin[of], (first_cut[of] + (index - 1) * ACTIVE_S) * SECOND_US)
    high = np.where(index == cuts[of], finish[of], (first_cut[of] + index * ACTIVE_S) * SECOND_US - MS_US)
    weight = (high - low) / SECOND_US * (0.85 + 0.15 * rng.random(len(of))) * _profile(attack, low, rng)
    start = low + np.where(index == 0, 0, (rng.random(len(of)) * MOST_JITTER_US).astype(np.int64))
    end = high - np.where(index == cuts[of], 0, (rng.random(len(of)) * MOST_JITTER_US).astype(np.int64))
    keep = (rng.random(len(of)) >= ABSENT) | (of == 0)
    return _Pieces(of[keep], start[keep], end[keep], weight[keep])


def _profile(attack: Planned, when_us: Integers, rng: np.random.Generator) -> Floats:
    """The plateau's level at given times, 0.75 to 1: it changes slowly, in steps of five minutes."""
    steps = int(attack.duration_s // 300) + 3
    knots = 0.75 + 0.25 * rng.random(steps)
    position = (when_us - attack.start_us) / (300 * SECOND_US)
    at = np.clip(position.astype(np.int64), 0, steps - 2)
    return knots[at] + (knots[at + 1] - knots[at]) * np.clip(position - at, 0, 1)


def _packets(
    pieces: _Pieces, weight: Floats, sizes: Integers, peak: float, rng: np.random.Generator
) -> Integers:
    """Packets per piece so that the busiest second has `peak` octets/s."""
    first = pieces.start_us // SECOND_US
    last = pieces.end_us // SECOND_US
    base, n = int(first.min()), int(last.max() - first.min()) + 2
    seconds = last - first + 1
    dither = rng.random(len(weight))

    def busiest(octets: Floats) -> float:
        rate = octets / seconds
        change = np.bincount(first - base, rate, n) - np.bincount(last + 1 - base, rate, n)
        return float(np.cumsum(change).max())

    mean_size = float(sizes.sum()) / len(sizes)
    scale = peak / busiest(weight * sizes / mean_size)
    packets = np.ones(len(weight), np.int64)
    for _ in range(8):
        packets = np.maximum(np.floor(weight * scale / mean_size + dither), 1).astype(np.int64)
        ratio = peak / busiest((packets * sizes).astype(np.float64))
        if abs(ratio - 1) < PEAK_TOLERANCE:
            break
        scale *= ratio
    return packets


def _forged(attack: Planned, component: Component, rng: np.random.Generator, scale: float) -> Records:
    """A SYN flood: every record has a forged source of its own and lasts less than a second."""
    peak_pps = attack.peak_mbps * 1e6 / 8 / component.size
    total = peak_pps * attack.duration_s
    # Fewer records than packets below scale 4: each forged address is then used for several packets.
    each = max(1, int(min(total / max(4_000, 0.25 * scale * total), peak_pps / 40)))
    begin, finish = attack.start_us, attack.end_us
    first, last = begin // SECOND_US, finish // SECOND_US
    seconds = np.arange(first, last + 1)
    level = 0.8 + 0.2 * rng.random(len(seconds))
    busiest = 1 + int(rng.random() * (len(seconds) - 2))
    level[busiest] = 1.0
    low = np.maximum(seconds * SECOND_US, begin)
    high = np.minimum((seconds + 1) * SECOND_US - MS_US, finish)
    level *= (high - low) / SECOND_US
    per_second = rounded(rng, level * peak_pps / each)
    per_second[busiest] = max(int(peak_pps / each + 0.5), int(per_second.max()))
    per_second[[0, -1]] = np.maximum(per_second[[0, -1]], 1)
    of = np.repeat(np.arange(len(seconds)), per_second)
    n = len(of)
    room = high[of] - low[of]
    start = low[of] + (rng.random(n) * room * 0.5).astype(np.int64)
    end = start + (rng.random(n) * (high[of] - start) * (each > 1)).astype(np.int64)
    start[0], end[-1] = begin, finish
    senders = rng.integers(46, 58, 3)
    return Records.of(
        start,
        end,
        forged_addresses(rng, n),
        address_number(attack.victim),
        component.protocol,
        each,
        each * component.size,
        rng.integers(1024, 65536, n),
        component.dst_port,
        component.tcp_flags,
        ttl=senders[rng.integers(0, 3, n)],
    )


def _answers(records: Records, rng: np.random.Generator) -> Records:
    """What the victim still answers: echo replies, SYN-ACKs, resets."""
    ping = (records.protocol == ICMP) & (records.icmp_type == 8)
    syn = (records.protocol == TCP) & (records.tcp_flags == SYN)
    stray = (records.protocol == TCP) & (records.tcp_flags == ACK)
    asked = records.where((ping | syn | stray) & (rng.random(len(records)) < REPLIED))
    part = np.maximum((asked.packets * (0.1 + 0.4 * rng.random(len(asked)))).astype(np.int64), 1)
    flags = np.where(asked.tcp_flags == SYN, SYN | ACK, np.where(asked.tcp_flags == ACK, RST, 0))
    size = np.where(asked.protocol == TCP, 44, asked.octets // asked.packets)
    return asked.answered(packets=part, octets=part * size, tcp_flags=flags, icmp_type=0, fragments=0, ttl=60)
