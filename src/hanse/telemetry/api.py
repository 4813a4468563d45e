"""The API of telemetry: flows found again, partitions, accounts of inputs, watched folders, and analyses."""

import ipaddress
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from hanse.accounts.looking import looked_at
from hanse.kernel.addresses import Network, unpack
from hanse.kernel.errors import UsageError
from hanse.telemetry import rehearsal, removing, searching, service
from hanse.telemetry.limits import limits
from hanse.telemetry.models import Input, Partition
from hanse.telemetry.sought import Sought, Sum
from hanse.telemetry.views import file_of
from hanse.web import jobs
from hanse.web.api import In, Moment, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in
from hanse.web.uploads import receive_body

router = Router(tags=["flows"])


class FlowsSpan(Schema):
    """Of which time."""

    since_us: Moment | None = Field(None, description="Microseconds UTC.")
    until_us: Moment | None = Field(None, description="Microseconds UTC.")


class FlowsWanted(FlowsSpan):
    """Which flows: those that were seen in the time, and pass everything that is given."""

    address: str | None = Field(None, max_length=64, description="Address or network, at either end.")
    source: str | None = Field(None, max_length=64, description="Address or network.")
    destination: str | None = Field(None, max_length=64, description="Address or network.")
    port: int | None = Field(None, ge=0, le=65_535, description="At either end.")
    source_port: int | None = Field(None, ge=0, le=65_535)
    destination_port: int | None = Field(None, ge=0, le=65_535)
    protocol: int | None = Field(None, ge=0, le=255, description="IP protocol number.")


class FlowsShown(Schema):
    """How they are shown."""

    by: Literal["bytes", "packets", "flows"] = Field("bytes", description="What the summaries are ranked by.")
    limit: int = Field(200, ge=1, le=5_000, description="Flows that are given out.")


class Kind(Schema):
    """As what kind of file."""

    form: Literal["csv", "parquet"] = "csv"


class SumOut(Schema):
    """What some flows add up to: records, and estimates of packets and octets."""

    key: str = Field(description="What they share; empty for all.")
    flows: int
    packets: int
    bytes: int


class FoundOut(Schema):
    """Flows that were found: the first of them, and what all of them add up to."""

    total: SumOut
    sources: list[SumOut]
    destinations: list[SumOut]
    source_ports: list[SumOut] = Field(description="`protocol/port`.")
    destination_ports: list[SumOut] = Field(description="`protocol/port`.")
    protocols: list[SumOut]
    flows: list[dict[str, Any]] = Field(description="The flow schema, addresses and times as text.")
    dated: list[str] = Field(description="Whose flows are dated by their receipt, as their clock was wrong.")
    missing: int = Field(
        description="Stored files of that time that are not on the disk: nothing of them is here."
    )


class KeptOut(Schema):
    """Stored flows that came the same way."""

    what: str
    partitions: int
    rows: int
    octets: int
    start_us: int
    end_us: int


class HeldOut(Schema):
    """What flows are held."""

    partitions: int
    rows: int
    octets: int
    start_us: int | None
    end_us: int | None
    sources: list[KeptOut]
    collected_bytes: int
    quota_bytes: int | None


class PartitionOut(Schema):
    """One Parquet file of flows."""

    id: UUID
    path: str
    sha256: str
    rows: int
    bytes: int
    start_us: int
    end_us: int
    source: str
    batch: str
    vantage: str
    clocks: list[tuple[str, int]] = Field(
        description="Exporters whose flows in it are dated by receipt, and how many seconds their clocks were ahead."
    )
    stored_us: int

    @staticmethod
    def resolve_id(row: Partition) -> UUID:
        """The object's id."""
        return row.object_id


class InputOut(Schema):
    """The account of one input."""

    id: UUID
    name: str
    sha256: str
    format: str
    flows: int
    packets: int
    lost: int
    skipped: int
    whole: bool
    problem_count: int
    problems: list[str]
    batch: str
    read_us: int

    @staticmethod
    def resolve_id(row: Input) -> UUID:
        """The object's id."""
        return row.object_id


class WatchedOut(Schema):
    """A watched folder."""

    folder: str
    by: str


class WatchIn(In):
    """A folder to watch, or no longer."""

    folder: str = Field(min_length=1, max_length=4_000)
    on: bool = True


