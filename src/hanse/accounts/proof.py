"""Asking the ledger itself whether a row of people, roles, passkeys or tokens is true.

Whoever can write to the database can insert a role; they cannot sign an entry that grants it. So whatever lets
somebody in is checked here, in this order:

1. all entries of the object are read, oldest first;
2. each one's bytes are signed by a key of this node, and say the sequence, object and version of their row;
3. each one's body is what the entry commits to;
4. the state is what the entries say, in order; the projection's row only says where to look.

An entry that somebody deleted is missed by `hanse fsck` (sequences have no gaps), not here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import msgspec

from hanse.kernel import envelope, sealing
from hanse.kernel.errors import HanseError
from hanse.ledger import keyring
from hanse.ledger.kinds import known
from hanse.ledger.models import Entry
from hanse.ledger.reading import Written


@dataclass(frozen=True, slots=True)
class Said:
    """What one signed entry says.

    Attributes:
        sequence: Its place in the ledger.
        kind: Its kind.
        content: Its content, of that kind's type.
    """

    sequence: int
    kind: str
    content: msgspec.Struct


def histories(objects: Iterable[UUID]) -> dict[UUID, tuple[Said, ...]]:
    """What the entries of objects say, oldest first; empty for an object with an entry that does not hold."""
    wanted = set(objects)
    found: dict[UUID, list[Said | None]] = {one: [] for one in wanted}
    rows = Entry.objects.filter(object_id__in=wanted).select_related("body").order_by("object_id", "version")
    for row in rows:
        found[row.object_id].append(_said(row))
    return {
        one: tuple(said for said in saids if said is not None) if None not in saids else ()
        for one, saids in found.items()
    }


def last(object_id: UUID) -> Said | None:
    """The last thing that was said about an object, or None where nothing is, or it does not hold."""
    said = histories([object_id])[object_id]
    return said[-1] if said else None


def _said(row: Entry) -> Said | None:
    """Steps 2 and 3 for one entry."""
    body = getattr(row, "body", None)
    if body is None:
        return None
    checked = _checked(
        bytes(row.payload), bytes(row.signature), row.key, bytes(body.salt), bytes(body.data), body.sealed
    )
    if checked is None:
        return None
    head, content = checked
    if (head.seq, head.object, head.version) != (row.sequence, row.object_id.hex, row.version):
        return None
    return Said(head.seq, head.kind, content)


@lru_cache(maxsize=16_384)
def _checked(
    payload: bytes, signature: bytes, key: str, salt: bytes, data: bytes, sealed: bool
) -> tuple[envelope.Envelope, msgspec.Struct] | None:
    """The envelope and the content that bytes prove, or None where they do not; kept, as bytes never change."""
    keys = keyring.current()
    try:
        head = envelope.verify(payload, signature, keys.verify_key(key))
        opened = sealing.open_rest(keys.data, payload, data) if sealed else data
        kind = known(head.kind)
        if kind is None or envelope.commit(salt, opened).hex() != head.commitment:
            return None
        return head, msgspec.json.decode(msgspec.json.decode(opened, type=Written).content, type=kind.content)
    except (HanseError, msgspec.DecodeError):
        return None
