"""A joint table for Estonia 2007: a random draw that satisfies every published marginal table.

Only the margins were published. Which of the attacks on one destination fell on which day, with which
vector, length and peak, is drawn here, by seed. The plan does not depend on the scale.
"""

from dataclasses import dataclass, replace

import numpy as np

from hanse.exercise.days import DAY_US, MINUTE_US, MS_US, SECOND_US, day_us
from hanse.exercise.facts import Bin, Facts
from hanse.exercise.randomness import stream

SAME_VECTOR_GAP_S = 420
"""Quiet time between two attacks on one destination with one vector, at least, s: well over the 300 s at
which detectors join (Moore, Voelker and Savage 2001), and often under an hour, so that a longer gap joins."""

GENERIC_GAP_S = 900
"""Quiet time between a generic flood, which contains every vector, and any other attack on its victim, s."""

WAVE_S = 50
"""Attacks of one wave start within this time, s."""

MARGIN = 0.08
"""Share of an edge by which lengths and peaks keep clear of it, so that a measurement falls in the same bin."""

LEAST_S = 15.0
LEAST_MBPS = 1.6
GENERIC_LEAST_MBPS = 3.0
SYN_MOST_MBPS = 3.2
"""SYN floods are put among the small peaks: of 40-byte packets with forged sources, each packet is a flow."""

SYN_MOST_S = 240.0
GENERIC_MOST_S = 3_600.0
QUIET_NEXT_DAY = ("2007-05-04", "2007-05-09")
"""Days after which nothing happened: their attacks end before midnight."""

LONG_FILL, FILL = 0.55, 0.8
"""Share of a day that attacks of an hour or more, and all attacks, may take on one victim."""

_DRAFTS = 200


@dataclass(frozen=True, slots=True)
class Planned:
    """An attack to be made.

    Attributes:
        victim: IPv4 address in text.
        vector: Public name.
        start_us: First packet, microseconds UTC, whole milliseconds.
        duration_s: Length, s, whole milliseconds.
        peak_mbps: Highest rate over one second, Mbit/s.
        tool: Number of the attack tool; those of one tool share their packet sizes.
        campaign: Id of the campaign; empty for none.
        number: Its number in the exercise, from 1; 0 for its place in the plan.
    """

    victim: str
    vector: str
    start_us: int
    duration_s: float
    peak_mbps: float
    tool: int = 0
    campaign: str = ""
    number: int = 0

    @property
    def end_us(self) -> int:
        """Last packet, microseconds UTC."""
        return self.start_us + round(self.duration_s * 1000) * MS_US


class _DoesNotFitError(Exception):
    """A draft cannot be scheduled; the next draft is tried."""


def plan(facts: Facts, seed: int) -> tuple[Planned, ...]:
    """Attacks whose tables by destination, date, vector, duration and peak equal the published ones.

    Returns:
        In order of start.

    Raises:
        RuntimeError: No draft could be scheduled, which no seed tried has shown.
    """
    for draft in range(_DRAFTS):
        try:
            return _draft(facts, stream(seed, "plan", draft))
        except _DoesNotFitError:
            continue
    raise RuntimeError(f"no schedule for seed {seed} in {_DRAFTS} drafts")


def _draft(facts: Facts, rng: np.random.Generator) -> tuple[Planned, ...]:
    victims = rng.permutation([each.address for each in facts.by_destination for _ in range(each.attacks)])
    dates = rng.permutation([day for day, number in facts.by_date.items() for _ in range(number)])
    vectors = [vector for vector, number in facts.by_vector.items() for _ in range(number)]
    vectors = [str(each) for each in rng.permutation(vectors)]
    lengths = _lengths(facts, vectors, [str(each) for each in zip(victims, dates, strict=True)], rng)
    peaks = _peaks(facts, vectors, rng)
    waiting = [
        (str(day), Planned(str(victim), vector, 0, length, peak, int(rng.random() < 0.3), "E"))
        for victim, day, vector, length, peak in zip(victims, dates, vectors, lengths, peaks, strict=True)
    ]
    placed: list[Planned] = []
    for day in facts.by_date:
        _place_day(day, [each for when, each in waiting if when == day], placed, rng)
    return tuple(sorted(placed, key=lambda each: each.start_us))


def _inside(row: Bin, rng: np.random.Generator, least: float, power: int = 1) -> float:
    """A value in a bin, clear of its edges; with a higher power nearer to its lower one."""
    low = max(row.low * (1 + MARGIN), least)
    high = row.high * (1 - MARGIN)
    if high <= low:  # a narrow bin: its middle tenth
        middle = (row.low + row.high) / 2
        low, high = middle - (row.high - row.low) / 20, middle + (row.high - row.low) / 20
    share = 1.0
    for _ in range(power):
        share *= rng.random()
    return low + (high - low) * share


