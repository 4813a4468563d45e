"""Attacks of several authorities, compared pair by pair by the tests that link attacks at home.

The tests, their levels and their corrections are those of `pairs`. Three things differ, so that no authority can
make or break links between others, whatever it sends:

* *By contributor*: what is counted over all attacks at home (pairs, tries, how busy an hour is) is counted over the
  two authorities' attacks that a pair is of. The level is shared equally among the pairs of authorities. Invented
  attacks by the thousand then cost links of their own sender and of nobody else.
* *Sources* are compared by the smallest hashes of their sketches (`attacks.sketch`), which hold the same addresses in
  every attack. Where a sketch is withheld, the number in common can have been counted without showing them
  (`matching.counting`); else the other tests have to carry a link. Networks are not compared.
* *Concurrency* speaks only where two attacks are known to be two: of one vector, on victims that are known to differ.
  Two authorities may see one attack from two places, and it does not start at the same time as itself by chance.

Lists of targets are not compared: victims are withheld as a rule, and each authority has its own.

Each attack is linked to at most `KEPT` of each authority's, the earliest with which a link holds: what a link says
depends on its two ends and on numbers of attacks only, and neither result nor order changes with who came first.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from hanse.campaigns import chance, pairs
from hanse.campaigns.campaign import LinkTest
from hanse.campaigns.compared import Seen
from hanse.campaigns.concurrency import SMOOTH_S
from hanse.campaigns.source_overlap import LEAST_COMMON
from hanse.campaigns.wording import SMALLEST
from hanse.kernel import units

TESTS = tuple(two for two in pairs.INDEPENDENT if "targets" not in two)
"""The independent pairs of tests that can be tried across borders."""

KEPT = 2
"""Links of one attack to the attacks of one authority that are marked alike: what one recalls, others still hold."""

TRIED = 48
"""Attacks of one authority that are tried at most for these, the earliest first."""

LONGEST_S = 30 * 86_400.0
"""No authority's attacks are taken to be rarer than one in this time, s: its telemetry may have gaps."""

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
More = Callable[[str, str], Array]


