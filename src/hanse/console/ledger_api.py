"""The ledger over the API: entries, checkpoints, tiles of the tree, and proofs."""

from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema

from hanse.accounts import consultations
from hanse.console.visible_entries import entry_for, visible_entries
from hanse.kernel.errors import UsageError
from hanse.ledger.models import Entry
from hanse.ledger.proof import export
from hanse.ledger.tree import latest
from hanse.web import keyset
from hanse.web.api import Page, Paging, endpoint, paged
from hanse.web.page import signed_in

router = Router(tags=["ledger"])


class EntryOut(Schema):
    """An entry's envelope."""

    sequence: int
    kind: str
    object_id: str
    version: int
    recipient: str
    time_us: int
    position: int | None
    envelope: dict[str, Any]

    @staticmethod
    def of(row: Entry) -> "EntryOut":
        """The envelope as JSON, and where it is."""
        return EntryOut(
            sequence=row.sequence, kind=row.kind, object_id=str(row.object_id), version=row.version,
            recipient=row.recipient, time_us=row.time_us, position=row.position,
            envelope=msgspec.json.decode(bytes(row.payload)),
        )  # fmt: skip


class CheckpointOut(Schema):
    """The newest head of the tree."""

    size: int
    entries: int
    time_us: int
    note: str


@router.get(
    "/entries", response=Page[EntryOut], summary="Entries, newest first", operation_id="ledger_entries"
)
@endpoint("ledger.view")
def entries(request: HttpRequest, paging: Query[Paging], kind: str = "") -> dict[str, Any]:
    """All entries that the caller may know of."""
    rows = visible_entries(signed_in(request), "ledger.view")
    told = paged(rows.filter(kind=kind) if kind else rows, keyset.Order("sequence", descending=True), paging)
    return told | {"items": [EntryOut.of(row) for row in told["items"]]}


@router.get(
    "/entries/{int:sequence}", response=EntryOut, summary="One entry's envelope", operation_id="ledger_entry"
)
@endpoint("ledger.view")
def entry(request: HttpRequest, sequence: int) -> EntryOut:
    """One envelope."""
    return EntryOut.of(entry_for(signed_in(request), "ledger.view", sequence))


@router.get(
    "/checkpoint",
    response={200: CheckpointOut, 204: None},
    summary="The newest checkpoint",
    operation_id="ledger_checkpoint",
)
@endpoint("ledger.view")
def checkpoint(request: HttpRequest) -> Any:  # noqa: ARG001 - Ninja gives it
    """The newest signed head of the tree; 204 before the first."""
    return latest() or (204, None)


@router.get(
    "/entries/{int:sequence}/proof",
    summary="An entry with its proof, for `hanse verify`",
    operation_id="ledger_proof",
)
@endpoint("ledger.export")
def proof(request: HttpRequest, sequence: int, why: str = "") -> HttpResponse:
    """The proof; `why` is asked for, since it leaves the node."""
    actor = signed_in(request)
    row = entry_for(actor, "ledger.export", sequence)
    if not why.strip():
        raise UsageError("Say why you export it, as `why`: it is written down.")
    data = export(sequence)
    consultations.record(actor, "ledger.export", [row.object_id], why.strip(), recipient="a file")
    return HttpResponse(data, content_type="application/json")
