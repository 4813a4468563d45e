"""Traffic that resembles an attack and is none: what a detector has to leave alone.

Each event is a planned stretch of one kind on one or a few hosts. Events on hosts that an exercise attacks
fall on days without attacks (1, 2, 13 and 14 May), so that neither hides the other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hanse.exercise.background import SESSION, Surroundings
from hanse.exercise.days import HOUR_US, MS_US, SECOND_US, at
from hanse.exercise.floods import address_number
from hanse.exercise.hosts import with_role
from hanse.exercise.randomness import Integers, access_addresses, heavy_tailed, stream
from hanse.exercise.records import ACK, ESP, GRE, ICMP, PSH, RST, SYN, TCP, UDP, Records
from hanse.exercise.truth import Confuser

QUIET_DAYS = (1, 2, 13, 14)
CROWDED = ("198.18.5.10", "195.80.109.158")
"""A news site and the government's site: each has a flash crowd where it is part of the constituency."""

_INVENTED = (198 << 24 | 18 << 16) >> 17
"""198.18.0.0/15, in which invented hosts are (`hosts`)."""

PIECE_US = 60 * SECOND_US
"""Active timeout of the routers, microseconds."""


@dataclass(frozen=True, slots=True)
class Event:
    """One stretch of a confuser.

    Attributes:
        kind: Its name.
        host: The host that a hasty detector would call the victim, as host-order integer.
        start_us: When it begins, microseconds UTC.
        length_us: How long it lasts, microseconds.
        scale: Of the exercise.
        name: Name of its random stream.
        network: First address of the networks of invented hosts, as host-order integer.
    """

    kind: str
    host: int
    start_us: int
    length_us: int
    scale: float
    name: str
    network: int


Maker = Callable[[Event, np.random.Generator], Records]


