"""A text as a point of which nobody knows the logarithm: hash_to_ristretto255 of RFC 9380, appendix B.

Points are made for one protocol, one epoch and one kind of selector: what was sent for one of them says nothing about
another, and a telephone number and an account of the same digits are two things.
"""

import re
from hashlib import sha512
from typing import Final

from hanse.matching.group import ProtocolError, sodium

_BLOCK: Final = bytes(128)
_HASH: Final = 64
_LONGEST: Final = 255 * _HASH
_WORD: Final = re.compile(r"[A-Za-z0-9.:-]{1,64}")


class Expander:
    """expand_message_xmd with SHA-512 (RFC 9380, section 5.3.1) under one domain separation tag.

    Args:
        tag: 1 to 255 bytes; a longer one would have to be hashed first, and nothing here needs that.

    Raises:
        ValueError: It is shorter or longer.
    """

    def __init__(self, tag: bytes) -> None:
        if not 0 < len(tag) < 256:
            raise ValueError(f"A domain separation tag has 1 to 255 bytes, not {len(tag)}.")
        self._end = tag + len(tag).to_bytes(1)
        self._one = b"\1" + self._end
        self._begun = sha512(_BLOCK)  # the same for every message

    def expand(self, message: bytes, length: int) -> bytes:
        """So many uniform bytes of a message.

        Raises:
            ValueError: More than 16,320 bytes are asked for, or none.
        """
        if not 0 < length <= _LONGEST:
            raise ValueError(f"1 to {_LONGEST:,} bytes can be made of a message, not {length:,}.")
        first = self._begun.copy()
        first.update(message + length.to_bytes(2) + b"\0" + self._end)
        seed = first.digest()
        block = sha512(seed + self._one).digest()
        if length <= _HASH:
            return block[:length]
        blocks = [block]
        for at in range(2, -(-length // _HASH) + 1):
            mixed = int.from_bytes(seed) ^ int.from_bytes(blocks[-1])
            blocks.append(sha512(mixed.to_bytes(_HASH) + at.to_bytes(1) + self._end).digest())
        return b"".join(blocks)[:length]


class Hasher:
    """Makes points of texts, under one domain separation tag."""

    def __init__(self, tag: bytes) -> None:
        self._expander = Expander(tag)
        self._map = sodium().crypto_core_ristretto255_from_hash

    def point(self, message: bytes) -> bytes:
        """The point of a message: 64 uniform bytes through the one-way map of RFC 9496, section 4.3.4."""
        return bytes(self._map(self._expander.expand(message, _HASH)))


def hasher(protocol: str, epoch: str, kind: str) -> Hasher:
    """What makes the points of one protocol, epoch and kind of selector.

    Args:
        protocol: Word of letters, digits, ``.``, ``:`` and ``-``, as are the others; 64 of them at most.
        epoch: As both sides agreed it.
        kind: Of the selectors.

    Raises:
        ProtocolError: One of them is no such word.
    """
    for word in (protocol, epoch, kind):
        if not _WORD.fullmatch(word):
            raise ProtocolError(f"{word[:80]!r} cannot name a protocol, an epoch or a kind of selector.")
    # No word has a slash, so that no two choices of the three give one tag.
    return Hasher(f"HANSE-V01-CS01-{protocol}/{epoch}/{kind}/ristretto255_XMD:SHA-512_R255MAP_RO_".encode())
