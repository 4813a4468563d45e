"""Bars of the report: victims by organisation, peaks, durations, attacks by day."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hanse.attacks.attack import Attack
from hanse.campaigns.report.findings import Findings
from hanse.campaigns.report.timeline import DAY_US, MONTHS
from hanse.kernel import units

VICTIMS = 40
"""Organisations drawn as bars; the table behind has them all."""
DURATIONS = (
    (0, "under 1 min"),
    (60, "1 to 10 min"),
    (600, "10 to 60 min"),
    (3600, "1 to 5 h"),
    (18000, "5 to 10 h"),
    (36000, "10 to 24 h"),
    (86400, "1 to 7 d"),
    (604800, "7 d and more"),
)
"""Lower edges in seconds; 1, 5 and 10 h are those of the published Estonia tables (Nazario 2007)."""
HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000
PERIODS = (
    (MINUTE_US, "minute", 60 * MINUTE_US),
    (10 * MINUTE_US, "10 minutes", 6 * HOUR_US),
    (HOUR_US, "hour", 2 * DAY_US),
    (DAY_US, "day", 62 * DAY_US),
    (7 * DAY_US, "7 days", 400 * DAY_US),
    (30 * DAY_US, "30 days", 1 << 62),
)
"""Length of a column, its name, and the longest span it serves, microseconds."""


@dataclass(frozen=True, slots=True)
class Victim:
    """An organisation: its attacks, octets and highest peak (bit/s), and each as a part of the largest."""

    name: str
    addresses: tuple[str, ...]
    sector: str
    country: str
    attacks: int
    bytes: int
    peak_bps: float
    longest_s: float
    parts: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Bin:
    """A class of a distribution: label, number of attacks, and part of the largest class."""

    label: str
    attacks: int
    part: float


@dataclass(frozen=True, slots=True)
class Column:
    """A stretch of time: label (empty where there is no room), full name, attacks begun, part of the largest."""

    label: str
    name: str
    attacks: int
    part: float


@dataclass(frozen=True, slots=True)
class Columns:
    """Attacks by period; `per` is the period in words."""

    per: str
    columns: tuple[Column, ...]


def victims(findings: Findings) -> tuple[Victim, ...]:
    """Organisations, most attacked first."""
    groups: defaultdict[str, list[Attack]] = defaultdict(list)
    for attack in findings.attacks:
        groups[findings.organisation(attack.victim)].append(attack)
    most = max((len(group) for group in groups.values()), default=1)
    widest = max((sum(attack.bytes for attack in group) for group in groups.values()), default=1) or 1
    highest = max((attack.peak_bps for attack in findings.attacks), default=1) or 1
    rows = []
    for name, group in groups.items():
        octets = sum(attack.bytes for attack in group)
        peak = max(attack.peak_bps for attack in group)
        addresses = tuple(sorted({attack.victim for attack in group}))
        rows.append(
            Victim(
                name,
                addresses,
                _joined(findings.sector_of.get(address, "") for address in addresses),
                _joined(findings.country_of.get(address, "") for address in addresses),
                len(group),
                octets,
                peak,
                max(attack.duration_s for attack in group),
                (len(group) / most, octets / widest, peak / highest),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.attacks, -row.bytes, row.name)))


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(sorted({text for text in texts if text}))


def peaks(attacks: Sequence[Attack]) -> tuple[Bin, ...]:
    """Attacks by peak rate in classes of half a decade (1, 3, 10, ...), bit/s."""
    if not attacks:
        return ()
    edges = [0.0, *(base * 10.0**power for power in range(3, 14) for base in (1, 3))]
    counts = Counter(sum(attack.peak_bps >= edge for edge in edges) - 1 for attack in attacks)
    return _bins(counts, [_between(edges, index) for index in range(len(edges))])


def durations(attacks: Sequence[Attack]) -> tuple[Bin, ...]:
    """Attacks by how long they lasted, in the classes of `DURATIONS`."""
    if not attacks:
        return ()
    counts = Counter(sum(attack.duration_s >= edge for edge, _ in DURATIONS) - 1 for attack in attacks)
    return _bins(counts, [label for _, label in DURATIONS])


def _bins(counts: "Counter[int]", labels: list[str]) -> tuple[Bin, ...]:
    """Classes from the lowest to the highest that occur; empty ones between them stay."""
    most = max(counts.values())
    return tuple(
        Bin(labels[index], counts[index], counts[index] / most)
        for index in range(min(counts), max(counts) + 1)
    )


def _between(edges: list[float], index: int) -> str:
    if index == 0:
        return f"under {_edge(edges[1])}"
    if index + 1 == len(edges):
        return f"{_edge(edges[index])} and more"
    low, high = _edge(edges[index]).split(), _edge(edges[index + 1]).split()
    return f"{low[0]} to {' '.join(high)}" if low[1] == high[1] else f"{' '.join(low)} to {' '.join(high)}"


def _edge(bits_per_second: float) -> str:
    return units.bit_rate(bits_per_second).replace(".0 ", " ")


def over_time(attacks: Sequence[Attack], start_us: int, end_us: int) -> Columns:
    """Attacks by the period in which they began; periods without any stay in the row, at zero."""
    size, per = next((size, per) for size, per, longest in PERIODS if end_us - start_us <= longest)
    first = start_us // size * size if size <= DAY_US else start_us // DAY_US * DAY_US
    number = max(1, -(-(end_us - first) // size))
    counts = Counter((attack.start_us - first) // size for attack in attacks)
    most = max(counts.values(), default=1)
    every = -(-number // 16)
    return Columns(
        per,
        tuple(
            Column(
                _short(first + index * size, size, first=index == 0) if index % every == 0 else "",
                _long(first + index * size, size),
                counts[index],
                counts[index] / most,
            )
            for index in range(number)
        ),
    )


def _short(at_us: int, size: int, *, first: bool) -> str:
    when = units.moment(at_us)
    if size < DAY_US:
        return when.strftime("%H:%M")
    return (
        f"{when.day} {MONTHS[when.month - 1]}" if first or when.day == 1 or size > DAY_US else str(when.day)
    )


def _long(at_us: int, size: int) -> str:
    return units.minute(at_us) if size < DAY_US else units.moment(at_us).strftime("%Y-%m-%d")
