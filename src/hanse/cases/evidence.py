"""Use cases of evidence: a file comes into a case, is opened, handed out, and goes; each is an entry of its custody.

The content lies encrypted in the store (`evidence_store`). What is on record of it decides what lies there: a file
that no piece of evidence names any more is removed, whoever purged it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Sum
from django.urls import reverse

from hanse.accounts.approvals import Approvable, Pending, propose, waiting_about
from hanse.accounts.models import Proposal
from hanse.cases import evidence_entries
from hanse.cases.choosing import case_for
from hanse.cases.evidence_entries import (
    HANDLING,
    NUMBERED,
    RECEIVED,
    EvidenceHandled,
    EvidenceReceived,
    ExhibitNumbered,
)
from hanse.cases.evidence_models import DESTROYED, HELD, RETURNED, Custody, Evidence
from hanse.cases.evidence_store import Store
from hanse.cases.models import Case
from hanse.cases.service import open_for
from hanse.cases.words import line, lines
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, join
from hanse.ledger import keyring
from hanse.ledger.finding import Finding
from hanse.ledger.kinds import kind_of
from hanse.ledger.models import Entry
from hanse.ledger.reading import content_of
from hanse.ledger.routing import database
from hanse.ledger.writing import Draft, append, append_many, writing
from hanse.policy.asking import RefusedError, require
from hanse.policy.decision import Subject
from hanse.policy.guarded import NotVisibleError, subject_of
from hanse.web.uploads import Caps

FOLDER = "evidence"
"""Folder of the node's home that files of evidence lie in."""

CAPS = Caps(file_bytes=20_000_000_000, total_bytes=20_000_000_000, files=1)

QUOTA_BYTES = 2_000_000_000_000
"""Bytes of all evidence that a node takes: two terabytes. The disk may set a nearer bound, see `Caps`."""

LATEST_US = 86_400_000_000
"""A receipt may be dated a day ahead at most: clocks and time zones differ, and the end of today is not over."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A file that came, encrypted already, and what its bringer says of it.

    Attributes:
        draft: Where it lies: a closed draft of the store.
        name: What it was called.
        size: Its length in bytes.
        sha256: Of its content, hexadecimal.
        description: What it is.
        source: From whom or where it came.
        received_us: When the authority got it, microseconds UTC.
        place: Where the original is kept; may be empty.
        marking: Of the file, where it is stricter than its case's; it is kept as long as the case, whatever date stands here.
    """

    draft: Path
    name: str
    size: int
    sha256: str
    description: str
    source: str
    received_us: int
    place: str = ""
    marking: Marking | None = None


def store() -> Store:
    """The files of this node."""
    home: Path = settings.HANSE_NODE.home
    return Store(home / FOLDER, keyring.current())


def add(case_id: UUID, brought: Brought, why: str, actor: Actor) -> UUID:
    """Put a file into a case; the piece of evidence. It is stored and on record, or neither.

    Raises:
        NotVisibleError: There is no such case for the actor.
        ClosedError: The case is closed.
        UsageError: Something is not said, the file is in the case already, or the node has no room for it.
        EvidenceError: The draft is not whole.
    """
    needed = (("what it is", brought.description), ("where it came from", brought.source), ("why", why))
    if missing := [name for name, text in needed if not text.strip()]:
        raise UsageError(f"Say {' and '.join(missing)}: a court will ask.")
    if brought.received_us > now_us() + LATEST_US:
        raise UsageError("It cannot have been received in the future. Correct the day.")
    if not brought.size:
        raise UsageError(
            "The file is empty: nothing could be proven by it. See whether it was copied whole, and bring it again."
        )
    with writing():
        case = open_for(actor, case_id)
        held = Evidence.projected.filter(case=case.pk)
        name = store().name_of(brought.sha256)
        if same := held.filter(file=name).exclude(state=DESTROYED).first():
            raise UsageError(f"The very same file is in the case already, as E{same.exhibit}.")
        _check_room(brought.size)
        content = EvidenceReceived(
            case=case.pk.hex, team=case.team, exhibit=case.exhibits + 1,
            name=line(brought.name), size=brought.size, sha256=brought.sha256, file=name,
            description=lines(brought.description), source=line(brought.source), place=line(brought.place),
            received_us=brought.received_us,
        )  # fmt: skip
        # Under the lock of the ledger, so that no sweep sees the file before its entry.
        store().take(brought.draft, brought.sha256)
        own = case.marking.marking
        marking = own if brought.marking is None else join(brought.marking, own)
        # As long as its case: a date of its own would be a way to destroy it without a second person.
        marking = replace(marking, retention_us=own.retention_us)
        given = ExhibitNumbered(case=case.pk.hex, team=case.team, exhibit=content.exhibit)
        drafts = [Draft(RECEIVED, content, uuid4(), marking, line(why)), Draft(NUMBERED, given, case.pk, own)]
        return append_many(drafts, actor)[0].object_id


