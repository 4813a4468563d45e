"""A case as a court reads it: a page that opens offline and prints, tables, and JSON; all of them say the same."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.template.loader import render_to_string

from hanse.accounts.models import Person
from hanse.cases.court_archive import Table
from hanse.cases.evidence_models import DESTROYED, Custody, Evidence
from hanse.cases.models import Case, CasePerson, Happening, Link, Note, Selector, Task
from hanse.cases.selector import KINDS as SELECTORS
from hanse.cases.words import CATEGORIES, HAPPENED
from hanse.kernel.clock import now_us
from hanse.kernel.units import iso
from hanse.web.uploads import stored_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Everything of a case that is told.

    Attributes:
        case: The case.
        people: Its people.
        selectors: Its selectors.
        tasks: Its tasks.
        notes: Its notes.
        links: What it is tied to.
        exhibits: Its evidence, as far as it may be told.
        custody: The chains of custody of these.
        happenings: Its timeline, as far as it is about what is told.
        names: Names of the authority's people, by id.
        team: Who worked on it.
    """

    case: Case
    people: list[CasePerson]
    selectors: list[Selector]
    tasks: list[Task]
    notes: list[Note]
    links: list[Link]
    exhibits: list[Evidence]
    team: list[Person]
    custody: list[Custody] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    names: dict[UUID | None, str] = field(default_factory=dict)

    @property
    def objects(self) -> list[UUID]:
        """Ids of all objects of the ledger that are told."""
        parts = (self.people, self.selectors, self.tasks, self.notes, self.links, self.exhibits)
        return sorted({self.case.pk, *(row.pk for rows in parts for row in rows)})


def file_of(row: Evidence) -> str:
    """The name of a file of evidence in an archive: its number, and the harmless letters of its name."""
    return stored_name(row.exhibit, row.name)


def page(told: Told, whom: str, why: str, fingerprint: str) -> bytes:
    """The case as a page of its own, with all that it needs in it.

    Args:
        told: The case.
        whom: To whom it goes.
        why: The reason.
        fingerprint: Of the authority's first key.
    """
    people: dict[UUID | None, str] = {one.pk: one.name for one in told.people}
    chains = [
        (row, file_of(row), [link for link in told.custody if link.evidence == row.pk])
        for row in told.exhibits
    ]
    return render_to_string("cases/court_report.html", {
        "case": told.case, "whom": whom, "why": why, "node": settings.HANSE_NODE, "now_us": now_us(),
        "owner": told.names.get(told.case.owner, ""), "team": told.team, "ties": told.links, "chains": chains,
        "people": [(one, CATEGORIES[one.category]) for one in told.people], "notes": told.notes,
        "selectors": [(one, SELECTORS.get(one.kind, one.kind), people.get(one.person, "")) for one in told.selectors],
        "tasks": [(one, told.names.get(one.owner, "")) for one in told.tasks],
        "happenings": [(one, HAPPENED.get(one.kind, one.kind)) for one in told.happenings],
        "marking": told.case.marking.marking, "fingerprint": fingerprint,
    }).encode()  # fmt: skip


def tables(told: Told) -> Iterator[Table]:
    """The tables, with times in words and as microseconds."""
    people: dict[UUID | None, str] = {one.pk: one.name for one in told.people}
    yield Table("people", "People", ("category", "name", "born", "country", "note", "entry"), tuple(
        (one.category, one.name, one.born, one.country, one.note, one.sequence) for one in told.people
    ))  # fmt: skip
    yield Table("selectors", "Selectors", ("kind", "value", "used by", "note", "entry"), tuple(
        (one.kind, one.written, people.get(one.person, ""), one.note, one.sequence) for one in told.selectors
    ))  # fmt: skip
    yield Table("tasks", "Tasks", ("what", "who", "until", "done", "done by", "entry"), tuple(
        (one.title, told.names.get(one.owner, ""), _time(one.due_us), _time(one.done_us), one.done_by, one.sequence)
        for one in told.tasks
    ))  # fmt: skip
    yield Table("notes", "Notes", ("when", "who", "what", "entry"), tuple(
        (_time(one.time_us), one.actor_name, one.text, one.sequence) for one in told.notes
    ))  # fmt: skip
    yield Table("links", "What the case is tied to", ("sort", "id", "why", "entry"), tuple(
        (one.sort, one.target, one.why, one.sequence) for one in told.links
    ))  # fmt: skip
    yield Table("evidence", "Evidence", (
        "number", "file in this archive", "name", "bytes", "sha256", "what it is", "from", "received", "entry",
    ), tuple(
        (f"E{one.exhibit}", "" if one.state == DESTROYED else f"evidence/{file_of(one)}", one.name,
         one.size, one.sha256, one.description, one.source, _time(one.received_us), one.sequence)
        for one in told.exhibits
    ))  # fmt: skip
    numbers = {one.pk: f"E{one.exhibit}" for one in told.exhibits}
    yield Table("custody", "Chains of custody", ("number", "when", "what", "who", "to whom or where", "why", "entry"), tuple(
        (numbers[one.evidence], _time(one.time_us), one.what, one.actor_name, one.whom, one.why, one.sequence)
        for one in told.custody
    ))  # fmt: skip
    yield Table("timeline", "Timeline", ("when", "what", "who", "why", "entry"), tuple(
        (_time(one.time_us), HAPPENED.get(one.kind, one.kind), one.actor_name, one.reason, one.sequence)
        for one in told.happenings
    ))  # fmt: skip


def data(told: Told) -> bytes:
    """The case as JSON: what it says of itself, and each table as a list of objects."""
    case = told.case
    said: dict[str, Any] = {
        "format": "hanse/court/1", "id": str(case.pk), "title": case.title, "reference": case.reference,
        "authority": case.authority, "legal_basis": case.legal_basis, "purpose": case.purpose,
        "status": case.status, "status_why": case.status_why, "opened_us": case.opened_us,
        "review_us": case.review_us, "retention_us": case.retention_us, "marking": case.marking.marking.as_json(),
        "entry": case.sequence,
    }  # fmt: skip
    for table in tables(told):
        said[table.name] = [dict(zip(table.head, row, strict=True)) for row in table.rows]
    return msgspec.json.format(msgspec.json.encode(said), indent=1)


def _time(us: int | None) -> str:
    return "" if us is None else iso(us)
