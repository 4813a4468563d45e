"""Appending: entries, their bodies and what follows from them, in one transaction of the caller's database."""

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby
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
from hanse.ledger import carried, keyring, new_ids, plain, reading, storing
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind, kind_of
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
        made = maker.made(head.next_sequence)
        _insert(made, head, carried.number(maker.first_of_markings()))
        _project(made)
        _seal_what_was_before(made)
    return made.recorded


def _project(made: "_Made") -> None:
    """Write the rows that follow, of all entries of one kind that follow each other at once."""
    for form, at in made.alike(lambda form: form.kind):
        form.kind.project_run(list(zip(made.recorded[at], made.worked_out[at], strict=True)))


def _seal_what_was_before(made: "_Made") -> None:
    """Seal the earlier entries of objects that have handling codes from now on."""
    strict = {
        one.object_id
        for form, at in made.runs
        if form.marking.handling
        for one in made.recorded[at]
        if one.version > 1
    }
    if strict:
        seal_earlier(strict, made.recorded[-1].sequence)


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
    rows = plain.told(
        connection,
        f"SELECT next_sequence, chain, key FROM ledger_head WHERE id = 1{locked}",  # noqa: S608 - text of this file
    )
    if not rows:
        Head.objects.using(database()).get_or_create(pk=1)
        return _lock()
    return _Head(*rows[0])


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


class _OfOneForm(NamedTuple):
    """Entries of one form that follow each other, and where in the columns of `_Made` they are."""

    form: _Form
    at: slice


class _Made(NamedTuple):
    """The entries of a call before they are signed and in their tables.

    Column by column, with a value for each entry: what is worked out for all of them by one loop takes less than what is
    kept and looked up of each by itself.

    Attributes:
        runs: Which of them are of one form.
        worked_out: What the projections get.
        stored_ids: The objects' ids in the database's form.
        data: The bodies as they rest.
    """

    runs: list[_OfOneForm]
    sequences: range
    recorded: list[Recorded]
    worked_out: list[Any]
    stored_ids: Sequence[UUID | str]
    versions: list[int]
    payloads: list[bytes]
    salts: list[bytes]
    data: list[bytes]

    def alike(self, what: Callable[[_Form], Any]) -> Iterator[_OfOneForm]:
        """Longer runs: of those whose forms have one thing in common."""
        for _, several in groupby(self.runs, lambda run: what(run.form)):
            first, *others = several
            yield _OfOneForm(first.form, slice(first.at.start, (others or [first])[-1].at.stop))


_FORM = attrgetter("kind", "marking", "recipient", "sealed")
"""What drafts of one form have in common."""


