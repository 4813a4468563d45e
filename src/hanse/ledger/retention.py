"""Retention dates that act: what is past its date is purged, by the node itself."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from hanse.kernel import envelope
from hanse.kernel.actors import system
from hanse.kernel.clock import now_us
from hanse.ledger.identity import authority
from hanse.ledger.models import Entry
from hanse.ledger.service import purge

Stay = Callable[[Sequence[UUID]], Iterable[UUID]]
"""Given objects that are past their dates, which of them stay all the same."""

_stay: list[Stay] = []


def let_stay(which: Stay) -> None:
    """Register what stays; the composition calls it once per room and process."""
    if which not in _stay:
        _stay.append(which)


def purge_due() -> int:
    """Purge every object that is past its retention date, but for what stays; the number of objects."""
    due = sorted(_due(now_us()))
    kept = {one for which in _stay for one in which(due)} if due else set()
    due = [one for one in due if one not in kept]
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
