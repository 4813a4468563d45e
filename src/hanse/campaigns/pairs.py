"""All tests on pairs of attacks, a block of rows at a time, and which pairs they link.

A pair is linked when two independent tests hold together. Both conditions must be met:

1. *Together*: the chance that both tests are so strong (`chance.log_joint`), times the number of pairs of
   tests tried on it, is at most the level over the number of pairs of attacks (Bonferroni). The
   family-wise error is held and not the false discovery rate, because one false link merges two campaigns.
2. *Each alone*: neither test may live from the other. An attack that passes one test with m attacks has
   m tries at the second, so the second must hold at `chance.SPEAKS` over m. For the fingerprint only the
   different looks among them count, by their shares: with one look on all m there is one try.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hanse.campaigns import chance
from hanse.campaigns.concurrency import Starts
from hanse.campaigns.fingerprint import Fingerprints
from hanse.campaigns.source_overlap import Sources
from hanse.campaigns.target_lists import Waves

TESTS = ("fingerprint", "concurrency", "sources", "targets")
INDEPENDENT = (
    ("fingerprint", "concurrency"),
    ("fingerprint", "sources"),
    ("fingerprint", "targets"),
    ("concurrency", "sources"),
    ("sources", "targets"),
)
"""Pairs of tests that share no information. A look says nothing about moments, sources are drawn from a
population that already depends on the vector, and moments and victims are shuffled apart. Left out is
concurrency with targets: waves are found by the concurrency of starts. (They count together where the list
comes from elsewhere; see `joining`.)"""

BLOCK = 2_000_000
"""Pairs looked at in one step; bounds memory to some hundred MB."""

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Bench:
    """What the tests need, prepared once for all attacks."""

    fingerprints: Fingerprints
    starts: Starts
    sources: Sources
    waves: Waves

    def __len__(self) -> int:
        """Number of attacks."""
        return len(self.starts.seconds)

    def log_p(self, rows: Index, cols: Index) -> dict[str, Array]:
        """Logarithms of p-values by test, each of shape (rows, cols); 0 where a test cannot speak."""
        return {
            "fingerprint": self.fingerprints.log_p(rows, cols),
            "concurrency": self.starts.log_p(rows, cols),
            "sources": self.sources.log_p(rows, cols),
            "targets": self.waves.log_p(rows, cols),
        }

    def tried(self, rows: Index, cols: Index) -> Array:
        """How many independent pairs of tests can be tried on each pair of attacks."""
        sources = self.sources.available(rows, cols)
        targets = self.waves.comparable(rows, cols)
        return np.asarray(1.0 + 2.0 * sources + targets + (sources & targets), np.float64)


@dataclass(frozen=True)
class Tries:
    """By test, with how many attacks each attack passes it, and how many tries their looks are."""

    partners: dict[str, Array]
    looks: dict[str, Array]

    def between(self, rows: Index, cols: Index, given: str, second: str) -> Array:
        """Tries at a second test among those that pass a given one: the more of the two attacks has."""
        tries = np.maximum((self.looks if second == "fingerprint" else self.partners)[given], 1.0)
        return np.asarray(np.maximum.outer(tries[rows], tries[cols]), np.float64)


@dataclass(frozen=True)
class Found:
    """Linked pairs: numbers of two attacks and the logarithm of their joint p-value."""

    first: Index
    second: Index
    log_p: Array


def blocks(rows: int, cols: int) -> Iterator[Index]:
    """Numbers of rows in runs so that a run against all columns is about a `BLOCK`."""
    step = max(1, BLOCK // max(cols, 1))
    for start in range(0, rows, step):
        yield np.arange(start, min(start + step, rows))


def count_tries(bench: Bench) -> Tries:
    """How often each attack passes each test with any other."""
    number = len(bench)
    everyone = np.arange(number)
    partners = {test: np.zeros(number) for test in TESTS}
    looks = {test: np.zeros(number) for test in TESTS}
    for rows in blocks(number, number):
        for test, log_p in bench.log_p(rows, everyone).items():
            passed = log_p <= np.log(chance.SPEAKS)
            passed[np.arange(len(rows)), rows] = False
            partners[test][rows] = passed.sum(axis=1)
            looks[test][rows] = look_tries(passed, rows, everyone, bench.fingerprints)
    return Tries(partners, looks)


def look_tries(passed: npt.NDArray[np.bool_], rows: Index, cols: Index, looks: Fingerprints) -> Array:
    """For each row, how many tries at its look the columns give that it passes a test with.

    The chance that an unrelated attack has any of the looks found there is the sum of their shares; over
    its own share that is the number of tries. A rare look among common ones counts for less than one try.
    """
    numbers, share = looks.numbers, np.exp(looks.log_share)
    of_look = np.zeros(int(numbers.max(initial=0)) + 1)
    of_look[numbers] = share
    held = sparse.csr_array(
        (np.ones(len(cols), np.int32), (np.arange(len(cols)), numbers[cols])), shape=(len(cols), len(of_look))
    )
    found = sparse.csr_array(passed.astype(np.int32)) @ held
    found.data[:] = 1
    return np.asarray((found @ of_look) / share[rows], np.float64)


def log_linked(
    log_p: dict[str, Array],
    more: Callable[[str, str], Array],
    tests: Iterable[tuple[str, str]],
    two_valued: Iterable[str] = ("fingerprint",),
) -> Array:
    """The best joint p-value (logarithm) over pairs of tests of which each holds alone; 0 where none.

    Args:
        log_p: Logarithms of p-values by test, each of one shape.
        more: For a given test and a second one, how many tries there were at the second (same shape,
            or one that broadcasts to it).
        tests: Pairs of independent tests.
        two_valued: Tests that hold at one value or not at all.
    """
    best = np.zeros_like(log_p["fingerprint"])
    for one, other in tests:
        holds = both_hold(log_p, more, one, other)
        if holds.any():
            graded = not {one, other} & set(two_valued)
            joint = chance.log_joint(log_p[one], log_p[other], graded=graded)
            best = np.minimum(best, np.where(holds, joint, 0.0))
    return best


def both_hold(
    log_p: dict[str, Array], more: Callable[[str, str], Array], one: str, other: str
) -> npt.NDArray[np.bool_]:
    """Where each of two tests holds alone, corrected for the tries that the other one gave it."""
    edge = np.log(chance.SPEAKS)
    first = log_p[one] + np.log(more(other, one)) <= edge
    second = log_p[other] + np.log(more(one, other)) <= edge
    return np.asarray(first & second, np.bool_)


def holding(
    log_p: dict[str, Array], more: Callable[[str, str], Array], tests: Iterable[tuple[str, str]]
) -> dict[str, float]:
    """For one pair of attacks, the tests that hold beside an independent one, with their logarithms of p."""
    found: dict[str, float] = {}
    for one, other in tests:
        if both_hold(log_p, more, one, other)[0, 0]:
            found |= {name: float(log_p[name][0, 0]) for name in (one, other)}
    return found


def linked(bench: Bench, tries: Tries, level: float) -> Iterator[Found]:
    """Pairs that are linked, block by block; every pair once, the earlier attack first."""
    number = len(bench)
    everyone = np.arange(number)
    allowed = np.log(level) - np.log(max(number * (number - 1) / 2, 1.0))
    for rows in blocks(number, number):
        cols = everyone[: rows[-1]]
        log_p = log_linked(bench.log_p(rows, cols), partial(tries.between, rows, cols), INDEPENDENT)
        log_p += np.log(bench.tried(rows, cols))
        row, col = np.nonzero((log_p <= allowed) & (cols[None, :] < rows[:, None]))
        yield Found(cols[col], rows[row], log_p[row, col])
