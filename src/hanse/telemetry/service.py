"""Use cases of telemetry: partitions on record and taken off it, folders watched, and flows found again.

Inputs are read into the node's flows by `reading_in`.
"""

import errno
import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction

from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking
from hanse.kernel.printable import printable
from hanse.ledger import objects
from hanse.ledger.finding import Finding
from hanse.ledger.kinds import Kind
from hanse.ledger.models import Entry
from hanse.ledger.recorded import Recorded
from hanse.ledger.routing import database
from hanse.ledger.rows import drop, set_row
from hanse.ledger.writing import Draft, append, append_many, writing
from hanse.policy.asking import require
from hanse.policy.models import stored
from hanse.telemetry import models
from hanse.telemetry.input_files import files_below, opened

if TYPE_CHECKING:
    from django.db.models import QuerySet


_log = logging.getLogger(__name__)

FLOWS = "flows"
"""Folder of the node's home that holds all flows."""

QUIET_US = 5_000_000
"""A file in a watched folder is taken once it has not been written to for so long."""

LARGEST_BYTES = 64 << 30
"""Largest file of a watched folder, as of what is decompressed: a file of holes takes no disk and hours to be hashed."""

NAMED = 50
"""Vantage points of a partition that its record names."""

_BLOCK = 1 << 20


class PartitionStored(msgspec.Struct, frozen=True):
    """A Parquet file of flows is on disk; fields as of `models.Partition`."""

    path: str
    sha256: str
    rows: int
    bytes: int
    start_us: int
    end_us: int
    source: str
    batch: str
    vantage: str
    clocks: tuple[tuple[str, int], ...] = ()


class PartitionRemoved(msgspec.Struct, frozen=True):
    """A Parquet file of flows is gone: by quota, retention or two people; the reason is in the entry."""

    path: str
    proposal: str = ""


class InputRead(msgspec.Struct, frozen=True):
    """An input was read; fields as of `models.Input`."""

    name: str
    sha256: str
    format: str
    flows: int
    packets: int
    lost: int
    skipped: int
    problem_count: int
    problems: tuple[str, ...]
    whole: bool
    batch: str


class FolderWatched(msgspec.Struct, frozen=True):
    """New files of a folder are read in and analysed from now on, or no longer."""

    folder: str
    on: bool


def flows_folder() -> Path:
    """Where the node keeps its flows."""
    home: Path = settings.HANSE_NODE.home
    return home / FLOWS


def record_partitions(
    files: Iterable[Path],
    source: str,
    actor: Actor,
    *,
    batch: str = "",
    marking: Marking | None = None,
) -> list[Recorded]:
    """Put Parquet files that lie in the node's flows on record; those that are already are left alone.

    One that is damaged is named in the log, and holds up no other.

    Args:
        files: Files below `flows_folder`.
        source: ``import``, ``collector`` or ``exercise``.
        actor: Who stored them.
        batch: Id of the import.
        marking: Of the flows.

    Raises:
        UsageError: A file does not lie in the node's flows.
    """
    described = [_described(file, source, batch) for file in sorted(files)]
    return append_many([stored_draft(one, marking) for one in described if one], actor)


def _described(file: Path, source: str, batch: str) -> PartitionStored | None:
    from pyarrow import ArrowException  # noqa: PLC0415 - Arrow is loaded when flows are first read

    try:
        return describe(file, source, batch)
    except (ArrowException, ValueError, OSError) as error:
        _log.error("%s is not put on record, since it is damaged: %s", printable(str(file)), error)
        return None