@dataclass(frozen=True, slots=True)
class Linked:
    """Two attacks that are linked, the earlier one first, with the tests that hold, the strongest first."""

    first: UUID
    second: UUID
    tests: tuple[LinkTest, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many sources two attacks have in common, as two authorities counted it without showing them.

    Attributes:
        first: One attack.
        second: The other.
        common: Sources in common of what both samples hold.
        sizes: Sources of each, estimated.
        share: The share of all addresses that both samples hold.
    """

    first: UUID
    second: UUID
    common: float
    sizes: tuple[float, float]
    share: float


@dataclass(frozen=True, slots=True)
class _Tries:
    """Of one attack with the attacks of one authority: how many pass each test, and how many tries their looks are."""

    partners: dict[str, float]
    looks: dict[str, float]

    def more(self, given: str, second: str) -> float:
        """Tries at a second test among those that pass a given one."""
        return max((self.looks if second == "fingerprint" else self.partners)[given], 1.0)


_NUMBERS = ("who", "group", "look", "victim", "withheld_by", "country", "vector", "held", "name")
_FIGURES = ("start", "log_share", "people", "counted", "share")


class Abroad:
    """The attacks of several authorities, kept so that one more is compared with all in milliseconds.

    Args:
        own: This authority: its attacks are linked with each other at home, not here.
    """

    def __init__(self, own: str) -> None:
        self._own = own
        self._told_of: dict[UUID, dict[UUID, Counted]] = {}
        self._clear()

    def _clear(self) -> None:
        self._seen: list[Seen] = []
        self._slots: dict[UUID, int] = {}
        self._alive = np.zeros(0, np.bool_)
        self._columns: dict[str, Any] = {name: np.zeros(0, np.int64) for name in _NUMBERS}
        self._columns |= {name: np.zeros(0) for name in _FIGURES}
        self._words: dict[tuple[str, object], int] = {}
        self._hashes, self._holders = np.empty(0, np.uint64), np.empty(0, np.int32)
        self._changed({})

    def _changed(self, versions: dict[int, int]) -> None:
        self._versions = versions
        self._of_cached: dict[int, Index] = {}
        self._starts_cached: dict[int, Array] = {}
        self._near_cached: dict[tuple[int, int], Array] = {}
        self._tries_cached: dict[tuple[int, int], tuple[int, _Tries]] = {}

    def __len__(self) -> int:
        """Attacks that are compared."""
        return len(self._slots)

    def __contains__(self, object_id: object) -> bool:
        """Whether an attack is among them."""
        return object_id in self._slots

    def ids(self) -> list[UUID]:
        """All of them."""
        return list(self._slots)

    def put(self, attacks: Iterable[Seen]) -> None:
        """Add attacks, in the place of earlier versions of them."""
        new = {one.object_id: one for one in attacks}
        self.drop(new)
        if not new:
            return
        begin, rows = len(self._seen), list(new.values())
        self._seen += rows
        self._slots |= {one.object_id: begin + at for at, one in enumerate(rows)}
        self._alive = np.append(self._alive, np.ones(len(rows), np.bool_))
        added = self._numbered(rows)
        self._columns = {name: np.append(column, added[name]) for name, column in self._columns.items()}
        self._hold(begin, rows)
        self._count(int(who) for who in np.unique(added["who"]))

    def drop(self, object_ids: Iterable[UUID]) -> None:
        """Take attacks out; those that are not there are no error."""
        slots = [self._slots.pop(one) for one in object_ids if one in self._slots]
        if not slots:
            return
        self._alive[slots] = False
        self._count({int(self._columns["who"][slot]) for slot in slots})
        if len(self._seen) > 1_000 + 2 * len(self._slots):
            kept = [self._seen[slot] for slot in self._slots.values()]
            self._clear()
            self.put(kept)

    def tell(self, counts: Iterable[Counted]) -> None:
        """All that was counted without showing sources, instead of what was told before."""
        before, self._told_of = self._told_of, {}
        for one in counts:
            self._told_of.setdefault(one.first, {})[one.second] = one
            self._told_of.setdefault(one.second, {})[one.first] = one
        changed = {
            self._slots[one]
            for one in {*before, *self._told_of}
            if one in self._slots and before.get(one) != self._told_of.get(one)
        }
        self._count({int(self._columns["who"][slot]) for slot in changed})

    def _count(self, contributors: Iterable[int]) -> None:
        """Some authorities' attacks have changed: what was counted of them is counted anew."""
        changed = set(contributors)
        versions = {**self._versions, **{one: self._versions.get(one, 0) + 1 for one in changed}}
        tries = {key: held for key, held in self._tries_cached.items() if self._alive[key[0]]}
        self._changed(versions)
        self._tries_cached = tries

    def _numbered(self, rows: Sequence[Seen]) -> dict[str, Any]:
        """The columns of some attacks; equal words have equal numbers."""

        def number(sort: str, word: object) -> int:
            return self._words.setdefault((sort, word), len(self._words))

        told = {
            "who": [number("who", one.contributor) for one in rows],
            "group": [number("group", (one.contributor, one.group)) for one in rows],
            "look": [number("look", one.look.key) for one in rows],
            "victim": [number("victim", (one.withheld_by, one.victim)) for one in rows],
            "withheld_by": [number("withheld_by", one.withheld_by) for one in rows],
            "country": [number("country", one.country) if one.country else -1 for one in rows],
            "vector": [number("vector", one.vector) for one in rows],
            "held": [len(one.sample) for one in rows],
            "name": [one.object_id.int >> 65 for one in rows],
        }
        figures = {
            "start": [one.start_us / 1e6 for one in rows],
            "log_share": np.log([one.look.share for one in rows]),
            "people": [one.people for one in rows],
            "counted": [one.counted for one in rows],
            "share": [one.share for one in rows],
        }
        return {
            **{name: np.array(values, np.int64) for name, values in told.items()},
            **{name: np.array(values, np.float64) for name, values in figures.items()},
        }

    def _hold(self, begin: int, rows: Sequence[Seen]) -> None:
        """Add whose hashes are whose, in order of the hashes."""
        hashes = np.concatenate([one.sample for one in rows])
        holders = np.repeat(
            np.arange(begin, begin + len(rows), dtype=np.int32), [len(one.sample) for one in rows]
        )
        order = np.argsort(hashes, kind="stable")
        hashes, holders = hashes[order], holders[order]
        at = np.searchsorted(self._hashes, hashes)
        self._hashes, self._holders = (
            np.insert(self._hashes, at, hashes),
            np.insert(self._holders, at, holders),
        )

    def judge(self, object_id: UUID) -> list[Linked]:
        """The attacks to which one is linked: of each authority, and each group of its attacks, the earliest.

        Raises:
            KeyError: It is not among them.
        """
        slot = self._slots[object_id]
        own, mine = self._words.get(("who", self._own), -1), int(self._columns["who"][slot])
        common = self._common(slot)
        found = []
        for who in sorted(one for one in self._versions if len(self._of(one))):
            if not who == mine == own:
                found += [
                    self._told(slot, other, held, common) for other, held in self._with(slot, who, common)
                ]
        return found

    def _with(self, slot: int, who: int, common: Array) -> Iterator[tuple[int, dict[str, float]]]:
        """The attacks of one authority to which one is linked, with the tests that hold."""
        cols = self._of(who)
        cols = cols[cols != slot]
        if not len(cols):
            return
        mine = int(self._columns["who"][slot])
        log_p, available = self._log_p(slot, cols, who, common)
        own = self._counted(slot, cols, log_p)
        strength = pairs.log_linked(log_p, _constant(own.more), TESTS) + np.log(1.0 + 2.0 * available)
        passing = np.flatnonzero(strength[0] <= self._allowed(mine, who))
        group = self._columns["group"][cols[passing]]
        start, name = self._columns["start"][cols[passing]], self._columns["name"][cols[passing]]
        order = np.lexsort((name, start)).tolist()
        kept: dict[int, int] = {}
        wanted = set(group.tolist())
        for at in islice(order, TRIED):
            if kept.get(int(group[at]), 0) >= KEPT:
                continue
            place = passing[at]
            held = self._held(int(cols[place]), mine, own, {name: value[:, place : place + 1] for name, value in log_p.items()},
                              bool(available[0, place]), self._allowed(mine, who))  # fmt: skip
            if held:
                kept[int(group[at])] = kept.get(int(group[at]), 0) + 1
                yield int(cols[place]), held
            if all(kept.get(one, 0) >= KEPT for one in wanted):
                return

    def _held(
        self, other: int, mine: int, own: _Tries, log_p: dict[str, Array], available: bool, allowed: float
    ) -> dict[str, float]:
        """The tests that hold two attacks together, with the tries of both; none where they are not linked."""
        theirs = self._tries(other, mine)

        def more(given: str, second: str) -> Array:
            return np.full((1, 1), max(own.more(given, second), theirs.more(given, second)))

        strength = float(pairs.log_linked(log_p, more, TESTS)[0, 0]) + float(np.log(1.0 + 2.0 * available))
        return pairs.holding(log_p, more, TESTS) if strength <= allowed else {}

    def _allowed(self, one: int, other: int) -> float:
        """Logarithm of the chance that a pair of two authorities' attacks may have: the level shared among all pairs."""
        authorities = sum(bool(len(self._of(who))) for who in self._versions)
        with_own = bool(len(self._of(self._words.get(("who", self._own), -1))))
        kinds = authorities * (authorities + 1) / 2 - with_own
        few, many = len(self._of(one)), len(self._of(other))
        number = few * (few - 1) / 2 if one == other else few * many
        return float(np.log(chance.LEVEL / 3) - np.log(max(number, 1.0)) - np.log(max(kinds, 1.0)))

    def _of(self, who: int) -> Index:
        """The attacks of an authority."""
        if who not in self._of_cached:
            self._of_cached[who] = np.flatnonzero(self._alive & (self._columns["who"] == who))
        return self._of_cached[who]

    def _starts(self, who: int) -> Array:
        """Their starts in order."""
        if who not in self._starts_cached:
            self._starts_cached[who] = np.sort(np.asarray(self._columns["start"][self._of(who)], np.float64))
        return self._starts_cached[who]

    def _near(self, of: int, at: int) -> Array:
        """How many attacks of one authority start in the hours around each attack of another."""
        if (of, at) not in self._near_cached:
            times = np.asarray(self._columns["start"][self._of(at)], np.float64)
            self._near_cached[of, at] = self._near_times(of, times)
        return self._near_cached[of, at]

    def _near_times(self, of: int, times: Array) -> Array:
        starts = self._starts(of)
        until = np.searchsorted(starts, times + SMOOTH_S, "right")
        return np.asarray(until - np.searchsorted(starts, times - SMOOTH_S, "left"), np.float64)

    def _common(self, slot: int) -> Array:
        """How many hashes each attack has in common with one."""
        sample = self._seen[slot].sample
        low, high = (
            np.searchsorted(self._hashes, sample, "left"),
            np.searchsorted(self._hashes, sample, "right"),
        )
        several = [self._holders[begin:end] for begin, end in zip(low, high, strict=True)]
        holders = np.concatenate(several) if several else np.empty(0, np.int32)
        return np.bincount(holders, minlength=len(self._seen)).astype(np.float64)

    def _log_p(
        self, slot: int, cols: Index, who: int, common: Array
    ) -> tuple[dict[str, Array], npt.NDArray[np.bool_]]:
        """Logarithms of p-values of one attack with those of an authority, and where both have sources to compare.

        Each is of shape (1, attacks).
        """
        column = self._columns
        same = column["look"][cols] == column["look"][slot]
        sources = (column["people"][cols] > 0) & (column["people"][slot] > 0)
        sources &= (column["held"][cols] > 0) & (column["held"][slot] > 0)
        log_sources = np.where(sources, self._log_sources(slot, cols, common), 0.0)
        for at, counted in self._counted_with(slot, cols):
            if not sources[at]:
                sources[at], log_sources[at] = True, self._log_counted(slot, int(cols[at]), counted)
        found = {
            "fingerprint": np.where(same, column["log_share"][slot], 0.0),
            "concurrency": self._log_concurrency(slot, cols, who),
            "sources": log_sources,
        }
        return {name: np.asarray(value, np.float64)[None, :] for name, value in found.items()}, sources[
            None, :
        ]

    def _counted_with(self, slot: int, cols: Index) -> Iterator[tuple[int, Counted]]:
        """Places among some attacks of those whose common sources with one were counted."""
        told = self._told_of.get(self._seen[slot].object_id)
        if not told:
            return
        for other, counted in told.items():
            column = self._slots.get(other, -1)
            at = int(np.searchsorted(cols, column))
            if at < len(cols) and cols[at] == column:
                yield at, counted

    def _log_counted(self, slot: int, other: int, counted: Counted) -> float:
        """The overlap of two samples of which only the number in common is known."""
        people = min(float(self._columns["people"][slot]), float(self._columns["people"][other]))
        if counted.common < LEAST_COMMON or people <= 0:
            return 0.0
        expected = counted.sizes[0] * counted.sizes[1] * counted.share / people
        return float(chance.log_overlap(np.array([counted.common]), np.array([expected]))[0])

    def _log_sources(self, slot: int, cols: Index, common: Array) -> Array:
        """The overlap of two samples that hold the same addresses; see `source_overlap`."""
        column, out = self._columns, np.zeros(len(cols))
        shared = common[cols]
        some = np.flatnonzero(shared >= LEAST_COMMON)
        with_common = cols[some]
        people = np.maximum(np.minimum(column["people"][slot], column["people"][with_common]), 1.0)
        sizes = column["counted"][slot] * column["counted"][with_common]
        share = np.minimum(column["share"][slot], column["share"][with_common])
        out[some] = chance.log_overlap(shared[some], sizes * share / people)
        return out

    def _log_concurrency(self, slot: int, cols: Index, who: int) -> Array:
        """How close the starts are for how busy both authorities' hours are then; see `concurrency`."""
        column = self._columns
        gaps = np.abs(column["start"][cols] - column["start"][slot])
        density = self._density(slot, cols, who, gaps <= SMOOTH_S)
        p = np.minimum((2 * np.floor(gaps) + 1) * density, 1.0)
        told = (column["withheld_by"][cols] == column["withheld_by"][slot]) & (
            column["victim"][cols] != column["victim"][slot]
        )
        abroad = (column["country"][cols] >= 0) & (column["country"][slot] >= 0)
        abroad &= column["country"][cols] != column["country"][slot]
        two = told | abroad | (column["vector"][cols] != column["vector"][slot])
        return np.asarray(np.where(two, np.log(p), 0.0), np.float64)

    def _density(self, slot: int, cols: Index, who: int, close: npt.NDArray[np.bool_]) -> Array:
        """The density of starts (1/s) around two attacks, the higher one of both authorities; the two do not count."""
        mine = int(self._columns["who"][slot])
        here = np.asarray(self._columns["start"][slot : slot + 1], np.float64)
        within = np.isin(self._of(who), cols)
        spans, found = [], np.zeros(len(cols))
        for of in {mine, who}:
            first, second = of == mine, of == who
            others = max(len(self._of(of)) - first - second, 1)
            there = self._near(of, who)[within] - second - first * close
            at_own = self._near_times(of, here)[0] - first - second * close
            found = np.maximum(found, np.maximum(there, at_own) / others / (2 * SMOOTH_S))
            starts = self._starts(of)
            spans.append(float(starts[-1] - starts[0]))
        span = min(max(min(spans), 2 * SMOOTH_S), LONGEST_S)
        return np.asarray(np.maximum(found, 1 / span), np.float64)

    def _counted(self, slot: int, cols: Index, log_p: dict[str, Array]) -> _Tries:
        """How many of some attacks pass each test with one, and how many tries their looks are; see `pairs`."""
        partners, looks = {}, {}
        number, share = self._columns["look"], self._columns["log_share"]
        for test, value in log_p.items():
            passed = cols[value[0] <= np.log(chance.SPEAKS)]
            partners[test] = float(len(passed))
            _, first = np.unique(number[passed], return_index=True)
            looks[test] = float(np.exp(share[passed[first]]).sum() / np.exp(share[slot]))
        return _Tries(partners, looks)

    def _tries(self, slot: int, who: int) -> _Tries:
        """The same of an attack with all of an authority; remembered until these change."""
        version = self._versions[who]
        held = self._tries_cached.get((slot, who))
        if held is None or held[0] != version:
            cols = self._of(who)
            cols = cols[cols != slot]
            log_p, _ = self._log_p(slot, cols, who, self._common(slot))
            held = self._tries_cached[slot, who] = version, self._counted(slot, cols, log_p)
        return held[1]

    def _shared(self, one: Seen, two: Seen, common: float) -> str:
        counted = self._told_of.get(one.object_id, {}).get(two.object_id)
        if counted is None or (len(one.sample) and len(two.sample)):
            return _by_sketches(one, two, common)
        kind = "reflectors" if one.reflected else "apparent sources"
        about = "about " if counted.share < 1 else ""
        return (
            f"{about}{units.count(counted.common / counted.share)} of {about}{units.count(min(counted.sizes))} {kind} in "
            "common, counted by both without showing them"
        )

    def _told(self, slot: int, other: int, held: dict[str, float], common: Array) -> Linked:
        """The link of two attacks, in words with numbers."""
        one, two = sorted(
            (self._seen[slot], self._seen[other]), key=lambda each: (each.start_us, each.object_id.hex)
        )
        said = {
            "fingerprint": lambda: _same_look(one),
            "concurrency": lambda: _together(one, two),
            "sources": lambda: self._shared(one, two, float(common[other])),
        }
        ordered = sorted((log_p, name) for name, log_p in held.items())
        tests = [LinkTest(name, max(float(np.exp(log_p)), SMALLEST), said[name]()) for log_p, name in ordered]
        return Linked(one.object_id, two.object_id, tuple(tests))


def _constant(more: Callable[[str, str], float]) -> More:
    return lambda given, second: np.full((1, 1), more(given, second))


def _same_look(one: Seen) -> str:
    return f"same look: {one.look.words}; at most {one.look.share:.1%} of unrelated attacks look so"


def _together(one: Seen, two: Seen) -> str:
    apart = (two.start_us - one.start_us) / 1e6
    if one.country and two.country and one.country != two.country:
        where = "two states"
    elif one.withheld_by == two.withheld_by and one.victim != two.victim:
        where = "two victims"
    else:
        where = "two vectors"
    return f"starts {units.duration(apart) if apart >= 1 else 'under 1 s'} apart, {where}"


def _by_sketches(one: Seen, two: Seen, common: float) -> str:
    kind = "reflectors" if one.reflected else "apparent sources"
    share = min(one.share, two.share)
    of = units.count(min(one.counted, two.counted))
    about = "about " if share < 1 else ""
    return f"{about}{units.count(common / share)} of {about}{of} {kind} in common, by their sketches"
