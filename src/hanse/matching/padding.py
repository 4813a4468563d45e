"""How many of what is sent is real, so that neither its size nor its number says anything.

Whoever publishes tags or tokens adds a fixed number to them in each turn and takes a fixed number away, whatever
happened. What is missing is filled with decoys, which look like the real ones and can be taken away as well. So the
number of what is published depends on the number of turns alone.
"""

from typing import NamedTuple

LEAST = 1024


class Shares(NamedTuple):
    """What is real of one turn; the rest is decoys.

    Attributes:
        new: Of the added.
        gone: Of those taken away.
    """

    new: int
    gone: int


def padded_size(number: int) -> int:
    """The size that so many are filled up to: at most an eighth more, at least `LEAST`."""
    if number <= LEAST:
        return LEAST
    step = 1 << (number - 1).bit_length() - 4
    return -(-number // step) * step


def shares(new: int, gone: int, decoys: int, *, added: int, taken: int) -> Shares:
    """How many of those that wait go with this turn. Those that are gone go first: they must not stay.

    Args:
        new: How many wait to be added.
        gone: How many wait to be taken away.
        decoys: How many are among those published: at least `taken`, and so they are after it again.
        added: Added in each turn, decoys included.
        taken: Taken away in each turn, decoys included; fewer than `added`.

    Raises:
        ValueError: There are too few decoys.
    """
    if decoys < taken:
        raise ValueError(f"{decoys} decoys cannot hide what {taken} taken away are.")
    leaving = min(gone, taken)
    spare = decoys + added - (taken - leaving) - taken
    return Shares(min(new, added, spare), leaving)
