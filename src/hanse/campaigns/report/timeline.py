"""The timeline: one bar for each attack, in lanes by organisation, on a UTC axis.

Positions are per cent of the plot's width, so that the same picture fits a telephone, a screen and paper.
Every movable thing also carries its seconds since the window's start, by which the page's script zooms.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hanse.attacks.attack import Attack
from hanse.campaigns.report import words
from hanse.campaigns.report.findings import Findings
from hanse.kernel import units

DAY_US = 86_400_000_000
LANES = 40
"""Organisations with a lane of their own; all others share the last one."""
ROWS = 6
"""Rows of bars in a lane; where more attacks run at once, bars overlap."""
SHORTEST = 0.3
"""Least width of a bar in per cent, so that an attack of seconds still shows on a page of weeks."""
HEAD, LABEL, ROW, GAP = 34, 20, 11, 10
"""Heights in pixels: axis, lane label, row of bars, space below a lane."""

_STEPS_DAYS = (1, 2, 3, 7, 14, 30, 90, 365)
STEPS_S = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, *(d * 86400 for d in _STEPS_DAYS))
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HUES = 8
"""Hues of Okabe and Ito (2008), each with a pattern of its own; the last serves all further vectors."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One attack: place (per cent across, pixels down), seconds since the window's start, and the facts in words."""

    id: str
    x: float
    width: float
    row: int
    y: int
    hue: int
    start_s: float
    end_s: float
    facts: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One organisation's attacks."""

    label: str
    detail: str
    y: int
    height: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of whole days, quiet or not."""

    x: float
    width: float
    start_s: float
    end_s: float
    label: str
    quiet: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis."""

    x: float
    at_s: float
    label: str


@dataclass(frozen=True, slots=True)
class Legend:
    """A vector's hue and pattern, and how many attacks have it."""

    hue: int
    label: str
    attacks: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that the picture shows."""

    start_us: int
    end_us: int
    height: int
    lanes: tuple[Lane, ...]
    bands: tuple[Band, ...]
    ticks: tuple[Tick, ...]
    legend: tuple[Legend, ...]
    quiet_days: int


def build(findings: Findings) -> Timeline:
    """The timeline of all attacks; there must be at least one."""
    start, end = window(findings.attacks, findings.span_us)
    hue_of = hues(findings.attacks)
    lanes: list[Lane] = []
    y = HEAD
    for label, attacks in by_lane(findings):
        lane = _lane(label, attacks, y, (start, end), hue_of, findings)
        lanes.append(lane)
        y += lane.height + GAP
    bands = tuple(_bands(findings.attacks, start, end))
    quiet = sum(round((band.end_s - band.start_s) / 86400) for band in bands if band.quiet)
    return Timeline(
        start,
        end,
        y,
        tuple(lanes),
        bands,
        tuple(_ticks(start, end)),
        _legend(findings.attacks, hue_of),
        quiet,
    )


def window(attacks: Sequence[Attack], span_us: tuple[int, int] | None) -> tuple[int, int]:
    """What the picture spans, microseconds UTC: whole days, or the attacks with a margin within one day."""
    moments = [attack.start_us for attack in attacks] + [attack.end_us for attack in attacks]
    start, end = min([*moments, *(span_us or ())]), max([*moments, *(span_us or ())])
    if end - start > DAY_US:
        return start // DAY_US * DAY_US, -(-end // DAY_US) * DAY_US
    margin = max((end - start) // 20, 1_000_000)
    return (start - margin) // 1_000_000 * 1_000_000, end + margin


def hues(attacks: Iterable[Attack]) -> dict[str, int]:
    """Each vector's hue, most frequent first; all from the eighth on share the last."""
    ranked = ranked_vectors(attacks)
    return {name: min(rank, HUES - 1) for rank, (name, _) in enumerate(ranked)}


def ranked_vectors(attacks: Iterable[Attack]) -> list[tuple[str, int]]:
    """Vectors with their number of attacks, most first."""
    counts: defaultdict[str, int] = defaultdict(int)
    for attack in attacks:
        counts[attack.vector] += 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def by_lane(findings: Findings) -> list[tuple[str, list[Attack]]]:
    """Organisations with their attacks, most attacked first, small ones together beyond `LANES`."""
    groups: defaultdict[str, list[Attack]] = defaultdict(list)
    for attack in sorted(findings.attacks, key=lambda attack: attack.start_us):
        groups[findings.organisation(attack.victim)].append(attack)
    ranked = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    if len(ranked) <= LANES:
        return ranked
    rest = [attack for _, attacks in ranked[LANES - 1 :] for attack in attacks]
    rest.sort(key=lambda attack: attack.start_us)
    return [*ranked[: LANES - 1], (f"{len(ranked) - LANES + 1} other organisations", rest)]


