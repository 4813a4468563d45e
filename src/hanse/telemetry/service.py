"""Use cases of telemetry: inputs read into the node's flows, partitions on record, and flows found again."""

import contextlib
import errno
import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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
from hanse.ledger.writing import Draft, append, append_many, writing
from hanse.policy.asking import require
from hanse.policy.models import stored
from hanse.telemetry import models
from hanse.telemetry.input_files import Found, expand, files_below, opened
from hanse.telemetry.reading import InputReport
from hanse.web.uploads import called_by_sender

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from hanse.telemetry.read import Progress

_log = logging.getLogger(__name__)

FLOWS = "flows"
"""Folder of the node's home that holds all flows."""

QUIET_US = 5_000_000
"""A file in a watched folder is taken once it has not been written to for so long."""

LARGEST_BYTES = 64 << 30
"""Largest file of a watched folder, as of what is decompressed: a file of holes takes no disk and hours to be hashed."""

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


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of reading inputs into the node.

    Attributes:
        inputs: One account per input, also for those that had been read before.
        partitions: Object ids of the partitions that hold their flows.
        files: Those partitions' files.
        left_out: Files in folders that are no telemetry, with the reason.
        again: How many of the inputs had been read before, and were not stored twice.
    """

    inputs: tuple[InputReport, ...]
    partitions: tuple[UUID, ...]
    files: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    again: int = 0


def flows_folder() -> Path:
    """Where the node keeps its flows."""
    home: Path = settings.HANSE_NODE.home
    return home / FLOWS


def read_in(
    paths: Sequence[str],
    actor: Actor,
    *,
    columns: str | None = None,
    marking: Marking | None = None,
    progress: "Progress | None" = None,
    within: Sequence[str] = (),
) -> Imported:
    """Read captures and flow files into the node's flows, each file once however often it is given.

    A file is known by its SHA-256; what was read before is not stored a second time.

    Args:
        paths: Files, folders and globs; with `within`, files alone.
        actor: Who reads.
        columns: Column mapping of CSV or Parquet inputs.
        marking: Of the inputs and the flows; the authority's own by default.
        progress: Told how far it is.
        within: Folders that others write to, in which the files have to lie. What was taken away, exchanged, or changed
            while it was read is not read, has an account that says so and none on record, and holds up no other file.

    Raises:
        RefusedError: The actor may not.
        UsageError: A path matches nothing.
        StoreError: The flows cannot be written.
    """
    from hanse.telemetry.columns import parse_mapping  # noqa: PLC0415 - the readers load numba: an idle node does without
    from hanse.telemetry.read import read_found  # noqa: PLC0415 - as above

    require(actor, "telemetry.import")
    files = [Found(Path(path), named=True) for path in dict.fromkeys(paths)] if within else expand(paths)
    hashes, unread = _hashed([one.path for one in files], within)
    known = _known(hashes.values())
    first = {sha: path for path, sha in reversed(hashes.items()) if sha not in known}
    fresh = [path for path, sha in hashes.items() if first.get(sha) == path]
    batches = sorted({row.batch for row in known.values()})
    accounts = [_account(path, known[sha]) for path, sha in hashes.items() if sha in known]
    left_out: list[tuple[str, str]] = []
    if fresh:
        batch = objects.named("import", " ".join(sorted(hashes[path] for path in fresh))).hex
        folder = _emptied(flows_folder() / "imports" / batch)
        told = parse_mapping(columns) if columns else None
        called = {path: _called(path) for path in fresh}
        result = read_found(
            [one for one in files if str(one.path) in called],
            workdir=folder, told=told, progress=progress, names=called, hashes=hashes if within else {},
        )  # fmt: skip
        left_out = result.left_out
        reports = [one for one in result.reports if one.path not in result.changed]
        reports += [_no_telemetry(path, why) for path, why in left_out]
        _record_import(result.files, reports, hashes, batch, actor, marking)
        batches.append(batch)
        accounts += result.reports
        # Of files with the same bytes the first was read, and the others have its account.
        told_of = {one.path: one for one in result.reports}
        twins = [
            (path, told_of.get(first[sha]))
            for path, sha in hashes.items()
            if path not in called and sha in first
        ]
        accounts += [replace(one, path=path) for path, one in twins if one]
    rows = models.Partition.projected.filter(batch__in=batches).order_by("path")
    return Imported(
        tuple(map(_as_sent, [*accounts, *unread])),
        tuple(row.object_id for row in rows),
        tuple(str(flows_folder() / row.path) for row in rows),
        tuple(left_out),
        len(hashes) - len(fresh),
    )


def record_partitions(
    files: Iterable[Path],
    source: str,
    actor: Actor,
    *,
    batch: str = "",
    marking: Marking | None = None,
) -> list[Recorded]:
    """Put Parquet files that lie in the node's flows on record; those that are already are left alone.

    Args:
        files: Files below `flows_folder`.
        source: ``import``, ``collector`` or ``exercise``.
        actor: Who stored them.
        batch: Id of the import.
        marking: Of the flows.

    Raises:
        UsageError: A file does not lie in the node's flows.
    """
    described = [describe(file, source, batch) for file in sorted(files)]
    return append_many(
        [_draft("telemetry.partition_stored", one, marking) for one in described if one], actor
    )


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
    names = printable(", ".join(sorted(map(str, pc.unique(table["vantage"]).to_pylist()))))
    size = file.stat().st_size
    return PartitionStored(
        path, sha256_of(file), table.num_rows, size, first, last, source, batch, names, clocks
    )


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
    for folder in watched():
        for path in files_below(Path(folder.folder)):
            try:
                if lies_in(path, folder.folder) and (sha := _hash_at_rest(path)):
                    found[path] = sha
            except OSError as error:
                _say_once(path, error.strerror or "it cannot be read")
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
    key = (str(path), told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns)
    return _hashes.get(key) or _hashes.setdefault(key, sha256_of(path))


def _say_once(path: Path, why: str) -> None:
    """Tell the log why a file of a watched folder is not read."""
    if (told := (str(path), why)) not in _said:
        _said.add(told)
        _log.warning("%s in a watched folder is not read in: %s", printable(str(path)), why)


_hashes: dict[tuple[str, int, int, int, int], str] = {}
_said: set[tuple[str, str]] = set()


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


def _known(hashes: Iterable[str]) -> dict[str, models.Input]:
    """Inputs that were read before and gave flows, by SHA-256."""
    rows = models.Input.projected.filter(sha256__in=list(hashes), flows__gt=0)
    return {row.sha256: row for row in rows}


def _account(path: str, row: models.Input) -> InputReport:
    """The account of an input that was read before."""
    return InputReport(path, row.format, row.flows, row.packets, row.lost, row.skipped)


def _no_telemetry(path: str, why: str) -> InputReport:
    """The account of a file that lay beside telemetry, so that nobody reads it again."""
    report = InputReport(path)
    report.add(why, fatal=False)
    return report


def _as_sent(report: InputReport) -> InputReport:
    """The account under the name that its sender knows; the folders say how the node is laid out."""
    name = _called(report.path)
    return replace(report, path=name, problems=[replace(one, path=name) for one in report.problems])


def _called(path: str) -> str:
    """What a file is called in flows and accounts; a name that is no UTF-8 could be stored nowhere."""
    return printable(called_by_sender(Path(path)))


def _hashed(paths: Sequence[Path], within: Sequence[str]) -> tuple[dict[str, str], list[InputReport]]:
    """SHA-256 of files by path; where others write to their folders, the accounts of those that cannot be opened."""
    hashes: dict[str, str] = {}
    unread = []
    for path in paths:
        try:
            hashes[str(path)] = sha256_of(path, within)
        except OSError as error:
            if not within:
                raise
            report = InputReport(str(path))
            report.add(f"it cannot be opened: {error.strerror}.", do="Check what became of it.")
            unread.append(report)
    return hashes, unread


def _emptied(folder: Path) -> Path:
    """A folder for a new import; what lies in it is left over from one that never came to be recorded."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    return folder


