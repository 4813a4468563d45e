"""What binds the turns of a day to each other: a chain that both sides make of what was sent and what was answered.

Whoever alters, leaves out or adds a turn afterwards has another head than was put on record, and than the other side has.
"""

from hashlib import sha256
from typing import Final

import msgspec

_TURN: Final = b"HANSE-V01 standing turn"
_CHAIN: Final = b"HANSE-V01 standing chain"
_BEGIN: Final = bytes(32).hex()


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """The turns of one side on a day, as far as the other answered them.

    Attributes:
        number: How many.
        head: Of the last, hexadecimal.
        before: Of the one before it: who sent the last may not have got its answer.
    """

    number: int = 0
    head: str = _BEGIN
    before: str = _BEGIN

    def after(self, sent: bytes, answer: bytes) -> "Chain":
        """With one more.

        Args:
            sent: `sent_digest` of it.
            answer: SHA-256 of the tokens that it was answered.
        """
        head = sha256(_CHAIN + bytes.fromhex(self.head) + sent + answer).hexdigest()
        return Chain(number=self.number + 1, head=head, before=self.head)

    def is_told_by(self, answerer: "Chain") -> bool:
        """Whether the side that answered says the same: it may have answered one more, whose answer was lost."""
        if answerer.number == self.number + 1:
            return answerer.before == self.head
        return (answerer.number, answerer.head) == (self.number, self.head)


def sent_digest(mask: str, number: int, points: bytes, taken: bytes) -> bytes:
    """The hash of what went out in a turn, the same on both sides.

    Args:
        mask: The sender's mask, hexadecimal id; no other authority and no other day has one of it.
        number: Of the turn.
        points: SHA-256 of the points.
        taken: SHA-256 of the tokens that were taken back.
    """
    return sha256(_TURN + bytes.fromhex(mask) + number.to_bytes(8) + points + taken).digest()