def _lane(
    label: str,
    attacks: list[Attack],
    y: int,
    span: tuple[int, int],
    hue_of: Mapping[str, int],
    findings: Findings,
) -> Lane:
    bars = []
    free_from: list[float] = []
    for attack in attacks:
        x, width = _extent(attack, span)
        row = _row(x, width, free_from)
        bars.append(
            Bar(
                attack.id,
                x,
                width,
                row,
                y + LABEL + row * ROW,
                hue_of[attack.vector],
                (attack.start_us - span[0]) / 1e6,
                (attack.end_us - span[0]) / 1e6,
                facts(attack, findings),
            )
        )
    victims = sorted({attack.victim for attack in attacks} - {label})
    detail = words.many(len(attacks), "attack")
    if victims:
        detail += f" on {words.listed(victims, 2)}"
    return Lane(label, detail, y, LABEL + ROW * len(free_from), tuple(bars))


def _extent(attack: Attack, span: tuple[int, int]) -> tuple[float, float]:
    """Left edge and width in per cent; a very short attack at the very end is kept inside."""
    whole = span[1] - span[0]
    width = max((attack.end_us - attack.start_us) / whole * 100, SHORTEST)
    return min((attack.start_us - span[0]) / whole * 100, 100 - width), width


def _row(x: float, width: float, free_from: list[float]) -> int:
    """The first row with room, a new one, or the one that is free soonest; `free_from` is kept up."""
    row = next((index for index, free in enumerate(free_from) if free <= x), len(free_from))
    if row == len(free_from):
        if row < ROWS:
            free_from.append(0.0)
        else:
            row = free_from.index(min(free_from))
    free_from[row] = max(free_from[row], x + width + 0.1)
    return row


def facts(attack: Attack, findings: Findings) -> str:
    """An attack in four lines, for the tooltip and for a screen reader."""
    name = findings.organisation_of.get(attack.victim)
    who = f"{name} ({attack.victim})" if name else attack.victim
    rates = f"peak {units.bit_rate(attack.peak_bps)}, {units.packet_rate(attack.peak_pps)}"
    test = words.CLASS_WORDS.get(attack.source_class, attack.source_class)
    lines = (
        who,
        f"{words.vector(attack.vector)}, {units.minute(attack.start_us)}, {units.duration(attack.duration_s)}",
        f"{rates}, {units.volume(attack.bytes)}",
        f"{words.many(attack.sources, 'apparent source')}, {test}",
    )
    return " · ".join(lines)


def _bands(attacks: Sequence[Attack], start: int, end: int) -> Iterable[Band]:
    """Days in turn, quiet ones in a row joined; none for a window under two days or over four hundred."""
    days = (end - start) // DAY_US
    if not 2 <= days <= 400:
        return
    active = [False] * days
    for attack in attacks:
        first, last = (attack.start_us - start) // DAY_US, (attack.end_us - 1 - start) // DAY_US
        active[first : last + 1] = [True] * (last + 1 - first)
    day = 0
    while day < days:
        until = day + 1
        while not active[day] and until < days and not active[until]:
            until += 1
        label = "" if active[day] else f"quiet {until - day} d" if until - day > 1 else "quiet"
        yield Band(
            day / days * 100,
            (until - day) / days * 100,
            day * 86400,
            until * 86400,
            label,
            quiet=not active[day],
        )
        day = until


def _ticks(start: int, end: int) -> Iterable[Tick]:
    """At most eight marks: few enough for a telephone, and the script sets finer ones where there is room."""
    whole_s = (end - start) / 1e6
    step = next((step for step in STEPS_S if whole_s / step <= 8), STEPS_S[-1])
    at = -(-(start // 1_000_000) // step) * step
    while at * 1_000_000 < end:
        offset = at - start / 1e6
        yield Tick(offset / whole_s * 100, offset, _tick_label(at, step))
        at += step


def _tick_label(at_s: int, step: int) -> str:
    when = units.moment(at_s * 1_000_000)
    if step >= 86400 or at_s % 86400 == 0:
        return f"{when.day} {MONTHS[when.month - 1]}"
    return when.strftime("%H:%M:%S" if step < 60 else "%H:%M")


def _legend(attacks: Sequence[Attack], hue_of: Mapping[str, int]) -> tuple[Legend, ...]:
    ranked = ranked_vectors(attacks)
    entries = [Legend(hue_of[name], words.vector(name), number) for name, number in ranked[: HUES - 1]]
    rest = ranked[HUES - 1 :]
    if len(rest) == 1:
        entries.append(Legend(HUES - 1, words.vector(rest[0][0]), rest[0][1]))
    elif rest:
        entries.append(Legend(HUES - 1, f"{len(rest)} other vectors", sum(number for _, number in rest)))
    return tuple(entries)
