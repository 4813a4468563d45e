"""Everything the user names, read into Parquet files of flows, with an account of each input."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hanse.kernel.errors import Problem, UnreadableInputError
from hanse.telemetry import columns, nfdump, zeek
from hanse.telemetry.exports import ExportDecoder, read_dump
from hanse.telemetry.input_files import Found, expand
from hanse.telemetry.inputs import ChangedError, Limits, Source, open_input
from hanse.telemetry.packets import read_flows, udp_payloads
from hanse.telemetry.parquet_tables import read_parquet
from hanse.telemetry.reading import InputReport, tell_nobody
from hanse.telemetry.recognise import PARQUET_MAGIC, Content, Kind, content_of, recognise, why_not
from hanse.telemetry.store import FlowStore, StoreError
from hanse.telemetry.tabular import Layout

Progress = Callable[[int, int, str], None]
"""Called with bytes done, bytes in all (as on disk), and the input at work."""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What came of reading.

    Attributes:
        files: Parquet files of flows, for an engine to scan.
        reports: One account per input that was read or should have been.
        left_out: Files in folders that are no telemetry, and were not named: path and reason.
        changed: Paths of files that were not any more what they were; nothing of them was read.
    """

    files: list[Path] = field(default_factory=list)
    reports: list[InputReport] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether every input could be read wholly."""
        return all(report.whole for report in self.reports)

    @property
    def flows(self) -> int:
        """Flow records in all."""
        return sum(report.flows for report in self.reports)


def read(
    paths: Sequence[str],
    *,
    workdir: Path,
    told: Layout | None = None,
    progress: Progress | None = None,
    in_place: bool = True,
    limits: Limits | None = None,
    names: Mapping[str, str] | None = None,
) -> ReadResult:
    """Read inputs of any kind into a flow store, each on its own: a bad one never stops the others.

    Args:
        paths: Files, folders and globs.
        workdir: Folder for the flow store and for decompressed inputs.
        told: What the columns of tables mean, where the user says so (`columns.parse_mapping`).
        progress: Told how far it is.
        in_place: Whether Parquet files that already hold the flow table are named where they lie;
            otherwise they are copied into the store like all else.
        limits: When to stop decompressing.
        names: What flows call the inputs of some paths, where it is not the path.

    Returns:
        The files to scan, and the accounts. The store's files are new ones and those that were
        there before.

    Raises:
        UsageError: A path matches nothing.
        StoreError: The flows cannot be written.
    """
    how = _How(told, limits or Limits(), in_place, names or {})
    return _read_all(expand(paths), workdir, how, progress)


def read_found(
    found: Sequence[Found],
    *,
    workdir: Path,
    told: Layout | None,
    progress: Progress | None,
    names: Mapping[str, str],
    hashes: Mapping[str, str],
) -> ReadResult:
    """As `read`, of files that were looked at before; all flows come into the store.

    Args:
        found: The files; one that is gone meanwhile is a problem of its own.
        workdir: Folder for the flow store, for decompressed inputs and for copies.
        told: What the columns of tables mean, where the user says so.
        progress: Told how far it is.
        names: What flows call the inputs of some paths.
        hashes: SHA-256 of files that others may write to, by path: they are read as they were, or not at all.

    Raises:
        StoreError: The flows cannot be written.
    """
    return _read_all(
        found, workdir, _How(told, Limits(), in_place=False, names=names, hashes=hashes), progress
    )


def _read_all(found: Sequence[Found], workdir: Path, how: "_How", progress: Progress | None) -> ReadResult:
    result = ReadResult()
    total = sum(_size(item.path) for item in found)
    done = 0
    workdir.mkdir(parents=True, exist_ok=True)
    with FlowStore(workdir) as store:
        for item in found:
            size = _size(item.path)
            place = _Place(str(item.path), done, size, total, progress)
            place.tell(0)
            _read_one(item, store, how, result, place)
            done += size
    if progress is not None:
        progress(done, total, "")
    result.files.extend(path for path in store.files() if path not in result.files)
    return result


@dataclass(frozen=True, slots=True)
class _How:
    told: Layout | None
    limits: Limits
    in_place: bool
    names: Mapping[str, str]
    hashes: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Place:
    """Where among all bytes an input lies, and who is told how far reading is.

    Attributes:
        path: The input.
        before: Bytes of the inputs before it, on disk.
        size: Its own.
        total: Of all.
        progress: Told; None for nobody.
        ended: Whether who was told wants it to end.
    """

    path: str
    before: int
    size: int
    total: int
    progress: Progress | None
    ended: bool = False

    def tell(self, done: int) -> None:
        """So many bytes of the input, on disk, are read; that all of them are, is told with the next input.

        Raises:
            Exception: What who is told raises, to end it.
        """
        if self.progress is None or done >= self.size > 0:
            return
        try:
            self.progress(self.before + done, self.total, self.path)
        except BaseException:
            self.ended = True
            raise


def _read_one(item: Found, store: FlowStore, how: _How, result: ReadResult, place: _Place) -> None:
    report = InputReport(str(item.path))
    result.reports.append(report)
    try:
        before = how.hashes.get(str(item.path), "")
        with open_input(item.path, how.limits, store.root, before) as source:
            source.path = how.names.get(source.path, source.path)
            ratio = place.size / max(1, len(source.data))
            report.passed = lambda read: place.tell(int(read * ratio))
            for problem in source.problems:
                _take(report, problem)
            content = content_of(source.data, how.told)
            kind = recognise(content)
            if kind is None:
                _unknown(item, content, report, result)
            elif kind is Kind.FLOW_PARQUET and how.in_place and not source.packing:
                _in_place(item.path, report, result)
            else:
                report.format = _format(kind, content)
                for batch in READERS[kind](source, report, how.told):
                    store.write(batch)
                report.format = _packed(report.format, source)
    except UnreadableInputError as error:
        _take(report, error.problem)
        if isinstance(error, ChangedError):
            result.changed.append(str(item.path))
    except StoreError:
        raise
    except Exception as error:  # whatever one input breaks, the others are read
        if place.ended:
            raise
        report.add(f"reading it failed: {type(error).__name__}: {error}.", do="Please report this.")
    finally:
        report.passed = tell_nobody  # the account outlives the reading


def _take(report: InputReport, problem: Problem) -> None:
    report.add(problem.what, offset=problem.offset, field=problem.field, do=problem.do, fatal=problem.fatal)


def _unknown(item: Found, content: Content, report: InputReport, result: ReadResult) -> None:
    """A named file, or a binary one, must be telemetry; other texts may lie beside it in a folder."""
    what, do = why_not(content)
    if item.named or not content.is_text:
        report.add(what, offset=0, do=do)
    else:
        result.reports.remove(report)
        result.left_out.append((str(item.path), what))


def _read_parquet(source: Source, report: InputReport, told: Layout | None) -> Iterator[pa.RecordBatch]:
    return read_parquet(pa.py_buffer(source.data), report, source.path, told)


def _in_place(path: Path, report: InputReport, result: ReadResult) -> None:
    """Reference a flow table where it lies, once its footer and the place of its columns are sound."""
    file = pq.ParquetFile(path)
    outside = _first_outside(file.metadata, path.stat().st_size)
    if outside is not None:
        report.add("a column lies outside the file.", field=outside, do="Write or fetch it again.")
        return
    report.format = Kind.FLOW_PARQUET.value
    report.flows = file.metadata.num_rows
    result.files.append(path)


def _first_outside(metadata: pq.FileMetaData, size: int) -> str | None:
    """Name of the first column whose pages do not lie inside the file; None if all do."""
    for group in range(metadata.num_row_groups):
        described = metadata.row_group(group)
        for index in range(described.num_columns):
            column = described.column(index)
            begin = column.data_page_offset
            if column.has_dictionary_page:
                begin = min(begin, column.dictionary_page_offset)
            if begin < len(PARQUET_MAGIC) or begin + column.total_compressed_size > size:
                return str(column.path_in_schema)
    return None


def _format(kind: Kind, content: Content) -> str:
    return nfdump.layout_of(content.head) if kind is Kind.NFDUMP else kind.value


def _packed(name: str, source: Source) -> str:
    return f"{name}, {source.packing}" if source.packing else name


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read_export_capture(source: Source, report: InputReport, _: Layout | None) -> Iterator[pa.RecordBatch]:
    decoder = ExportDecoder(report, source.path, udp=True)
    for some in udp_payloads(source.data, report):
        batch = decoder.decode(some.buffer, some.offsets, some.lengths, some.sender, some.received_us)
        if batch is not None:
            yield batch
    last = decoder.finish()
    if last is not None:
        yield last
    decoder.say_clocks()
    report.format = f"export stream in {report.format}"


def _on_data(
    reader: Callable[[npt.NDArray[np.uint8], InputReport, str], Iterator[pa.RecordBatch]],
) -> "Reader":
    """A reader of bytes as a reader of sources."""
    return lambda source, report, _: reader(source.data, report, source.path)


Reader = Callable[[Source, InputReport, Layout | None], Iterator[pa.RecordBatch]]
READERS: dict[Kind, Reader] = {
    Kind.EXPORT_CAPTURE: _read_export_capture,
    Kind.CAPTURE: _on_data(read_flows),
    Kind.EXPORT_DUMP: _on_data(read_dump),
    Kind.NFDUMP: lambda source, report, _: nfdump.read_nfdump(source, report, source.path),
    Kind.NFDUMP_CSV: _on_data(nfdump.read_csv),
    Kind.ZEEK_TSV: _on_data(zeek.read_tsv),
    Kind.ZEEK_JSON: _on_data(zeek.read_json),
    Kind.FLOW_PARQUET: _read_parquet,
    Kind.PARQUET: _read_parquet,
    Kind.CSV: lambda source, report, told: columns.read_csv(source.data, report, source.path, told),
}
"""Who reads what; all give FLOW batches and fill the report."""
