"""Appending: entries, their bodies and what follows from them, in one transaction of the caller's database."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID, uuid4

import msgspec
from django.db import connections, transaction
from django.db.models import Max

from hanse.kernel import envelope, sealing
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.envelope import Envelope
from hanse.kernel.markings import Marking
from hanse.kernel.merkle import leaf_hash
from hanse.kernel.strict_json import canonical
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind, kind_of
from hanse.ledger.models import Entry, Head
from hanse.ledger.reading import Who, Written
from hanse.ledger.recorded import Recorded
from hanse.ledger.routing import database

_ENTRY_COLUMNS = "sequence, payload, signature, key, kind, object_id, version, recipient, time_us, position"


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to become an entry.

    Attributes:
        kind: A registered kind.
        content: Of that kind's content type.
        object_id: The object that it changes; a new one by default.
        marking: What may be done with it; the authority's own by default.
        reason: Why, where the law or the user gives one.
        recipient: The authority it is addressed to; empty for the node itself.
    """

    kind: str
    content: msgspec.Struct
    object_id: UUID | None = None
    marking: Marking | None = None
    reason: str = ""
    recipient: str = ""


@contextmanager
def writing() -> Iterator[None]:
    """One transaction for several appends and what the caller reads in between; nested use joins the outer one.

    The head row is locked at once, so that two processes never decide on the same state of the ledger.
    """
    with transaction.atomic(using=database()):
        _lock()
        yield


def append(
    kind: str,
    content: msgspec.Struct,
    *,
    actor: Actor,
    reason: str = "",
    object_id: UUID | None = None,
    marking: Marking | None = None,
    recipient: str = "",
) -> Recorded:
    """Write one entry and everything that follows from it; see `append_many`."""
    return append_many([Draft(kind, content, object_id, marking, reason, recipient)], actor)[0]


def append_many(drafts: Sequence[Draft], actor: Actor) -> list[Recorded]:
    """Write entries in order, with the rows that follow from them, in one transaction.

    When this returns outside of `writing`, they are on disk: SQLite and PostgreSQL flush at commit.

    Raises:
        KindError: A kind is not registered.
        LockedError: The node's keys are not unlocked.
    """
    kinds = [kind_of(draft.kind) for draft in drafts]
    with transaction.atomic(using=database()):
        head = _lock()
        made = _make(head, drafts, kinds, actor)
        _insert(made, head)
        for one, kind, draft in zip(made, kinds, drafts, strict=True):
            kind.project(one.recorded, draft.content)
    return [one.recorded for one in made]


def _lock() -> Head:
    """The head row, locked; SQLite's transactions begin IMMEDIATE, which is the same lock."""
    return Head.objects.using(database()).select_for_update().get_or_create(pk=1)[0]


@dataclass(slots=True)
class _Made:
    recorded: Recorded
    signed: envelope.Signed
    salt: bytes
    data: bytes
    sealed: bool
    leaf: bytes = field(default=b"")


def _make(head: Head, drafts: Sequence[Draft], kinds: Sequence[Kind], actor: Actor) -> list[_Made]:
    """Sign each draft, in the order of its sequence."""
    now, versions = now_us(), _versions(drafts)
    who = Who(actor.id, actor.kind, actor.name)
    own = Marking.own(authority())
    made = []
    for sequence, (draft, kind) in enumerate(zip(drafts, kinds, strict=True), head.next_sequence):
        made.append(_sign(sequence, now, draft, kind, who, versions, draft.marking or own))
    return made


def _versions(drafts: Sequence[Draft]) -> dict[UUID, int]:
    """The latest version of each object that is changed."""
    changed = {draft.object_id for draft in drafts if draft.object_id is not None}
    rows = Entry.objects.filter(object_id__in=changed).values("object_id") if changed else None
    return {} if rows is None else {r["object_id"]: r["last"] for r in rows.annotate(last=Max("version"))}


def _sign(
    sequence: int, now: int, draft: Draft, kind: Kind, who: Who, versions: dict[UUID, int], marking: Marking
) -> _Made:
    """One signed entry and its body."""
    object_id = draft.object_id or uuid4()
    versions[object_id] = version = versions.get(object_id, 0) + 1
    body = canonical(Written(who, msgspec.Raw(canonical(draft.content)), draft.reason))
    salt = secrets.token_bytes(32)
    key = keyring.current().signing
    head = Envelope(
        origin=authority(),
        key=key.id,
        seq=sequence,
        time=now,
        kind=kind.name,
        object=object_id.hex,
        version=version,
        marking=marking.as_json(),
        recipient=draft.recipient or None,
        commitment=envelope.commit(salt, body).hex(),
    )
    signed = envelope.sign(head, key)
    sealed = kind.sealed or bool(marking.handling)
    data = sealing.seal_rest(keyring.current(), signed.payload, body) if sealed else body
    recorded = Recorded(
        sequence, now, kind.name, object_id, version, marking, who.id, who.name, draft.reason, draft.recipient
    )
    return _Made(recorded, signed, salt, data, sealed, envelope.leaf(signed.payload, signed.signature))


def _insert(made: Sequence[_Made], head: Head) -> None:
    """Write entries, bodies and the new head."""
    key = keyring.current().signing.id
    connection = connections[database()]
    uuids = connection.features.has_native_uuid_field
    chain = bytes(head.chain)
    for one in made:
        chain = sha256(chain + leaf_hash(one.leaf)).digest()
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO ledger_entry ({_ENTRY_COLUMNS}) VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s,NULL)",  # noqa: S608 - only the column names above
            [
                (r.sequence, one.signed.payload, one.signed.signature, key, r.kind,
                 r.object_id if uuids else r.object_id.hex, r.version, r.recipient, r.time_us)
                for one in made
                for r in (one.recorded,)
            ],
        )  # fmt: skip
        cursor.executemany(
            "INSERT INTO ledger_body (sequence, salt, data, sealed) VALUES (%s,%s,%s,%s)",
            [(one.recorded.sequence, one.salt, one.data, one.sealed) for one in made],
        )
    Head.objects.filter(pk=1).update(next_sequence=head.next_sequence + len(made), chain=chain)