def of_case(case: Case, actor: Actor, action: str = "cases.view") -> list[Evidence]:
    """The evidence of a case with which an actor may do an action, by number; the case was loaded for the actor."""
    rows = Evidence.objects.for_actor(actor, action).filter(case=case.pk)
    return list(rows.select_related("marking").order_by("exhibit"))


def evidence_for(actor: Actor, action: str, evidence_id: UUID) -> tuple[Evidence, Case]:
    """A piece of evidence and its case, with both of which the actor may do an action.

    Raises:
        NotVisibleError: There is none for the actor.
    """
    row = Evidence.objects.get_for(actor, action, evidence_id)
    return row, case_for(actor, action, row.case)


def chain(row: Evidence) -> list[Custody]:
    """The chain of custody of a piece of evidence, oldest first; the caller has loaded the row for somebody."""
    return list(Custody.objects.filter(evidence=row.pk).order_by("sequence"))


def take_out(evidence_id: UUID, why: str, whom: str, actor: Actor) -> tuple[Evidence, Iterator[bytes]]:
    """Open a piece of evidence to look at it, or to hand it to somebody; its row and its content, checked piece by piece.

    That it was opened is on record before the first byte is given.

    Args:
        evidence_id: The piece of evidence.
        why: The reason.
        whom: To whom it is handed; empty where the actor looks at it.
        actor: Who opens it.

    Raises:
        NotVisibleError: There is none for the actor.
        RefusedError: The actor may not, or its marking keeps it here.
        UsageError: No reason is given, or it is destroyed.
        EvidenceError: While it is read: the file is damaged or missing.
    """
    action = "cases.take" if whom.strip() else "cases.inspect"
    require(actor, action)
    if not why.strip():
        raise UsageError("Say why you open it: it is kept in its chain of custody.")
    row, case = _openable(evidence_id, action, actor)
    _handle(row, case, EvidenceHandled(
        case=case.pk.hex, team=case.team, what="exported" if whom.strip() else "viewed", whom=line(whom)
    ), why, actor)  # fmt: skip
    return row, store().read(row.file)


def handle(evidence_id: UUID, what: str, whom: str, why: str, actor: Actor) -> None:
    """Say that the original was moved or returned.

    Args:
        evidence_id: The piece of evidence.
        what: ``moved`` or ``returned``.
        whom: Where to, or to whom.
        why: The reason.
        actor: Who says so.

    Raises:
        NotVisibleError: There is none for the actor.
        UsageError: Something is not said, or it was returned or destroyed before.
    """
    if what not in {"moved", RETURNED}:
        raise UsageError("An original is moved or returned. Choose one of them.")
    if not whom.strip() or not why.strip():
        raise UsageError("Say where it went and why: a court will ask.")
    with writing():
        row, case = evidence_for(actor, "cases.edit", evidence_id)
        if row.state != HELD:
            raise UsageError(f"E{row.exhibit} is {row.get_state_display().lower()} already.")
        told = EvidenceHandled(case=case.pk.hex, team=case.team, what=what, whom=line(whom))
        _handle(row, case, told, why, actor)


def note_court(rows: list[Evidence], case: Case, whom: str, why: str, actor: Actor) -> None:
    """Say of evidence that it goes out for court; the caller has loaded it for that."""
    told = EvidenceHandled(case=case.pk.hex, team=case.team, what="court", whom=whom)
    with writing():
        for row in rows:
            _handle(row, case, told, why, actor)


def propose_destruction(evidence_id: UUID, why: str, actor: Actor) -> UUID:
    """Propose that a file is destroyed; the proposal, which another person decides on.

    Raises:
        NotVisibleError: There is none for the actor.
        RefusedError: The actor may not, or did not prove a passkey.
        UsageError: No reason is given, or it is destroyed.
        ProposedAlreadyError: It is proposed already.
    """
    require(actor, "cases.erase")
    row, _ = evidence_for(actor, "cases.erase", evidence_id)
    if row.state == DESTROYED:
        raise UsageError("It is destroyed already.")
    return propose(DESTRUCTION.action, {"evidence": row.pk.hex}, why, actor)


def waiting_on(evidence_id: UUID) -> list[Proposal]:
    """Open proposals to destroy a piece of evidence."""
    return waiting_about(DESTRUCTION.action, "evidence", evidence_id)


def held_files() -> list[str]:
    """The names of all files that evidence on record names, sorted; none on a node that is still to be upgraded to it."""
    if Evidence._meta.db_table not in connection.introspection.table_names():
        return []
    rows = Evidence.projected.exclude(state=DESTROYED)
    return sorted(set(rows.values_list("file", flat=True)))


