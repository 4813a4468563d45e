"""Retention dates that act: what is past its date is purged, by the node itself."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from hanse.kernel import envelope
from hanse.kernel.actors import system
from hanse.kernel.clock import now_us
from hanse.ledger.identity import authority
from hanse.ledger.models import Entry
from hanse.ledger.service import purge


def purge_due() -> int:
    """Purge every object that is past its retention date; the number of objects."""
    due = sorted(_due(now_us()))
    if due:
        purge(due, system("retention", authority()), "The retention date is past.")
    return len(due)


def _due(now: int) -> Iterator[UUID]:
    """Objects past the date of their newest own entry, or of their newest entry where none is their own.

    An earlier version's date does not count: only the originator can put it off, by a version that says so. The
    indexed column finds them; the signed envelope decides, because a column could have been altered.
    """
    own, newer = Q(recipient=""), Entry.objects.filter(object_id=OuterRef("object_id"))
    last_own = own & ~Exists(newer.filter(own, version__gt=OuterRef("version")))
    last_sent = ~own & ~Exists(newer.filter(own | Q(version__gt=OuterRef("version"))))
    entries = Entry.objects.filter(last_own | last_sent, retention_us__lt=now, body__isnull=False)
    for object_id, payload in entries.values_list("object_id", "payload").distinct():
        date = envelope.decode(bytes(payload)).marking.get("retention_us")
        if date is not None and date < now:
            yield object_id
