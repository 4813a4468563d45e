"""Captures and flow files read into the node's flows: each once however often it is given, with an account of each."""

import contextlib
import fcntl
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking
from hanse.kernel.printable import printable
from hanse.ledger import objects
from hanse.ledger.writing import Draft, append_many
from hanse.policy.asking import require
from hanse.telemetry import models
from hanse.telemetry.input_files import Found, expand
from hanse.telemetry.reading import InputReport
from hanse.telemetry.service import InputRead, describe, flows_folder, sha256_of, stored_draft
from hanse.web.uploads import called_by_sender

if TYPE_CHECKING:
    from hanse.telemetry.read import Progress, ReadResult


TURN: Final = "import.turn"
"""A file beside the flows: whoever reads an import in holds a lock on it. Nothing is ever written into it."""
LOOK_S: Final = 0.2
"""Seconds between looks whether it is one's turn."""


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


@dataclass(frozen=True, slots=True)
class _Asked:
    """How inputs are to be read; see `read_in`."""

    actor: Actor
    columns: str | None
    marking: Marking | None
    progress: "Progress | None"
    within: Sequence[str]


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
    require(actor, "telemetry.import")
    files = [Found(Path(path), named=True) for path in dict.fromkeys(paths)] if within else expand(paths)
    hashes, unread = _hashed([one.path for one in files], within)
    with _in_turn(progress):
        return _read(files, hashes, unread, _Asked(actor, columns, marking, progress, within))


@contextlib.contextmanager
def _in_turn(progress: "Progress | None") -> Iterator[None]:
    """Read one import at a time, whichever of the node's processes is at it; whoever waits can be told to end.

    Two that read the same file at once would both take it for new: its flows would count twice, or one would empty the
    folder of what the other has put on record.
    """
    folder = flows_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / TURN).open("ab") as turn:
        while True:
            try:
                fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if progress is not None:
                    progress(0, 1, "")
                time.sleep(LOOK_S)
        yield  # closing the file gives the turn back


def _read(
    files: Sequence[Found], hashes: dict[str, str], unread: Sequence[InputReport], asked: _Asked
) -> Imported:
    """What of some files was read before, and the rest read now."""
    known = _known(hashes.values())
    batches = {row.batch for row in known.values()}
    accounts = [_account(path, known[sha]) for path, sha in hashes.items() if sha in known]
    new = {path: sha for path, sha in hashes.items() if sha not in known}
    left_out: list[tuple[str, str]] = []
    if new:
        batch, result = _read_new(files, new, asked)
        batches.add(batch)
        left_out = result.left_out
        accounts += [*result.reports, *_of_twins(new, result.reports)]
    rows = models.Partition.projected.filter(batch__in=batches).order_by("path")
    return Imported(
        tuple(map(_as_sent, [*accounts, *unread])),
        tuple(row.object_id for row in rows),
        tuple(str(flows_folder() / row.path) for row in rows),
        tuple(left_out),
        len(hashes) - len(set(new.values())),
    )


def _read_new(files: Sequence[Found], new: dict[str, str], asked: _Asked) -> tuple[str, "ReadResult"]:
    """Read files that never were, and put what came of them on record; the import's id, and what came.

    Args:
        files: All files that were named.
        new: SHA-256 of those that never were read, by path; of several with the same bytes the first is read.
        asked: How.
    """
    from hanse.telemetry.columns import parse_mapping  # noqa: PLC0415 - the readers load numba: an idle node does without
    from hanse.telemetry.read import read_found  # noqa: PLC0415 - as above

    called = {path: _called(path) for path in _firsts(new).values()}
    batch = objects.named("import", " ".join(sorted(set(new.values())))).hex
    result = read_found(
        [one for one in files if str(one.path) in called],
        workdir=_emptied(flows_folder() / "imports" / batch),
        told=parse_mapping(asked.columns) if asked.columns else None,
        progress=asked.progress,
        names=called,
        hashes=new if asked.within else {},
    )
    reports = [one for one in result.reports if one.path not in result.changed]
    reports += [_no_telemetry(path, why) for path, why in result.left_out]
    _record_import(result.files, reports, new, batch, asked.actor, asked.marking)
    return batch, result


def _firsts(new: dict[str, str]) -> dict[str, str]:
    """By SHA-256 the first file that has it."""
    return {sha: path for path, sha in reversed(new.items())}


def _of_twins(new: dict[str, str], reports: Iterable[InputReport]) -> Iterator[InputReport]:
    """The accounts of files with the same bytes as one that was read: they have that one's."""
    told, firsts = {one.path: one for one in reports}, _firsts(new)
    for path, sha in new.items():
        if path != firsts[sha] and (one := told.get(firsts[sha])):
            yield replace(one, path=path)


def _known(hashes: Iterable[str]) -> dict[str, models.Input]:
    """Inputs that were read before and gave flows, by SHA-256."""
    rows = models.Input.projected.filter(sha256__in=list(hashes), flows__gt=0)
    return {row.sha256: row for row in rows}


def _account(path: str, row: models.Input) -> InputReport:
    """The account of an input that was read before."""
    return InputReport(path, row.format, row.flows, row.packets, row.lost, row.skipped, partly=not row.whole)


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
    hashes: Mapping[str, str],
    batch: str,
    actor: Actor,
    marking: Marking | None,
) -> None:
    """Partitions and accounts of one import, in one transaction."""
    described = [describe(file, "import", batch) for file in sorted(files)]
    drafts = [stored_draft(one, marking) for one in described if one]
    drafts += [_read_draft(input_read(report, hashes[report.path], batch), marking) for report in reports]
    append_many(drafts, actor)


def _read_draft(content: InputRead, marking: Marking | None) -> Draft:
    which = objects.named("input", content.sha256)
    return Draft("telemetry.input_read", objects.settled(content), which, marking)


def input_read(report: InputReport, sha: str, batch: str) -> InputRead:
    """What is on record of an input: its account under the name that its sender knows."""
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