class AnalyseIn(In):
    """What to analyse: files of the inbox, or what is stored of a time."""

    paths: list[str] | None = Field(
        None, min_length=1, max_length=1_000, description="Relative to the inbox."
    )
    since_us: Moment | None = None
    until_us: Moment | None = None
    columns: str | None = Field(None, max_length=4_000, description="Column mapping of tables.")
    gap_s: int | None = Field(None, ge=1, le=86_400, description="Quiet time that ends an attack, s.")


class FlowsRemoveIn(In):
    """Partitions to remove, and why."""

    partitions: list[UUID] = Field(min_length=1, max_length=1_000)
    reason: str = Field(min_length=1, max_length=4_000)


class InboxOut(Schema):
    """A file that the inbox has whole."""

    path: str = Field(description="Relative to the inbox, for `paths` of `flows_analyse`.")
    name: str = Field(description="As it was called, fit to be shown.")
    size: int = Field(description="Bytes.")
    sha256: str


class JobOut(Schema):
    """The job that does it."""

    job: UUID
    url: str


class RemovalProposed(Schema):
    """The proposal that another person decides on."""

    proposal: UUID


@router.get("/held", response=HeldOut, operation_id="flows_held")
@endpoint("telemetry.view")
def get_held(request: HttpRequest) -> Any:
    """What flows are held, and how much of the collector's quota is used."""
    return searching.held(signed_in(request))


@router.get("/search", response=FoundOut, operation_id="flows_search")
@endpoint("telemetry.view")
def search(request: HttpRequest, wanted: Query[FlowsWanted], shown: Query[FlowsShown]) -> Any:
    """Find stored flows."""
    from hanse.telemetry.listing import in_text  # noqa: PLC0415 - Arrow is loaded when flows are first read

    looked = searching.look(signed_in(request), _sought(wanted), shown.by, shown.limit)
    looked_at(request, "telemetry.view", looked.rows)
    found = looked.found
    return {
        "total": _sum(found.total, ""),
        "sources": [_sum(one, unpack(one.key)) for one in found.sources],
        "destinations": [_sum(one, unpack(one.key)) for one in found.targets],
        "source_ports": [_sum(one, "/".join(map(str, one.key))) for one in found.source_ports],
        "destination_ports": [_sum(one, "/".join(map(str, one.key))) for one in found.target_ports],
        "protocols": [_sum(one, str(one.key)) for one in found.protocols],
        "flows": [row for batch in found.flows.to_batches() for row in in_text(batch).to_pylist()],
        "missing": looked.missing,
        "dated": looked.dated,
    }


@router.get("/file", response={200: None}, operation_id="flows_file")
@endpoint("telemetry.export")
def get_file(request: HttpRequest, wanted: Query[FlowsWanted], kind: Query[Kind]) -> Any:
    """All stored flows that are found, as CSV or Parquet: whole, or not at all."""
    return file_of(request, _sought(wanted), kind.form)


@router.get("/partitions", response=Page[PartitionOut], operation_id="flows_partitions")
@endpoint("telemetry.view")
def list_partitions(request: HttpRequest, span: Query[FlowsSpan], paging: Query[Paging]) -> Any:
    """The stored flows by file, in order of time."""
    rows = service.partitions(signed_in(request), span.since_us, span.until_us)
    found = paged(rows.select_related("marking"), Order("start_us"), paging)
    looked_at(request, "telemetry.view", found["items"])
    return found


@router.post("/partitions/remove", response={201: RemovalProposed}, operation_id="flows_remove")
@endpoint("telemetry.remove")
def remove_partitions(request: HttpRequest, told: FlowsRemoveIn) -> Any:
    """Propose to remove stored flows for good; another person approves it. That they were here stays on record."""
    return Status(
        201, {"proposal": removing.propose_removal(told.partitions, told.reason, signed_in(request))}
    )


@router.get("/inputs", response=Page[InputOut], operation_id="flows_inputs")
@endpoint("telemetry.view")
def list_inputs(request: HttpRequest, paging: Query[Paging]) -> Any:
    """The accounts of what was read, latest first."""
    rows = Input.objects.for_actor(signed_in(request), "telemetry.view").select_related("marking")
    found = paged(rows, Order("read_us", descending=True), paging)
    looked_at(request, "telemetry.view", found["items"])
    return found