def describe(file: Path, source: str, batch: str = "") -> PartitionStored | None:
    """What is on record of a partition; None for one without flows.

    Raises:
        UsageError: It does not lie in the node's flows.
    """
    import pyarrow.compute as pc  # noqa: PLC0415 - Arrow is loaded when flows are first read
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    from hanse.telemetry.store import CLOCKS  # noqa: PLC0415 - as above

    try:
        path = file.resolve().relative_to(flows_folder().resolve()).as_posix()
    except ValueError:
        raise UsageError(f"{file} does not lie in {flows_folder()}. Move it there.") from None
    table = pq.read_table(file, columns=["start", "end", "vantage"])
    footer = (
        pq.read_metadata(file).metadata if source == "collector" else {}
    )  # others' files may say anything
    said = (footer or {}).get(CLOCKS.encode(), b"{}")
    clocks = tuple(sorted(msgspec.json.decode(said, type=dict[str, int]).items()))
    if table.num_rows == 0:
        return None
    first, last = pc.min(table["start"]).cast("int64").as_py(), pc.max(table["end"]).cast("int64").as_py()
    names = _together(map(str, pc.unique(table["vantage"]).to_pylist()))
    size = file.stat().st_size
    return PartitionStored(
        path, sha256_of(file), table.num_rows, size, first, last, source, batch, names, clocks
    )


def _together(names: Iterable[str]) -> str:
    """The names of vantage points in one text, and of many how many more there are: an import may be of a thousand files."""
    told = sorted(names)
    more = f", and {len(told) - NAMED:,} more" if len(told) > NAMED else ""
    return printable(", ".join(told[:NAMED])) + more


def remove_partitions(ids: Iterable[UUID], approver: Actor, reason: str, proposal: UUID) -> int:
    """Take partitions off the record and remove their files, as two people decided (see `removing`); how many.

    The entries come first: after a crash between, a file is left over that is on no record, never the reverse.
    """
    return _off_record(models.Partition.projected.filter(pk__in=list(ids)), approver, reason, proposal.hex)


def _off_record(
    partitions: "QuerySet[models.Partition]", actor: Actor, reason: str, proposal: str = ""
) -> int:
    with writing():
        rows = list(partitions.select_related("marking"))
        drafts = [
            Draft(
                "telemetry.partition_removed",
                PartitionRemoved(row.path, proposal),
                row.object_id,
                row.marking.marking,
                reason,
            )
            for row in rows
        ]
        append_many(drafts, actor)
        _remove_once_on_record(flows_folder() / row.path for row in rows)
    return len(rows)


def gone(paths: Iterable[Path], actor: Actor, reason: str) -> int:
    """Take partitions off the record whose files are not there any more, and say why; how many."""
    root = flows_folder()
    names = [path.relative_to(root).as_posix() for path in paths if path.is_relative_to(root)]
    return _off_record(models.Partition.projected.filter(path__in=names), actor, reason)


def files_go_with(objects: Sequence[UUID], _reason: str) -> tuple[UUID, ...]:
    """Have the files of partitions removed once it is on disk that they were purged, whoever purges; nothing goes with them."""
    _remove_once_on_record(
        flows_folder() / row.path for row in models.Partition.projected.filter(pk__in=list(objects))
    )
    return ()


def _remove_once_on_record(files: Iterable[Path]) -> None:
    """Remove files when the transaction that says so is on disk; none if it is rolled back."""
    going = list(files)

    def remove() -> None:
        for file in going:
            file.unlink(missing_ok=True)

    transaction.on_commit(remove, using=database(), robust=True)


def is_new(paths: Iterable[Path]) -> list[Path]:
    """Those of files of flows that were never on record; one that was removed or purged does not come back."""
    root = flows_folder()
    named = {objects.named("partition", path.relative_to(root).as_posix()): path for path in paths}
    known = set(Entry.objects.filter(object_id__in=list(named)).values_list("object_id", flat=True))
    return [path for one, path in named.items() if one not in known]


def findings(
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
) -> Iterator[Finding]:
    """What is wrong with the files of partitions: each that is not as it was put on record, and how many are missing.

    Those that are missing are one finding: after a restore without them they are all of them.
    """
    rows = list(
        models.Partition.projected.order_by("start_us", "object_id").values_list(
            "object_id", "path", "sha256"
        )
    )
    missing: dict[str, UUID] = {}
    for number, (one, path, sha256) in enumerate(rows, 1):
        wrong = _wrong_with(path, sha256)
        if wrong is None:
            missing[path] = one
        # What was removed or purged meanwhile is no finding.
        if wrong and models.Partition.projected.filter(pk=one, path=path, sha256=sha256).exists():
            yield Finding(f"partition {one}", wrong)
        progress("flows", number, len(rows))
    if missing:
        yield from _missing(missing, len(rows))


