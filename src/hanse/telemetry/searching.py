"""Use cases of the flows explorer: what is held, and flows found in the partitions that somebody may look at."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.db.models import BigIntegerField, Count, F, Max, Min, Sum, Value

from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, strictest
from hanse.telemetry import service
from hanse.telemetry.exporters import dated
from hanse.telemetry.limits import limits
from hanse.telemetry.models import Partition
from hanse.telemetry.sought import SHOWN, Found, Rank, Sought

if TYPE_CHECKING:
    import pyarrow as pa
    from django.db.models import QuerySet

FILE_FLOWS = 250_000
"""Flows of one file: more than any spreadsheet is pleasant with, made in seconds."""

DAYS = 60
"""Days that the overview shows, the latest of those that are held."""

_DAY_US = 86_400_000_000

SOURCES = {"import": "Files read in", "collector": "Live collector", "exercise": "Exercise"}
"""What partitions come from, in words."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Partitions that have something in common.

    Attributes:
        what: What it is: a source, or the start of a day in microseconds UTC.
        partitions: How many.
        rows: Flow records.
        octets: Bytes on disk.
        start_us: First start of a flow, microseconds UTC.
        end_us: Last end of a flow, microseconds UTC.
    """

    what: str | int
    partitions: int
    rows: int
    octets: int
    start_us: int
    end_us: int

    @property
    def day(self) -> str:
        """The day, such as ``2007-05-09``; empty where they are not of one day."""
        return units.second(self.what).split()[0] if isinstance(self.what, int) else ""


@dataclass(frozen=True, slots=True)
class Held:
    """What an actor may look at.

    Attributes:
        partitions: How many.
        rows: Flow records.
        octets: Bytes on disk.
        start_us: First start of a flow, microseconds UTC; None where nothing is held.
        end_us: Last end of a flow, microseconds UTC; None where nothing is held.
        sources: By what they come from.
        days: By day of the first flow, the latest first, at most `DAYS`.
        more_days: Days that are held besides.
        collected_bytes: Bytes of what the collector keeps.
        quota_bytes: Most that it keeps; None where nothing limits it.
    """

    partitions: int
    rows: int
    octets: int
    start_us: int | None
    end_us: int | None
    sources: tuple[Kept, ...]
    days: tuple[Kept, ...]
    more_days: int
    collected_bytes: int
    quota_bytes: int | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What a search showed.

    Attributes:
        found: The flows and their sums.
        rows: The partitions that hold at least one of them, with their markings.
        kept_back: How many of those must not leave the node, so that a file has none of their flows.
        missing: How many partitions could hold such flows and have no file on the disk: nothing of them is shown.
    """

    found: Found
    rows: tuple[Partition, ...]
    kept_back: int
    missing: int

    @property
    def marking(self) -> Marking | None:
        """As strict as the strictest partition; None where nothing was found."""
        return strictest(row.marking.marking for row in self.rows) if self.rows else None

    @property
    def dated(self) -> list[str]:
        """Whose flows among them may be dated by receipt, in words."""
        return dated((exporter, ahead_s) for row in self.rows for exporter, ahead_s in row.clocks)


def held(actor: Actor) -> Held:
    """What flows the node holds, as far as an actor may look at them."""
    rows = Partition.objects.for_actor(actor, "telemetry.view")
    sources = tuple(_kept(rows, "source"))
    day = F("start_us") / Value(_DAY_US, BigIntegerField())  # PostgreSQL is told 32 bits otherwise
    days = tuple(_kept(rows.annotate(day=day), "day", descending=True))
    return Held(
        partitions=sum(one.partitions for one in sources),
        rows=sum(one.rows for one in sources),
        octets=sum(one.octets for one in sources),
        start_us=min((one.start_us for one in sources), default=None),
        end_us=max((one.end_us for one in sources), default=None),
        sources=sources,
        days=days[:DAYS],
        more_days=max(0, len(days) - DAYS),
        collected_bytes=sum(one.octets for one in sources if one.what == SOURCES["collector"]),
        quota_bytes=limits().collected_bytes,
    )


def look(actor: Actor, sought: Sought, rank: Rank = "bytes", shown: int = SHOWN) -> Looked:
    """Find flows in the partitions that an actor may look at.

    Raises:
        TooMuchError: It takes too long.
    """
    from hanse.telemetry.flow_search import search  # noqa: PLC0415 - Arrow is loaded when flows are first read

    by_file, missing = _by_file(actor, "telemetry.view", sought)
    found = search(list(by_file), sought, rank=rank, shown=shown)
    rows = tuple(by_file[file] for file in found.files)
    judged = Counter(bool(Partition.objects.judge(actor, "telemetry.export", row)) for row in rows)
    return Looked(found, rows, judged[False], missing)


def take(actor: Actor, sought: Sought) -> "tuple[Iterator[pa.RecordBatch], tuple[Partition, ...]]":
    """All flows that an actor may take out of the node, in order of start, and the partitions they come from.

    Raises:
        TooMuchError: They are more than `FILE_FLOWS`, or it takes too long; the iterator may raise it too.
        UsageError: Files that could hold some of them are not on the disk, so that it would not be all.
    """
    from hanse.telemetry.flow_search import batches, files_with  # noqa: PLC0415 - as above

    by_file, missing = _by_file(actor, "telemetry.export", sought)
    if missing:
        raise UsageError(
            f"{missing:,} of the stored files that can hold such flows are not on the disk: this would not be all of "
            "them. Copy the files back, or choose a time whose files are there."
        )
    files = files_with(list(by_file), sought)
    return batches(files, sought, FILE_FLOWS), tuple(by_file[file] for file in files)


def _by_file(actor: Actor, action: str, sought: Sought) -> tuple[dict[str, Partition], int]:
    """The partitions that can hold such flows, by the path of their file; and how many have no file on the disk."""
    rows = Partition.objects.for_actor(actor, action).select_related("marking")
    if sought.since_us is not None:
        rows = rows.filter(end_us__gte=sought.since_us)
    if sought.until_us is not None:
        rows = rows.filter(start_us__lte=sought.until_us)
    folder = service.flows_folder()
    told = {str(folder / row.path): row for row in rows.order_by("start_us", "object_id")}
    there = {file: row for file, row in told.items() if Path(file).is_file()}
    return there, len(told) - len(there)


def _kept(rows: "QuerySet[Partition]", by: str, *, descending: bool = False) -> Iterator[Kept]:
    """Partitions in groups."""
    summed = rows.order_by().values(by).annotate(
        number=Count("pk"), flows=Sum("rows"), octets=Sum("bytes"), first=Min("start_us"), last=Max("end_us")
    )  # fmt: skip
    for row in summed.order_by(f"-{by}" if descending else by):
        what = row[by] * _DAY_US if by == "day" else SOURCES.get(row[by], row[by])
        yield Kept(what, row["number"], row["flows"], row["octets"], row["first"], row["last"])
