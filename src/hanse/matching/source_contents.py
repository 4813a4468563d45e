"""What the entries of counting sources hold: that it was asked for, and what came of it."""

import msgspec

from hanse.kernel.clock import Moment

STATES = {
    "waiting": "Not answered yet",
    "counted": "Counted",
    "refused": "Refused",
    "failed": "Answered what cannot be used",
    "unanswered": "Not answered within a day",
    "broken": "Broken off by the partner",
}
"""How a count stands, in words."""


class CountAsked(msgspec.Struct, frozen=True, kw_only=True):
    """It is to be counted how many sources two attacks have in common; the object is the count. Sealed.

    Attributes:
        partner: With whom.
        ours: Whether this authority asked.
        question: What both call it: 32 hexadecimal digits that say nothing.
        own: The own attack, hexadecimal.
        theirs: The partner's attack as an object here, hexadecimal; empty where it asked about one that it did not share.
        epoch: Under which points are made.
        secret: What hides this side's sources follows from it, hexadecimal: whoever has it can do the count again.
        at_us: When, microseconds UTC.
    """

    partner: str
    ours: bool
    question: str
    own: str
    theirs: str
    epoch: str
    secret: str
    at_us: Moment


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; the object is the count.

    Attributes:
        state: One of `STATES`, never ``waiting``.
        why: Why it was not counted, in words; empty where it was.
        common: Sources in common among those that were compared.
        own_size: Own sources that were compared.
        own_share: The share of all addresses that they are a sample of.
        other_size: The partner's.
        other_share: Likewise.
        transcript: Hash of all that went over the wire, the same on both sides, hexadecimal.
        at_us: When, microseconds UTC.
    """

    state: str
    why: str = ""
    common: int = 0
    own_size: int = 0
    own_share: float = 1.0
    other_size: int = 0
    other_share: float = 1.0
    transcript: str = ""
    at_us: Moment = 0
