"""What the ledger itself writes: its founding, its keys, and what was purged from it."""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from hanse.kernel.actors import Actor
from hanse.kernel.keys import key_id
from hanse.ledger.kinds import Kind, all_kinds
from hanse.ledger.models import Body, Entry, NodeKey, Purged
from hanse.ledger.recorded import Recorded
from hanse.ledger.writing import append, writing


class Founded(msgspec.Struct):
    """The first entry: who the authority is, and its first keys (raw public keys, hexadecimal)."""

    authority: str
    name: str
    country: str
    tier: str
    verify: str
    seal: str


class KeyRotated(msgspec.Struct):
    """New keys, said under the old one."""

    verify: str
    seal: str
    replaces: str


class KeyRevoked(msgspec.Struct):
    """A key that is no longer to be believed from a time on, microseconds UTC."""

    key: str
    since_us: int


class PurgedContent(msgspec.Struct):
    """Objects whose bodies, salts and derived fields are gone; the entries that held them."""

    objects: list[str]
    entries: list[int]
    law: str


def purge(objects: Iterable[UUID], actor: Actor, reason: str, law: str = "") -> Recorded:
    """Remove every body and derived field of objects, on this node; the commitments and this entry stay.

    Args:
        objects: Objects, with all their versions.
        actor: Who purges.
        reason: Why: retention, recall or erasure, in words.
        law: The legal basis, where there is one.
    """
    wanted = sorted({one.hex for one in objects})
    with writing():
        entries = Entry.objects.filter(object_id__in=wanted, body__isnull=False)
        content = PurgedContent(wanted, sorted(entries.values_list("sequence", flat=True)), law)
        return append("ledger.purged", content, actor=actor, reason=reason)


def _project_founded(recorded: Recorded, content: Founded) -> None:
    _add_key(recorded, content.verify, content.seal)


def _project_rotated(recorded: Recorded, content: KeyRotated) -> None:
    NodeKey.objects.filter(id=content.replaces).update(until_us=recorded.time_us)
    _add_key(recorded, content.verify, content.seal)


def _add_key(recorded: Recorded, verify: str, seal: str) -> None:
    NodeKey.objects.create(
        id=key_id(bytes.fromhex(verify)),
        verify=verify,
        seal=seal,
        since_us=recorded.time_us,
        said_by=recorded.sequence,
    )


def _project_revoked(_: Recorded, content: KeyRevoked) -> None:
    NodeKey.objects.filter(id=content.key).update(revoked_us=content.since_us)


def _project_purged(recorded: Recorded, content: PurgedContent) -> None:
    """Remove the bodies, and let every kind forget what it derived from the objects."""
    Body.objects.filter(entry_id__in=content.entries).delete()
    Purged.objects.bulk_create([Purged(sequence=one, by=recorded.sequence) for one in content.entries])
    for one in content.objects:
        for kind in all_kinds():
            kind.forget(UUID(one))


KINDS = (
    Kind("ledger.founded", Founded, _project_founded),
    Kind("ledger.key_rotated", KeyRotated, _project_rotated),
    Kind("ledger.key_revoked", KeyRevoked, _project_revoked),
    Kind("ledger.purged", PurgedContent, _project_purged),
)
