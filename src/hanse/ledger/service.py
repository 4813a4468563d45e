"""What the ledger itself writes: its founding, its keys, and what was purged from it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from uuid import UUID

import msgspec
from django.db import connections, transaction
from django.db.models import Count, Max, Min

from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import OpenKey, SigningKey, key_id
from hanse.kernel.units import iso
from hanse.ledger import keyfile, keyring
from hanse.ledger.kinds import Kind, all_kinds, removals, sweeps
from hanse.ledger.models import Body, Entry, Head, NodeKey, Purged
from hanse.ledger.recorded import Recorded
from hanse.ledger.routing import database
from hanse.ledger.writing import append, writing


class PurgeRefusedError(HanseError):
    """What is to be purged is what the ledger itself rests on."""


class KeyChangeError(HanseError):
    """A key cannot be revoked as asked."""


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


class KeyVouched(msgspec.Struct):
    """Entries in the node's own order, `first` to `last`, that it stands by, though the revoked key `key` signed them."""

    key: str
    first: int
    last: int


class PurgedContent(msgspec.Struct):
    """Objects whose bodies, salts and derived fields are gone; the entries that held them."""

    objects: list[str]
    entries: list[int]
    law: str


_told_before_purge: list[Callable[[Sequence[UUID], str], Iterable[UUID]]] = []


def before_purge(tell: Callable[[Sequence[UUID], str], Iterable[UUID]]) -> None:
    """Have something done before objects are purged, in the same transaction; it may name further ones to purge."""
    if tell not in _told_before_purge:
        _told_before_purge.append(tell)


Ahead = Callable[[Sequence[UUID]], AbstractContextManager[None]]
_ahead_of_purge: list[Ahead] = []


def ahead_of_purge(prepare: Ahead) -> None:
    """Have what a purge takes worked out before the ledger is locked, and held until it is over; it writes nothing.

    What is said by `before_purge` finds it then, and works out under the lock only what came between.
    """
    if prepare not in _ahead_of_purge:
        _ahead_of_purge.append(prepare)


@contextmanager
def worked_out_for_purge(objects: Iterable[UUID]) -> Iterator[None]:
    """Hold what purging some objects takes; `purge` does so itself, but for who calls it with the ledger locked already."""
    going = sorted(set(objects))
    with ExitStack() as held:
        for prepare in _ahead_of_purge:
            held.enter_context(prepare(going))
        yield


def purge(objects: Iterable[UUID], actor: Actor, reason: str, law: str = "") -> Recorded:
    """Remove every body and derived field of objects, on this node; the commitments and this entry stay.

    `erasing.scrub` then cleans the files of the database.

    Args:
        objects: Objects, with all their versions.
        actor: Who purges.
        reason: Why: retention, recall or erasure, in words.
        law: The legal basis, where there is one.

    Raises:
        PurgeRefusedError: One of them is a key of the node or an earlier purge: without these, nothing could be
            proven, and a rebuild would bring back what was purged.
    """
    going = sorted(set(objects))
    locked = connections[database()].in_atomic_block
    with nullcontext() if locked else worked_out_for_purge(going), writing():
        more = [one for tell in _told_before_purge for one in tell(going, reason)]
        wanted = sorted({one.hex for one in (*going, *more)})
        entries = Entry.objects.filter(object_id__in=wanted)
        if kept := entries.filter(kind__startswith="ledger.").first():
            raise PurgeRefusedError(f"Object {kept.object_id} is the ledger's own ({kept.kind}). It stays.")
        held = entries.filter(body__isnull=False).values_list("sequence", flat=True)
        content = PurgedContent(wanted, sorted(held), law)
        for remove in removals():
            transaction.on_commit(remove, using=database(), robust=True)
        return append("ledger.purged", content, actor=actor, reason=reason)


def last_purge() -> int:
    """The last purge that is on record, by its entry; -1 before the first.

    Who works something out of bodies outside of `writing`, and keeps it, looks there whether one came between.
    """
    purges = Entry.objects.filter(kind="ledger.purged").order_by("-sequence")
    found = purges.values_list("sequence", flat=True).first()
    return -1 if found is None else found


def next_entry() -> int:
    """The sequence that the next entry will have: where it is the same as before, nothing was written between."""
    return Head.objects.using(database()).values_list("next_sequence", flat=True).first() or 0


_told_at_rotation: list[Callable[[SigningKey, OpenKey, Actor], None]] = []


def at_rotation(tell: Callable[[SigningKey, OpenKey, Actor], None]) -> None:
    """Have something said under the old key when the node gets new ones, in the same transaction."""
    if tell not in _told_at_rotation:
        _told_at_rotation.append(tell)


_told_at_revocation: list[Callable[[str, int], None]] = []


def at_revocation(tell: Callable[[str, int], None]) -> None:
    """Have something said when a key is revoked, in the same transaction: its id, and from when on, microseconds UTC."""
    if tell not in _told_at_revocation:
        _told_at_revocation.append(tell)


