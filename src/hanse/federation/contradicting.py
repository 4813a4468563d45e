"""Putting on record that a partner contradicts itself, with both notes that it signed."""

from hanse.federation.contents import Conflict
from hanse.federation.models import Contradiction, Partner
from hanse.federation.sending import speaker
from hanse.kernel.clock import now_us
from hanse.ledger.identity import authority
from hanse.ledger.writing import append


def say(partner: Partner, words: str, before: str, now: str, found_by: str = "") -> None:
    """Put a contradiction on record, once for each that is found.

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
    content = Conflict(words, before, now, found_by or authority(), now_us())
    append("federation.conflict", content, actor=speaker(), object_id=partner.object_id)
