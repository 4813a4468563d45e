"""The ledger's pages: browse entries, read one, prove it. They stand here because the ledger is below policy."""

from typing import Any

import msgspec
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from hanse.accounts import consultations
from hanse.console.marking import is_markable
from hanse.console.purging import STAYS
from hanse.console.visible_entries import entry_for, judged, visible_entries
from hanse.kernel import envelope, units
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.keys import VerifyKey
from hanse.kernel.markings import Marking
from hanse.ledger.kinds import all_kinds, meaning
from hanse.ledger.models import Body, Entry, NodeKey, Purged
from hanse.ledger.proof import export
from hanse.ledger.reading import written
from hanse.ledger.tree import integrate, latest
from hanse.ledger.verify import fingerprint, verify
from hanse.ledger.witnessed import latest_witnessed, standing
from hanse.policy.asking import may_begin
from hanse.policy.decision import Decision
from hanse.web import lists
from hanse.web.page import Result, page, signed_in


def _position(entry: Entry) -> str:
    return "provisional" if entry.position is None else f"leaf {units.count(entry.position)}"


LIST = lists.Listed(
    name="ledger",
    caption="Entries of the ledger",
    order="-sequence",
    columns=(
        lists.Column(key="sequence", label="Entry", format="count", sort="sequence",
                     link=lambda row: reverse("console:entry", args=[row.sequence])),
        lists.Column(key="time", label="Written", value="time_us", format="when"),
        lists.Column(key="kind", label="Kind"),
        lists.Column(key="object", label="Object", value=lambda row: row.object_id.hex[:12]),
        lists.Column(key="version", label="Version", format="count"),
        lists.Column(key="recipient", label="Recipient", value=lambda row: row.recipient or "this node"),
        lists.Column(key="place", label="Tree", value=_position),
    ),
    filters=(
        lists.Filter(key="kind", label="Kind", field="kind",
                     choices=lambda: [(kind.name, kind.name) for kind in all_kinds()]),
        lists.Filter(key="object", label="Object", field="object_id", help="Its whole id."),
        lists.Filter(key="recipient", label="Recipient", field="recipient"),
    ),
    row_url=lambda row: reverse("console:entry", args=[row.sequence]),
    export="ledger.export",
    empty=lists.Empty("The ledger has no entries yet."),
)  # fmt: skip


@page("ledger.view", "console/ledger.html")
def entries(request: HttpRequest) -> Result:
    """All entries that the actor may know of, newest first."""
    actor = signed_in(request)

    def rows(action: str) -> QuerySet[Entry]:
        return visible_entries(actor, action)

    told = lists.answer(request, LIST, rows, "ledger.view")
    if not isinstance(told, dict):
        return told
    first = NodeKey.objects.order_by("since_us").first()
    head = latest()
    stands = standing(head)
    return told | {
        "head": head,
        "standing": stands,
        "seen_before": None if stands.witnessed else latest_witnessed(),
        "fingerprint": fingerprint(VerifyKey(bytes.fromhex(first.verify))) if first else "",
    }


@page("ledger.view", "console/entry.html", methods=("GET", "POST"))
def entry(request: HttpRequest, sequence: int) -> Result:
    """One entry: its envelope, and its body for those who may read it and say why."""
    actor = signed_in(request)
    row = entry_for(actor, "ledger.view", sequence)
    head = envelope.decode(bytes(row.payload))
    marking = Marking.from_json(head.marking)
    decision = judged(actor, "ledger.read_body", row)
    told: dict[str, Any] = {
        "entry": row,
        "head": head,
        "meaning": meaning(row.kind),
        "envelope": msgspec.json.format(bytes(row.payload), indent=2).decode(),
        "marking": marking,
        "key": NodeKey.objects.filter(pk=row.key).first(),
        "purged_by": Purged.objects.filter(pk=sequence).values_list("by", flat=True).first(),
        "readable": decision,
        "exportable": judged(actor, "ledger.export", row),
        "may_mark": may_begin(actor, "policy.mark") and is_markable(row.object_id),
        "may_purge": may_begin(actor, "ledger.purge") and not row.kind.startswith(STAYS),
        "others": visible_entries(actor, "ledger.view")
        .filter(object_id=row.object_id)
        .order_by("version")[:50],
    }
    if request.method == "POST" and decision:
        told |= _body(request, row, decision)
    return told


def _body(request: HttpRequest, row: Entry, _: Decision) -> dict[str, Any]:
    """The body, once the reader has said why."""
    why = request.POST.get("reason", "").strip()
    if not why:
        return {"error": "Say why you read it: the law asks for it, and it is written down."}
    body = Body.objects.filter(pk=row.sequence).first()
    if body is None:
        return {"error": "Its body was purged."}
    consultations.record(signed_in(request), "ledger.read_body", [row.object_id], why)
    said = written(row, body)
    return {
        "body": said,
        "content": msgspec.json.format(bytes(said.content), indent=2).decode(),
    }


@page("ledger.prove", "console/proof.html")
def prove(request: HttpRequest, sequence: int) -> Result:
    """The steps of an entry's proof, done now from the stored bytes."""
    row = entry_for(signed_in(request), "ledger.prove", sequence)
    if row.position is None:
        # Nobody should have to wait for the minute's checkpoint to see a proof.
        integrate()
    try:
        proven = verify(export(sequence))
    except HanseError as error:
        return {"entry": row, "failed": str(error)}
    row.refresh_from_db()
    return {"entry": row, "proven": proven, "head": latest_witnessed() or latest()}


@page("ledger.export", "console/entry.html", methods=("POST",))
def proof_file(request: HttpRequest, sequence: int) -> HttpResponseBase:
    """The proof as a file, for `hanse verify`."""
    actor = signed_in(request)
    row = entry_for(actor, "ledger.export", sequence)
    why = request.POST.get("reason", "").strip()
    if not why:
        raise UsageError("Say why you export it: it leaves the node, and it is written down.")
    if row.position is None:
        integrate()
    data = export(sequence)
    consultations.record(actor, "ledger.export", [row.object_id], why, recipient="a file")
    response = HttpResponse(data, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="hanse-entry-{sequence}.json"'
    return response
