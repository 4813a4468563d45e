"""Use case of exporting a case for court: what goes, what is kept back and why, and the archive with its proofs.

In numbered steps:

1. the case is loaded through policy for `cases.export`, which asks about evidence in judicial proceedings (H1) and
   about leaving the authority (H2, H3, PAP);
2. each piece of evidence is asked about likewise, and what the case is tied to: what may not go, or who exports may not
   see, is left out with all its entries, and they are told so before;
3. that the evidence goes out is put into its chain of custody, and the disclosure into the log;
4. a checkpoint is made, so that every entry has its proof; those that are old enough for it are proven under the newest
   that most of the witnesses saw;
5. the archive is written as a stream: nothing of it lies in the clear on the node;
6. its manifest goes into an entry of the ledger, whose proof is the archive's last file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import Q

from hanse.accounts import consultations
from hanse.accounts.models import Person
from hanse.cases import court_report, evidence, tying
from hanse.cases.choosing import case_for
from hanse.cases.court_archive import CourtFile, Exhibit, documents
from hanse.cases.court_entries import EXPORTED, CaseExported
from hanse.cases.court_models import CourtExport
from hanse.cases.court_report import Told
from hanse.cases.evidence_models import DESTROYED, Custody, Evidence
from hanse.cases.models import Case, CasePerson, Happening, Link, Note, Selector, Task
from hanse.cases.service import members
from hanse.cases.words import line
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.keys import VerifyKey
from hanse.ledger.bundle import written
from hanse.ledger.models import Entry, NodeKey
from hanse.ledger.proof import count_witnessed, export_all
from hanse.ledger.proof import export as prove
from hanse.ledger.tree import integrate
from hanse.ledger.verify import fingerprint
from hanse.ledger.writing import append
from hanse.policy.asking import require
from hanse.policy.decision import Decision, Subject
from hanse.policy.service import MARKED

_TOLD: Final = Q(kind__startswith="cases.") | Q(kind=MARKED)
"""What entries tell of a case. What other rooms put on record of it stays here, also where its object is the case or a
selector of it: who alone answers for a selector is an informant's life."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What would go to court, and what would not.

    Attributes:
        case: The case.
        going: The evidence that goes.
        kept: The evidence that does not, each with the reason.
        entries: How many entries go with their proofs.
        witnessed: How many of them are under a checkpoint that most witnesses saw; None where nobody witnesses this ledger.
        untold: How many events of the case's timeline stay here: of evidence that does not go, of what ties it to things
            that who exports it may not see, and of what other rooms know of the case, such as that a partner has a
            selector too, or that one is not compared.
    """

    case: Case
    going: tuple[Evidence, ...]
    kept: tuple[tuple[Evidence, str], ...]
    entries: int
    witnessed: int | None
    untold: int


def choose(case_id: UUID, actor: Actor) -> Choice:
    """Steps 1 and 2.

    Raises:
        NotVisibleError: There is no such case for the actor, or it may not go to court at all.
    """
    case = case_for(actor, "cases.export", case_id)
    going, kept = [], []
    for row in evidence.of_case(case, actor):
        decision: Decision = Evidence.objects.judge(actor, "cases.export", row)
        if row.state == DESTROYED:
            kept.append((row, "It is destroyed; its chain of custody goes."))
        elif decision:
            going.append(row)
        else:
            kept.append((row, decision.words))
    told = _told(case, actor)
    untold = Happening.objects.filter(case=case.pk).count() - len(told.happenings)
    entries = _entries(told)
    return Choice(case, tuple(going), tuple(kept), len(entries), count_witnessed(entries), untold)


def export(case_id: UUID, whom: str, why: str, actor: Actor) -> tuple[Case, Iterator[bytes]]:
    """The archive of a case, piece by piece; steps 1 to 3 are done when this returns, the others while it is read.

    Args:
        case_id: The case.
        whom: To whom it goes.
        why: The reason.
        actor: Who exports it.

    Raises:
        RefusedError: The actor may not.
        NotVisibleError: There is no such case for the actor, or it may not go to court.
        UsageError: Nobody is named, or no reason given.
        EvidenceError: While it is read: a file of evidence is damaged. The archive is broken off then.
    """
    require(actor, "cases.export")
    if not whom.strip() or not why.strip():
        raise UsageError("Say to which court it goes, and why: it is written down.")
    choice = choose(case_id, actor)
    case = choice.case
    rows = [case, *choice.going]
    subjects = [(row.pk, Subject(type(row).__name__.lower(), row.marking.marking, row.team)) for row in rows]
    consultations.required(actor, "cases.export", subjects, why.strip(), recipient=line(whom))
    evidence.note_court(list(choice.going), case, line(whom), line(why), actor)
    return case, _stream(choice, line(whom), line(why), actor)


def exports_of(case: Case) -> list[CourtExport]:
    """The archives of a case that were given out, newest first; the case was loaded for somebody."""
    return list(CourtExport.objects.filter(case=case.pk).order_by("-sequence"))


def own_fingerprint() -> str:
    """Fingerprint of this authority's first key; empty before the node is founded."""
    first = NodeKey.objects.order_by("since_us").first()
    return fingerprint(VerifyKey(bytes.fromhex(first.verify))) if first else ""