def rotate(home: Path, passphrase: str, actor: Actor, reason: str = "") -> Recorded:
    """Give the node new keys: they are said under the old one, and sign from the next entry on.

    They are on disk before that entry is: whenever the machine stops, the key that the ledger asks for next is
    there. Other processes of the node take them up from the key file (`keyring.follow`). One that does not hold the key
    that signs writes nothing: the file would lose that key, and a node without it signs nothing ever again.

    Raises:
        LockedError: Somebody else rotated the keys after this process started.
        KeysError: The passphrase is not that of the keys: under a mistyped one nobody would open them again.
    """
    with writing(), keyfile.changing(home):
        signs = Head.objects.get(pk=1).key
        keyring.signing(signs)
        if (home / keyfile.KEYS).exists():
            keyfile.opened(home, passphrase)
        new = keyring.current().rotated()
        keyfile.save(home, new, passphrase)
        signing, opening = new.signing.public, new.opening.public
        content = KeyRotated(signing.raw.hex(), opening.raw.hex(), signs)
        for tell in _told_at_rotation:
            tell(new.signing, new.opening, actor)
        recorded = append("ledger.key_rotated", content, actor=actor, reason=reason)
        Head.objects.filter(pk=1).update(key=signing.id)
        transaction.on_commit(lambda: keyring.hold(new), using=database())
    return recorded


def revoke(key: str, actor: Actor, reason: str, since_us: int | None = None) -> Recorded:
    """Say that a key is not to be believed from a time on; now by default. Proofs say so from then on.

    Raises:
        KeyChangeError: It is none of the node's, was revoked before, or is the one that signs: rotate first; or the time
            is still to come.
    """
    with writing():
        row = NodeKey.objects.filter(pk=key).first()
        if row is None:
            raise KeyChangeError(f"Key {key} is none of this node's. `hanse node keys show` lists them.")
        if row.revoked_us is not None:
            raise KeyChangeError(f"Key {key} was revoked before, from {iso(row.revoked_us)} on.")
        if since_us is not None and since_us > now_us():
            raise KeyChangeError(
                f"{iso(since_us)} is still to come. A key is revoked from now on, or from before."
            )
        if key == Head.objects.get(pk=1).key:
            raise KeyChangeError(f"Key {key} signs this node's entries. Rotate the keys, then revoke it.")
        content = KeyRevoked(key, now_us() if since_us is None else since_us)
        for tell in _told_at_revocation:
            tell(content.key, content.since_us)
        return append("ledger.key_revoked", content, actor=actor, reason=reason)


def unproven(key: str) -> tuple[int, int, int]:
    """The own entries that a key signed after it was not to be believed any more: the first, the last, how many.

    What the node stands by is among them. Entries to partners are not: they are counted apart and were sent as they are.
    """
    since = NodeKey.objects.filter(pk=key).values_list("revoked_us", flat=True).first()
    own = (
        Entry.objects.filter(key=key, recipient="", time_us__gte=since)
        if since is not None
        else Entry.objects.none()
    )
    told = own.aggregate(first=Min("sequence"), last=Max("sequence"), number=Count("pk"))
    return told["first"] or 0, told["last"] or 0, told["number"]


def vouch(key: str, first: int, last: int, actor: Actor, reason: str) -> Recorded:
    """Stand by entries that a key signed after it was not to be believed any more: somebody looked at each of them.

    Proofs made from then on carry it. See `verify`: they are believed under a checkpoint of a later key alone, which whoever
    has the revoked one cannot sign.

    Raises:
        KeyChangeError: The key was not revoked, or signed none of the node's own entries in that stretch from then on.
    """
    with writing():
        row = NodeKey.objects.filter(pk=key).first()
        if row is None or row.revoked_us is None:
            raise KeyChangeError(f"Key {key} was not revoked. `hanse node keys show` says which were.")
        begin, end, number = unproven(key)
        if not number or not begin <= first <= last <= end:
            found = f"entries {begin:,} to {end:,} of this node" if number else "no entry of this node"
            raise KeyChangeError(
                f"From its revocation on, key {key} signed {found}. Give the first and last of a stretch of them."
            )
        return append("ledger.key_vouched", KeyVouched(key, first, last), actor=actor, reason=reason)


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


def _project_vouched(_: Recorded, __: KeyVouched) -> None:
    """Nothing: proofs carry the entry itself."""


def _project_revoked(_: Recorded, content: KeyRevoked) -> None:
    NodeKey.objects.filter(id=content.key).update(revoked_us=content.since_us)


def _project_purged(recorded: Recorded, content: PurgedContent) -> None:
    """Remove the bodies, let every kind forget what it derived from the objects, and sweep up what nobody needs."""
    Body.objects.filter(entry_id__in=content.entries).delete()
    Purged.objects.bulk_create([Purged(sequence=one, by=recorded.sequence) for one in content.entries])
    for one in content.objects:
        for kind in all_kinds():
            kind.forget(UUID(one))
    for sweep in sweeps():
        sweep()


KINDS = (
    Kind("ledger.founded", Founded, _project_founded),
    Kind("ledger.key_rotated", KeyRotated, _project_rotated),
    Kind("ledger.key_revoked", KeyRevoked, _project_revoked),
    Kind("ledger.key_vouched", KeyVouched, _project_vouched),
    Kind("ledger.purged", PurgedContent, _project_purged, sealed=True),
)
