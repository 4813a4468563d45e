"""A sketch of an attack's sources: small, the same on every engine, and comparable between authorities.

It is a theta sketch of Apache DataSketches (https://datasketches.apache.org/docs/Theta/ThetaSketches.html)
in its compact, ordered form: the `SIZE` smallest hashes of the distinct addresses and the hash that bounds
them. An item is an address as 16 octets, IPv4 as ::ffff:a.b.c.d, hashed with MurmurHash3_x64_128 under the
library's default seed; so the library in any language makes the same sketch of the same addresses when it
is given those octets. Nothing in it depends on the order in which sources came.

A sketch is not anonymous: whoever tries all IPv4 addresses finds those whose hashes it holds. It is to be
shared as the addresses themselves are.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from datasketches import compact_theta_sketch, theta_intersection, theta_union

from hanse.kernel.errors import UsageError

SIZE = 1_024
"""Hashes kept: 8 KiB. Of more sources their number is known to 3 %, and a share in common to 1.6 points
(one standard error, 1/sqrt(k) and at most 0.5/sqrt(k))."""

SEED = 9_001
"""The default update seed of DataSketches; sketches of different seeds cannot be compared."""

_SEED_HASH = 0x93CC
"""The lowest 16 bits of the seed's own hash, by which the library refuses sketches of another seed."""
_FAMILY, _VERSION = 3, 3
"""Compact theta sketch; serial version 3."""
_READ_ONLY, _EMPTY, _COMPACT, _ORDERED = 2, 4, 8, 16
_WHOLE = 2**63 - 1
"""The bound of a sketch that holds all hashes."""

Words: TypeAlias = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Common:
    """An estimate with its bounds at 95 %.

    Attributes:
        least: Lower bound, addresses.
        estimate: Most likely number, addresses.
        most: Upper bound, addresses.
        all: Estimated distinct addresses in both sketches together.
    """

    least: float
    estimate: float
    most: float
    all: float


def sketch_of(addresses: pa.Array | pa.ChunkedArray) -> bytes:
    """The serialised sketch of addresses.

    Args:
        addresses: Values of 16 octets, without nulls; any order, repeated or not.
    """
    joined = addresses.combine_chunks() if isinstance(addresses, pa.ChunkedArray) else addresses
    if not len(joined):
        return _serialised(np.empty(0, np.uint64), _WHOLE)
    words = np.frombuffer(joined.buffers()[1], np.uint64).reshape(-1, 2)
    found = hashes(words[joined.offset : joined.offset + len(joined)])
    # The library throws a hash of 0 away as well: it marks an empty place of its table.
    found = found[found != 0]
    few = len(found)
    while few > 4 * SIZE and len(np.unique(found[: 4 * SIZE])) > SIZE:
        # Only hashes up to the largest of some of them can be among the smallest of all.
        bound = np.unique(found[: 4 * SIZE])[SIZE]
        found = found[found <= bound]
        if len(found) == few:
            break
        few = len(found)
    distinct = np.unique(found)
    if len(distinct) <= SIZE:
        return _serialised(distinct, _WHOLE)
    return _serialised(distinct[:SIZE], int(distinct[SIZE]))


def common(one: bytes, other: bytes) -> Common:
    """How many sources two attacks have in common.

    Raises:
        UsageError: One of them is no theta sketch, or of another seed.
    """
    first, second = _read(one), _read(other)
    both, either = theta_intersection(), theta_union()
    for sketch in (first, second):
        both.update(sketch)
        either.update(sketch)
    found = both.get_result()
    return Common(
        found.get_lower_bound(2),
        found.get_estimate(),
        found.get_upper_bound(2),
        either.get_result().get_estimate(),
    )


def _read(sketch: bytes) -> compact_theta_sketch:
    """A sketch from its octets."""
    try:
        return compact_theta_sketch.deserialize(sketch)
    except (ValueError, RuntimeError, IndexError) as error:
        raise UsageError(
            f"This is no theta sketch of an attack's sources: {error}. Give the text of evidence.source_sketch, "
            "decoded from base64."
        ) from error


def _serialised(hashed: Words, bound: int) -> bytes:
    """The compact form: up to three longs before the hashes, which are in ascending order."""
    count = len(hashed)
    flags = _READ_ONLY | _COMPACT | _ORDERED
    longs = 3 if bound < _WHOLE else 2
    if count <= 1 and bound == _WHOLE:
        longs, flags = 1, flags | (0 if count else _EMPTY)
    head = bytes([longs, _VERSION, _FAMILY, 0, 0, flags]) + _SEED_HASH.to_bytes(2, "little")
    if longs > 1:
        head += count.to_bytes(4, "little") + bytes(4)
    if longs > 2:
        head += bound.to_bytes(8, "little")
    return head + hashed.astype("<u8").tobytes()


_C1, _C2 = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
_ADD1, _ADD2 = np.uint64(0x52DCE729), np.uint64(0x38495AB5)
_MIX1, _MIX2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)


def _turned(words: Words, bits: int) -> Words:
    """Words rotated to the left."""
    return (words << np.uint64(bits)) | (words >> np.uint64(64 - bits))


def _mixed(words: Words) -> Words:
    """MurmurHash3's final mixing."""
    shift = np.uint64(33)
    words = (words ^ (words >> shift)) * _MIX1
    words = (words ^ (words >> shift)) * _MIX2
    return words ^ (words >> shift)


def hashes(items: Words) -> Words:
    """What DataSketches keeps of items of 16 octets: the first half of their hash, without its lowest bit.

    MurmurHash3_x64_128 (https://github.com/aappleby/smhasher), one block and no tail.

    Args:
        items: The octets as little-endian words, shape (n, 2).

    Returns:
        Numbers under 2^63, shape (n,).
    """
    seed, length, five = np.uint64(SEED), np.uint64(16), np.uint64(5)
    one = seed ^ (_turned(items[:, 0] * _C1, 31) * _C2)
    one = (_turned(one, 27) + seed) * five + _ADD1
    two = seed ^ (_turned(items[:, 1] * _C2, 33) * _C1)
    two = (_turned(two, 31) + one) * five + _ADD2
    one, two = one ^ length, two ^ length
    one = one + two
    two = two + one
    return (_mixed(one) + _mixed(two)) >> np.uint64(1)


def smallest(sketch: bytes, number: int) -> tuple[Words, float]:
    """The smallest hashes of a sketch, ascending, and which share of all addresses they are a sample of, over 0 to 1.

    Two attacks sampled so keep the same addresses: those whose hashes are below both bounds.

    Raises:
        UsageError: It is no theta sketch, or of another seed.
    """
    read = _read(sketch)
    found = np.unique(np.fromiter(read, np.uint64))
    if len(found) > number:
        return found[:number], int(found[number]) / _WHOLE
    return found, min(max(int(read.theta64), 1) / _WHOLE, 1.0)
