"""Ids of new objects: those of the node itself stay in the order of their indexes, a partner's say nothing."""

import secrets
from uuid import UUID

import msgspec

_BYTES = 10
"""Of chance in an id, before its version and variant are set."""
_VERSION = bytes(0x70 | one & 0x0F for one in range(256))
_VARIANT = bytes(0x80 | one & 0x3F for one in range(256))
"""What the first and the third of them become (RFC 9562, 5.7): version 7, and the variant."""


def own(time_us: int, count: int) -> tuple[list[UUID], list[str]]:
    """Ids of the node's own new objects, in ascending order: UUIDs of version 7, which begin with the time.

    They say no more than the entries' own time and sequence. In ascending order, those of one call are added at the end
    of an index instead of between its rows.

    Args:
        time_us: Of their first entries, microseconds UTC.
        count: How many.

    Returns:
        The ids, and the 32 hexadecimal digits of each.
    """
    # The bytes of all of one call are set at once: one by one, they would take as long as the entries' hashes.
    chance = bytearray(secrets.token_bytes(_BYTES * count))
    chance[0::_BYTES] = chance[0::_BYTES].translate(_VERSION)
    chance[2::_BYTES] = chance[2::_BYTES].translate(_VARIANT)
    begin, drawn = (time_us // 1_000).to_bytes(6).hex(), chance.hex()
    digits = sorted([begin + drawn[at : at + 2 * _BYTES] for at in range(0, len(drawn), 2 * _BYTES)])
    return msgspec.convert(digits, list[UUID]), digits
