"""Asking the ledger itself whether a row of people, roles, passkeys or tokens is true.

Whoever can write to the database can insert a role; they cannot sign an entry that grants it. So whatever lets
somebody in is checked here, in this order:

1. all entries of the object are read, oldest first;
2. each one's bytes are signed by a key of this node, and say the sequence, object and version of their row;
3. each one's body is what the entry commits to;
4. the state is what the entries say, in order; the projection's row only says where to look.

An entry that somebody deleted is missed by `hanse node fsck` (sequences have no gaps), not here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import msgspec
from django.db import connections

from hanse.kernel import envelope
from hanse.kernel.errors import HanseError
from hanse.ledger import keyring
from hanse.ledger.among import among
from hanse.ledger.kinds import kind_of
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import BodyError, Who, Written, opened
from hanse.ledger.routing import database

_ENTRIES = """
SELECT e.sequence, e.object_id, e.version, e.payload, e.signature, e.key, b.salt, b.data, b.sealed
FROM ledger_entry e LEFT JOIN ledger_body b ON b.sequence = e.sequence
WHERE e.object_id IN ({}) ORDER BY e.object_id, e.version
"""
"""In plain SQL: every request waits for it, and Django would take longer to write it than the database to answer it."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one signed entry says.

    Attributes:
        sequence: Its place in the ledger.
        time_us: When it was written, microseconds UTC.
        kind: Its kind.
        who: Who wrote it.
        content: Its content, of that kind's type.
        reason: Why, where one was given.
    """

    sequence: int
    time_us: int
    kind: str
    who: Who
    content: msgspec.Struct
    reason: str


def histories(objects: Iterable[UUID]) -> dict[UUID, tuple[Said, ...]]:
    """What the entries of objects say, oldest first; empty for an object with an entry that does not hold."""
    found: dict[UUID, list[Said | None]] = {one: [] for one in objects}
    with connections[database()].cursor() as cursor:
        asked = among(list(found))
        cursor.execute(_ENTRIES.format(asked.sql), asked.params)
        for sequence, one, version, payload, signature, key, *body in cursor.fetchall():
            object_id = one if isinstance(one, UUID) else UUID(one)
            row = Entry(
                sequence=sequence, payload=payload, signature=signature, key=key, object_id=object_id, version=version
            )  # fmt: skip
            found[object_id].append(_said(row, None if body[0] is None else Body(sequence, *body)))
    return {
        one: tuple(said for said in saids if said is not None) if None not in saids else ()
        for one, saids in found.items()
    }


def last(object_id: UUID) -> Said | None:
    """The last thing that was said about an object, or None where nothing is, or it does not hold."""
    said = histories([object_id])[object_id]
    return said[-1] if said else None


def _said(row: Entry, body: Body | None) -> Said | None:
    """Steps 2 and 3 for one entry."""
    if body is None:
        return None
    try:
        unsealed = opened(row, body)
        checked = _checked(bytes(row.payload), bytes(row.signature), row.key, bytes(body.salt), unsealed)
    except (HanseError, msgspec.DecodeError):
        return None
    head, written, content = checked
    if (head.seq, head.object, head.version) != (row.sequence, row.object_id.hex, row.version):
        return None
    return Said(head.seq, head.time, head.kind, written.actor, content, written.reason)


@lru_cache(maxsize=16_384)
def _checked(
    payload: bytes, signature: bytes, key: str, salt: bytes, body: bytes
) -> tuple[envelope.Envelope, Written, msgspec.Struct]:
    """What bytes prove: the envelope, who and why, and the content; kept, as bytes never change.

    Raises:
        HanseError: The signature or the commitment does not hold, or the kind is not known here.
        msgspec.DecodeError: The body is none.
    """
    head = envelope.verify(payload, signature, keyring.current().verify_key(key))
    if envelope.commit(salt, body) != head.commitment:
        raise BodyError("A body is not what its entry commits to. Run `hanse node fsck`.")
    written = msgspec.json.decode(body, type=Written)
    return head, written, msgspec.json.decode(written.content, type=kind_of(head.kind).content)
