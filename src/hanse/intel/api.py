"""The API of intelligence: items, what they share, imports, and taking out."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.accounts.looking import FILE, looked_at
from hanse.federation import opening
from hanse.intel import (
    cited,
    correlating,
    feed_api,
    own,
    own_api,
    recalled_cites,
    search_api,
    service,
    sharing_api,
    twins,
)
from hanse.intel.models import Batch, Item
from hanse.intel.reading import facts_of
from hanse.intel.source_marking import check_originator
from hanse.intel.values import shown
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking
from hanse.ledger.identity import authority
from hanse.web.api import In, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["intelligence"])
router.add_router("", own_api.router)
router.add_router("", feed_api.router)
router.add_router("", search_api.router)
router.add_router("", sharing_api.router)

LARGEST_BYTES = 2_000_000
"""Of a file that is brought in by the API at once; larger ones go through the page, as a job."""


class ItemOut(Schema):
    """One item; what it says is under ``/raw``."""

    id: UUID
    number: int
    format: str
    type: str
    source_id: str
    source_version: str
    title: str
    creator: str
    created_us: int | None
    modified_us: int | None
    valid_until_us: int | None
    parent: str
    revoked: bool
    grade: str = Field(description="The one that counts: given here, or its source's.")
    confidence: int | None = Field(description="The one that counts: given here, or its source's.")
    source_grade: str
    source_confidence: int | None
    problems: int
    origin: str = Field(
        description="The authority that shared and signed it; empty for what no partner's node sent."
    )
    marking: dict[str, Any]
    entry: int

    @staticmethod
    def resolve_id(row: Item) -> UUID:
        """The object's id."""
        return row.object_id

    @staticmethod
    def resolve_grade(row: Item) -> str:
        """Given here, or its source's."""
        return row.standing_grade

    @staticmethod
    def resolve_confidence(row: Item) -> int | None:
        """Given here, or its source's."""
        return row.standing_confidence

    @staticmethod
    def resolve_source_grade(row: Item) -> str:
        """What its source is worth by its own word, or by the feed's grade."""
        return row.grade

    @staticmethod
    def resolve_source_confidence(row: Item) -> int | None:
        """What its source says."""
        return row.confidence

    @staticmethod
    def resolve_marking(row: Item) -> dict[str, Any]:
        """What may be done with it."""
        return row.marking.marking.as_json()

    @staticmethod
    def resolve_entry(row: Item) -> int:
        """The entry that says so."""
        return row.sequence


class RestsOnOut(Schema):
    """Something that an item that was written here rests on."""

    sort: str
    id: str = Field(description="Its STIX id, or where it came from.")
    object: UUID
    recalled_us: int | None = Field(
        description="When its originator recalled it, microseconds UTC; null where it did not, or where that is not for you."
    )
    recalled_by: str = Field(description="The authority that recalled it; empty likewise.")


class ItemWhole(ItemOut):
    """One item, with what it rests on."""

    rests_on: list[RestsOnOut]


class Sought(Schema):
    """Which items."""

    type: str | None = Field(None, max_length=100)
    batch: UUID | None = None
    source_id: str | None = Field(None, max_length=500)


class SharedOut(Schema):
    """A value that an item shares with others."""

    value_id: int
    kind: str
    value: str
    count: int
    of: int
    weight: float
    words: str
    lists: list[str]
    items: list[UUID]
    undone: UUID | None


class BatchOut(Schema):
    """The account of one import."""

    id: UUID
    name: str
    format: str
    time_us: int
    actor_name: str
    fresh: int
    newer: int
    known: int
    older: int
    clashes: int
    left_out: int
    wrong_marking: int = Field(description="Items left out because their marking is none, parts among them.")

    @staticmethod
    def resolve_id(row: Batch) -> UUID:
        """The object's id."""
        return row.object_id


class BringIn(In):
    """A file of intelligence."""

    name: str = Field(min_length=1, max_length=200)
    content: str = Field(min_length=1, max_length=LARGEST_BYTES)
    dry_run: bool = False
    marking: dict[str, Any] | None = Field(
        None, description="What each item carries at least, as an envelope has it."
    )


class BroughtOut(Schema):
    """What came, or would come, of a file."""

    format: str
    fresh: int
    newer: int
    known: int
    older: int
    clashes: int
    left_out: list[str]
    wrong_marking: int = Field(description="Items left out because their marking is none, parts among them.")
    account: UUID | None


class UndoIn(In):
    """Why a value is no correlation."""

    value_id: int = Field(ge=0, lt=2**63)
    why: str = Field(min_length=1, max_length=1_000)
    everywhere: bool = False


class Decided(Schema):
    """The decision."""

    decision: UUID


@router.get("/items", response=Page[ItemOut], operation_id="intel_items", summary="Items, newest first")
@endpoint("intel.view")
def list_items(request: HttpRequest, sought: Query[Sought], paging: Query[Paging]) -> Any:
    """The items that the caller may see, each thing once, the newest first."""
    rows = twins.once(signed_in(request)).select_related("marking")
    if sought.type:
        rows = rows.filter(type=sought.type)
    if sought.batch:
        rows = rows.filter(batch=sought.batch.hex)
    if sought.source_id:
        rows = rows.filter(source_id=sought.source_id)
    told = paged(rows, Order("number", descending=True), paging)
    looked_at(request, "intel.view", told["items"])
    return told


