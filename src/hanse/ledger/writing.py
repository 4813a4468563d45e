"""Appending: entries, their bodies and what follows from them, in one transaction of the caller's database."""

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import OperationalError, connections, transaction

from hanse.kernel import envelope, sealing
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.envelope import Envelope
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import SigningKey
from hanse.kernel.markings import Marking
from hanse.kernel.merkle import leaf_hash
from hanse.kernel.strict_json import canonical
from hanse.ledger import carried, keyring, storing
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind, kind_of, project_in_order
from hanse.ledger.models import Head
from hanse.ledger.numbering import Numbering
from hanse.ledger.reading import Who, Written
from hanse.ledger.recorded import Recorded
from hanse.ledger.resealing import seal_earlier
from hanse.ledger.routing import database
from hanse.ledger.tallies import next_chain

_CHANCE_BYTES = envelope.SALT_BYTES + 16
"""Random bytes of an entry: its salt, and the id of a new object."""
_BELOW_TIME = (1 << 80) - 1
_VERSION_AND_VARIANT = 0xF << 76 | 0b11 << 62
_VERSION_7 = 7 << 76 | 0b10 << 62
"""Bits of a UUID (RFC 9562, 4): those below 48 bits of time, and those of its version and variant."""
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class ContentError(HanseError):
    """What is to be written is not of its kind, or cannot be read back as it is."""


class NotWrittenError(HanseError):
    """The database did not take it; nothing was written."""


class Draft(msgspec.Struct, frozen=True):
    """What is to become an entry.

    Attributes:
        kind: A registered kind.
        content: Of that kind's content type; None where `encoded` and `worked_out` say it all.
        object_id: The object that it changes; a new one by default.
        marking: What may be done with it; the authority's own by default.
        reason: Why, where the law or the user gives one.
        recipient: The authority it is addressed to; empty for the node itself.
        worked_out: What `Kind.work_out` gives of the content, where the caller has it already; None to work it out.
        encoded: The canonical JSON that the caller has read the content from, or knows to be of that type; None to encode
            it, and read it back.
        sealed: Whether the body is encrypted at rest even where neither the kind nor the marking asks for it.
    """

    kind: str
    content: msgspec.Struct | None
    object_id: UUID | None = None
    marking: Marking | None = None
    reason: str = ""
    recipient: str = ""
    worked_out: Any = None
    encoded: bytes | None = None
    sealed: bool = False


@contextmanager
def writing() -> Iterator[None]:
    """One transaction for several appends and what the caller reads in between; nested use joins the outer one.

    The head row is locked at once, so that two processes never decide on the same state of the ledger.

    Raises:
        NotWrittenError: The disk is full, or the database is away or busy; nothing of the block was written.
    """
    with _told_clearly(), transaction.atomic(using=database()):
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

    When this returns outside of `writing`, they are on disk: SQLite and PostgreSQL flush at commit. Each is
    projected as it will be read back, so that a replay makes the same rows.

    Raises:
        KindError: A kind is not registered.
        ContentError: A content is not what its kind says.
        VersionError: This version of an object has gone to that recipient before.
        LockedError: The node's keys are not unlocked.
        NotWrittenError: The disk is full, or the database is away or busy; nothing was written.
    """
    if not drafts:
        return []
    kinds = [kind_of(draft.kind) for draft in drafts]
    with _told_clearly(), transaction.atomic(using=database()), storing.behind(connections[database()]):
        head = _lock()
        made = _make(head, drafts, kinds, actor)
        _insert(made, head)
        project_in_order((kind, one.recorded, one.worked_out) for one, kind in zip(made, kinds, strict=True))
        strict = {
            one.recorded.object_id
            for one in made
            if one.recorded.version > 1 and one.recorded.marking.handling
        }
        if strict:
            seal_earlier(strict, made[-1].recorded.sequence)
    return [one.recorded for one in made]


@contextmanager
def _told_clearly() -> Iterator[None]:
    """Say what the database's refusal means."""
    try:
        yield
    except OperationalError as error:
        raise NotWrittenError(
            f"Nothing was written: the database says {str(error).strip()!r}. See that it runs and that its disk "
            "has room, then do it again."
        ) from error


def _lock() -> Head:
    """The head row, locked; SQLite's transactions begin IMMEDIATE, which is the same lock.

    In plain SQL once it is there: every append waits for it.
    """
    connection = connections[database()]
    locked = " FOR UPDATE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT next_sequence, chain, key FROM ledger_head WHERE id = 1{locked}")  # noqa: S608 - text of this file
        row = cursor.fetchone()
    if row is None:
        return Head.objects.using(database()).select_for_update().get_or_create(pk=1)[0]
    return Head(1, *row)


class _Made(NamedTuple):
    """An entry before it is signed and in its tables."""

    recorded: Recorded
    worked_out: Any
    payload: bytes
    salt: bytes
    data: bytes
    sealed: bool


def _make(head: Head, drafts: Sequence[Draft], kinds: Sequence[Kind], actor: Actor) -> list[_Made]:
    """Each draft's entry, in the order of its sequence."""
    numbering = Numbering((one.object_id, one.recipient) for one in drafts)
    maker = _Maker(numbering, actor, keyring.signing(head.key).id)
    # Asked of the system once instead of twice for each entry.
    chance = secrets.token_bytes(_CHANCE_BYTES * len(drafts))
    return [
        maker.make(
            head.next_sequence + at, draft, kind, chance[at * _CHANCE_BYTES : (at + 1) * _CHANCE_BYTES]
        )
        for at, (draft, kind) in enumerate(zip(drafts, kinds, strict=True))
    ]


