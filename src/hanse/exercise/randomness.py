"""Random draws that give the same numbers on every machine.

Each part of an exercise has its own stream, named by words, so that the order in which parts are made
does not matter. Draws use integers, products and square roots, and tables made of integers: these are
exact in IEEE arithmetic, while logarithms and powers of arrays may differ in the last bit from one
processor to the next. NumPy may change its streams between versions (NEP 19): the same seed gives the
same flows for one NumPy version, which the lock file pins.
"""

import zlib
from functools import cache
from math import ceil

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Addresses = npt.NDArray[np.uint32]

ACCESS_OCTETS = (
    *(24, 58, 59, 60, 61, 66, 67, 68, 69, 70, 71, 72, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85),
    *(86, 87, 88, 89, 90, 91, 121, 122, 123, 124, 125, 189, 190, 200, 201, 212, 217, 218, 219, 220, 221),
)
"""First octets of IPv4 space that regional registries had given to access networks by 2007. Invented
clients and bots get addresses here; none is taken from any record."""

_TAIL_TABLE = 4096


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The random stream of one part of an exercise."""
    words = [zlib.crc32(str(name).encode()) for name in names]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))


@cache
def _tail(shape: float, least: int, most: int) -> Integers:
    steps = [(index + 0.5) / _TAIL_TABLE for index in range(_TAIL_TABLE)]
    return np.array([min(most, ceil(least * (1 - step) ** (-1 / shape))) for step in steps], np.int64)


def heavy_tailed(rng: np.random.Generator, n: int, shape: float, least: int, most: int) -> Integers:
    """`n` whole numbers with a Pareto tail of that shape, from `least` up to `most`."""
    return _tail(shape, least, most)[rng.integers(0, _TAIL_TABLE, n)]


def rounded(rng: np.random.Generator, values: Floats) -> Integers:
    """Whole numbers whose expected value is the given one."""
    return np.floor(values + rng.random(len(values))).astype(np.int64)


def access_addresses(rng: np.random.Generator, n: int, networks: int) -> Addresses:
    """`n` distinct host addresses, clustered in `networks` /16s of which few hold most.

    Returns:
        IPv4 addresses as host-order integers, shape (n,), in random order.
    """
    octets = np.array(ACCESS_OCTETS, np.int64)
    wide = octets[rng.integers(0, len(octets), networks)] << 8 | rng.integers(0, 256, networks)
    found = np.empty(0, np.int64)
    while len(found) < n:
        rank = (rng.random(2 * n) * rng.random(2 * n) * networks).astype(np.int64)
        # Within a /16, one in eight of its /24s is used: providers hand out addresses in ranges.
        third = (rng.integers(0, 32, 2 * n) * 8 + wide[rank] % 8) & 0xFF
        hosts = wide[rank] << 16 | third << 8 | rng.integers(1, 255, 2 * n)
        found = np.unique(np.concatenate((found, hosts)))
    return rng.permutation(found)[:n].astype(np.uint32)


def forged_addresses(rng: np.random.Generator, n: int) -> Addresses:
    """`n` addresses uniform over the unicast space without 0/8, 10/8 and 127/8, which borders drop."""
    found = rng.integers(1 << 24, 224 << 24, n)
    private = (found >> 24 == 10) | (found >> 24 == 127)
    found[private] += 1 << 24
    return found.astype(np.uint32)
