"""Made-up attacks with their sources, for the tests of campaigns."""

import numpy as np
import pyarrow as pa

from hanse.attacks.attack import Attack
from hanse.attacks.sources import SOURCES
from hanse.constituency import Registry, Target
from hanse.kernel.address_columns import v4_column

DAY_S = 86_400
MAY_3 = 1_178_150_400
"""2007-05-03 00:00 UTC, seconds."""

VECTORS = (
    {"vector": "icmp_flood", "icmp_type": 8},
    {"vector": "udp_flood", "dst_ports": ((80, 0.95),)},
    {"vector": "tcp_syn_flood", "tcp_flags": 2, "dst_ports": ((80, 0.99),)},
    {"vector": "dns_reflection", "source_class": "reflected"},
    {"vector": "ntp_reflection", "source_class": "reflected"},
)

ESTONIA = {
    "195.80.105.107": ("Police Board", 35),
    "195.80.106.72": ("Parliament", 7),
    "195.80.109.158": ("Government and Prime Minister", 36),
    "195.80.124.53": ("Ministry of the Environment", 2),
    "213.184.49.171": ("Ministry of Social Affairs", 2),
    "213.184.49.194": ("Ministry of Agriculture", 6),
    "213.184.50.6": ("Government network (unnamed)", 4),
    "213.184.50.69": ("Ministry of Finance", 35),
    "62.65.192.24": ("Network (unnamed)", 1),
}
ESTONIA_DAYS = {0: 21, 1: 17, 5: 31, 6: 58, 8: 1}


class Maker:
    """Makes attacks and remembers their sources."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.attacks: list[Attack] = []
        self._rows: list[tuple[str, np.ndarray]] = []

    def pool(self, size: int) -> np.ndarray:
        """Random public-looking IPv4 addresses as numbers."""
        return self.rng.integers(1 << 24, 223 << 24, size, dtype=np.uint32)

    def add(self, victim: str, start_s: float, pool: np.ndarray, **more: object) -> Attack:
        """An attack from the sources given, direct unless said otherwise."""
        pool = np.unique(pool)
        values: dict[str, object] = {
            "vector": "icmp_flood",
            "source_class": "direct",
            "packet_sizes": ((84, 0.9),),
        } | more
        attack = Attack(
            id=f"A-{len(self.attacks):05d}-{victim}",
            victim=victim,
            start_us=int(start_s * 1e6),
            end_us=int((start_s + 300) * 1e6),
            peak_bps=1e7,
            peak_pps=1e4,
            packets=100_000,
            bytes=10_000_000,
            flows=2_000,
            sources=len(pool),
            **values,  # type: ignore[arg-type]  # a test's own keywords
        )
        self.attacks.append(attack)
        self._rows.append((attack.id, pool))
        return attack

    def sources(self) -> pa.Table:
        """The `SOURCES` rows of all attacks made."""
        return sources_table(self._rows)

    def unrelated(self, number: int, victims: int = 500, days: int = 14) -> None:
        """Attacks that have nothing to do with each other."""
        for _ in range(number):
            kind = VECTORS[self.rng.integers(len(VECTORS))]
            size = int(self.rng.choice([28, 60, 84, 468, 540, 777, 1028, 1111, 1428, 1500]))
            self.add(
                f"10.1.{self.rng.integers(victims) // 250}.{self.rng.integers(250)}",
                MAY_3 + self.rng.integers(days * DAY_S),
                self.pool(int(self.rng.integers(20, 800))),
                packet_sizes=((size, 0.8),),
                **kind,
            )


def sources_table(rows: list[tuple[str, np.ndarray]]) -> pa.Table:
    """`SOURCES` rows from ids and IPv4 addresses as numbers."""
    numbers = [len(pool) for _, pool in rows]
    total = sum(numbers)
    raw = v4_column(np.concatenate([pool for _, pool in rows]) if rows else np.empty(0, np.uint32))
    ones = pa.array(np.ones(total, np.int64))
    zeros = pa.array(np.zeros(total, np.uint8))
    source = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), total, [None, pa.py_buffer(raw.tobytes())])
    ids = pa.array(np.repeat([name for name, _ in rows], numbers).tolist() if rows else [], pa.string())
    return pa.table([ids, source, ones, ones, ones, zeros, zeros], schema=SOURCES)


def estonia_registry() -> Registry:
    """The nine destinations, inside a constituency of public networks."""
    hosts = [Target(victim, name, "public administration", "EE") for victim, (name, _) in ESTONIA.items()]
    return Registry(
        [
            *hosts,
            Target("195.80.96.0/19", "State network", "public administration", "EE"),
            Target("213.184.32.0/19", "State network", "public administration", "EE"),
        ]
    )


def estonia(seed: int) -> Maker:
    """128 attacks in waves on five days with the published tables by victim, day and vector.

    Direct floods share a botnet of which half takes part each time. The four SYN floods are spoofed and
    start within 10 s of an ICMP flood on another victim.
    """
    maker = Maker(seed)
    rng = maker.rng
    bots = maker.pool(3_000)
    victims = rng.permutation([victim for victim, (_, number) in ESTONIA.items() for _ in range(number)])
    kinds = rng.permutation(["generic_traffic_flood"] * 9 + ["icmp_flood"] * 115)
    days = [day for day, number in ESTONIA_DAYS.items() for _ in range(number)]
    waves = {day: rng.integers(0, DAY_S - 600, max(1, number // 4)) for day, number in ESTONIA_DAYS.items()}
    for number, (victim, day) in enumerate(zip(victims, days, strict=True)):
        spoofed = number in {3, 25, 50, 90}
        start = MAY_3 + day * DAY_S + int(rng.choice(waves[day])) + rng.random() * 50
        if spoofed:
            start = maker.attacks[-1].start_us / 1e6 + rng.random() * 10
            victim = next(each for each in ESTONIA if each != maker.attacks[-1].victim)  # noqa: PLW2901 - another one
        if spoofed:
            maker.add(
                victim,
                start,
                maker.pool(4_000),
                vector="tcp_syn_flood",
                source_class="spoofed",
                packet_sizes=((40, 1.0),),
                dst_ports=((80, 1.0),),
            )
        else:
            kind = str(kinds[number % len(kinds)])
            more = (
                {"vector": kind, "icmp_type": 8}
                if kind == "icmp_flood"
                else {"vector": kind, "icmp_type": -1}
            )
            maker.add(str(victim), start, rng.choice(bots, 800), packet_sizes=((1028, 0.9),), **more)
    return maker