class _Maker:
    """Makes the entries of one call: what they have in common is worked out once."""

    def __init__(self, drafts: Sequence[Draft], actor: Actor, key: str) -> None:
        self._drafts = drafts
        self._known = [
            (one.object_id, one.recipient) for one in drafts if one.object_id is not None or one.recipient
        ]
        self._numbering = Numbering(self._known)
        self._who = Who(actor.id, actor.kind, actor.name)
        self._now = now_us()
        self._key = key
        self._origin = authority()
        self._native_ids = connections[database()].features.has_native_uuid_field
        self._forms: dict[tuple[str, int, str, bool], _Form] = {}

    def made(self, first: int) -> _Made:
        """The entries and their bodies; `first` is the sequence of the first one."""
        drafts = self._drafts
        runs = self._runs(first)
        forms = [form for form, at in runs for _ in range(at.start, at.stop)]
        contents, bodies = self._bodies(forms)
        ids, digits, versions = self._named()
        sequences = range(first, first + len(drafts))
        places = self._places(sequences)
        salts = _salts(len(drafts))
        commitments = map(envelope.commit, salts, bodies)
        payloads = [
            form.blank.fill(commitment, named, place, version)
            for form, commitment, named, place, version in zip(
                forms, commitments, digits, places, versions, strict=True
            )
        ]
        now, who_id, who_name = self._now, self._who.id, self._who.name
        recorded = [
            Recorded(
                sequence, now, form.kind.name, object_id, version, form.marking, who_id, who_name, one.reason,
                form.recipient,
            )
            for sequence, form, object_id, version, one in zip(
                sequences, forms, ids, versions, drafts, strict=True
            )
        ]  # fmt: skip
        worked_out = [
            form.kind.worked_out(content) if one.worked_out is None else one.worked_out
            for form, content, one in zip(forms, contents, drafts, strict=True)
        ]
        if any(form.sealed for form, _ in runs):
            keys = keyring.current()
            bodies = [
                sealing.seal_rest(keys, payload, body) if form.sealed else body
                for form, payload, body in zip(forms, payloads, bodies, strict=True)
            ]
        stored_ids = ids if self._native_ids else digits
        return _Made(runs, sequences, recorded, worked_out, stored_ids, versions, payloads, salts, bodies)

    def _runs(self, first: int) -> list[_OfOneForm]:
        """Which drafts are of one form."""
        runs: list[_OfOneForm] = []
        start = 0
        for _, alike in groupby(self._drafts, _FORM):
            some = list(alike)
            runs.append(_OfOneForm(self._form(first + start, some[0]), slice(start, start + len(some))))
            start += len(some)
        return runs

    def _named(self) -> tuple[list[UUID], list[str], list[int]]:
        """The objects: their ids, the hexadecimal digits of these, and which version of each it is."""
        count = len(self._drafts)
        ids, digits = new_ids.own(self._now, count - len(self._known))
        if not self._known:
            return ids, digits, [1] * count
        own = iter(ids)
        asked = [
            (uuid4() if one.recipient else next(own)) if one.object_id is None else one.object_id
            for one in self._drafts
        ]
        versions = [
            1 if one.object_id is None else self._numbering.version(one.object_id, one.recipient)
            for one in self._drafts
        ]
        return asked, [one.hex for one in asked], versions

    def _places(self, sequences: range) -> Sequence[int]:
        """What the envelopes say as their `seq`."""
        if not self._known:
            return sequences
        return [
            self._numbering.place(sequence, one.recipient)
            for sequence, one in zip(sequences, self._drafts, strict=True)
        ]

    def first_of_markings(self) -> dict[str, int]:
        """The text of each marking that the entries have, and the sequence of the first that has it."""
        firsts: dict[str, int] = {}
        for form in self._forms.values():
            firsts.setdefault(form.marked, form.first)
        return firsts

    def _form(self, sequence: int, draft: Draft) -> _Form:
        """The form of an entry; most entries of one call have the very same marking, which the drafts keep alive."""
        known = draft.kind, id(draft.marking), draft.recipient, draft.sealed
        form = self._forms.get(known)
        if form is None:
            kind = kind_of(draft.kind)
            if draft.marking is None:
                marking, marked = _own(self._origin)
            else:
                marking, marked = draft.marking, carried.text_of(draft.marking.as_json())
            blank = Blank(
                key=self._key, kind=kind.name, marking=marked, origin=self._origin,
                recipient=draft.recipient or None, time=self._now,
            )  # fmt: skip
            sealed = draft.sealed or kind.sealed or bool(marking.handling)
            self._forms[known] = form = _Form(
                kind, marking, marked, draft.recipient, sealed, kind.reader(), blank, sequence
            )
        return form

    def _bodies(self, forms: Sequence[_Form]) -> tuple[list[msgspec.Struct | None], list[bytes]]:
        """Each content as it will be read back, where there is one, and the bodies' bytes.

        Raises:
            ContentError: One is of another type, a value is not of its field's type, or a text holds what not every
                database can keep: half a character, or the character NUL.
        """
        contents: list[msgspec.Struct | None] = []
        bodies: list[bytes] = []
        around: dict[str, tuple[bytes, bytes]] = {}
        for form, one in zip(forms, self._drafts, strict=True):
            content, data, reason = one.content, one.encoded, one.reason
            kind = form.kind
            if not isinstance(content, kind.content) and (content is not None or data is None):
                raise ContentError(
                    f"{kind.name} holds {kind.content.__name__}, not {type(content).__name__}."
                )
            try:
                if data is None:
                    data = canonical(content)
                    content = form.read(data)
                if reason not in around:
                    around[reason] = reading.around(self._who, reason)
            except (msgspec.ValidationError, UnicodeEncodeError, TypeError) as error:
                raise ContentError(f"This {kind.name} could not be read back: {error}.") from None
            body = data.join(around[reason])
            # One byte, given as a number, is found ten times as fast.
            if _BACKSLASH in body and b"\\u0000" in body and _NUL.search(body):
                raise ContentError(f"A text in this {kind.name} holds the character NUL. Remove it.")
            contents.append(content)
            bodies.append(body)
        return contents, bodies


@lru_cache(maxsize=64)
def _own(authority_id: str) -> tuple[Marking, str]:
    """The marking of an authority's own things, and its text: of nearly all that is written."""
    marking = Marking.own(authority_id)
    return marking, carried.text_of(marking.as_json())


def _salts(count: int) -> list[bytes]:
    """New ones, asked of the system at once."""
    drawn, size = secrets.token_bytes(envelope.SALT_BYTES * count), envelope.SALT_BYTES
    return [drawn[at : at + size] for at in range(0, len(drawn), size)]


def _insert(made: _Made, head: _Head, numbers: dict[str, int]) -> None:
    """Sign, and write entries, bodies and the new head; a server takes the bodies while the entries are signed.

    Args:
        made: What is written.
        head: The head before it.
        numbers: That of each marking, by its text.
    """
    bodies = [
        Run((form.sealed,), (made.sequences[at], made.salts[at], made.data[at]))
        for form, at in made.alike(lambda form: form.sealed)
    ]
    with connections[database()].cursor() as cursor:
        storing.store_bodies(cursor, bodies)
        head, entries = _signed(made, head, numbers)
        storing.store_entries(cursor, entries, head)


def _signed(made: _Made, head: _Head, numbers: dict[str, int]) -> tuple[_Head, list[Run]]:
    """The next head, and the rows of the entries, signed."""
    key = keyring.signing(head.key)
    signatures = _signatures(key, made)
    chain = bytes(head.chain)
    for payload, signature in zip(made.payloads, signatures, strict=True):
        chain = next_chain(chain, envelope.hashed(payload, signature))
    columns = made.sequences, made.payloads, signatures, made.stored_ids, made.versions
    entries = [
        Run(
            _same(key.id, made.recorded[at.start], numbers[form.marked]),
            [column[at] for column in columns],
        )
        for form, at in made.runs
    ]
    return _Head(made.sequences.stop, chain, key.id), entries


def _signatures(key: SigningKey, made: _Made) -> list[bytes]:
    """The signature of each entry; those of one recipient that follow each other share one.

    Never those of several: a path would tell each of them that others got something at the same time.
    """
    signatures: list[bytes] = []
    for _, at in made.alike(lambda form: form.recipient):
        signatures += envelope.sign_together(made.payloads[at], key)
    return signatures


def _same(key: str, one: Recorded, marking: int) -> Row:
    """What the rows of all entries of a form have in common with one of them."""
    return key, one.kind, one.recipient, one.time_us, marking, one.marking.retention_us
