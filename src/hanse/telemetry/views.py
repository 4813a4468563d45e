"""The flows explorer: what is held, flows found again with what they add up to, and files of them."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

from django.http import FileResponse, HttpRequest, HttpResponseBase, QueryDict
from django.utils.translation import gettext as _

from hanse.accounts.looking import FILE, asks_why, looked_at
from hanse.kernel.actors import Actor
from hanse.kernel.addresses import unpack
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.policy.asking import require
from hanse.policy.decision import may
from hanse.telemetry import searching
from hanse.telemetry.forms import AgainForm, FlowsForm
from hanse.telemetry.protocols import protocol_name
from hanse.telemetry.sought import Found, Rank, Sought, Sum
from hanse.web.page import Result, page, signed_in

if TYPE_CHECKING:
    import pyarrow as pa

FILES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
"""What flows can be had as."""

_SPOOL = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a summary.

    Attributes:
        words: What the flows share.
        url: The search narrowed to it.
        sum: What they add up to.
        share: Part of what the summary is ordered by, 0 to 1.
    """

    words: str
    url: str
    sum: Sum
    share: float


@page("telemetry.view", "telemetry/list.html")
@asks_why
def flows(request: HttpRequest) -> Result:
    """What is held while nothing is asked for; else the flows that are, and what they add up to."""
    actor = signed_in(request)
    form = FlowsForm(request.GET or None)
    told = {"form": form, **allowed(actor)}
    if not form.is_bound or not form.asked:
        return told | {"form": FlowsForm(), "held": searching.held(actor)}
    if not form.is_valid():
        return told
    if wanted := request.GET.get("as"):
        return file_of(request, form.sought, wanted)
    from hanse.telemetry.flow_rows import shown  # noqa: PLC0415 - Arrow is loaded when flows are first read

    rank = cast("Rank", form.cleaned_data["by"] or "bytes")
    looked = searching.look(actor, form.sought, rank)
    looked_at(request, "telemetry.view", looked.rows)
    total = looked.found.total.flows
    return told | {
        "looked": looked,
        "found": looked.found,
        "flows": shown(looked.found.flows),
        "tops": _tops(looked.found, rank, request.GET),
        "marking": looked.marking,
        "chips": _chips(form, request.GET),
        "fits": total <= searching.FILE_FLOWS,
        "most": searching.FILE_FLOWS,
        "as_csv": _url(request.GET, **{"as": "csv"}),
        "as_parquet": _url(request.GET, **{"as": "parquet"}),
        "again": AgainForm(initial={"since": request.GET.get("since"), "until": request.GET.get("until")}),
    }


def file_of(request: HttpRequest, sought: Sought, wanted: str) -> HttpResponseBase:
    """All flows that are sought as a file: whole, or not at all.

    Raises:
        RefusedError: The actor may not take flows out.
        UsageError: There is no such kind of file.
        TooMuchError: They are more than a file takes.
    """
    actor = signed_in(request)
    require(actor, "telemetry.export")
    if wanted not in FILES:
        raise UsageError(_("Flows can be had as CSV or Parquet. Choose one of them on the page."))
    batches, rows = searching.take(actor, sought)
    out = tempfile.SpooledTemporaryFile(max_size=_SPOOL)  # noqa: SIM115 - the response closes it
    try:
        _write(batches, wanted, cast("IO[bytes]", out))
        looked_at(request, "telemetry.export", rows, recipient=FILE)
    except BaseException:
        out.close()
        raise
    out.seek(0)
    return FileResponse(out, as_attachment=True, filename=f"hanse-flows.{wanted}", content_type=FILES[wanted])


def allowed(actor: Actor) -> dict[str, Any]:
    """What the actor may do on the pages of telemetry."""
    at = now_us()
    return {
        f"may_{name}": bool(may(actor, action, now_us=at))
        for name, action in (
            ("export", "telemetry.export"),
            ("import", "telemetry.import"),
            ("set", "settings.edit"),
            ("attacks", "attacks.view"),
            ("ledger", "ledger.view"),
        )
    }


def _write(batches: "Iterable[pa.RecordBatch]", wanted: str, out: IO[bytes]) -> None:
    from hanse.telemetry.flow_rows import csv_lines  # noqa: PLC0415 - Arrow is loaded when flows are first read
    from hanse.telemetry.listing import write_parquet_stream  # noqa: PLC0415 - as above

    if wanted == "parquet":
        write_parquet_stream(batches, out)
        return
    for line in csv_lines(batches):
        out.write(line.encode())


def _url(query: QueryDict, **changed: str) -> str:
    """The address with other values."""
    told = query.copy()
    told.pop("as", None)
    for name, value in changed.items():
        told[name] = value
    return f"?{told.urlencode()}"


def _chips(form: FlowsForm, query: QueryDict) -> list[dict[str, str]]:
    """What was asked for, each with the address without it."""
    told = []
    for name, field in form.fields.items():
        value = query.get(name, "").strip()
        if value and name != "by":
            left = query.copy()
            for gone in (name, "as"):
                left.pop(gone, None)
            told.append({"label": str(field.label), "value": value, "url": f"?{left.urlencode()}"})
    return told


def _tops(found: Found, rank: Rank, query: QueryDict) -> list[tuple[str, str, list[Row]]]:
    """The summaries: heading, what a row is, and the rows."""
    weight = {"bytes": "octets"}.get(rank, rank)
    whole = getattr(found.total, weight) or 1

    def rows(sums: Sequence[Sum], words: Any, narrowed: Any) -> list[Row]:
        return [
            Row(words(one.key), _url(query, **narrowed(one.key)), one, getattr(one, weight) / whole)
            for one in sums
        ]

    def port(key: tuple[int, int]) -> str:
        return f"{protocol_name(key[0])} {key[1]}"

    told = [
        (_("Sources"), _("Source"), rows(found.sources, unpack, lambda key: {"source": unpack(key)})),
        (
            _("Destinations"),
            _("Destination"),
            rows(found.targets, unpack, lambda key: {"destination": unpack(key)}),
        ),
        (
            _("Destination ports"),
            _("Port"),
            rows(
                found.target_ports,
                port,
                lambda key: {"protocol": str(key[0]), "destination_port": str(key[1])},
            ),
        ),
        (
            _("Source ports"),
            _("Port"),
            rows(found.source_ports, port, lambda key: {"protocol": str(key[0]), "source_port": str(key[1])}),
        ),
        (
            _("Protocols"),
            _("Protocol"),
            rows(found.protocols, protocol_name, lambda key: {"protocol": str(key)}),
        ),
    ]
    return [one for one in told if one[2]]
