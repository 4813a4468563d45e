"""What the entries of standing matching hold: that one side wants it, and the masks of a day."""

import msgspec


class StandingSet(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one side wants standing matching with the other: on its own record, and to the other. The object is the wish.

    Attributes:
        partner: The other side, as who writes it sees it.
        on: Whether it is wanted.
    """

    partner: str
    on: bool


class MaskMade(msgspec.Struct, frozen=True, kw_only=True):
    """This side's mask for a partner and day; the object is the mask. Sealed; it purges itself a day after that.

    Attributes:
        partner: For whom.
        epoch: The day.
        secret: What the mask follows from, hexadecimal.
    """

    partner: str
    epoch: str
    secret: str
