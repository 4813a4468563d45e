"""Everyday traffic of the constituency: what goes on while nothing happens.

Each kind is made hour by hour from a stream of its own. Kinds give flows in both directions, as a border
router sees them. Volumes follow the hour of the day in Estonia and the day of the week.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from hanse.exercise.days import BEGIN_US, HOUR_US, HOURS, LOCAL_OFFSET_HOURS, MS_US, SECOND_US
from hanse.exercise.hosts import Host, with_role
from hanse.exercise.randomness import Addresses, access_addresses, heavy_tailed, stream
from hanse.exercise.records import ACK, FIN, ICMP, PSH, SYN, TCP, UDP, Records

BY_HOUR = (
    30,
    20,
    15,
    12,
    12,
    15,
    30,
    55,
    85,
    100,
    105,
    105,
    100,
    105,
    105,
    100,
    95,
    90,
    90,
    95,
    100,
    95,
    75,
    50,
)
"""Relative volume by local hour, 100 in office hours."""

WEEKEND = 0.6
SESSION = SYN | ACK | PSH | FIN
CLIENTS = 20_000
"""Distinct web clients at scale 1."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What background is made from: hosts, clients by popularity, seed and scale."""

    hosts: tuple[Host, ...]
    clients: Addresses
    seed: int
    scale: float


def surroundings(hosts: tuple[Host, ...], seed: int, scale: float) -> Surroundings:
    """The surroundings of an exercise."""
    n = max(500, int(CLIENTS * scale))
    return Surroundings(hosts, access_addresses(stream(seed, "clients"), n, 150), seed, scale)


