"""What the entries of standing matching hold: that one side wants it, the masks of a day, and what passed on it."""

import msgspec

from hanse.matching.standing_chain import Chain


class StandingSet(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one side wants standing matching with the other: on its own record, and to the other. The object is the wish.

    Attributes:
        partner: The other side, as who writes it sees it.
        on: Whether it is wanted.
    """

    partner: str
    on: bool


class MaskMade(msgspec.Struct, frozen=True, kw_only=True):
    """This side's mask for a partner and day; the object is the mask. Sealed; it purges itself thirty days after that.

    Attributes:
        partner: For whom.
        epoch: The day.
        secret: What the mask follows from, hexadecimal.
    """

    partner: str
    epoch: str
    secret: str


class DayOver(msgspec.Struct, frozen=True, kw_only=True):
    """What passed on a day, as who writes it has it: on its own record, and to the other side. The object is the day.

    Written anew if something came after it.

    Attributes:
        partner: The other side, as who writes it sees it.
        epoch: The day.
        own: The turns of who writes it that were answered.
        other: The other side's that it answered.
        record: SHA-256 of when each of its own turns was made, by slot and ledger, hexadecimal; empty in what the other
            side is told.
    """

    partner: str
    epoch: str
    own: Chain
    other: Chain
    record: str = ""
