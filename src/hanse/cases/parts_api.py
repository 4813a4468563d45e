"""The API of what belongs to a case: people, selectors, tasks, notes, links, and where selectors are known."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.accounts.looking import looked_at
from hanse.cases import also_known, case_page, models, selector_list, working
from hanse.cases.choosing import case_for
from hanse.cases.selector import read
from hanse.kernel.errors import UsageError
from hanse.web.api import In, Moment, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["cases"])


class PartMade(Schema):
    """What was put on record."""

    id: UUID


class CasePersonOut(Schema):
    """A person of a case."""

    id: UUID = Field(alias="object_id")
    category: str
    name: str
    born: str
    country: str
    note: str
    time_us: int
    actor_name: str
    entry: int = Field(alias="sequence")


class CasePersonIn(In):
    """A person, as they are known from now on."""

    category: str = Field(max_length=16)
    name: str = Field(min_length=1, max_length=300)
    born: str = Field("", max_length=10)
    country: str = Field("", max_length=2)
    note: str = Field("", max_length=4_000)

    @property
    def told(self) -> working.Told:
        """As the use case takes it."""
        return working.Told(**self.model_dump())


class SelectorOut(Schema):
    """A selector of a case; a card's number is masked."""

    id: UUID = Field(alias="object_id")
    kind: str
    written: str
    person: UUID | None
    note: str
    time_us: int
    actor_name: str
    entry: int = Field(alias="sequence")


class SelectorIn(In):
    """A selector in any spelling."""

    value: str = Field(min_length=1, max_length=2_000)
    kind: str = Field("", max_length=40)
    born: str = Field("", max_length=10)
    country: str = Field("", max_length=2)
    person: UUID | None = None
    note: str = Field("", max_length=2_000)


class SelectorListIn(In):
    """A list of selectors as CSV."""

    csv: str = Field(min_length=1, max_length=selector_list.MOST_BYTES)
    apply: bool = True


class ListedSelector(Schema):
    """What comes of one row."""

    number: int
    status: str
    kind: str
    written: str
    column: str
    words: str


class SelectorListOut(Schema):
    """What comes of a list."""

    applied: bool
    rows: list[ListedSelector]


class KnownOut(Schema):
    """A selector that is known elsewhere, within what the caller may see."""

    selector: UUID
    written: str
    items: list[UUID]
    cases: list[UUID]
    item_count: int
    case_count: int
    words: str


class CaseTaskOut(Schema):
    """Something to do."""

    id: UUID = Field(alias="object_id")
    title: str
    owner: UUID | None
    due_us: int | None
    done_us: int | None
    done_by: str
    entry: int = Field(alias="sequence")


class CaseTaskIn(In):
    """Something to do."""

    title: str = Field(min_length=1, max_length=500)
    owner: UUID | None = None
    due_us: Moment | None = None


class CaseTickIn(In):
    """Whether a task is done."""

    done: bool = True


class CaseNoteOut(Schema):
    """A note."""

    id: UUID = Field(alias="object_id")
    text: str
    time_us: int
    actor_name: str
    entry: int = Field(alias="sequence")


class CaseNoteIn(In):
    """A note."""

    text: str = Field(min_length=1, max_length=20_000)


class CaseLinkOut(Schema):
    """What a case is tied to; `label` is null where the caller may not see it."""

    id: UUID
    sort: str
    target: UUID | None
    label: str | None
    why: str
    entry: int


class CaseLinkIn(In):
    """What a case is tied to."""

    sort: str = Field(max_length=16)
    target: UUID
    why: str = Field(min_length=1, max_length=1_000)


class RemovePartIn(In):
    """Why something is taken out."""

    reason: str = Field("", max_length=1_000)


class HappeningOut(Schema):
    """One entry of a case's timeline."""

    entry: int = Field(alias="sequence")
    object_id: UUID
    kind: str
    time_us: int
    actor_name: str
    reason: str


@router.get(
    "/{uuid:case_id}/people", response=list[CasePersonOut], operation_id="case_people", summary="People"
)
@endpoint("cases.view")
def list_people(request: HttpRequest, case_id: UUID) -> Any:
    """The people of a case, in the order in which they came into it."""
    row = _seen(request, case_id)
    return list(models.CasePerson.objects.filter(case=row.pk).order_by("sequence"))


