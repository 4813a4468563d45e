"""Use cases of what belongs to a case: people, selectors, tasks, notes, links; and taking them out again.

Every part is an object of its own, with the marking and the team of its case.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid4

from hanse.cases import models, selector_list, tying
from hanse.cases.contents import (
    LinkMade,
    NoteWritten,
    Part,
    PartRemoved,
    PersonSaid,
    SelectorAdded,
    TaskDone,
    TaskSet,
)
from hanse.cases.keyed import selector_id
from hanse.cases.projecting import PARTS
from hanse.cases.selector import Selector, birth_date, country_code, name_key, read
from hanse.cases.service import members, open_for
from hanse.cases.words import CATEGORIES, TIED, line, lines
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.ledger.writing import Draft, append, append_many, writing
from hanse.policy.guarded import NotVisibleError


class KnownError(UsageError):
    """The case has it already."""

    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A person as somebody types them; fields as of `contents.PersonSaid`."""

    category: str
    name: str
    born: str = ""
    country: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ListedRow:
    """What comes of one row of a list.

    Attributes:
        number: Its number, the head being row 1.
        status: ``new``, ``known`` or ``wrong``.
        kind: Of the selector; empty where the row is wrong.
        written: The selector; empty where the row is wrong.
        column: Which column is wrong.
        words: What is wrong and what to do, or where it is known from.
    """

    number: int
    status: Literal["new", "known", "wrong"]
    kind: str = ""
    written: str = ""
    column: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class ListReport:
    """What comes of a list, row by row in its order.

    Attributes:
        rows: Its rows.
        applied: Whether the new ones are on record now.
    """

    rows: tuple[ListedRow, ...]
    applied: bool

    def count(self, status: str) -> int:
        """Rows of a status."""
        return sum(row.status == status for row in self.rows)


def add_person(case_id: UUID, told: Told, actor: Actor) -> UUID:
    """Put a person on record; with the day of birth they are a selector too. The person's id.

    Raises:
        NotVisibleError: There is no such case for the actor.
        UsageError: Something is wrong, or the case is closed.
        ValueProblem: The name, day or country is none.
    """
    with writing():
        row = open_for(actor, case_id)
        person = uuid4()
        _append(row, "cases.person_said", _person(row, told), person, actor)
        _identify(row, person, told, actor)
    return person


def change_person(case_id: UUID, person_id: UUID, told: Told, actor: Actor) -> None:
    """Say something else of a person; errors as of `add_person`."""
    with writing():
        row = open_for(actor, case_id)
        old = person_of(row, person_id)
        content = _person(row, told)
        if (content.category, content.name, content.born, content.country, content.note) == (
            old.category, old.name, old.born, old.country, old.note,
        ):  # fmt: skip
            return
        _append(row, "cases.person_said", content, person_id, actor)
        if (content.name, content.born) != (old.name, old.born):
            held = models.Selector.objects.filter(case=row.pk, person=person_id, kind="person")
            for one in held:
                _append(row, "cases.part_removed", PartRemoved(**_of(row)), one.pk, actor)
            _identify(row, person_id, told, actor)


def add_selector(
    case_id: UUID, found: Selector, actor: Actor, *, person: UUID | None = None, note: str = ""
) -> UUID:
    """Add a selector, of a person of the case or of nobody known; its id.

    Raises:
        NotVisibleError: There is no such case, or no such person in it.
        KnownError: The case has it already.
        ClosedError: The case is closed.
    """
    with writing():
        row = open_for(actor, case_id)
        if person is not None:
            person_of(row, person)
        if _held(row, [found]):
            raise KnownError(f"{found.written} is in the case already.")
        content = _selector(row, found, person, note)
        return _append(row, "cases.selector_added", content, uuid4(), actor)


def add_list(case_id: UUID, data: bytes, actor: Actor, *, apply: bool = True) -> ListReport:
    """Take the good rows of a list of selectors in, or say row by row what would come of it.

    What the case has already, and a selector that stands in the list twice, is known and taken once.

    Raises:
        NotVisibleError: There is no such case for the actor.
        ClosedError: The case is closed.
        UsageError: It is no list.
    """
    open_for(actor, case_id)
    # Before the ledger is locked: ten thousand rows take a second.
    told = list(selector_list.rows(data))
    with writing() if apply else nullcontext():
        row = open_for(actor, case_id)
        held = _held(row, [one.selector for one in told if one.selector is not None])
        report, drafts = [], []
        for one in told:
            if one.selector is None:
                report.append(ListedRow(one.number, "wrong", column=one.column, words=one.problem))
                continue
            number, found = selector_id(one.selector.value), one.selector
            if number in held:
                report.append(ListedRow(one.number, "known", found.kind, found.written, words=held[number]))
                continue
            held[number] = f"It stands in row {one.number:,} too."
            report.append(ListedRow(one.number, "new", found.kind, found.written))
            content = _selector(row, found, None, one.note)
            drafts.append(Draft("cases.selector_added", content, uuid4(), row.marking.marking))
        if apply:
            append_many(drafts, actor)
    return ListReport(tuple(report), apply)


def set_task(
    case_id: UUID, title: str, actor: Actor, *, owner: UUID | None = None, due_us: int | None = None
) -> UUID:
    """Set a task, for somebody of the team or for whoever comes to it; its id.

    Raises:
        NotVisibleError: There is no such case for the actor.
        UsageError: It says nothing, its owner is not in the team, or the case is closed.
    """
    with writing():
        row = open_for(actor, case_id)
        if owner is not None and owner not in {one.pk for one in members(row.team)}:
            raise UsageError("They are not in the team of the case. Choose somebody who is.")
        content = TaskSet(
            **_of(row), title=line(_said(title, "task")), owner=owner.hex if owner else "", due_us=due_us
        )
        return _append(row, "cases.task_set", content, uuid4(), actor)