def _stream(choice: Choice, whom: str, why: str, actor: Actor) -> Iterator[bytes]:
    """Steps 4 to 6."""
    integrate()
    case = choice.case
    told = _told(case, actor)
    file = CourtFile(
        title=str(case), authority=settings.HANSE_NODE.name, fingerprint=own_fingerprint(),
        report=court_report.page(told, whom, why, own_fingerprint()), data=court_report.data(told),
        tables=tuple(court_report.tables(told)), exhibits=tuple(_exhibit(row) for row in choice.going),
        proofs=export_all(_entries(told)),
    )  # fmt: skip

    def seal(manifest: bytes, files: int) -> bytes:
        content = CaseExported(
            case=case.pk.hex, team=case.team, manifest=sha256(manifest).hexdigest(), files=files,
            exhibits=len(choice.going), whom=whom,
        )  # fmt: skip
        recorded = append(
            EXPORTED, content, actor=actor, reason=why, object_id=uuid4(), marking=case.marking.marking
        )
        integrate()
        return prove(recorded.sequence)

    yield from written(f"Case file {case.pk} of {settings.HANSE_NODE.name}", documents(file), seal)


def _told(case: Case, actor: Actor) -> Told:
    """Everything of a case that goes to court."""
    told = Told(
        case=case,
        people=list(CasePerson.objects.filter(case=case.pk).order_by("sequence")),
        selectors=list(Selector.objects.filter(case=case.pk).order_by("sequence")),
        tasks=list(Task.objects.filter(case=case.pk).order_by("sequence")),
        notes=list(Note.objects.filter(case=case.pk).order_by("sequence")),
        links=_links(case, actor),
        exhibits=[
            row for row in evidence.of_case(case, actor) if Evidence.objects.judge(actor, "cases.export", row)
        ],
        team=members(case.team),
    )
    going = [row.pk for row in told.exhibits]
    told.custody.extend(Custody.objects.filter(case=case.pk, evidence__in=going).order_by("sequence"))
    happened = Happening.objects.filter(_TOLD, case=case.pk, object_id__in=told.objects)
    told.happenings.extend(happened.order_by("sequence"))
    named = {case.owner, *(task.owner for task in told.tasks if task.owner)}
    told.names.update(dict(Person.objects.filter(pk__in=named).values_list("pk", "name")))
    return told


def _links(case: Case, actor: Actor) -> list[Link]:
    """What a case is tied to that who exports it may see: the archive and its entries name the rest nowhere."""
    rows = list(Link.objects.filter(case=case.pk).order_by("sequence"))
    seen = tying.targets(rows, actor)
    return [row for row in rows if UUID(row.target) in seen]


def _entries(told: Told) -> list[int]:
    """Sequences of the entries about what goes to court, those alone that were not purged."""
    rows = Entry.objects.filter(_TOLD, object_id__in=told.objects, recipient="", body__isnull=False)
    return list(rows.order_by("sequence").values_list("sequence", flat=True))


def _exhibit(row: Evidence) -> Exhibit:
    return Exhibit(
        court_report.file_of(row),
        f"E{row.exhibit} {row.description}",
        lambda: evidence.store().read(row.file),
    )
