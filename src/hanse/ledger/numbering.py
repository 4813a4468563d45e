"""Which place and version an entry gets: the node's own order for its own entries, and each recipient's for theirs.

A recipient sees the entries addressed to it and nothing else. So their places are counted per recipient, and their
versions are those of the object, however many others got it: neither has a gap from which it could read how much
the node writes, or to how many.
"""

import json
from collections.abc import Collection, Iterable
from uuid import UUID

from django.db import connections

from hanse.kernel import envelope
from hanse.kernel.errors import HanseError
from hanse.ledger.models import Entry, Lost
from hanse.ledger.routing import database

_EACH = """
SELECT asked.id, had.recipient, had.version FROM unnest(%s::uuid[]) AS asked (id) CROSS JOIN LATERAL
  (SELECT recipient, max(version) AS version FROM ledger_entry WHERE object_id = asked.id GROUP BY recipient) AS had
"""
"""Each object by itself: PostgreSQL would read all entries where it does not know yet how many objects they have."""

_AMONG = """
SELECT object_id, recipient, max(version) FROM ledger_entry WHERE object_id IN (SELECT value FROM json_each(%s))
GROUP BY object_id, recipient
"""


class VersionError(HanseError):
    """There is an entry of this version of the object for this recipient."""


class Numbering:
    """The next places and versions, while the head row is locked."""

    def __init__(self, drafts: Iterable[tuple[UUID | None, str]]) -> None:
        """Read what the objects and recipients of some drafts have."""
        told = list(drafts)
        self._places = {recipient: _reached(recipient) for recipient in {to for _, to in told if to}}
        self._versions: dict[tuple[UUID, str], int] = {}
        if objects := {one for one, _ in told if one is not None}:
            self._versions.update({(one, recipient): version for one, recipient, version in _latest(objects)})
        self._highest: dict[UUID, int] = {}
        for (one, _), version in self._versions.items():
            self._highest[one] = max(version, self._highest.get(one, 0))

    def place(self, sequence: int, recipient: str) -> int:
        """What the envelope says as its `seq`; without a recipient it is the sequence in the ledger."""
        if not recipient:
            return sequence
        self._places[recipient] = place = self._places[recipient] + 1
        return place

    def version(self, object_id: UUID, recipient: str) -> int:
        """The version of the object that the next entry has.

        An own entry makes the next version, also of what recipients have: own ones may have been lost. One to a
        recipient is of the version that the object has; where the object has no own entries, such as a message, it
        counts for itself.

        Raises:
            VersionError: The recipient has an entry of this version: two would contradict each other.
        """
        own, had = self._versions.get((object_id, ""), 0), self._versions.get((object_id, recipient), 0)
        version = own if recipient and own else (had if recipient else self._highest.get(object_id, 0)) + 1
        if version <= had:
            raise VersionError(
                f"Version {version} of {object_id} has gone to {recipient} already. Write a new version first."
            )
        self._versions[object_id, recipient] = version
        self._highest[object_id] = max(version, self._highest.get(object_id, 0))
        return version


def _reached(recipient: str) -> int:
    """The place of the last entry to a recipient; -1 before the first."""
    rows = Entry.objects.using(database()).filter(recipient=recipient).order_by("-sequence")
    sequence, payload = rows.values_list("sequence", "payload").first() or (-1, None)
    lost = Lost.objects.using(database()).filter(recipient=recipient, sequence__gt=sequence).count()
    return (-1 if payload is None else envelope.decode(bytes(payload)).seq) + lost


def _latest(objects: Collection[UUID]) -> Iterable[tuple[UUID, str, int]]:
    """The last version of each object that recipients, or the node itself, have.

    In plain SQL: every append asks, and to put the question together took longer than to answer it.
    """
    connection = connections[database()]
    by_hex = {one.hex: one for one in objects}
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(_AMONG, [json.dumps([*by_hex])])
            return [(by_hex[one], recipient, version) for one, recipient, version in cursor.fetchall()]
        cursor.execute(_EACH, [f"{{{','.join(by_hex)}}}"])
        return list(cursor.fetchall())