def sweep() -> int:
    """Remove the files that no piece of evidence on record names any more; how many.

    The ledger decides, not the rows: whoever takes a row out of the database has no file destroyed by it.
    """
    files = store()
    if not set(files.names()) - set(held_files()):
        return 0
    with writing():
        gone = sorted(set(files.names()) - set(held_files()) - _in_ledger())
        for name in gone:
            files.remove(name)
    return len(gone)


def findings(progress: Progress = lambda _what, _done, _total: None) -> Iterator[Finding]:
    """What is wrong with files of evidence: damaged, missing, or of no piece of evidence."""
    files, held = store(), held_files()
    for number, name in enumerate(held, 1):
        if problem := files.problem(name):
            for row in Evidence.projected.filter(file=name).exclude(state=DESTROYED).order_by("sequence"):
                yield Finding(f"evidence {row.pk} (entry {row.sequence:,})", problem)
        progress("evidence", number, len(held))
    for name in sorted(set(files.names()) - set(held)):
        yield Finding(f"file of evidence {name[:12]}", "no piece of evidence names it.")


def _openable(evidence_id: UUID, action: str, actor: Actor) -> tuple[Evidence, Case]:
    """A piece of evidence that is there, with which and with whose case the actor may do an action.

    Raises:
        NotVisibleError: There is none for the actor.
        RefusedError: Its marking, or its case's, keeps it here; the actor may see it.
        UsageError: It is destroyed.
    """
    row, case = evidence_for(actor, "cases.view", evidence_id)
    for model, one in ((Evidence, row), (Case, case)):
        decision = model.objects.judge(actor, action, one)
        if not decision:
            raise RefusedError(decision)
    if row.state == DESTROYED:
        raise UsageError("It is destroyed: there is nothing left to open.")
    return row, case


def _handle(row: Evidence, case: Case, told: EvidenceHandled, why: str, actor: Actor) -> None:
    marking = join(row.marking.marking, case.marking.marking)
    append(HANDLING, told, actor=actor, reason=line(why), object_id=row.pk, marking=marking)


def _check_room(size: int) -> None:
    """Refuse what goes beyond the quota.

    Raises:
        UsageError: It does.
    """
    rows = Evidence.projected.exclude(state=DESTROYED)
    if (rows.aggregate(all=Sum("size"))["all"] or 0) + size > QUOTA_BYTES:
        raise UsageError(
            f"The node keeps {units.volume(QUOTA_BYTES)} of evidence and no more. Destroy what is not needed."
        )


def _in_ledger() -> set[str]:
    """Names of files that pieces of evidence have which are neither purged nor destroyed, as the entries say."""
    named: dict[UUID, str] = {}
    entries = Entry.objects.filter(kind__in=(RECEIVED, HANDLING), body__isnull=False)
    for entry in entries.select_related("body").order_by("sequence").iterator(chunk_size=500):
        content = content_of(entry, entry.body, kind_of(entry.kind))
        if isinstance(content, EvidenceReceived):
            named[entry.object_id] = content.file
        elif isinstance(content, EvidenceHandled) and content.what == DESTROYED:
            named.pop(entry.object_id, None)
    return set(named.values())


def _words(subject: dict[str, Any]) -> str:
    return f"Destroy the file of evidence {subject['evidence'][:12]}; that it was there stays on record."


def _execute(proposal: Pending, approver: Actor) -> str:
    """Say that it is destroyed; the file goes once that is on disk.

    Raises:
        NotVisibleError: It is gone, or destroyed.
    """
    row = Evidence.projected.filter(pk=UUID(proposal.subject["evidence"])).select_related("marking").first()
    if row is None or row.state == DESTROYED:
        raise NotVisibleError("It is no longer on record, or destroyed already.")
    case = Case.projected.select_related("marking").get(pk=row.case)
    told = EvidenceHandled(case=case.pk.hex, team=case.team, what=DESTROYED, proposal=proposal.id.hex)
    _handle(row, case, told, proposal.why, approver)
    transaction.on_commit(sweep, using=database(), robust=True)
    return ""


def _where(subject: dict[str, Any]) -> str:
    """Its entries: also for an approver who may not see the case."""
    return f"{reverse('console:ledger')}?object={UUID(subject['evidence'])}"


def _asks(subject: dict[str, Any]) -> list[Subject]:
    """The evidence and its case."""
    rows = Evidence.projected.filter(pk=UUID(subject["evidence"])).select_related("marking")
    cases = Case.projected.filter(pk__in=rows.values("case")).select_related("marking")
    return [*map(subject_of, rows), *map(subject_of, cases)]


DESTRUCTION = Approvable("cases.destroy_evidence", "cases.erase", _words, _execute, _where, asks=_asks)
"""What two people agree on."""

KINDS = evidence_entries.KINDS