def tick(case_id: UUID, task_id: UUID, actor: Actor, *, done: bool = True) -> None:
    """Say that a task is done, or is not after all; saying it again writes nothing.

    Raises:
        NotVisibleError: There is no such case or task for the actor.
        ClosedError: The case is closed.
    """
    with writing():
        row = open_for(actor, case_id)
        task = models.Task.objects.filter(case=row.pk, pk=task_id).first()
        if task is None:
            raise NotVisibleError("There is no such task in this case. Load the page again.")
        if (task.done_us is not None) != done:
            _append(row, "cases.task_done", TaskDone(**_of(row), done=done), task_id, actor)


def write_note(case_id: UUID, text: str, actor: Actor) -> UUID:
    """Write a note; its id.

    Raises:
        NotVisibleError: There is no such case for the actor.
        UsageError: It is empty, or the case is closed.
    """
    with writing():
        row = open_for(actor, case_id)
        content = NoteWritten(**_of(row), text=lines(_said(text, "note")))
        return _append(row, "cases.note_written", content, uuid4(), actor)


def tie(case_id: UUID, sort: str, target: UUID, why: str, actor: Actor) -> UUID:
    """Tie a case to an attack, a campaign or an item of intelligence that the actor may see; the link's id.

    Raises:
        NotVisibleError: There is no such case or thing for the actor.
        KnownError: They are tied already.
        UsageError: No reason is given, or the case is closed.
    """
    if sort not in TIED:
        raise UsageError(f"A case can be tied to {', '.join(TIED)}, not to {sort[:40]!r}.")
    with writing():
        row = open_for(actor, case_id)
        if target not in tying.shown(sort, [target], actor):
            raise NotVisibleError("There is no such thing, or it is not for you to see.")
        if models.Link.objects.filter(case=row.pk, sort=sort, target_index=target.hex).exists():
            raise KnownError("The case is tied to it already.")
        content = LinkMade(**_of(row), sort=sort, target=target.hex, why=line(_said(why, "reason")))
        return _append(row, "cases.link_made", content, uuid4(), actor)


def remove(case_id: UUID, part_id: UUID, reason: str, actor: Actor) -> None:
    """Take a part out of a case again: a person, a selector, a task, a note or a link.

    What it said stays in the ledger, sealed, as long as the case is kept; a person's selectors stay, as nobody's.

    Raises:
        NotVisibleError: There is no such case or part for the actor.
        ClosedError: The case is closed.
    """
    with writing():
        row = open_for(actor, case_id)
        if not any(rows.filter(pk=part_id, case=row.pk).exists() for rows in PARTS):
            raise NotVisibleError("There is no such thing in this case. Load the page again.")
        _append(row, "cases.part_removed", PartRemoved(**_of(row)), part_id, actor, line(reason))


def person_of(row: models.Case, person_id: UUID) -> models.CasePerson:
    """A person of a case that the caller has loaded.

    Raises:
        NotVisibleError: There is none.
    """
    found = models.CasePerson.objects.filter(case=row.pk, pk=person_id).first()
    if found is None:
        raise NotVisibleError("There is no such person in this case. Load the page again.")
    return found


def _identify(row: models.Case, person: UUID, told: Told, actor: Actor) -> None:
    """A person whose day of birth is known is a selector, unless the case has it as one already."""
    if not told.born.strip():
        return
    found = read("person", told.name, born=told.born)
    if not _held(row, [found]):
        _append(row, "cases.selector_added", _selector(row, found, person, ""), uuid4(), actor)


def _person(row: models.Case, told: Told) -> PersonSaid:
    """A person as they go on record.

    Raises:
        UsageError: There is no such category.
        ValueProblem: The name, day or country is none.
    """
    if told.category not in CATEGORIES:
        raise UsageError(
            f"There is no category {told.category[:40]!r}. It is one of {', '.join(CATEGORIES)}."
        )
    name_key(told.name)
    return PersonSaid(
        **_of(row), category=told.category, name=line(told.name),
        born=birth_date(told.born) if told.born.strip() else "",
        country=country_code(told.country) if told.country.strip() else "", note=lines(told.note),
    )  # fmt: skip


def _selector(row: models.Case, found: Selector, person: UUID | None, note: str) -> SelectorAdded:
    return SelectorAdded(
        **_of(row), kind=found.kind, text=found.text, written=found.written, person=person.hex if person else "",
        note=lines(note),
    )  # fmt: skip


def _held(row: models.Case, found: Sequence[Selector]) -> dict[int, str]:
    """Those of some selectors that a case has, by the id of their value, with words."""
    values = {selector_id(one.value) for one in found}
    if len(values) > 100:
        rows = models.Selector.objects.filter(case=row.pk)
    else:
        rows = models.Selector.objects.filter(case=row.pk, value__in=values)
    return {one: "The case has it already." for one in rows.values_list("value", flat=True) if one in values}


def _of(row: models.Case) -> dict[str, str]:
    """What every part says of its case."""
    return {"case": row.pk.hex, "team": row.team}


def _said(text: str, what: str) -> str:
    """A text that says something.

    Raises:
        UsageError: It is empty.
    """
    if not text.strip():
        raise UsageError(f"The {what} is empty. Write it first.")
    return text.strip()


def _append(row: models.Case, kind: str, content: Part, one: UUID, actor: Actor, reason: str = "") -> UUID:
    append(kind, content, actor=actor, reason=reason, object_id=one, marking=row.marking.marking)
    return one
