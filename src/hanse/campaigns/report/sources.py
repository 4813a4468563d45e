"""Where the attacks apparently came from, added up only as far as each source test allows."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hanse.attacks.attack import Attack
from hanse.campaigns.report import words
from hanse.campaigns.report.findings import Findings
from hanse.tracing.trace import NetworkShare, Trace

MEANINGS = ("apparent sources", "location of reflectors", "not attributable")
SHADES = (
    (0.20, "20\u202f% and more"),
    (0.10, "10 to 20\u202f%"),
    (0.05, "5 to 10\u202f%"),
    (0.01, "1 to 5\u202f%"),
)
"""Lower edges of the map's shades, darkest first; anything above zero has the lightest."""
LIGHTEST = "under 1\u202f%"
UNKNOWN = "ZZ"


@dataclass(frozen=True, slots=True)
class Place:
    """A country: share of the sources in its group, and its shade from 1 (lightest) to 5."""

    code: str
    share: float
    shade: int


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """An autonomous system over all attacks of its group."""

    asn: int
    holder: str
    country: str
    sources: int
    attacks: int
    words: str


@dataclass(frozen=True, slots=True)
class Group:
    """Attacks whose sources mean the same thing.

    `traffic` is the group's share of the octets of all attacks; `classes` counts the verdicts of the
    source test; `example` is one trace's verdict, that of the largest attack.
    """

    meaning: str
    attacks: int
    traffic: float
    classes: tuple[tuple[str, int], ...]
    example: str
    places: tuple[Place, ...] = ()
    networks: tuple[NetworkRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """The three groups, those without attacks included."""

    direct: Group
    reflected: Group
    hidden: Group


def build(findings: Findings) -> Sources:
    """Attacks sorted by what their sources may be taken for, each group added up."""
    trace_of = {trace.attack_id: trace for trace in findings.traces}
    members: defaultdict[str, list[tuple[Attack, Trace | None]]] = defaultdict(list)
    for attack in findings.attacks:
        trace = trace_of.get(attack.id)
        meaning = trace.countries_mean if trace and trace.countries_mean in MEANINGS else MEANINGS[2]
        members[meaning].append((attack, trace))
    whole = sum(attack.bytes for attack in findings.attacks) or 1
    direct, reflected, hidden = (_group(meaning, members[meaning], whole) for meaning in MEANINGS)
    return Sources(direct, reflected, hidden)


def _group(meaning: str, members: Sequence[tuple[Attack, Trace | None]], whole: int) -> Group:
    traced = [(attack, trace) for attack, trace in members if trace]
    largest = max(traced, key=lambda pair: pair[0].bytes, default=None)
    group = Group(
        meaning,
        len(members),
        sum(attack.bytes for attack, _ in members) / whole,
        tuple(Counter(trace.source_class if trace else "" for _, trace in members).most_common()),
        largest[1].verdict if largest else "",
    )
    if meaning == MEANINGS[2]:
        return group  # Even if a trace brought countries along: they may not be named.
    return Group(
        group.meaning,
        group.attacks,
        group.traffic,
        group.classes,
        group.example,
        _places(traced),
        _networks(traced, meaning),
    )


def _places(traced: Sequence[tuple[Attack, Trace]]) -> tuple[Place, ...]:
    """Countries with most sources first; sources are counted once for each attack."""
    counts: defaultdict[str, float] = defaultdict(float)
    for attack, trace in traced:
        for code, share in trace.countries:
            counts[code] += share * attack.sources
    whole = sum(attack.sources for attack, _ in traced) or 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Place(code, number / whole, shade(number / whole)) for code, number in ranked if number > 0)


def shade(share: float) -> int:
    """The map's shade for a share: 5 darkest, 1 lightest, 0 for none."""
    if share <= 0:
        return 0
    return next((5 - rank for rank, (edge, _) in enumerate(SHADES) if share >= edge), 1)


def _networks(traced: Iterable[tuple[Attack, Trace]], meaning: str) -> tuple[NetworkRow, ...]:
    rows: dict[int, NetworkShare] = {}
    sources: Counter[int] = Counter()
    attacks: Counter[int] = Counter()
    for _, trace in traced:
        for network in trace.networks:
            rows.setdefault(network.asn, network)
            sources[network.asn] += network.sources
            attacks[network.asn] += 1
    what = "reflector" if meaning == MEANINGS[1] else "apparent source"
    return tuple(
        NetworkRow(
            asn,
            rows[asn].holder,
            rows[asn].country,
            number,
            attacks[asn],
            _registered(rows[asn].government, what),
        )
        for asn, number in sources.most_common()
    )


def _registered(government: str, what: str) -> str:
    return f"{what} in a network registered to {government}" if government else ""


def why_hidden(group: Group) -> tuple[str, ...]:
    """Why no country is named, one sentence for each verdict of the source test."""
    return tuple(
        f"{words.many(number, 'attack')} {words.CLASS_WORDS.get(name, name)}: "
        f"{words.CLASS_MEANS.get(name, 'the class is not known to this report')}."
        for name, number in group.classes
    )