@router.post(
    "/{uuid:case_id}/people", response={201: PartMade}, operation_id="case_add_person", summary="Add a person"
)
@endpoint("cases.edit")
def add_person(request: HttpRequest, case_id: UUID, told: CasePersonIn) -> Any:
    """Put a person on record; with the day of birth they are a selector too."""
    return Status(201, {"id": working.add_person(case_id, told.told, signed_in(request))})


@router.put(
    "/{uuid:case_id}/people/{uuid:person_id}", response={204: None}, operation_id="case_change_person",
    summary="Say something else of a person",
)  # fmt: skip
@endpoint("cases.edit")
def change_person(request: HttpRequest, case_id: UUID, person_id: UUID, told: CasePersonIn) -> Any:
    """Say something else of a person."""
    working.change_person(case_id, person_id, told.told, signed_in(request))
    return Status(204, None)


@router.get(
    "/{uuid:case_id}/selectors",
    response=Page[SelectorOut],
    operation_id="case_selectors",
    summary="Selectors",
)
@endpoint("cases.view")
def list_selectors(request: HttpRequest, case_id: UUID, paging: Query[Paging]) -> Any:
    """The selectors of a case, in the order in which they came into it."""
    row = _seen(request, case_id)
    return paged(models.Selector.objects.filter(case=row.pk), Order("sequence"), paging)


@router.post(
    "/{uuid:case_id}/selectors",
    response={201: PartMade},
    operation_id="case_add_selector",
    summary="Add a selector",
)
@endpoint("cases.edit")
def add_selector(request: HttpRequest, case_id: UUID, told: SelectorIn) -> Any:
    """Add a selector in its normal form; what is none is refused with the reason."""
    found = read(told.kind, told.value, born=told.born, country=told.country)
    actor = signed_in(request)
    return Status(
        201, {"id": working.add_selector(case_id, found, actor, person=told.person, note=told.note)}
    )


@router.post(
    "/{uuid:case_id}/selectors/list", response=SelectorListOut, operation_id="case_add_selectors",
    summary="Take a list of selectors in",
)  # fmt: skip
@endpoint("cases.edit", in_parts=True)
def add_list(request: HttpRequest, case_id: UUID, told: SelectorListIn) -> Any:
    """Take the good rows of a list in, or say row by row what would come of it."""
    try:
        data = told.csv.encode()
    except UnicodeEncodeError:
        raise UsageError("The list holds half of a surrogate pair, which is no character.") from None
    report = working.add_list(case_id, data, signed_in(request), apply=told.apply)
    return {"applied": report.applied, "rows": report.rows}


@router.get(
    "/{uuid:case_id}/known",
    response=list[KnownOut],
    operation_id="case_known",
    summary="Where selectors are known",
)
@endpoint("cases.view")
def list_known(request: HttpRequest, case_id: UUID) -> Any:
    """The selectors of a case that are known in intelligence or other cases that the caller may see."""
    row, actor = _seen(request, case_id), signed_in(request)
    held = models.Selector.objects.filter(case=row.pk).order_by("sequence")[: also_known.MOST_SELECTORS]
    known = also_known.of_selectors(held, row, actor)
    for action, rows in case_page.looked_up(known, ()).items():
        looked_at(request, action, rows)
    return [
        {
            "selector": one.selector.pk, "written": one.selector.written, "items": [item.pk for item in one.items],
            "cases": [case.pk for case in one.cases], "item_count": one.item_count, "case_count": one.case_count,
            "words": one.words,
        }
        for one in known
    ]  # fmt: skip


@router.get("/{uuid:case_id}/tasks", response=list[CaseTaskOut], operation_id="case_tasks", summary="Tasks")
@endpoint("cases.view")
def list_tasks(request: HttpRequest, case_id: UUID) -> Any:
    """The tasks of a case, in the order in which they were set."""
    row = _seen(request, case_id)
    return list(models.Task.objects.filter(case=row.pk).order_by("sequence"))