class _Maker:
    """Makes the entries of one call: what they have in common is worked out once."""

    def __init__(self, numbering: Numbering, actor: Actor, key: str) -> None:
        self._numbering = numbering
        self._who = Who(actor.id, actor.kind, actor.name)
        self._now = now_us()
        self._ms = self._now // 1_000 << 80
        self._key = key
        self._origin = authority()
        self._own = Marking.own(self._origin)
        self._markings: dict[int, dict[str, Any]] = {}

    def make(self, sequence: int, draft: Draft, kind: Kind, chance: bytes) -> _Made:
        """One entry and its body; `chance` are `_CHANCE_BYTES` that nobody can guess and that no other entry has."""
        salt = chance[: envelope.SALT_BYTES]
        object_id = draft.object_id or self._new_id(chance[envelope.SALT_BYTES :], draft.recipient)
        marking = draft.marking or self._own
        content, body = _body(kind, draft, self._who)
        head = Envelope(
            origin=self._origin,
            key=self._key,
            seq=self._numbering.place(sequence, draft.recipient),
            time=self._now,
            kind=kind.name,
            object=object_id.hex,
            version=1 if draft.object_id is None else self._numbering.version(object_id, draft.recipient),
            marking=self._as_json(marking),
            recipient=draft.recipient or None,
            commitment=envelope.commit(salt, body).hex(),
        )
        payload = envelope.encode(head)
        sealed = draft.sealed or kind.sealed or bool(marking.handling)
        data = sealing.seal_rest(keyring.current(), payload, body) if sealed else body
        recorded = Recorded(
            sequence, self._now, kind.name, object_id, head.version, marking, self._who.id, self._who.name,
            draft.reason, draft.recipient,
        )  # fmt: skip
        worked_out = kind.worked_out(content) if draft.worked_out is None else draft.worked_out
        return _Made(recorded, worked_out, payload, salt, data, sealed)

    def _new_id(self, chance: bytes, recipient: str) -> UUID:
        """The id of a new object: one that begins with the time for the node's own, so that its indexes stay in order.

        It is a UUID of version 7 (RFC 9562, 5.7), and says no more than the entry's own time. An entry that goes to a
        partner gets one of version 4, which says nothing.
        """
        if recipient:
            return UUID(bytes=chance, version=4)
        number = self._ms | int.from_bytes(chance) & _BELOW_TIME
        return UUID(int=number & ~_VERSION_AND_VARIANT | _VERSION_7)

    def _as_json(self, marking: Marking) -> dict[str, Any]:
        """A marking's JSON form; most entries of one call have the very same one, which the drafts keep alive."""
        if id(marking) not in self._markings:
            self._markings[id(marking)] = marking.as_json()
        return self._markings[id(marking)]


def _body(kind: Kind, draft: Draft, who: Who) -> tuple[msgspec.Struct | None, bytes]:
    """The content as it will be read back, where there is one, and the body's bytes.

    Raises:
        ContentError: It is of another type, a value is not of its field's type, or a text holds what not every
            database can keep: half a character, or the character NUL.
    """
    content = draft.content
    if not isinstance(content, kind.content) and (content is not None or draft.encoded is None):
        raise ContentError(f"{kind.name} holds {kind.content.__name__}, not {type(content).__name__}.")
    try:
        data = canonical(content) if draft.encoded is None else draft.encoded
        content = kind.read(data) if draft.encoded is None else content
        body = canonical(Written(who, msgspec.Raw(data), draft.reason))
    except (msgspec.ValidationError, UnicodeEncodeError, TypeError) as error:
        raise ContentError(f"This {kind.name} could not be read back: {error}.") from None
    if b"\\" in body and b"\\u0000" in body and _NUL.search(body):  # one character is found ten times as fast
        raise ContentError(f"A text in this {kind.name} holds the character NUL. Remove it.")
    return content, body


def _numbered(made: Sequence[_Made]) -> dict[int, int]:
    """The number of each marking that the entries carry, by the marking's identity, which is quicker than its hash."""
    texts: dict[int, str] = {}
    firsts: dict[str, int] = {}
    for one in made:
        marking = one.recorded.marking
        if id(marking) not in texts:
            texts[id(marking)] = text = carried.text_of(marking.as_json())
            firsts.setdefault(text, one.recorded.sequence)
    numbers = carried.number(firsts)
    return {marking: numbers[text] for marking, text in texts.items()}


def _signatures(key: SigningKey, made: Sequence[_Made]) -> list[bytes]:
    """The signature of each entry; those of one recipient that follow each other share one.

    Never those of several: a path would tell each of them that others got something at the same time.
    """
    return [
        signature
        for _, some in groupby(made, lambda one: one.recorded.recipient)
        for signature in envelope.sign_together([one.payload for one in some], key)
    ]


def _insert(made: Sequence[_Made], head: Head) -> None:
    """Sign, and write entries, bodies and the new head; a server takes the bodies while the entries are signed."""
    connection = connections[database()]
    native = connection.features.has_native_uuid_field
    markings = _numbered(made)
    bodies = [(one.recorded.sequence, one.salt, one.data, one.sealed) for one in made]
    storing.store_bodies(connection, bodies)
    key = keyring.signing(head.key)
    chain = bytes(head.chain)
    entries = []
    for one, signature in zip(made, _signatures(key, made), strict=True):
        recorded, payload = one.recorded, one.payload
        chain = next_chain(chain, leaf_hash(envelope.leaf(payload, signature)))
        object_id = recorded.object_id if native else recorded.object_id.hex
        entries.append(
            (recorded.sequence, payload, signature, key.id, recorded.kind, object_id, recorded.version,
             recorded.recipient, recorded.time_us, markings[id(recorded.marking)], recorded.marking.retention_us)
        )  # fmt: skip
    storing.store_entries(connection, entries, (head.next_sequence + len(made), chain, key.id))
