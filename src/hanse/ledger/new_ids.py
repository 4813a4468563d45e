"""Ids of new objects: those of the node itself stay in the order of their indexes, a partner's say nothing."""

import secrets
from collections.abc import Iterator
from uuid import UUID

import msgspec

_BYTES = 10
"""Of chance in an id, before its version and variant are set."""
_FREE = int("0fff3fff" + "f" * 12, 16)
_VERSION_AND_VARIANT = int("70008000" + "0" * 12, 16)
"""Bits after the 48 of time (RFC 9562, 5.7): those of chance, and version 7 with the variant."""


def own(time_us: int, count: int) -> Iterator[tuple[UUID, str]]:
    """Ids of the node's own new objects, in ascending order: UUIDs of version 7, which begin with the time.

    They say no more than the entries' own time and sequence. In ascending order, those of one call are added at the end
    of an index instead of between its rows.

    Args:
        time_us: Of their first entries, microseconds UTC.
        count: How many.

    Yields:
        Each, and its 32 hexadecimal digits.
    """
    # All of one call are worked out as one number: one by one, they would take as long as the entries' hashes.
    free, fixed = (int.from_bytes(bits.to_bytes(_BYTES) * count) for bits in (_FREE, _VERSION_AND_VARIANT))
    chance = int.from_bytes(secrets.token_bytes(_BYTES * count)) & free | fixed
    begin, drawn = (time_us // 1_000).to_bytes(6), chance.to_bytes(_BYTES * count)
    ids = sorted(begin + drawn[at : at + _BYTES] for at in range(0, len(drawn), _BYTES))
    digits = b"".join(ids).hex()
    return zip(
        msgspec.convert(ids, list[UUID]),
        (digits[at : at + 32] for at in range(0, len(digits), 32)),
        strict=True,
    )
