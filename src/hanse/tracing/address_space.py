"""How addresses lie in the address space: reserved parts, divergence from even spread, clustering."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from hanse.tracing.ranges import Addresses, Family, RangeTable, as_keys, is_v4

Positions = npt.NDArray[np.uint64]

BLOCKS = 4096
"""Into how many parts of equal size a reference space is cut: a part of the routed IPv4 space is then
about the size of a /12, twelve /16 networks, so that 80 sources clustered in a few hundred /16 networks
share parts far more often than chance allows (0.8 pairs expected)."""

_RESERVED_V4 = (
    "0.0.0.0/8",  # this host, RFC 791
    "10.0.0.0/8",  # private, RFC 1918
    "100.64.0.0/10",  # behind carrier NAT, RFC 6598
    "127.0.0.0/8",  # loopback, RFC 1122
    "169.254.0.0/16",  # link-local, RFC 3927
    "172.16.0.0/12",  # private, RFC 1918
    "192.0.0.0/24",  # protocol assignments, RFC 6890
    "192.0.2.0/24",  # documentation, RFC 5737
    "192.168.0.0/16",  # private, RFC 1918
    "198.18.0.0/15",  # benchmarks, RFC 2544
    "198.51.100.0/24",  # documentation, RFC 5737
    "203.0.113.0/24",  # documentation, RFC 5737
    "224.0.0.0/3",  # multicast, RFC 5771, and reserved, RFC 1112
)
"""IPv4 space from which no packet can come over the Internet (IANA special-purpose registry, RFC 6890)."""

_PRIVATE_V4 = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """A part of the address space, as disjoint ascending ranges of positions.

    A position is an IPv4 address as a number, or the upper 64 bits of an IPv6 address.

    Attributes:
        name: What to call it in a sentence.
        starts: First positions, uint64.
        ends: Last positions, uint64.
        before: How many positions lie in the ranges before each, float64, one more than ranges.
    """

    name: str
    starts: Positions
    ends: Positions
    before: npt.NDArray[np.float64]

    @classmethod
    def of(cls, name: str, starts: Positions, ends: Positions) -> "Space":
        """A space from its ranges."""
        sizes = (ends - starts).astype(np.float64) + 1
        return cls(name, starts, ends, np.concatenate([[0.0], np.cumsum(sizes)]))

    @property
    def size(self) -> float:
        """How many positions it has."""
        return float(self.before[-1])

    def fractions(self, positions: Positions) -> npt.NDArray[np.float64]:
        """Where in the space each position lies, 0 to below 1; NaN outside."""
        index = np.maximum(np.searchsorted(self.starts, positions, "right").astype(np.int64) - 1, 0)
        inside = (positions >= self.starts[index]) & (positions <= self.ends[index])
        offset = np.where(inside, positions - self.starts[index], 0).astype(np.float64)
        fraction = np.minimum((self.before[index] + offset) / self.size, np.nextafter(1.0, 0.0))
        return np.where(inside, fraction, np.nan)


class Divergence(NamedTuple):
    """Jensen-Shannon divergence of sources from even spread over a space, bits.

    Attributes:
        value: The divergence, 0 (even) to 1.
        expected: Mean of what evenly spread sources of that number show.
        floor95: Their 95th percentile.
        floor99: Their 99th percentile.
    """

    value: float
    expected: float
    floor95: float
    floor99: float


class Clustering(NamedTuple):
    """How many equally used networks would give as many sources in common networks.

    Attributes:
        pairs: Pairs of sources in one network.
        networks: The estimate n(n-1)/2 / pairs (the inverse Simpson index); infinite for no pairs.
        low: Lower end, one-sided 99 % (Poisson, Garwood 1936).
        high: Upper end, one-sided 99 %; infinite for no pairs.
    """

    pairs: int
    networks: float
    low: float
    high: float


def positions(addresses: Addresses, family: Family) -> Positions:
    """Positions of addresses of one family, shape (n,)."""
    if family == 4:
        return as_keys(addresses, 4).astype(np.uint64)
    return np.ascontiguousarray(addresses[:, :8]).view(">u8").ravel().astype(np.uint64)


def whole_space(family: Family) -> Space:
    """Every address that a tool which knows nothing may make up: 2^32, or all of 2000::/3."""
    if family == 4:
        return Space.of("the whole address space", _u64([0]), _u64([2**32 - 1]))
    return Space.of("2000::/3", _u64([0x2000 << 48]), _u64([(0x4000 << 48) - 1]))


def unicast_space(family: Family) -> Space:
    """The space without its reserved parts."""
    if family == 6:
        return whole_space(6)
    bounds = [_bounds(text) for text in _RESERVED_V4]
    starts = [low + count for low, count in bounds if low + count < 2**32]
    ends = [low - 1 for low, _ in bounds if low]
    return Space.of("the unreserved address space", _u64(starts[: len(ends)]), _u64(ends))


def routed_space(table: RangeTable) -> Space:
    """The space that some network announces, by a table of AS numbers."""
    if table.family == 4:
        starts, ends = table.starts.astype(np.uint64), table.ends.astype(np.uint64)
    else:
        starts, ends = _upper_half(table.starts), _upper_half(table.ends)
    # Ranges finer than a /64 fall together; one that begins where the last ended belongs to it.
    fresh = np.concatenate([[True], starts[1:] > np.maximum.accumulate(ends)[:-1]])
    last = np.concatenate([np.flatnonzero(fresh)[1:] - 1, [len(ends) - 1]])
    return Space.of("the announced address space", starts[fresh], ends[last])


def reserved(addresses: Addresses, family: Family, *, private: bool) -> npt.NDArray[np.bool_]:
    """Which sources cannot have come over the Internet.

    Args:
        addresses: Shape (n, 16), of one family.
        family: 4 or 6.
        private: Count private networks too; False where the victim is in one itself.
    """
    where = positions(addresses, family)
    if family == 6:
        local = (where >> np.uint64(57)) == 0x7E if not private else np.zeros(len(where), np.bool_)
        return np.asarray(((where >> np.uint64(61)) != 1) & ~local)
    found = np.zeros(len(where), np.bool_)
    for text in _RESERVED_V4:
        if private or text not in _PRIVATE_V4:
            low, count = _bounds(text)
            found |= (where >= low) & (where < low + count)
    return found


def in_private(address: bytes) -> bool:
    """Whether a 16-byte address is in a private network (RFC 1918, RFC 6598, RFC 4193)."""
    raw = np.frombuffer(address, np.uint8)[None]
    family: Family = 4 if bool(is_v4(raw)[0]) else 6
    inside = reserved(raw, family, private=True) & ~reserved(raw, family, private=False)
    return bool(inside[0])


def divergence(sources: Positions, space: Space, blocks: int = BLOCKS) -> Divergence:
    """Jensen-Shannon divergence (Lin 1991) of sources from even spread over a space.

    The space is cut into blocks of equal size, so that even spread gives each the same share; sources
    outside it make one more block, in which none are expected.

    Args:
        sources: Positions of distinct sources, not empty.
        space: The reference.
        blocks: How many blocks.
    """
    fraction = space.fractions(sources)
    inside = fraction[~np.isnan(fraction)]
    counts = np.bincount((inside * blocks).astype(np.int64), minlength=blocks)
    number = len(sources)
    value = float(_block_terms(counts, number, blocks).sum()) + 0.5 * (number - len(inside)) / number
    mean, deviation, skew = null_moments(number, blocks)
    return Divergence(
        value,
        mean,
        mean + deviation * _corrected(1.6449, skew),
        mean + deviation * _corrected(2.3263, skew),
    )


def _block_terms(counts: npt.NDArray[np.int64], number: int, blocks: int) -> npt.NDArray[np.float64]:
    """What blocks with those counts add to the divergence, bits."""
    share, even = counts / number, 1 / blocks
    middle = (share + even) / 2
    own = np.where(counts > 0, share * np.log2(np.maximum(share, 1e-300) / middle), 0.0)
    return np.asarray(0.5 * (own + even * np.log2(even / middle)))


def _corrected(quantile: float, skew: float) -> float:
    """A normal quantile corrected for skewness (first term of Cornish and Fisher 1938)."""
    return quantile + (quantile**2 - 1) * skew / 6


@lru_cache(maxsize=4096)
def null_moments(number: int, blocks: int = BLOCKS) -> tuple[float, float, float]:
    """Mean, standard deviation (bits) and skewness of the divergence of evenly spread sources.

    The divergence is a sum over blocks of a function f of the block's count. Counts of evenly spread
    sources are multinomial: independent Poisson counts given their sum. Removing from f what is linear
    in the count (the regression on the sum) gives the moments for a fixed sum (Steck 1957, Morris 1975,
    central limit theorems for multinomial sums). For many sources per block the mean tends to
    (blocks - 1) / (8 n ln 2), the chi-square approximation.
    """
    rate = number / blocks
    top = int(rate + 12 * math.sqrt(rate) + 30)
    counts = np.arange(top + 1)
    weight = np.exp(special.xlogy(counts, rate) - rate - special.gammaln(counts + 1))  # Poisson
    terms = _block_terms(counts, number, blocks)
    mean = float(weight @ terms)
    slope = float(weight @ ((terms - mean) * (counts - rate))) / rate
    rest = terms - mean - slope * (counts - rate)
    variance = blocks * float(weight @ rest**2)
    third = blocks * float(weight @ rest**3)
    return blocks * mean, math.sqrt(variance), third / variance**1.5


def clustering(sources: Positions, family: Family, *, wider: int = 0) -> Clustering:
    """How clustered distinct sources are in /16 (IPv4) or /32 (IPv6) networks, or `wider` bits shorter.

    Pairs of draws that coincide estimate the sum of squared shares without bias, for any sample size
    and however many networks there are (Simpson 1949; as a test of evenness Paninski 2008).
    """
    shift = np.uint64((16 if family == 4 else 32) + wider)
    _, counts = np.unique(sources >> shift, return_counts=True)
    pairs = int((counts.astype(np.int64) * (counts - 1) // 2).sum())
    possible = len(sources) * (len(sources) - 1) / 2
    most = float(special.chdtri(2 * pairs + 2, 0.01)) / 2
    least = float(special.chdtri(2 * pairs, 0.99)) / 2 if pairs else 0.0
    return Clustering(
        pairs,
        possible / pairs if pairs else math.inf,
        possible / most,
        possible / least if pairs else math.inf,
    )


def _u64(numbers: list[int]) -> Positions:
    return np.array(numbers, np.uint64)


def _bounds(network: str) -> tuple[int, int]:
    """First address and size of an IPv4 network in text."""
    text, bits = network.split("/")
    parts = [int(part) for part in text.split(".")]
    first = parts[0] << 24 | parts[1] << 16 | parts[2] << 8 | parts[3]
    return first, 1 << (32 - int(bits))


def _upper_half(keys: npt.NDArray[np.bytes_]) -> Positions:
    raw = np.frombuffer(keys.tobytes(), np.uint8).reshape(-1, 16)
    return positions(raw, 6)
