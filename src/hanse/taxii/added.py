"""When a thing was added: the time of the ledger's entry that last changed it, and one microsecond for each entry before it.

So no two things have one time, a later one never has an earlier time while the clock does not go back, and a rebuilt
node says the same. A client that goes on from the last time that it was told misses nothing and gets nothing twice,
even where thousands of things came in one transaction.
"""

from collections.abc import Iterable

from hanse.ledger.among import among_numbers
from hanse.ledger.models import Entry, Head


def added_us(places: Iterable[int]) -> dict[int, int]:
    """When the things at some places were added, microseconds UTC."""
    wanted = set(places)
    rows = Entry.objects.filter(sequence__in=among_numbers(wanted)).values_list("sequence", "time_us")
    return {sequence: time_us + sequence for sequence, time_us in rows}


def place_at(us: int) -> int:
    """The last place that was added at a time or before it, microseconds UTC; -1 where there is none.

    Sequences have no gaps, so that it takes as many look-ups as the number of entries has binary digits.
    """
    low, high = -1, Head.objects.values_list("next_sequence", flat=True).first() or 0
    while high - low > 1:
        middle = (low + high) // 2
        time_us = Entry.objects.values_list("time_us", flat=True).get(pk=middle)
        low, high = (middle, high) if time_us + middle <= us else (low, middle)
    return low
