"""Putting on record that a partner contradicts itself, with both notes that it signed."""

from typing import Final

from hanse.federation.contents import Conflict
from hanse.federation.models import Contradiction, Partner
from hanse.federation.sending import speaker
from hanse.kernel.clock import now_us
from hanse.ledger.identity import authority
from hanse.ledger.writing import append

PER_DAY: Final = 100
"""Contradictions of one partner that are put on record in a day: one is enough to believe it no more, and each page of it
can bring another."""
_DAY_US: Final = 86_400_000_000


def say(partner: Partner, words: str, before: str, now: str, found_by: str = "") -> None:
    """Put a contradiction on record, once for each that is found, and no more than `PER_DAY` of one partner in a day.

    Args:
        partner: Who contradicts itself.
        words: What was found.
        before: The note that was believed; may be empty.
        now: The note that contradicts it; may be empty.
        found_by: Who found it; this authority by default.
    """
    said = Contradiction.objects.filter(partner=partner.authority, words=words)
    if said.filter(before=before, now=now).exists():
        return
    since = now_us() - _DAY_US
    if Contradiction.objects.filter(partner=partner.authority, time_us__gt=since).count() >= PER_DAY:
        return
    content = Conflict(words, before, now, found_by or authority(), now_us())
    append("federation.conflict", content, actor=speaker(), object_id=partner.object_id)
