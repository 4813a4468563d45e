"""Appending: entries, their bodies and what follows from them, in one transaction of the caller's database."""

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec
from django.db import OperationalError, connections, transaction

from hanse.kernel import envelope, sealing
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.envelope import Blank
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import SigningKey
from hanse.kernel.markings import Marking
from hanse.kernel.strict_json import canonical
from hanse.ledger import carried, keyring, new_ids, reading, storing
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind, kind_of, project_in_order
from hanse.ledger.models import Head
from hanse.ledger.numbering import Numbering
from hanse.ledger.reading import Who
from hanse.ledger.recorded import Recorded
from hanse.ledger.resealing import seal_earlier
from hanse.ledger.routing import database
from hanse.ledger.storing import Row, Run
from hanse.ledger.tallies import next_chain

_BACKSLASH = ord("\\")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class ContentError(HanseError):
    """What is to be written is not of its kind, or cannot be read back as it is."""


class NotWrittenError(HanseError):
    """The database did not take it; nothing was written."""

    status = 503


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
    with _told_clearly(), transaction.atomic(using=database()), storing.behind(connections[database()]):
        head = _lock()
        maker = _Maker(drafts, actor, keyring.signing(head.key).id)
        made = maker.made(head.next_sequence, drafts)
        _insert(made, head, carried.number(maker.first_of_markings()))
        project_in_order((one.form.kind, one.recorded, one.worked_out) for one in made)
        if maker.any_handled():
            _seal_what_was_before(made)
    return [one.recorded for one in made]


def _seal_what_was_before(made: Sequence["_Made"]) -> None:
    """Seal the earlier entries of objects that have handling codes from now on."""
    strict = {
        one.recorded.object_id for one in made if one.form.marking.handling and one.recorded.version > 1
    }
    if strict:
        seal_earlier(strict, made[-1].recorded.sequence)


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


def _lock() -> "_Head":
    """The head row, locked; SQLite's transactions begin IMMEDIATE, which is the same lock.

    In plain SQL once it is there: every append waits for it.
    """
    connection = connections[database()]
    locked = " FOR UPDATE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT next_sequence, chain, key FROM ledger_head WHERE id = 1{locked}")  # noqa: S608 - text of this file
        row = cursor.fetchone()
    if row is None:
        Head.objects.using(database()).get_or_create(pk=1)
        return _lock()
    return _Head(*row)


class _Head(NamedTuple):
    """The head row: `Head` without what Django's models cost."""

    next_sequence: int
    chain: bytes
    key: str


class _Form(msgspec.Struct, eq=False):
    """What entries of one call have in common that are of one kind, marking and recipient.

    Attributes:
        marked: The marking's text.
        read: `Kind.reader`.
        first: Sequence of the first of them.
    """

    kind: Kind
    marking: Marking
    marked: str
    recipient: str
    sealed: bool
    read: Callable[[bytes], msgspec.Struct]
    blank: Blank
    first: int


class _Made(msgspec.Struct, gc=False):
    """An entry before it is signed and in its tables; `object_id` is in the database's form."""

    form: _Form
    object_id: UUID | str
    recorded: Recorded
    worked_out: Any
    payload: bytes
    salt: bytes
    data: bytes


_OfOneForm = tuple[_Form, list[_Made]]
"""Entries of one form that follow each other."""