@router.get("/inputs/{uuid:input_id}", response=InputOut, operation_id="flows_input")
@endpoint("telemetry.view")
def get_input(request: HttpRequest, input_id: UUID) -> Any:
    """The account of one input."""
    row = Input.objects.get_for(signed_in(request), "telemetry.view", input_id)
    looked_at(request, "telemetry.view", [row])
    return row


@router.get("/watched", response=list[WatchedOut], operation_id="flows_watched")
@endpoint("telemetry.import")
def list_watched(request: HttpRequest) -> Any:  # noqa: ARG001 - Ninja gives it
    """The watched folders."""
    return service.watched()


@router.post("/watched", response={204: None}, operation_id="flows_watch")
@endpoint("telemetry.import")
def watch(request: HttpRequest, told: WatchIn) -> Any:
    """Have new files of a folder read in and analysed, or no longer."""
    service.watch(Path(told.folder), signed_in(request), on=told.on)
    return Status(204, None)


@router.put(
    "/inbox/{uuid:number}/{str:name}",
    response={200: InboxOut, 201: InboxOut},
    operation_id="flows_upload",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
@endpoint("telemetry.import")
def put_inbox(request: HttpRequest, number: UUID, name: str) -> Any:
    """Put a capture or flow file into the inbox, as large as the node takes; `flows_analyse` reads it then.

    The body is the file. The number is a UUID that the client makes up: sent again under it, the same file changes
    nothing (200), and another one is refused (409).
    """
    signed_in(request)
    if request.content_type != "application/octet-stream":
        raise HttpError(415, "Send the file as it is, as application/octet-stream.")
    stored, new = receive_body(request, number, name, limits().upload)
    return Status(201 if new else 200, stored)


@router.post("/analyse", response={202: JobOut}, operation_id="flows_analyse")
@endpoint("telemetry.import")
def analyse(request: HttpRequest, told: AnalyseIn) -> Any:
    """Start reading files of the inbox in and looking for attacks, or look again in what is stored of a time."""
    params = told.dict(exclude_none=True)
    if told.columns is not None:
        from hanse.telemetry.columns import stated  # noqa: PLC0415 - loads numba, which an idle node does without

        stated(told.columns)
    # A path is FOLDER/NUMBER-NAME, as `put_inbox` answered it: people know the name.
    names = [path.rpartition("/")[2].partition("-")[2] or path for path in told.paths or ()]
    title = f"Analyse {', '.join(names)}" if names else "Analyse stored flows"
    job = jobs.start("analyse", title[:500], params, signed_in(request))
    return Status(202, {"job": job.pk, "url": f"/jobs/{job.pk}/"})


@router.post("/load-exercise", response={202: JobOut}, operation_id="flows_load_exercise")
@endpoint("telemetry.import")
def load_exercise(request: HttpRequest) -> Any:
    """Start loading the Estonia 2007 exercise, on a node that rehearses."""
    job = rehearsal.begin(signed_in(request))
    return Status(202, {"job": job.pk, "url": f"/jobs/{job.pk}/"})


_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
"""Years 1 to 9999, microseconds UTC."""


def _sought(wanted: FlowsWanted) -> Sought:
    """What was asked for.

    Raises:
        UsageError: An address or network is none.
    """
    since, until = (
        None if one is None else min(max(one, _FIRST_US), _LAST_US)
        for one in (wanted.since_us, wanted.until_us)
    )
    return Sought(
        since_us=since,
        until_us=until,
        address=_network(wanted.address),
        source=_network(wanted.source),
        target=_network(wanted.destination),
        port=wanted.port,
        source_port=wanted.source_port,
        target_port=wanted.destination_port,
        protocol=wanted.protocol,
    )


def _network(text: str | None) -> Network | None:
    if text is None:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise UsageError(
            f"{text!r} is no address or network. Write it like 192.0.2.7 or 192.0.2.0/24."
        ) from None


def _sum(one: Sum, key: str) -> dict[str, Any]:
    return {"key": key, "flows": one.flows, "packets": one.packets, "bytes": one.octets}
