"""Probabilities by chance: tails of counts and overlaps, and two independent tests taken together. Natural logarithms.

SciPy's `stats` has the exact tails as well; to load it takes as long as to analyse a small export.
"""

import numpy as np
import numpy.typing as npt
from scipy import special

Array = npt.NDArray[np.float64]

LEVEL = 0.01
"""Chance of any false link in a run over attacks that have nothing to do with each other."""

SPEAKS = 0.05
"""A test with a larger p-value says nothing: the customary level, held by each test on its own before any
two are taken together, so that one test with a wrong model cannot link anything by itself."""


def log_overlap(common: Array, expected: Array) -> Array:
    """Logarithm of an upper bound on the chance of at least `common` members in common.

    Args:
        common: Members of both sets.
        expected: Mean of that number for unrelated sets, |A| |B| / |population|.

    Returns:
        The Chernoff bound exp(s - m - s ln(s/m)) for s common and mean m, at most 0. It holds for sums of
        independent events and for drawing without replacement (Hoeffding 1963, theorem 4), so it holds for
        the hypergeometric distribution; it is larger than the exact tail, so that it errs towards no link.
    """
    mean = np.maximum(np.asarray(expected, np.float64), 1e-12)
    seen = np.asarray(common, np.float64)
    bound = seen - mean - seen * np.log(np.maximum(seen, 1e-12) / mean)
    return np.where(seen > mean, np.minimum(bound, 0.0), 0.0)


def log_joint(first: Array, second: Array, *, graded: bool) -> Array:
    """Logarithm of the chance that two independent tests both speak and are together so strong.

    For independent uniform p and q, P(p <= t, q <= t, pq <= c) = c (1 + ln(t^2 / c)) with c <= t^2
    (truncated product; Zaykin et al. 2002, Genetic Epidemiology 22). Here t is `SPEAKS`. Where one test has
    one value or none at all (looks are equal or not, a victim is on a list or not), the other has to make
    up the whole difference, and the chance is the product itself.

    Args:
        first: Logarithms of the p-values of one test.
        second: Of the other.
        graded: Whether both tests have p-values of all sizes.

    Returns:
        0 where one of the two does not speak.
    """
    edge = np.log(SPEAKS)
    product = np.minimum(first + second, 2 * edge)
    joint = product + np.log1p(2 * edge - product) if graded else product
    return np.where((first <= edge) & (second <= edge), joint, 0.0)


def log_at_least(hits: int, tries: int, chance: float) -> float:
    """Logarithm of the chance that at least `hits` of `tries` independent events of one chance come true.

    The binomial tail, summed in logarithms, so that it says how small it is however small that is.
    """
    if hits <= 0:
        return 0.0
    if hits > tries or chance <= 0:
        return -np.inf
    if chance >= 1:
        return 0.0
    counts = np.arange(hits, tries + 1, dtype=np.float64)
    terms = _log_ways(tries, counts) + counts * np.log(chance) + (tries - counts) * np.log1p(-chance)
    return min(float(special.logsumexp(terms)), 0.0)


def log_in_common(common: int, people: int, first: int, second: int) -> float:
    """Logarithm of the chance that two unrelated choices of `people` have at least `common` in common.

    The hypergeometric tail for choices of `first` and `second` members, neither of them more than `people`.
    """
    if common <= max(0, first + second - people):
        return 0.0
    if common > min(first, second):
        return -np.inf
    counts = np.arange(common, min(first, second) + 1, dtype=np.float64)
    whole = _log_ways(people, np.array([float(second)]))
    terms = _log_ways(first, counts) + _log_ways(people - first, second - counts) - whole
    return min(float(special.logsumexp(terms)), 0.0)


def _log_ways(people: int, counts: Array) -> Array:
    """Logarithms of the numbers of ways to choose so many of some people."""
    ways: Array = (
        special.gammaln(people + 1) - special.gammaln(counts + 1) - special.gammaln(people - counts + 1)
    )
    return ways
