"""Entries of cases become rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Max, Q

from hanse.cases import models
from hanse.cases.contents import (
    Details,
    LinkMade,
    NoteWritten,
    Part,
    PartRemoved,
    PersonSaid,
    SelectorAdded,
    StatusSet,
    TaskDone,
    TaskSet,
)
from hanse.cases.keyed import selector_id
from hanse.cases.selector import name_key
from hanse.cases.words import OPEN
from hanse.intel.values import Value
from hanse.ledger.fields import sealed
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop, set_row
from hanse.policy.models import NeedToKnow, stored

if TYPE_CHECKING:
    from django.db.models import Manager

PARTS: tuple["Manager[Any]", ...] = (
    models.CasePerson.objects,
    models.Selector.objects,
    models.Task.objects,
    models.Note.objects,
    models.Link.objects,
)
"""The tables of parts of a case; each has `object_id` and `case`."""


def happened_many(entries: Sequence[tuple[Recorded, UUID, str]]) -> None:
    """What entries of cases leave, of each the entry, its case and the case's team; as `happened` one by one."""
    models.Happening.objects.bulk_create(
        models.Happening(
            sequence=one.sequence, case=case_id, object_id=one.object_id, kind=one.kind, time_us=one.time_us,
            actor_name=one.actor_name, reason=one.reason,
        )
        for one, case_id, _ in entries
    )  # fmt: skip
    teams = {
        one.object_id: NeedToKnow(object_id=one.object_id, team=team, sequence=one.sequence)
        for one, _, team in entries
    }
    NeedToKnow.objects.bulk_create(
        teams.values(), update_conflicts=True, unique_fields=["object_id"], update_fields=["team", "sequence"]
    )
    for case_id, time_us in {case_id: one.time_us for one, case_id, _ in entries}.items():
        models.Case.projected.filter(pk=case_id).update(changed_us=time_us)


def happened(recorded: Recorded, case_id: UUID, team: str) -> None:
    """What every entry of a case leaves: a line of its timeline, the team that may know it, and when it changed.

    Args:
        recorded: The entry.
        case_id: The case.
        team: Id of its team.
    """
    happened_many([(recorded, case_id, team)])


def details(recorded: Recorded, content: Details) -> None:
    """What a case says of itself."""
    values = {
        "marking": stored(recorded.marking), "team": content.team, "title": content.title,
        "reference": content.reference, "reference_index": content.reference.casefold() or None,
        "authority": content.authority, "legal_basis": content.legal_basis, "purpose": content.purpose,
        "owner": UUID(content.owner), "review_us": content.review_us, "changed_us": recorded.time_us,
        "sequence": recorded.sequence, "version": recorded.version,
    }  # fmt: skip
    first = {"number": recorded.sequence, "opened_us": recorded.time_us, "status": OPEN, "status_why": ""}
    set_row(models.Case.projected, recorded.object_id, values, first)
    happened(recorded, recorded.object_id, content.team)


def status_set(recorded: Recorded, content: StatusSet) -> None:
    """How a case stands."""
    models.Case.projected.filter(pk=recorded.object_id).update(
        status=content.status,
        sequence=recorded.sequence,
        version=recorded.version,
        **sealed(models.Case, recorded.object_id, status_why=recorded.reason),
    )
    happened(recorded, recorded.object_id, content.team)


def person_said(recorded: Recorded, content: PersonSaid) -> None:
    """A person."""
    values = {
        **_said(recorded, content), "category": content.category, "name": content.name,
        "name_index": name_key(content.name), "born": content.born, "country": content.country,
        "note": content.note,
    }  # fmt: skip
    set_row(models.CasePerson.objects, recorded.object_id, values)
    _part(recorded, content)


def selectors_added(entries: Sequence[tuple[Recorded, SelectorAdded]]) -> None:
    """Selectors that follow each other, such as those of a list."""
    rows = {
        recorded.object_id: models.Selector(
            object_id=recorded.object_id, **_said(recorded, content),
            person=UUID(content.person) if content.person else None, kind=content.kind,
            value=selector_id(Value(content.kind, content.text)), text=content.text, written=content.written,
            note=content.note,
        )
        for recorded, content in entries
    }  # fmt: skip
    models.Selector.objects.filter(pk__in=[one.object_id for one, _ in entries if one.version > 1]).delete()
    models.Selector.objects.bulk_create(rows.values())
    happened_many([(one, UUID(content.case), content.team) for one, content in entries])


def selector_added(recorded: Recorded, content: SelectorAdded) -> None:
    """A selector."""
    selectors_added([(recorded, content)])


def task_set(recorded: Recorded, content: TaskSet) -> None:
    """A task."""
    values = {
        "case": UUID(content.case), "title": content.title, "due_us": content.due_us,
        "owner": UUID(content.owner) if content.owner else None, "sequence": recorded.sequence,
    }  # fmt: skip
    set_row(models.Task.objects, recorded.object_id, values)
    _part(recorded, content)


def task_done(recorded: Recorded, content: TaskDone) -> None:
    """That a task is done."""
    models.Task.objects.filter(pk=recorded.object_id).update(
        done_us=recorded.time_us if content.done else None,
        done_by=recorded.actor_name if content.done else "",
    )
    _part(recorded, content)


def note_written(recorded: Recorded, content: NoteWritten) -> None:
    """A note."""
    values = {**_said(recorded, content), "text": content.text}
    set_row(models.Note.objects, recorded.object_id, values)
    _part(recorded, content)


def link_made(recorded: Recorded, content: LinkMade) -> None:
    """What a case is tied to."""
    values = {
        **_said(recorded, content), "sort": content.sort, "target": content.target, "why": content.why,
        "target_index": content.target,
    }  # fmt: skip
    set_row(models.Link.objects, recorded.object_id, values)
    _part(recorded, content)


def part_removed(recorded: Recorded, content: PartRemoved) -> None:
    """A part is no longer there; its selectors are nobody's where it was a person."""
    for rows in PARTS:
        rows.filter(pk=recorded.object_id).delete()
    models.Selector.objects.filter(person=recorded.object_id).update(person=None)
    _part(recorded, content)


def forget(object_id: UUID) -> None:
    """Everything of a case or of a part of one that is purged, of whatever kind: every kind is told of every purge."""
    for rows in PARTS:
        rows.filter(Q(pk=object_id) | Q(case=object_id)).delete()
    models.Selector.objects.filter(person=object_id).update(person=None)
    of_it = models.Happening.objects.filter(object_id=object_id)
    touched = sorted(set(of_it.values_list("case", flat=True)) - {object_id})
    of_it.delete()
    drop(models.Happening.objects, object_id, "case")
    drop(models.Case.projected, object_id)
    for case_id in touched:
        # A replay never sees what is purged: the case changed last when something changed that is left.
        left = models.Happening.objects.filter(case=case_id).aggregate(last=Max("time_us"))["last"]
        models.Case.projected.filter(pk=case_id).exclude(changed_us=left).update(changed_us=left)


def _part(recorded: Recorded, content: Part) -> None:
    happened(recorded, UUID(content.case), content.team)


def _said(recorded: Recorded, content: Part) -> dict[str, object]:
    """What most parts have: their case, when they were said and by whom."""
    return {"case": UUID(content.case), "time_us": recorded.time_us, "actor_name": recorded.actor_name,
            "sequence": recorded.sequence}  # fmt: skip
