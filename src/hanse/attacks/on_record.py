"""How an attack stood on record before an entry of the ledger: all that was ever said of it until then."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from hanse.attacks.attack import Attack
from hanse.attacks.service import Found
from hanse.ledger.kinds import kind_of
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import content_of

_FOUND: Final = ("attacks.started", "attacks.found", "attacks.ended")


def versions(attack: UUID, before: int) -> Iterator[Attack]:
    """The attack as each entry before one says it, the oldest first; nothing of those that were purged.

    Args:
        attack: An own attack.
        before: Sequence of an entry.
    """
    entries = Entry.objects.filter(object_id=attack, kind__in=_FOUND, sequence__lt=before)
    bodies = {body.entry_id: body for body in Body.objects.filter(entry__in=entries.values("sequence"))}
    for entry in entries.order_by("sequence"):
        if entry.sequence in bodies:
            content = content_of(entry, bodies[entry.sequence], kind_of(entry.kind))
            assert isinstance(content, Found)  # noqa: S101 - the kinds say so
            yield content.attack