def _text(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def make(event: Event, seed: int) -> tuple[Records, Confuser]:
    """The flows of one event, and what truth.json says of it."""
    records = MAKERS[event.kind][0](event, stream(seed, event.name))
    host = "198.18.0.0/16" if event.kind == "horizontal port scan" else _text(event.host)
    return records, Confuser(event.kind, (host,), int(records.start_us.min()), int(records.end_us.max()))


def events(around: Surroundings) -> tuple[Event, ...]:
    """All events of an exercise, drawn by seed."""
    rng = stream(around.seed, "confusers")
    attackable = with_role(around.hosts, "web")
    crowded = [number for number in map(address_number, CROWDED) if number in attackable]
    invented = min(each.number for each in around.hosts if each.number >> 17 == _INVENTED) & ~0xFF
    found = []
    for kind, (_, role, hours, times) in MAKERS.items():
        hosts = with_role(around.hosts, role)
        for number in range(times):
            host = int(hosts[rng.integers(0, len(hosts))])
            if kind == "flash crowd" and number < len(crowded):
                host = crowded[number]
            days = QUIET_DAYS if host in attackable else range(1, 15)
            day = int(days[int(rng.integers(0, len(days)))])
            # Ends before midnight, so that both directions fall on one day.
            begin = at(day, 1 + float(rng.random()) * (22 - hours)) + int(rng.integers(0, 1000)) * MS_US
            name = f"{kind} {number}"
            found.append(Event(kind, host, begin, int(hours * HOUR_US), around.scale, name, invented))
    return tuple(found)


def _lasting(event: Event, far: int, mbps: float, size: int, rng: np.random.Generator) -> Records:
    """A lasting stream from `far` to the host, exported every minute; ports and flags are to be added."""
    pieces = max(1, event.length_us // PIECE_US)
    start = event.start_us + np.arange(pieces) * PIECE_US + rng.integers(0, 40, pieces) * MS_US
    packets = (mbps * 1e6 / 8 / size * 60 * (0.9 + 0.2 * rng.random(pieces))).astype(np.int64)
    return Records.of(start, start + 59_900_000, far, event.host, TCP, packets, packets * size)


def _with(records: Records, **columns: int | Integers) -> Records:
    """The same records with other columns."""
    return records.answered(**columns).answered()


def _far(rng: np.random.Generator) -> int:
    return int(access_addresses(rng, 1, 1)[0])


def _shares(event: Event, rng: np.random.Generator, n: int) -> Integers:
    """`n` moments of an event, densest in its middle, microseconds."""
    inside = (rng.random(n) + rng.random(n)) / 2
    return event.start_us + (inside * event.length_us / MS_US).astype(np.int64) * MS_US


def _vertical_scan(event: Event, rng: np.random.Generator) -> Records:
    """One host asks another's ports in turn, up to thousands a second; closed ports answer with a reset."""
    n = int(min(65_535, max(3_000, 10_000 * event.scale)))
    rate = (500, 2_000, 4_000)[int(rng.integers(0, 3))]
    start = event.start_us + (np.arange(n) * (1_000_000 // rate)) // MS_US * MS_US
    asked = Records.of(
        start, start, _far(rng), event.host, TCP, 1, 44, int(rng.integers(30_000, 60_000)),
        rng.permutation(65_535)[:n] + 1, SYN, ttl=48,
    )  # fmt: skip
    return Records.joined([asked, asked.answered(octets=40, tcp_flags=RST | ACK, ttl=60)])


def _horizontal_scan(event: Event, rng: np.random.Generator) -> Records:
    """One host asks one port of every address of nineteen networks; hosts that have it closed answer."""
    targets = rng.permutation(19 * 256)
    address = event.network + targets
    rate = (300, 1_000, 3_000)[int(rng.integers(0, 3))]
    start = event.start_us + np.arange(len(targets)) * 1_000_000 // rate
    port = (22, 135, 445, 1433)[int(rng.integers(0, 4))]
    asked = Records.of(
        start, start, _far(rng), address, TCP, 1, 48, rng.integers(1025, 5000, len(targets)), port, SYN,
        ttl=110,
    )  # fmt: skip
    there = asked.where((asked.dst & 255 >= 10) & (asked.dst & 255 < 15))
    return Records.joined([asked, there.answered(octets=40, tcp_flags=RST | ACK, ttl=60)])


def _sessions(event: Event, rng: np.random.Generator, n: int, port: int, least: int) -> Records:
    """Completed TCP sessions of `n` clients with the host, most of them in the event's middle."""
    start = _shares(event, rng, n)
    length = heavy_tailed(rng, n, 1.1, 900, 50_000) * MS_US
    request = heavy_tailed(rng, n, 1.5, least, least * 12)
    asked = Records.of(
        start, start + length, access_addresses(rng, n, 120), event.host, TCP, request, request * 70,
        rng.integers(1025, 65536, n), port, SESSION, ttl=rng.integers(105, 121, n),
    )  # fmt: skip
    return Records.joined([asked, asked.answered(packets=request + 8, octets=(request + 8) * 1100, ttl=62)])


def _flash_crowd(event: Event, rng: np.random.Generator) -> Records:
    """Tens of thousands of people read one site at once: every handshake is completed and answered."""
    return _sessions(event, rng, int(max(3_000, 18_000 * event.scale)), 80, 60)


def _mail_burst(event: Event, rng: np.random.Generator) -> Records:
    """A wave of mail from many senders."""
    return _sessions(event, rng, int(max(500, 2_500 * event.scale)), 25, 14)


def _backup(event: Event, rng: np.random.Generator) -> Records:
    """One host copies to another over TCP at 80 to 300 Mbit/s."""
    copy = _with(
        _lasting(event, _far(rng), 80 + 220 * float(rng.random()), 1480, rng),
        src_port=40_873, dst_port=873, tcp_flags=ACK | PSH,
    )  # fmt: skip
    return Records.joined(
        [copy, copy.answered(packets=copy.packets // 2, octets=copy.packets // 2 * 52, tcp_flags=ACK)]
    )


def _video(event: Event, rng: np.random.Generator) -> Records:
    """A video feed over UDP at 80 to 160 Mbit/s, with a report back now and then."""
    feed = _with(
        _lasting(event, _far(rng), 80 + 80 * float(rng.random()), 1344, rng),
        protocol=UDP, src_port=5004, dst_port=5004,
    )  # fmt: skip
    return Records.joined([feed, feed.answered(packets=12, octets=12 * 96)])


def _download(event: Event, rng: np.random.Generator) -> Records:
    """A host fetches large files from six web servers at once, about 20 Mbit/s from each."""
    parts = []
    for server in range(6):
        fetch = _with(
            _lasting(event, _far(rng), 15 + 10 * float(rng.random()), 1460, rng),
            src_port=80, dst_port=33_000 + server, tcp_flags=ACK | PSH,
        )  # fmt: skip
        parts += [
            fetch,
            fetch.answered(packets=fetch.packets // 2, octets=fetch.packets // 2 * 52, tcp_flags=ACK),
        ]
    return Records.joined(parts)


def _tunnel(event: Event, rng: np.random.Generator) -> Records:
    """A tunnel between two fixed peers at tens of Mbit/s both ways: ESP, IPsec in UDP, OpenVPN or GRE."""
    protocol, port = ((ESP, 0), (UDP, 4500), (UDP, 1194), (GRE, 0))[int(rng.integers(0, 4))]
    inward = _with(
        _lasting(event, _far(rng), 10 + 40 * float(rng.random()), 1100, rng),
        protocol=protocol, src_port=port, dst_port=port,
    )  # fmt: skip
    return Records.joined([inward, inward.answered(octets=inward.packets * 700)])


def _polling(event: Event, rng: np.random.Generator) -> Records:
    """Modbus TCP: a control room asks a plant's controller several times a second, all day."""
    asked = _with(
        _lasting(event, _far(rng), 0.01, 64, rng), src_port=50_502, dst_port=502, tcp_flags=ACK | PSH
    )
    return Records.joined([asked, asked.answered(octets=asked.packets * 90)])


def _peer_to_peer(event: Event, rng: np.random.Generator) -> Records:
    """One host exchanges data with hundreds of peers over UDP and TCP, both ways."""
    n = int(max(300, 1_500 * event.scale))
    start = _shares(event, rng, n)
    udp = rng.random(n) < 0.6
    packets = heavy_tailed(rng, n, 1.1, 6, 5_000)
    peers = access_addresses(rng, max(60, n // 4), 60)
    outward = Records.of(
        start, start + heavy_tailed(rng, n, 1.2, 400, 55_000) * MS_US, event.host,
        peers[rng.integers(0, len(peers), n)], np.where(udp, UDP, TCP), packets, packets * 300, 6881,
        rng.integers(1025, 65536, n), np.where(udp, 0, SESSION), ttl=62,
    )  # fmt: skip
    return Records.joined([outward, outward.answered(octets=packets * 900, ttl=110)])


def _resolver_answers(event: Event, rng: np.random.Generator) -> Records:
    """A resolver asks hundreds of name servers and gets large answers, some hundreds a second."""
    servers = access_addresses(rng, int(max(100, 400 * min(event.scale, 10))), 80)
    minutes = max(1, event.length_us // PIECE_US)
    of = np.tile(np.arange(len(servers)), minutes)
    start = event.start_us + np.repeat(np.arange(minutes), len(servers)) * PIECE_US
    start = start + rng.integers(0, 12_000, len(of)) * MS_US
    packets = rng.integers(20, 70, len(of))
    asked = Records.of(
        start, start + rng.integers(30_000, 47_000, len(of)) * MS_US, event.host, servers[of], UDP, packets,
        packets * 74, 32_768, 53, ttl=62,
    )  # fmt: skip
    return Records.joined([asked, asked.answered(octets=packets * rng.integers(300, 1200, len(of)), ttl=52)])


def _time_server(event: Event, rng: np.random.Generator) -> Records:
    """A time server and its many clients."""
    n = int(max(500, 4_000 * event.scale))
    start = _shares(event, rng, n)
    asked = Records.of(start, start, access_addresses(rng, n, 100), event.host, UDP, 1, 76, 123, 123, ttl=55)
    return Records.joined([asked, asked.answered(ttl=62)])


def _unreachables(event: Event, rng: np.random.Generator) -> Records:
    """A resolver asks name servers that are down; their hosts and routers answer "unreachable"."""
    n = 400
    start = _shares(event, rng, n)
    packets = rng.integers(20, 120, n)
    asked = Records.of(
        start, start + 20 * SECOND_US, event.host, access_addresses(rng, n, 20), UDP, packets, packets * 70,
        32_768, 53, ttl=62,
    )  # fmt: skip
    told = asked.answered(
        protocol=ICMP, octets=packets * 98, icmp_type=3, icmp_code=3, src_port=0, dst_port=0
    )
    return Records.joined([asked, told])


MAKERS: dict[str, tuple[Maker, str, float, int]] = {
    "vertical port scan": (_vertical_scan, "web", 0.1, 5),
    "horizontal port scan": (_horizontal_scan, "web", 0.1, 4),
    "flash crowd": (_flash_crowd, "web", 0.7, 3),
    "mail burst": (_mail_burst, "mail", 0.3, 5),
    "backup": (_backup, "backup", 1.0, 6),
    "video": (_video, "stream", 1.0, 3),
    "download": (_download, "download", 0.4, 4),
    "tunnel": (_tunnel, "vpn", 4.0, 10),
    "industrial polling": (_polling, "plc", 20.0, 4),
    "peer-to-peer": (_peer_to_peer, "p2p", 6.0, 6),
    "resolver answers": (_resolver_answers, "resolver", 0.5, 3),
    "time server": (_time_server, "ntp", 5.0, 4),
    "unreachables": (_unreachables, "resolver", 0.2, 3),
}
"""By kind: how it is made, the role of its host, its length in hours, how often it happens."""
