"""The API of telemetry: partitions of flows, accounts of inputs, watched folders, and analyses of what is stored."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.telemetry import service
from hanse.telemetry.models import Input, Partition
from hanse.web import jobs
from hanse.web.api import In, Int64, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["flows"])


class Span(Schema):
    """Of which time."""

    since_us: Int64 | None = Field(None, description="Microseconds UTC.")
    until_us: Int64 | None = Field(None, description="Microseconds UTC.")


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
    since_us: Int64 | None = None
    until_us: Int64 | None = None
    columns: str | None = Field(None, max_length=4_000, description="Column mapping of tables.")
    gap_s: int | None = Field(None, ge=1, le=86_400, description="Quiet time that ends an attack, s.")


class RemoveIn(In):
    """Partitions to remove, and why."""

    partitions: list[UUID] = Field(min_length=1, max_length=1_000)
    reason: str = Field(min_length=1, max_length=4_000)


class JobOut(Schema):
    """The job that does it."""

    job: UUID
    url: str


class Removed(Schema):
    """How many were removed."""

    removed: int


@router.get("/partitions", response=Page[PartitionOut], operation_id="flows_partitions")
@endpoint("telemetry.view")
def list_partitions(request: HttpRequest, span: Query[Span], paging: Query[Paging]) -> Any:
    """The stored flows by file, in order of time."""
    rows = service.partitions(signed_in(request), span.since_us, span.until_us)
    return paged(rows, Order("start_us"), paging)


@router.post("/partitions/remove", response=Removed, operation_id="flows_remove")
@endpoint("telemetry.import")
def remove_partitions(request: HttpRequest, told: RemoveIn) -> Any:
    """Remove stored flows for good; that they were here stays on record."""
    actor = signed_in(request)
    seen = service.partitions(actor).filter(pk__in=told.partitions).values_list("pk", flat=True)
    return {"removed": service.remove_partitions(list(seen), actor, told.reason)}


@router.get("/inputs", response=Page[InputOut], operation_id="flows_inputs")
@endpoint("telemetry.view")
def list_inputs(request: HttpRequest, paging: Query[Paging]) -> Any:
    """The accounts of what was read, latest first."""
    rows = Input.objects.for_actor(signed_in(request), "telemetry.view")
    return paged(rows, Order("read_us", descending=True), paging)


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


@router.post("/analyse", response={202: JobOut}, operation_id="flows_analyse")
@endpoint("telemetry.import")
def analyse(request: HttpRequest, told: AnalyseIn) -> Any:
    """Start reading files of the inbox in and looking for attacks, or look again in what is stored of a time."""
    params = told.dict(exclude_none=True)
    title = f"Analyse {', '.join(told.paths)}" if told.paths else "Analyse stored flows"
    job = jobs.start("analyse", title[:500], params, signed_in(request))
    return Status(202, {"job": job.pk, "url": f"/jobs/{job.pk}/"})