def level(hour: int) -> float:
    """Relative volume of an hour since 1 May 2007 00:00 UTC, about 1 in office hours."""
    local = hour + LOCAL_OFFSET_HOURS
    weekday = (local // 24 + 1) % 7  # 1 May 2007 was a Tuesday
    return BY_HOUR[local % 24] / 100 * (WEEKEND if weekday >= 5 else 1.0)


def background(around: Surroundings, hours: range = range(HOURS)) -> Iterator[Records]:
    """All everyday traffic, hour by hour; `hours` count from the first day's midnight, UTC."""
    for hour in hours:
        parts = [make(around, hour, stream(around.seed, name, hour)) for name, make in KINDS.items()]
        yield Records.joined(parts)


def _moments(hour: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """`n` moments of an hour, microseconds."""
    return BEGIN_US + hour * HOUR_US + (rng.random(n) * (HOUR_US / MS_US)).astype(np.int64) * MS_US


def _some_client(around: Surroundings, n: int, rng: np.random.Generator) -> Addresses:
    """Clients, a few of which come often."""
    rank = rng.random(n) * rng.random(n) * rng.random(n) * len(around.clients)
    return around.clients[rank.astype(np.int64)]


def _web(around: Surroundings, hour: int, rng: np.random.Generator) -> Records:
    """Clients that fetch pages: short requests, heavy-tailed answers."""
    n = int(700 * around.scale * level(hour)) + 5
    servers = with_role(around.hosts, "web")
    server = servers[(rng.random(n) * rng.random(n) * len(servers)).astype(np.int64)]
    start = _moments(hour, n, rng)
    length = heavy_tailed(rng, n, 1.1, 80, 55_000) * MS_US
    answer = heavy_tailed(rng, n, 1.2, 2, 2_000)
    request = 4 + answer // 2
    asked = Records.of(
        start,
        start + length,
        _some_client(around, n, rng),
        server,
        TCP,
        request,
        request * 52 + 420,
        rng.integers(1025, 65536, n),
        np.where(rng.random(n) < 0.85, 80, 443),
        SESSION,
        ttl=rng.integers(100, 121, n),
    )
    return Records.joined(
        [asked, asked.answered(packets=answer + 3, octets=(answer + 3) * 900 + 160, ttl=62)]
    )


def _dns(around: Surroundings, hour: int, rng: np.random.Generator) -> Records:
    """Questions to authoritative name servers, and those that resolvers ask others."""
    n = int(220 * around.scale * level(hour)) + 5
    outside = access_addresses(stream(around.seed, "name servers"), 200, 60)
    own = with_role(around.hosts, "dns")
    resolvers = with_role(around.hosts, "resolver")
    outgoing = rng.random(n) < 0.5
    start = _moments(hour, n, rng)
    asked = Records.of(
        start,
        start + (rng.random(n) * 3 * SECOND_US).astype(np.int64),
        np.where(outgoing, resolvers[rng.integers(0, len(resolvers), n)], _some_client(around, n, rng)),
        np.where(outgoing, outside[rng.integers(0, 200, n)], own[rng.integers(0, len(own), n)]),
        UDP,
        1,
        rng.integers(58, 90, n),
        rng.integers(1025, 65536, n),
        53,
        ttl=58,
    )
    return Records.joined([asked, asked.answered(octets=rng.integers(90, 500, n), ttl=54)])


def _pings(around: Surroundings, hour: int, rng: np.random.Generator) -> Records:
    """Three monitors that ping every web server about once a second, exported once a minute."""
    monitors = access_addresses(stream(around.seed, "monitors"), 3, 3)[: max(1, min(3, int(around.scale)))]
    servers = with_role(around.hosts, "web")
    watched = servers[: min(len(servers), max(1, int(4 * around.scale)))]
    pairs = np.array([(monitor, server) for monitor in monitors for server in watched], np.int64)
    minutes = np.repeat(np.arange(60), len(pairs))
    pair = np.tile(np.arange(len(pairs)), 60)
    phase = (pairs[:, 0] * 7 + pairs[:, 1]) % 1000 * MS_US
    start = BEGIN_US + hour * HOUR_US + minutes * 60 * SECOND_US + phase[pair]
    n = len(pair)
    packets = np.full(n, 59) - rng.integers(0, 3, n)
    asked = Records.of(
        start,
        start + 58 * SECOND_US,
        pairs[pair, 0],
        pairs[pair, 1],
        ICMP,
        packets,
        packets * 84,
        icmp_type=8,
    )
    return Records.joined([asked, asked.answered(icmp_type=0, ttl=62)])


def _mail(around: Surroundings, hour: int, rng: np.random.Generator) -> Records:
    """Mail that others bring and that the constituency's servers send, in completed sessions."""
    n = int(60 * around.scale * level(hour)) + 3
    servers = with_role(around.hosts, "mail")
    own = servers[rng.integers(0, len(servers), n)]
    others = access_addresses(stream(around.seed, "mail servers"), 300, 80)[rng.integers(0, 300, n)]
    inward = rng.random(n) < 0.6
    start = _moments(hour, n, rng)
    packets = heavy_tailed(rng, n, 1.1, 12, 3_000)
    asked = Records.of(
        start,
        start + heavy_tailed(rng, n, 1.1, 900, 50_000) * MS_US,
        np.where(inward, others, own),
        np.where(inward, own, others),
        TCP,
        packets,
        packets * 780,
        rng.integers(1025, 65536, n),
        25,
        SESSION,
        ttl=57,
    )
    return Records.joined([asked, asked.answered(octets=packets * 60, ttl=55)])


def _time(around: Surroundings, hour: int, rng: np.random.Generator) -> Records:
    """Clients that ask the time servers for the time."""
    n = int(50 * around.scale) + 3
    servers = with_role(around.hosts, "ntp")
    start = _moments(hour, n, rng)
    asked = Records.of(
        start,
        start,
        _some_client(around, n, rng),
        servers[rng.integers(0, len(servers), n)],
        UDP,
        1,
        76,
        123,
        123,
        ttl=54,
    )
    return Records.joined([asked, asked.answered(ttl=62)])


Kind = Callable[[Surroundings, int, np.random.Generator], Records]
KINDS: dict[str, Kind] = {"web": _web, "dns": _dns, "pings": _pings, "mail": _mail, "time": _time}
"""Each kind of everyday traffic by name: the name of its random stream."""