def _wrong_with(path: str, sha256: str) -> str | None:
    """What is wrong with a stored file; empty where nothing is, None where it is not there."""
    try:
        same = sha256_of(flows_folder() / path) == sha256
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}."
    return "" if same else f"{path} is not the file that was put on record."


def _missing(files: dict[str, UUID], of: int) -> Iterator[Finding]:
    """One finding of files that are not there, as far as they are still on record: path, partition."""
    still = set(models.Partition.projected.values_list("object_id", flat=True))
    paths = [path for path, one in files.items() if one in still]
    if paths:
        which = paths[0] if len(paths) == 1 else f"the first {paths[0]}, the last {paths[-1]}"
        yield Finding(
            "stored flows",
            f"{len(paths):,} of {of:,} files are not in {flows_folder()}: {which}. Copy them there from the backup of "
            "that folder; those that are lost for good are taken off the record under Flows, Stored files.",
        )


def count_missing() -> tuple[int, int]:
    """How many files of partitions are not there, and how many are on record."""
    paths = list(models.Partition.projected.values_list("path", flat=True))
    return sum(not (flows_folder() / path).is_file() for path in paths), len(paths)


def watch(folder: Path, actor: Actor, *, on: bool = True) -> None:
    """Have new files of a folder read in and analysed, or no longer.

    Raises:
        RefusedError: The actor may not.
        UsageError: There is no such folder, it is one of the node's own or around them, or it is not watched anyway.
    """
    require(actor, "telemetry.import")
    path = folder.expanduser().resolve()
    home: Path = settings.HANSE_NODE.home
    own = home.resolve()
    # A folder around the node's own would have it read its keys, and bring in for ever what it stored itself.
    if on and (not path.is_dir() or path.is_relative_to(own) or own.is_relative_to(path)):
        raise UsageError(
            f"{folder} is no folder that can be watched. Name one that is there, outside {home} and not around it."
        )
    one = objects.named("watched folder", str(path))
    if not on and not models.Watched.objects.filter(pk=one).exists():
        raise UsageError(f"{folder} is not watched.")
    append("telemetry.folder_watched", FolderWatched(str(path), on), actor=actor, object_id=one)


def watched() -> list[models.Watched]:
    """The folders that are watched."""
    return list(models.Watched.objects.order_by("folder"))


def new_files() -> list[Path]:
    """Files in watched folders that were not read yet and that nobody is writing any more.

    Each is hashed once per process; hidden ones are left out, as other programs hide what they still write, and so are
    links that lead out of the folder: who may put files into it may not have the node read others. One that cannot be
    read, or is larger than any input may be, is named in the log and holds up no other.
    """
    found: dict[Path, str] = {}
    there: set[str] = set()
    for folder in watched():
        for path in files_below(Path(folder.folder)):
            there.add(str(path))
            try:
                if lies_in(path, folder.folder) and (sha := _hash_at_rest(path)):
                    found[path] = sha
            except OSError as error:
                _say_once(path, error.strerror or "it cannot be read")
    for remembered in (_hashes, _said):
        for one in remembered.keys() - there:
            del remembered[one]
    read_already = models.Input.projected.filter(sha256__in=list(found.values()))
    known = set(read_already.values_list("sha256", flat=True))
    return [path for path, sha in found.items() if sha not in known]


def lies_in(path: Path, folder: str) -> bool:
    """Whether a file is one of a watched folder, wherever links on its way lead."""
    # Of a link that leads in a circle pathlib makes another error than of all else that cannot be read.
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _hash_at_rest(path: Path) -> str:
    """SHA-256 of a file; empty while somebody may still write to it, and where it is larger than any input may be.

    Raises:
        OSError: It cannot be read.
    """
    told, now = path.stat(), now_us()
    # Whoever writes it sets when it was changed, also to what is still to come; when that was set, the system says.
    changed = told.st_mtime_ns if told.st_mtime_ns // 1_000 <= now else told.st_ctime_ns
    if changed // 1_000 > now - QUIET_US:
        return ""
    if told.st_size > LARGEST_BYTES:
        _say_once(path, f"it has more than {LARGEST_BYTES:,} bytes; split it, or read it in by the shell")
        return ""
    state = (told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns)
    known, sha = _hashes.get(str(path), (None, ""))
    if known != state:
        sha = sha256_of(path)
        _hashes[str(path)] = state, sha
    return sha


