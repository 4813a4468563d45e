"""Retention dates that act: what is past its date is purged, by the node itself."""

from collections.abc import Iterator
from uuid import UUID

from hanse.kernel import envelope
from hanse.kernel.actors import system
from hanse.kernel.clock import now_us
from hanse.ledger.identity import authority
from hanse.ledger.models import Entry
from hanse.ledger.service import purge

_MARK = b'"retention_us":'


def purge_due() -> int:
    """Purge every object that has an entry past its retention date; the number of objects."""
    due = sorted(set(_due(now_us())))
    if due:
        purge(due, system("retention", authority()), "The retention date is past.")
    return len(due)


def _due(now: int) -> Iterator[UUID]:
    """Objects past their date. The signed envelope alone is asked: a column could have been altered."""
    entries = Entry.objects.filter(body__isnull=False).only("payload", "object_id")
    for entry in entries.iterator(chunk_size=1_000):
        payload = bytes(entry.payload)
        if _MARK in payload:
            date = envelope.decode(payload).marking.get("retention_us")
            if date is not None and date < now:
                yield entry.object_id
