"""What a partner may have compared in a day, so that it cannot find out by asking what stands in the cases here.

Cryptography cannot know whether a selector stands in a case. So what a partner puts in is counted for every kind that
it names, is held against the open cases that it says to have, and stands on record for both auditors.
"""

from typing import Final

from django.db.models import Q

from hanse.kernel import units
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.matching import commitment
from hanse.matching.models import Agreement, Run

PER_CASE: Final = 2_000
"""Selectors that one open case can justify: the address book of a telephone, the accounts of a gang. What is more than
this for each case is a blanket request."""
RUNS: Final = 24
"""Comparisons that a partner may open in a day: each, of one selector too, has all that is offered here worked through,
and 80 bytes of each selector kept for thirty days."""
DAY_US: Final = 86_400_000_000


class BlanketError(UsageError):
    """More is offered than the cases justify, or than the quota of the day allows."""


def check(agreement: Agreement, row: Run, size: int, kinds: tuple[str, ...], cases: int) -> None:
    """Refuse a run in which a partner puts in more than it may.

    Args:
        agreement: With the partner.
        row: The run.
        size: Values that it puts in, as it committed to.
        kinds: Of these.
        cases: Its open cases, as it says.

    Raises:
        BlanketError: It is too much; says what, for the partner and both auditors.
    """
    if size > cases * PER_CASE:
        raise BlanketError(
            f"{size:,} selectors are more than {cases:,} open cases justify ({PER_CASE:,} each). Compare fewer kinds, "
            "or close what is not investigated."
        )
    used = spent(row.partner, row)
    for kind in sorted({*kinds, *_open_to(row)}):
        if used.get(kind, 0) + size > agreement.per_day:
            raise BlanketError(
                f"Of the kind {kind}, {used.get(kind, 0):,} of {agreement.per_day:,} selectors that may be compared in a day were, and "
                f"this would be {size:,} more. Try again tomorrow, or compare fewer kinds."
            )


def check_opens(row: Run) -> None:
    """Refuse a run that a partner opens, where one that it opened goes on, or it opened enough in the last 24 hours.

    Raises:
        UsageError: It is so; says what, for the partner.
    """
    begun = Run.objects.filter(partner=row.partner, ours=False).exclude(own="").exclude(pk=row.pk)
    if begun.filter(state="comparing").exists():
        raise UsageError(f"A comparison that {row.partner} opened goes on. They are done one at a time.")
    if begun.filter(begun_us__gt=now_us() - DAY_US).count() >= RUNS:
        raise UsageError(
            f"{row.partner} opened {units.count(RUNS)} comparison{'s' * (RUNS > 1)} within a day. Try again tomorrow."
        )


def spent(partner: str, but: Run | None = None) -> dict[str, int]:
    """Selectors that a partner had compared in the last 24 hours, by kind; each run counts for every kind that it could be of.

    A run that it broke off once it could know hits counts for the whole day. Only those do not count that were declined
    before this side put in anything, or that this side opened.

    Args:
        partner: Who.
        but: A run that is not counted.
    """
    found: dict[str, int] = {}
    rows = Run.objects.filter(partner=partner, begun_us__gt=now_us() - DAY_US).exclude(other="")
    for row in rows.exclude(Q(state="declined") & (Q(own="") | Q(ours=True))):
        if but is not None and row.pk == but.pk:
            continue
        said = commitment.read(row.other.encode())
        size = _ALL if row.state == "broken" else said.size
        for kind in {*said.kinds, *_open_to(row)}:
            found[kind] = found.get(kind, 0) + size
    return found


def _open_to(row: Run) -> tuple[str, ...]:
    """The kinds of which a partner may have put in values whatever it names, for nobody sees of which they are.

    In a run that this side opens these are all that it offers: it commits before it knows what the partner names.
    """
    return commitment.read(row.own.encode()).kinds if row.ours and row.own else ()


_ALL: Final = 10**9
"""More than any quota."""