@router.post(
    "/{uuid:case_id}/tasks", response={201: PartMade}, operation_id="case_set_task", summary="Set a task"
)
@endpoint("cases.edit")
def set_task(request: HttpRequest, case_id: UUID, told: CaseTaskIn) -> Any:
    """Set a task, for somebody of the team or for whoever comes to it."""
    made = working.set_task(case_id, told.title, signed_in(request), owner=told.owner, due_us=told.due_us)
    return Status(201, {"id": made})


@router.post(
    "/{uuid:case_id}/tasks/{uuid:task_id}/tick",
    response={204: None},
    operation_id="case_tick",
    summary="Tick a task",
)
@endpoint("cases.edit")
def tick(request: HttpRequest, case_id: UUID, task_id: UUID, told: CaseTickIn) -> Any:
    """Say that a task is done, or is not after all."""
    working.tick(case_id, task_id, signed_in(request), done=told.done)
    return Status(204, None)


@router.get("/{uuid:case_id}/notes", response=list[CaseNoteOut], operation_id="case_notes", summary="Notes")
@endpoint("cases.view")
def list_notes(request: HttpRequest, case_id: UUID) -> Any:
    """The notes of a case, the newest first."""
    row = _seen(request, case_id)
    return list(models.Note.objects.filter(case=row.pk).order_by("-sequence"))


@router.post(
    "/{uuid:case_id}/notes", response={201: PartMade}, operation_id="case_write_note", summary="Write a note"
)
@endpoint("cases.edit")
def write_note(request: HttpRequest, case_id: UUID, told: CaseNoteIn) -> Any:
    """Write a note."""
    return Status(201, {"id": working.write_note(case_id, told.text, signed_in(request))})


@router.get(
    "/{uuid:case_id}/links",
    response=list[CaseLinkOut],
    operation_id="case_links",
    summary="What it is tied to",
)
@endpoint("cases.view")
def list_links(request: HttpRequest, case_id: UUID) -> Any:
    """What a case is tied to, named where the caller may see it."""
    row, actor = _seen(request, case_id), signed_in(request)
    ties = case_page.tied(row, actor)
    for action, rows in case_page.looked_up((), ties).items():
        looked_at(request, action, rows)
    return [
        {
            "id": one.link.pk, "sort": one.link.sort, "target": one.thing.id if one.thing else None,
            "label": one.thing.label if one.thing else None, "why": one.link.why, "entry": one.link.sequence,
        }
        for one in ties
    ]  # fmt: skip


@router.post(
    "/{uuid:case_id}/links", response={201: PartMade}, operation_id="case_tie", summary="Tie it to something"
)
@endpoint("cases.edit")
def tie(request: HttpRequest, case_id: UUID, told: CaseLinkIn) -> Any:
    """Tie a case to an attack, a campaign or an item of intelligence."""
    return Status(201, {"id": working.tie(case_id, told.sort, told.target, told.why, signed_in(request))})


@router.post(
    "/{uuid:case_id}/parts/{uuid:part_id}/remove", response={204: None}, operation_id="case_remove_part",
    summary="Take something out",
)  # fmt: skip
@endpoint("cases.edit")
def remove(request: HttpRequest, case_id: UUID, part_id: UUID, told: RemovePartIn) -> Any:
    """Take a person, a selector, a task, a note or a link out of a case again."""
    working.remove(case_id, part_id, told.reason, signed_in(request))
    return Status(204, None)


@router.get(
    "/{uuid:case_id}/timeline",
    response=Page[HappeningOut],
    operation_id="case_timeline",
    summary="What happened",
)
@endpoint("cases.view")
def list_happenings(request: HttpRequest, case_id: UUID, paging: Query[Paging]) -> Any:
    """Every entry of a case and its parts, the newest first."""
    row = _seen(request, case_id)
    return paged(models.Happening.objects.filter(case=row.pk), Order("sequence", descending=True), paging)


def _seen(request: HttpRequest, case_id: UUID) -> models.Case:
    """The case; that it is looked at is written down."""
    row = case_for(signed_in(request), "cases.view", case_id)
    looked_at(request, "cases.view", [row])
    return row