def _record_import(
    files: Iterable[Path],
    reports: Iterable[InputReport],
    hashes: dict[str, str],
    batch: str,
    actor: Actor,
    marking: Marking | None,
) -> None:
    """Partitions and accounts of one import, in one transaction."""
    described = [describe(file, "import", batch) for file in sorted(files)]
    drafts = [_draft("telemetry.partition_stored", one, marking) for one in described if one]
    drafts += [
        _draft("telemetry.input_read", _input(report, hashes[report.path], batch), marking)
        for report in reports
    ]
    append_many(drafts, actor)


def _input(report: InputReport, sha: str, batch: str) -> InputRead:
    report = _as_sent(report)
    return InputRead(
        name=printable(report.path),
        sha256=sha,
        format=report.format,
        flows=report.flows,
        packets=max(0, min(report.packets, 2**63 - 1)),  # counters lie, and the table takes no more
        lost=report.lost,
        skipped=report.skipped,
        problem_count=report.problem_count,
        problems=tuple(printable(str(problem)) for problem in report.problems),
        whole=report.whole,
        batch=batch,
    )


def _draft(kind: str, content: PartitionStored | InputRead, marking: Marking | None) -> Draft:
    name = content.path if isinstance(content, PartitionStored) else content.sha256
    sort = "partition" if isinstance(content, PartitionStored) else "input"
    return Draft(kind, objects.settled(content), objects.named(sort, name), marking)


def _project_stored(recorded: Recorded, content: PartitionStored) -> None:
    values = msgspec.structs.asdict(content)
    values |= {"marking": stored(recorded.marking), "stored_us": recorded.time_us}
    models.Partition.projected.update_or_create(object_id=recorded.object_id, defaults=values)


def _project_removed(recorded: Recorded, _: PartitionRemoved) -> None:
    _forget_partition(recorded.object_id)


def _forget_partition(object_id: UUID) -> None:
    models.Partition.projected.filter(pk=object_id).delete()


def _project_input(recorded: Recorded, content: InputRead) -> None:
    values = msgspec.structs.asdict(content)
    values |= {"marking": stored(recorded.marking), "read_us": recorded.time_us}
    values["problems"] = list(content.problems)
    models.Input.projected.update_or_create(object_id=recorded.object_id, defaults=values)


def _forget_input(object_id: UUID) -> None:
    models.Input.projected.filter(pk=object_id).delete()


def _project_watched(recorded: Recorded, content: FolderWatched) -> None:
    _forget_watched(recorded.object_id)
    if content.on:
        models.Watched.objects.create(
            object_id=recorded.object_id, folder=content.folder, by=recorded.actor_name
        )


def _forget_watched(object_id: UUID) -> None:
    models.Watched.objects.filter(pk=object_id).delete()


KINDS = (
    Kind("telemetry.partition_stored", PartitionStored, _project_stored, _forget_partition),
    Kind("telemetry.partition_removed", PartitionRemoved, _project_removed),
    Kind("telemetry.input_read", InputRead, _project_input, _forget_input),
    Kind("telemetry.folder_watched", FolderWatched, _project_watched, _forget_watched),
)