class _Maker:
    """Makes the entries of one call: what they have in common is worked out once."""

    def __init__(self, drafts: Sequence[Draft], actor: Actor, key: str) -> None:
        known = [
            (one.object_id, one.recipient) for one in drafts if one.object_id is not None or one.recipient
        ]
        self._numbering = Numbering(known)
        self._who = Who(actor.id, actor.kind, actor.name)
        self._now = now_us()
        self._key = key
        self._origin = authority()
        self._own = Marking.own(self._origin)
        self._new_ids = new_ids.own(self._now, len(drafts) - len(known))
        self._native_ids = connections[database()].features.has_native_uuid_field
        self._forms: dict[tuple[str, int, str, bool], _Form] = {}
        self._around: dict[str, tuple[bytes, bytes]] = {}

    def made(self, first: int, drafts: Sequence[Draft]) -> list[_Made]:
        """The entries and their bodies; `first` is the sequence of the first one."""
        now, who_id, who_name, native_ids = self._now, self._who.id, self._who.name, self._native_ids
        numbering = self._numbering
        # Asked of the system once instead of for each entry.
        salts = BytesIO(secrets.token_bytes(envelope.SALT_BYTES * len(drafts)))
        made = []
        for sequence, draft in enumerate(drafts, first):
            recipient = draft.recipient
            form = self._form(sequence, draft)
            kind = form.kind
            content, body = self._body(draft, form)
            salt = salts.read(envelope.SALT_BYTES)
            if draft.object_id is None:
                object_id, digits = _named(uuid4()) if recipient else next(self._new_ids)
                version = 1
            else:
                object_id, digits = _named(draft.object_id)
                version = numbering.version(object_id, recipient)
            place = numbering.place(sequence, recipient) if recipient else sequence
            payload = form.blank.fill(envelope.commit(salt, body), digits, place, version)
            recorded = Recorded(
                sequence, now, kind.name, object_id, version, form.marking, who_id, who_name, draft.reason,
                recipient,
            )  # fmt: skip
            worked_out = kind.worked_out(content) if draft.worked_out is None else draft.worked_out
            data = sealing.seal_rest(keyring.current(), payload, body) if form.sealed else body
            stored_id = object_id if native_ids else digits
            made.append(_Made(form, stored_id, recorded, worked_out, payload, salt, data))
        return made

    def first_of_markings(self) -> dict[str, int]:
        """The text of each marking that the entries have, and the sequence of the first that has it."""
        firsts: dict[str, int] = {}
        for form in self._forms.values():
            firsts.setdefault(form.marked, form.first)
        return firsts

    def any_handled(self) -> bool:
        """Whether any of the entries has handling codes."""
        return any(form.marking.handling for form in self._forms.values())

    def _form(self, sequence: int, draft: Draft) -> _Form:
        """The form of an entry; most entries of one call have the very same marking, which the drafts keep alive."""
        known = draft.kind, id(draft.marking), draft.recipient, draft.sealed
        form = self._forms.get(known)
        if form is None:
            kind = kind_of(draft.kind)
            marking = draft.marking or self._own
            marked = carried.text_of(marking.as_json())
            blank = Blank(
                key=self._key, kind=kind.name, marking=marked, origin=self._origin,
                recipient=draft.recipient or None, time=self._now,
            )  # fmt: skip
            sealed = draft.sealed or kind.sealed or bool(marking.handling)
            self._forms[known] = form = _Form(
                kind, marking, marked, draft.recipient, sealed, kind.reader(), blank, sequence
            )
        return form

    def _body(self, draft: Draft, form: _Form) -> tuple[msgspec.Struct | None, bytes]:
        """The content as it will be read back, where there is one, and the body's bytes.

        Raises:
            ContentError: It is of another type, a value is not of its field's type, or a text holds what not every
                database can keep: half a character, or the character NUL.
        """
        content, data, kind = draft.content, draft.encoded, form.kind
        if not isinstance(content, kind.content) and (content is not None or data is None):
            raise ContentError(f"{kind.name} holds {kind.content.__name__}, not {type(content).__name__}.")
        try:
            if data is None:
                data = canonical(content)
                content = form.read(data)
            around = self._around.get(draft.reason)
            if around is None:
                self._around[draft.reason] = around = reading.around(self._who, draft.reason)
        except (msgspec.ValidationError, UnicodeEncodeError, TypeError) as error:
            raise ContentError(f"This {kind.name} could not be read back: {error}.") from None
        body = data.join(around)
        # One byte, given as a number, is found ten times as fast.
        if _BACKSLASH in body and b"\\u0000" in body and _NUL.search(body):
            raise ContentError(f"A text in this {kind.name} holds the character NUL. Remove it.")
        return content, body


def _named(object_id: UUID) -> tuple[UUID, str]:
    """An object's id, and its hexadecimal digits."""
    return object_id, object_id.hex


def _insert(made: Sequence[_Made], head: _Head, numbers: dict[str, int]) -> None:
    """Sign, and write entries, bodies and the new head; a server takes the bodies while the entries are signed.

    Args:
        made: What is written.
        head: The head before it.
        numbers: That of each marking, by its text.
    """
    runs = [(form, list(some)) for form, some in groupby(made, attrgetter("form"))]
    bodies = [
        Run((form.sealed,), [(one.recorded.sequence, one.salt, one.data) for one in some])
        for form, some in runs
    ]
    with connections[database()].cursor() as cursor:
        storing.store_bodies(cursor, bodies)
        head, entries = _signed(runs, head, numbers)
        storing.store_entries(cursor, entries, head)


def _signed(runs: Sequence[_OfOneForm], head: _Head, numbers: dict[str, int]) -> tuple[_Head, list[Run]]:
    """The next head, and the rows of the entries, signed."""
    key = keyring.signing(head.key)
    chain, sequence = bytes(head.chain), head.next_sequence
    signatures = _signatures(key, runs)
    entries: list[Run] = []
    for form, some in runs:
        rows: list[Row] = []
        for one, signature in zip(some, islice(signatures, len(some)), strict=True):
            payload = one.payload
            chain = next_chain(chain, envelope.hashed(payload, signature))
            rows.append((one.recorded.sequence, payload, signature, one.object_id, one.recorded.version))
        entries.append(Run(_same(key.id, some[0].recorded, numbers[form.marked]), rows))
        sequence += len(some)
    return _Head(sequence, chain, key.id), entries


def _signatures(key: SigningKey, runs: Sequence[_OfOneForm]) -> Iterator[bytes]:
    """The signature of each entry; those of one recipient that follow each other share one.

    Never those of several: a path would tell each of them that others got something at the same time.
    """
    for _, several in groupby(runs, lambda run: run[0].recipient):
        yield from envelope.sign_together([one.payload for _, some in several for one in some], key)


def _same(key: str, one: Recorded, marking: int) -> Row:
    """What the rows of all entries of a form have in common with one of them."""
    return key, one.kind, one.recipient, one.time_us, marking, one.marking.retention_us
