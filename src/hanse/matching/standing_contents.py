"""What the entries of standing matching hold: that one side wants it, and the masks of a week."""

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
    """This side's mask for a partner and week; the object is the mask. Sealed; it purges itself when the week is over.

    Attributes:
        partner: For whom.
        epoch: The week.
        secret: What the mask follows from, hexadecimal.
    """

    partner: str
    epoch: str
    secret: str