@router.get("/items/{uuid:item_id}", response=ItemWhole, operation_id="intel_item", summary="One item")
@endpoint("intel.view")
def get_item(request: HttpRequest, item_id: UUID) -> Any:
    """One item; where a partner shared it, its originator learns once that it was opened."""
    actor = signed_in(request)
    row = correlating.by_id(item_id, actor)
    looked_at(request, "intel.view", [row])
    if row.format == "partner":
        opening.opened(row.pk)
    vars(row)["rests_on"] = _rests_on(row, actor)
    return row


def _rests_on(row: Item, actor: Actor) -> list[dict[str, Any]]:
    """What an item that was written here rests on, and whether that was recalled."""
    if row.format != "own":
        return []
    cites = own.typed(service.item_of(row).raw).cites
    gone = recalled_cites.recalled(cites, row.team, actor)
    seen = cited.seen([UUID(one.object) for one in cites], actor)
    told = []
    for one in cites:
        thing = UUID(one.object)
        recall = None if thing in seen else gone.get(thing)
        told.append({
            "sort": one.sort, "id": one.id, "object": thing, "recalled_us": recall.time_us if recall else None,
            "recalled_by": recall.by if recall else "",
        })  # fmt: skip
    return told


@router.get("/items/{uuid:item_id}/raw", operation_id="intel_raw", summary="One item as it came")
@endpoint("intel.export")
def get_raw(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """One item with its parts, in the format that it came in."""
    actor = signed_in(request)
    row = Item.objects.get_for(actor, "intel.export", item_id)
    rows = [row, *service.parts_of(row, actor, "intel.export")]
    looked_at(request, "intel.export", rows, recipient=FILE)
    return JsonResponse(service.taken_out(rows, str(row.pk), actor).document, safe=False)


@router.get(
    "/items/{uuid:item_id}/shared", response=list[SharedOut], operation_id="intel_shared",
    summary="What an item shares with others",
)  # fmt: skip
@endpoint("intel.view")
def get_shared(request: HttpRequest, item_id: UUID) -> Any:
    """The values that an item shares with others that the caller may see, what says most first."""
    actor = signed_in(request)
    row = correlating.by_id(item_id, actor)
    looked_at(request, "intel.view", [row])
    named = dict.fromkeys(value for value, _role in facts_of(service.item_of(row)).values)
    return [
        {
            "value_id": one.id, "kind": one.value.kind, "value": shown(one.value), "count": one.count, "of": one.of,
            "weight": one.weight, "words": one.words, "lists": list(one.lists),
            "items": [other.pk for other in one.items], "undone": one.undone,
        }
        for one in correlating.of_item(row, list(named)[:200], actor)
    ]  # fmt: skip


@router.post(
    "/items/{uuid:item_id}/undo", response={201: Decided}, operation_id="intel_undo",
    summary="Say that a value is no correlation",
)  # fmt: skip
@endpoint("intel.edit")
def undo(request: HttpRequest, item_id: UUID, told: UndoIn) -> Any:
    """Say that a value is no correlation of an item, or anywhere."""
    actor = signed_in(request)
    row = correlating.by_id(item_id, actor)
    decision = service.undo(told.value_id, None if told.everywhere else row, told.why, actor)
    return Status(201, {"decision": decision})


@router.post(
    "/decisions/{uuid:decision}/restore", response={204: None}, operation_id="intel_restore",
    summary="Take back that a value is no correlation",
)  # fmt: skip
@endpoint("intel.edit")
def restore(request: HttpRequest, decision: UUID) -> Any:
    """It is a correlation after all."""
    service.restore(decision, signed_in(request))
    return Status(204, None)


@router.get(
    "/imports", response=Page[BatchOut], operation_id="intel_imports", summary="Imports, newest first"
)
@endpoint("intel.view")
def list_imports(request: HttpRequest, paging: Query[Paging]) -> Any:
    """The accounts of imports that the caller may see, the newest first."""
    rows = Batch.objects.for_actor(signed_in(request), "intel.view").select_related("marking")
    found = paged(rows, Order("time_us", descending=True), paging)
    looked_at(request, "intel.view", found["items"])
    return found


@router.post("/imports", response=BroughtOut, operation_id="intel_bring_in", summary="Bring a file in")
@endpoint("intel.import", in_parts=True)
def bring_in(request: HttpRequest, told: BringIn) -> Any:
    """Bring in a STIX bundle, MISP events, a CSV list or a DDoSDB fingerprint, or only say what would come of it."""
    data = told.content.encode("utf-8", "surrogatepass")
    if len(data) > LARGEST_BYTES:
        raise UsageError(
            f"The file has {len(data):,} bytes; {LARGEST_BYTES:,} are the most here. Use the page."
        )
    marking = Marking.from_json(told.marking) if told.marking is not None else None
    if marking is not None:
        check_originator(marking, authority())
    came = service.bring_in(data, told.name, signed_in(request), marking=marking, dry_run=told.dry_run)
    return {
        "format": came.format, "fresh": came.fresh, "newer": came.newer, "known": came.known, "older": came.older,
        "clashes": len(came.clashes), "left_out": came.left_out[:1_000],
        "wrong_marking": came.wrong_marking, "account": came.object_id,
    }  # fmt: skip
