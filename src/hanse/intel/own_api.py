"""The API of what is written here, and of grading: for programs that report what they see."""

from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from hanse.intel import authoring, grades, own
from hanse.intel.authoring import Piece
from hanse.intel.models import Item
from hanse.intel.own import Written
from hanse.intel.own_forms import read_value
from hanse.intel.values import KINDS, Value, ValueProblem, normalise
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking
from hanse.web.api import In, Moment, endpoint
from hanse.web.page import signed_in

router = Router(tags=["intelligence"])

Tag = Annotated[str, Field(min_length=1, max_length=own.LONGEST_TAG)]


class ValueIn(In):
    """A value, with its kind where it is not to be recognised."""

    value: str = Field(min_length=1, max_length=8_192)
    kind: str | None = Field(None, max_length=16, description="One of the kinds; null has it recognised.")


class PieceIn(In):
    """What is written."""

    title: str = Field("", max_length=own.LONGEST_TITLE)
    text: str = Field("", max_length=own.LONGEST_TEXT)
    values: list[ValueIn] = Field([], max_length=own.MOST_VALUES)
    cites: list[UUID] = Field(
        [], max_length=own.MOST_CITED, description="Ids of attacks, campaigns and items that it rests on."
    )
    tags: list[Tag] = Field([], max_length=own.MOST_TAGS)
    confidence: int | None = Field(None, ge=0, le=100)
    grade: str = Field("", max_length=24, description="Such as `admiralty B2` or `europol A1`.")
    from_us: Moment | None = Field(None, description="Valid from, or first seen, microseconds UTC.")
    until_us: Moment | None = Field(None, description="Valid until, or last seen, microseconds UTC.")
    count: int = Field(1, ge=1, le=999_999_999, description="How often it was seen.")
    nature: str = Field(
        "unknown", max_length=40, description="What an indicator shows (STIX 2.1, indicator-type-ov)."
    )


class WriteIn(PieceIn):
    """Something new."""

    type: Literal["report", "indicator", "sighting"]
    of: UUID | None = Field(None, description="The item that was seen, for a sighting.")
    marking: dict[str, Any] | None = Field(
        None,
        description="What it carries at least, as an envelope has it; what it rests on makes it stricter.",
    )
    team: str = Field("", max_length=64, description="Id of the need-to-know team; empty for none.")


class PieceChangeIn(PieceIn):
    """The next version, whole."""

    version: str = Field(
        max_length=64, description="`source_version` that was read: 409 where another came since."
    )


class TakeBackIn(In):
    """Why something is taken back."""

    version: str = Field(
        max_length=64, description="`source_version` that was read: 409 where another came since."
    )
    why: str = Field(min_length=1, max_length=4_000)


class GradeIn(In):
    """What is thought of an item."""

    grade: str = Field("", max_length=24, description="Such as `admiralty B2` or `europol A1`.")
    confidence: int | None = Field(None, ge=0, le=100)
    why: str = Field(min_length=1, max_length=4_000)


class WrittenOut(Schema):
    """What was written."""

    id: UUID
    source_id: str = Field(description="Its STIX id.")
    version: str = Field(description="To be named by who changes it next.")
    marking: dict[str, Any] = Field(description="As strict as what it rests on.")
    entry: int


@router.post(
    "/written", response={201: WrittenOut}, operation_id="intel_write",
    summary="Write a report, an indicator or a sighting",
)  # fmt: skip
@endpoint("intel.write")
def write(request: HttpRequest, told: WriteIn) -> Any:
    """Something new, as a STIX object of this authority."""
    actor = signed_in(request)
    marking = Marking.from_json(told.marking) if told.marking is not None else None
    piece = _piece(told, told.type)
    piece = Piece(written=piece.written, cites=piece.cites, of=told.of, grade=piece.grade)
    made = authoring.write(piece, actor, marking=marking, team=told.team)
    return Status(201, _out(Item.objects.get_for(actor, "intel.view", made)))


@router.put(
    "/written/{uuid:item_id}", response=WrittenOut, operation_id="intel_change", summary="Change what was written here"
)  # fmt: skip
@endpoint("intel.write")
def change(request: HttpRequest, item_id: UUID, told: PieceChangeIn) -> Any:
    """The next version; 409 where somebody else wrote one since `version` was read."""
    actor = signed_in(request)
    row = Item.objects.get_for(actor, "intel.write", item_id)
    before = authoring.piece_of(row)
    authoring.change(item_id, told.version, authoring.carried_on(_piece(told, row.type), before), actor)
    return _out(Item.objects.get_for(actor, "intel.view", item_id))


@router.post(
    "/written/{uuid:item_id}/take-back", response=WrittenOut, operation_id="intel_take_back",
    summary="Take back what was written here",
)  # fmt: skip
@endpoint("intel.write")
def take_back(request: HttpRequest, item_id: UUID, told: TakeBackIn) -> Any:
    """Revoke it: it stays on record for whoever had it."""
    actor = signed_in(request)
    authoring.take_back(item_id, told.version, told.why, actor)
    return _out(Item.objects.get_for(actor, "intel.view", item_id))


@router.post(
    "/items/{uuid:item_id}/grade", response={204: None}, operation_id="intel_grade", summary="Grade an item"
)
@endpoint("intel.edit")
def grade(request: HttpRequest, item_id: UUID, told: GradeIn) -> Any:
    """How far its source and what it says are believed here."""
    grades.grade(item_id, told.grade, told.confidence, told.why, signed_in(request))
    return Status(204, None)


@router.post(
    "/items/{uuid:item_id}/grade/withdraw", response={204: None}, operation_id="intel_grade_withdraw",
    summary="Take back a grade",
)  # fmt: skip
@endpoint("intel.edit")
def ungrade(request: HttpRequest, item_id: UUID) -> Any:
    """What its source says counts again."""
    grades.withdraw(item_id, "", signed_in(request))
    return Status(204, None)


def _piece(told: PieceIn, kind: str) -> Piece:
    values = tuple(dict.fromkeys(_value(number, one) for number, one in enumerate(told.values, 1)))
    written = Written(
        type=kind, title=told.title, text=told.text, values=values, tags=tuple(told.tags), confidence=told.confidence,
        from_us=told.from_us, until_us=told.until_us, count=told.count, nature=told.nature,
    )  # fmt: skip
    return Piece(written=written, cites=tuple(told.cites), grade=told.grade)


def _value(number: int, told: ValueIn) -> Value:
    """A value.

    Raises:
        UsageError: It is none of its kind, or of none that is known.
    """
    try:
        if told.kind is None:
            return read_value(told.value)
        if told.kind not in KINDS:
            raise UsageError(
                f"Value {number:,}: there is no kind {told.kind!r}. It is one of {', '.join(KINDS)}."
            )
        return normalise(told.kind, told.value)
    except ValueProblem as problem:
        raise UsageError(f"Value {number:,}: {problem}") from None


def _out(row: Item) -> dict[str, Any]:
    return {
        "id": row.pk, "source_id": row.source_id, "version": row.source_version,
        "marking": row.marking.marking.as_json(), "entry": row.sequence,
    }  # fmt: skip