def _say_once(path: Path, why: str) -> None:
    """Tell the log why a file of a watched folder is not read."""
    if _said.get(str(path)) != why:
        _said[str(path)] = why
        _log.warning("%s in a watched folder is not read in: %s", printable(str(path)), why)


_hashes: dict[str, tuple[tuple[int, int, int, int], str]] = {}
"""By path what a file of a watched folder was when it was hashed, and its SHA-256."""
_said: dict[str, str] = {}
"""By path why a file of a watched folder is not read."""


def partitions(
    actor: Actor, since_us: int | None = None, until_us: int | None = None, action: str = "telemetry.view"
) -> "QuerySet[models.Partition]":
    """The partitions that hold flows of an interval (microseconds UTC) and with which an actor may do an action."""
    rows = models.Partition.objects.for_actor(actor, action)
    if since_us is not None:
        rows = rows.filter(end_us__gte=since_us)
    if until_us is not None:
        rows = rows.filter(start_us__lte=until_us)
    return rows.order_by("start_us", "object_id")


def files_of(rows: Iterable[models.Partition]) -> list[str]:
    """The files of partitions, those that are there."""
    files = (flows_folder() / row.path for row in rows)
    return [str(file) for file in files if file.is_file()]


def any_file(rows: "QuerySet[models.Partition]") -> bool:
    """Whether a file of partitions is there: it looks no further than to the first."""
    return any((flows_folder() / path).is_file() for path in rows.values_list("path", flat=True).iterator())


def sha256_of(path: Path, within: Sequence[str] = ()) -> str:
    """SHA-256 of a file, hexadecimal.

    Raises:
        OSError: It cannot be read, is no file, grows meanwhile, or lies in none of the folders `within`, where there are
            some.
    """
    hashed = hashlib.sha256()
    with opened(path, within) as file:
        left = os.fstat(file.fileno()).st_size
        while block := file.read(_BLOCK):
            left -= len(block)
            if left < 0:  # who writes as fast as it is read would never have it end
                raise OSError(errno.EAGAIN, "somebody writes to it")
            hashed.update(block)
    return hashed.hexdigest()


def stored_draft(content: PartitionStored, marking: Marking | None) -> Draft:
    """The entry that puts a partition on record; without a marking it is the authority's own."""
    which = objects.named("partition", content.path)
    return Draft("telemetry.partition_stored", objects.settled(content), which, marking)


def _project_stored(recorded: Recorded, content: PartitionStored) -> None:
    values = msgspec.structs.asdict(content)
    values |= {"marking": stored(recorded.marking), "stored_us": recorded.time_us}
    set_row(models.Partition.projected, recorded.object_id, values)


def _project_removed(recorded: Recorded, _: PartitionRemoved) -> None:
    _forget_partition(recorded.object_id)


def _forget_partition(object_id: UUID) -> None:
    drop(models.Partition.projected, object_id)


def _project_input(recorded: Recorded, content: InputRead) -> None:
    values = msgspec.structs.asdict(content)
    values |= {"marking": stored(recorded.marking), "read_us": recorded.time_us}
    values["problems"] = list(content.problems)
    set_row(models.Input.projected, recorded.object_id, values)


def _forget_input(object_id: UUID) -> None:
    drop(models.Input.projected, object_id)


def _project_watched(recorded: Recorded, content: FolderWatched) -> None:
    _forget_watched(recorded.object_id)
    if content.on:
        models.Watched.objects.create(
            object_id=recorded.object_id, folder=content.folder, by=recorded.actor_name
        )


def _forget_watched(object_id: UUID) -> None:
    drop(models.Watched.objects, object_id)


KINDS = (
    Kind("telemetry.partition_stored", PartitionStored, _project_stored, _forget_partition),
    Kind("telemetry.partition_removed", PartitionRemoved, _project_removed),
    Kind("telemetry.input_read", InputRead, _project_input, _forget_input),
    Kind("telemetry.folder_watched", FolderWatched, _project_watched, _forget_watched),
)