def _lengths(facts: Facts, vectors: list[str], cells: list[str], rng: np.random.Generator) -> list[float]:
    """A length for each attack, s: the longest are drawn first and keep a day on one victim schedulable."""
    drawn = [_inside(row, rng, LEAST_S, 2) for row in facts.by_duration for _ in range(row.attacks)]
    drawn[-1] = float(facts.longest_s)
    syn = [index for index, vector in enumerate(vectors) if vector == "tcp_syn_flood"]
    lengths = dict.fromkeys(range(len(vectors)), 0.0)
    short = [length for length in drawn if length <= SYN_MOST_S]
    for index, length in zip(syn, rng.permutation(short), strict=False):
        lengths[index] = float(length)
        drawn.remove(float(length))
    filled = dict.fromkeys(cells, 0.0)
    free = [index for index in rng.permutation(len(vectors)).tolist() if index not in syn]
    for length in sorted(drawn, reverse=True):
        chosen = next(
            (
                each
                for each in free
                if filled[cells[each]] + length
                <= (LONG_FILL if length >= 3600 else FILL) * DAY_US / SECOND_US
                and (length <= GENERIC_MOST_S or vectors[each] != "generic_traffic_flood")
            ),
            None,
        )
        if chosen is None:
            raise _DoesNotFitError
        free.remove(chosen)
        lengths[chosen] = length
        filled[cells[chosen]] += length
    return [round(lengths[index], 3) for index in range(len(vectors))]


def _peaks(facts: Facts, vectors: list[str], rng: np.random.Generator) -> list[float]:
    """A peak for each attack, Mbit/s."""
    drawn = [_inside(row, rng, LEAST_MBPS) for row in facts.by_peak for _ in range(row.attacks)]
    drawn = [round(float(each), 2) for each in rng.permutation(drawn)]
    peaks = [0.0] * len(vectors)
    for vector, fits in (
        ("tcp_syn_flood", lambda peak: peak <= SYN_MOST_MBPS),
        ("generic_traffic_flood", lambda peak: peak >= GENERIC_LEAST_MBPS),
        ("icmp_flood", lambda _: True),
    ):
        for index in (each for each, name in enumerate(vectors) if name == vector):
            peak = next((each for each in drawn if fits(each)), None)
            if peak is None:
                raise _DoesNotFitError
            drawn.remove(peak)
            peaks[index] = peak
    return peaks


def _place_day(day: str, attacks: list[Planned], placed: list[Planned], rng: np.random.Generator) -> None:
    """Give each attack of a day a start near one of the day's waves, the longest first."""
    begin = day_us(day)
    latest_end = begin + DAY_US - MINUTE_US if day in QUIET_NEXT_DAY else begin + 2 * DAY_US
    most = max((sum(other.victim == each.victim for other in attacks) for each in attacks), default=0)
    number = most + 4
    slot = (DAY_US - 10 * MINUTE_US) // number
    waves = [begin + index * slot + int(rng.random() * slot * 0.6) for index in range(number)]
    for attack in sorted(attacks, key=lambda each: -each.duration_s):
        starts = rng.permutation(waves) + (rng.random(number) * WAVE_S * 1000).astype(np.int64) * MS_US
        if attack.vector == "tcp_syn_flood":
            starts = np.concatenate((_beside(attack, placed, begin, rng), starts))
        elsewhere = begin + (rng.random(400) * (DAY_US / MS_US)).astype(np.int64) * MS_US
        for start in np.concatenate((starts, elsewhere)).tolist():
            trial = replace(attack, start_us=start // MS_US * MS_US)
            if trial.end_us <= latest_end and all(_apart(trial, other) for other in placed):
                placed.append(trial)
                break
        else:
            raise _DoesNotFitError


def _beside(attack: Planned, placed: list[Planned], begin: int, rng: np.random.Generator) -> np.ndarray:
    """Starts in the wave of an ICMP flood on another victim, first those inside one on the same victim.

    Forged sources tell nothing, so that what ties a SYN flood to the rest can only be its time.
    """
    floods = [
        other for other in placed if other.vector == "icmp_flood" and begin <= other.start_us < begin + DAY_US
    ]
    starts = [
        other.start_us + int(rng.random() * WAVE_S * 0.8) * SECOND_US
        for other in floods
        if other.victim != attack.victim
    ]
    same = [other for other in floods if other.victim == attack.victim]
    starts.sort(key=lambda start: not any(other.start_us <= start < other.end_us for other in same))
    return np.array(starts, np.int64)


def _apart(one: Planned, other: Planned) -> bool:
    """Whether two attacks are far enough from each other to be told apart."""
    if one.victim != other.victim:
        return True
    gap = max(one.start_us - other.end_us, other.start_us - one.end_us)
    if "generic_traffic_flood" in {one.vector, other.vector}:
        return gap >= GENERIC_GAP_S * SECOND_US
    return one.vector != other.vector or gap >= SAME_VECTOR_GAP_S * SECOND_US
