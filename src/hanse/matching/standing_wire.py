"""The messages of standing matching: a turn, and its answer."""

from typing import Final

import msgspec

TURN: Final = "standing-turn"
TOKENS: Final = "standing-tokens"


class TurnSent(msgspec.Struct, frozen=True, array_like=True):
    """A turn.

    Attributes:
        epoch: The day.
        mask: The sender's mask, hexadecimal id: who lost what it held, or its mask, is known by it.
        yours: The other side's, as the sender knows it; empty where it opens.
        number: Counts from 0, which opens.
        points: Under the sender's mask; `standing.ADDED`, or as many as an opening has.
        taken: Tokens that are taken back, `standing.TAKEN`; none in an opening.
        speaks: What the sender speaks, as of `hello.speaks`.
    """

    epoch: str
    mask: str
    yours: str
    number: int
    points: bytes
    taken: bytes
    speaks: str


class Answered(msgspec.Struct, frozen=True, array_like=True):
    """The answer to a turn.

    Attributes:
        mask: The answerer's mask, hexadecimal id.
        tokens: One for each point, in order.
        anew: The answerer does not hold what the turn goes on from: it goes on with the next day.
        refused: Why there is no answer, in words; empty where there is one.
    """

    mask: str = ""
    tokens: bytes = b""
    anew: bool = False
    refused: str = ""
