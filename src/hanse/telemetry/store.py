"""The flow store: FLOW batches in, Parquet files in folders by hour of flow start out.

The layout is ``root/date=2007-05-09/hour=14/part-<when written>-<token>.parquet`` (UTC). The files
hold the whole FLOW schema, and neither ``date`` nor ``hour`` is a column of it, so DuckDB and Spark
read the folder with hive partitioning or without. A file appears under its name only when it is
whole and on disk; a reader of ``*.parquet`` never sees half of one.

Rows stay in the order in which they came. Sorting them by destination was measured on a million
flows: writing took more than twice as long, the files grew by 4 %, and grouping them was no faster.
"""

import contextlib
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hanse.kernel.addresses import unpack
from hanse.kernel.clock import LAST_MOMENT_US
from hanse.kernel.errors import HanseError
from hanse.kernel.on_disk import settle
from hanse.telemetry.exporters import MOST
from hanse.telemetry.parquet import FlowWriter, check
from hanse.telemetry.schema import FLOW, flows_by_exporter

HOUR_US = 3_600_000_000
FILE_ROWS = 1_000_000
"""Rows buffered for one hour before they become a file: about 24 MB on disk, far above the size where
opening files costs more than reading them."""

BUFFER_BYTES = 192 * 1024 * 1024
"""Memory for all hours together (about 1.4 million flows); above it the fullest hour is written."""

MAX_OPEN_HOURS = 1024
"""Hours buffered at once (six weeks); above it the fullest is written. Only buffers are kept open,
never files."""

EARLIER_US = HOUR_US
AHEAD_US = 60_000_000
"""How long before the clock, and ahead of it, flows of just now may start that lie in the hour of their start. Routers
cut flows after an hour at the most, and the clocks of exporters may be a minute ahead (`exports.receipt`). All others lie together in a
file of the hour that it is: else one datagram of forged starts would make a file, and an entry of the ledger, for each hour
that it names at every flush, and what is dated ahead would push everything else out of the quota."""

APART = -1
"""The buffer of flows that lie in no hour of their start. Their file is one of its own, for a file is looked into by the
span of its flows."""

CLOCKS = "hanse.clocks"
"""Key in a file's footer: by exporter, how many seconds its clock was ahead of the receipt that its flows are dated by, as JSON."""

_LIST = ".removed-"
"""How the name of a list of removed files begins."""

STALE_S = 86_400
"""Age after which a temporary file must be the leftover of a crash, s."""

_LAST_HOUR = int(datetime(9999, 12, 31, 23, tzinfo=UTC).timestamp()) // 3600
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Batch: TypeAlias = pa.RecordBatch | pa.Table


class StoreError(HanseError):
    """Flows could not be written; what had been written before stays as it was."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A file that the quota removed.

    Attributes:
        path: The file that is gone.
        bytes: Its size.
        hour_us: Start of its hour, microseconds UTC.
    """

    path: Path
    bytes: int
    hour_us: int


def write_parquet(path: Path, batches: Iterable[Batch], said: Mapping[str, str] | None = None) -> int:
    """Write flows to one Parquet file, whole or not at all; an existing file is replaced.

    Args:
        path: Its name.
        batches: The flows.
        said: What else its footer says, by key.

    Returns:
        The rows written.

    Raises:
        StoreError: The file cannot be written (no space, no permission).
        ValueError: A batch has not the flow schema.
    """
    with _atomically(path) as temporary, temporary.open("wb", buffering=0) as out:
        with FlowWriter(out, said=said) as writer:
            for batch in batches:
                writer.write(batch)
        return writer.rows


class FlowStore:
    """Writes flows into a folder by hour of flow start, within a quota.

    Nothing is touched on disk before the first full hour or `close`. One thread may use a store;
    several processes may write into one folder.

    Attributes:
        root: The folder.
        quota_bytes: Most bytes of Parquet that may lie in it; None for no limit.
        clock: For flows of just now: what time it is, microseconds UTC (see `EARLIER_US`); None where they may be of any time.
        clocks: For flows of just now: the exporters (16 bytes) whose clocks are wrong, and how many seconds they are ahead.
        rows: Rows given to `write` so far.
        lists_removals: Whether it is written down what the quota removes, before it does, until `noted`: for a record that
            has to know also where the process is stopped in between.
    """

    def __init__(
        self, root: Path, quota_bytes: int | None = None, clock: Callable[[], int] | None = None
    ) -> None:
        self.root = root
        self.quota_bytes = quota_bytes
        self.clock = clock
        self.clocks: Callable[[], Mapping[bytes, float]] = dict
        self.rows = 0
        self.lists_removals = False
        self._hours: dict[int, list[pa.Table]] = {}
        self._sizes: dict[int, tuple[int, int]] = {}
        self._said: dict[int, dict[bytes, tuple[int, int]]] = {}
        self._buffered = 0
        self._stored: int | None = None

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is buffered, also after an error: flows that were read are not thrown away."""
        self.close()

    def write(self, batch: Batch) -> None:
        """Take a batch of FLOW rows, in any order of time.

        Raises:
            StoreError: A file cannot be written.
            ValueError: The batch has not the FLOW schema, or nulls where it allows none.
        """
        table = _checked(batch)
        clocks = self.clocks()
        for hour, part in _by_hour(table, None if self.clock is None else self.clock()):
            if clocks:
                self._note(hour, part, clocks)
            self._buffer(hour, part)
        self.rows += table.num_rows
        while self._buffered > BUFFER_BYTES or len(self._hours) > MAX_OPEN_HOURS:
            self._flush(max(self._sizes, key=lambda hour: self._sizes[hour][1]))

    def close(self) -> None:
        """Write all that is buffered and keep to the quota; the store can be used again after it."""
        for hour in sorted(self._hours):
            self._flush(hour)

    def bytes_stored(self) -> int:
        """Bytes of Parquet in the folder now; what is only buffered does not count."""
        return sum(_size(path) for path in self.files())

    def files(self) -> list[Path]:
        """The files, oldest hour first."""
        paths = self.root.glob("date=*/hour=*/part-*.parquet")
        found = [(hour, path.name, path) for path in paths if (hour := _hour_of(path)) is not None]
        return [path for _, _, path in sorted(found)]

    def enforce_quota(self) -> list[Removal]:
        """Remove the oldest files until the rest fits the quota; the newest one is never removed.

        Leftovers of a crash older than a day go as well.

        Returns:
            What was removed, oldest first.
        """
        self._remove_leftovers()
        files = self.files()
        sizes = {path: _size(path) for path in files}
        stored = sum(sizes.values())
        gone: list[Removal] = []
        for path in files[:-1]:
            if self.quota_bytes is None or stored <= self.quota_bytes:
                break
            stored -= sizes[path]
            gone.append(Removal(path, sizes[path], (_hour_of(path) or 0) * HOUR_US))
        if gone and self.lists_removals:
            self._list([one.path for one in gone])
        for one in gone:
            one.path.unlink(missing_ok=True)
            _remove_if_empty(one.path.parent, one.path.parent.parent)
        self._stored = stored
        return gone

    def _list(self, going: Iterable[Path]) -> None:
        """Write down what is about to be removed; a disk that is too full for that is not to stay so."""
        path = self.root / f"{_LIST}{time.time_ns() // 1000:016d}-{secrets.token_hex(4)}"
        with contextlib.suppress(StoreError), _atomically(path) as temporary:
            temporary.write_text("\n".join(one.relative_to(self.root).as_posix() for one in going))

    def taken_by_quota(self) -> dict[Path, frozenset[Path]]:
        """By list, the files that the quota has removed, or was about to, and of which nobody has said `noted` yet."""
        lists = sorted(self.root.glob(f"{_LIST}*"))
        return {one: frozenset(self.root / name for name in one.read_text().split("\n")) for one in lists}

    def noted(self, lists: Iterable[Path]) -> None:
        """Forget lists of `taken_by_quota`: all that they name is gone and on record as gone."""
        for one in lists:
            one.unlink(missing_ok=True)

    def _buffer(self, hour: int, part: pa.Table) -> None:
        rows, octets = self._sizes.get(hour, (0, 0))
        self._hours.setdefault(hour, []).append(part)
        self._sizes[hour] = (rows + part.num_rows, octets + part.nbytes)
        self._buffered += part.nbytes
        if self._sizes[hour][0] >= FILE_ROWS:
            self._flush(hour)

    def _flush(self, hour: int) -> None:
        table = pa.concat_tables(self._hours[hour])
        # The entry of the file holds them for ever: forged addresses are not to make it long.
        most = nlargest(MOST, (self._said.pop(hour, None) or {}).items(), key=itemgetter(1))
        clocks = {unpack(exporter): ahead_s for exporter, (_, ahead_s) in most}
        said = {CLOCKS: json.dumps(clocks)} if clocks else None
        path = self._folder(hour) / f"part-{time.time_ns() // 1000:016d}-{secrets.token_hex(4)}.parquet"
        write_parquet(path, [table], said)
        self._buffered -= self._sizes.pop(hour)[1]
        del self._hours[hour]
        if self.quota_bytes is not None:
            if self._stored is None:
                self._stored = self.bytes_stored()
            else:
                self._stored += _size(path)
            if self._stored > self.quota_bytes:
                self.enforce_quota()

    def _note(self, hour: int, part: pa.Table, clocks: Mapping[bytes, float]) -> None:
        """Note whose flows among some are dated by receipt: the latest that is known of their clocks."""
        said = self._said.setdefault(hour, {})
        for exporter, flows in flows_by_exporter(part["exporter"]).items():
            if exporter in clocks:
                before, _ = said.get(exporter, (0, 0))
                said[exporter] = before + flows, round(clocks[exporter])

    def _folder(self, hour: int) -> Path:
        if hour == APART and self.clock is not None:
            hour = self.clock() // HOUR_US
        when = _EPOCH + timedelta(hours=hour)
        return self.root / f"date={when:%Y-%m-%d}" / f"hour={when:%H}"

    def _remove_leftovers(self) -> None:
        limit = time.time() - STALE_S
        for path in self.root.glob("date=*/hour=*/.*.tmp"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < limit:
                    path.unlink()


def _checked(batch: Batch) -> pa.Table:
    """The batch as a table; it must have exactly the schema's names and types, and no null but where allowed.

    Times beyond the years 1970 to 9999 come to stand at their ends: no page could say them.
    """
    check(batch)
    columns = [
        _in_calendar(batch.column(name)) if name in {"start", "end"} else batch.column(name)
        for name in FLOW.names
    ]
    return pa.Table.from_arrays(columns, schema=FLOW)


def _in_calendar(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    numbers = column.cast(pa.int64())
    ends = pc.min_max(numbers).as_py()
    if ends["min"] is None or (ends["min"] >= 0 and ends["max"] <= LAST_MOMENT_US):
        return column
    return pc.min_element_wise(pc.max_element_wise(numbers, 0), LAST_MOMENT_US).cast(column.type)


def _by_hour(table: pa.Table, now_us: int | None) -> Iterator[tuple[int, pa.Table]]:
    """Split a table by hour of `start`, or into `APART`; parts own their memory, so that no large batch stays for a small part."""
    if table.num_rows == 0:
        return
    hours = np.clip(_numbers(table.column("start")) // HOUR_US, 0, _LAST_HOUR)
    if now_us is not None:
        least, most = (now_us - EARLIER_US) // HOUR_US, (now_us + AHEAD_US) // HOUR_US
        hours = np.where((hours < least) | (hours > most), APART, hours)
    if hours.min() == hours.max():
        whole = table.get_total_buffer_size() <= 2 * table.nbytes
        yield int(hours[0]), table if whole else table.take(np.arange(table.num_rows))
        return
    order = np.argsort(hours, kind="stable")
    found, first = np.unique(hours[order], return_index=True)
    bounds = [*first.tolist(), table.num_rows]
    for index, hour in enumerate(found.tolist()):
        yield hour, table.take(order[bounds[index] : bounds[index + 1]])


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    numbers: npt.NDArray[np.int64] = column.cast(pa.int64()).to_numpy()
    return numbers


@contextlib.contextmanager
def _atomically(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`; renamed to it, data first on disk, if the body succeeds."""
    temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        settle(temporary)
        temporary.replace(path)
        settle(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise StoreError(f"{path}: cannot write flows: {error.strerror or error}.") from error
        raise


def _hour_of(path: Path) -> int | None:
    """Hours since the epoch that a file's folders say; None where they are not the store's."""
    text = f"{path.parent.parent.name}T{path.parent.name}"
    try:
        when = datetime.strptime(text, "date=%Y-%m-%dThour=%H").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (when - _EPOCH) // timedelta(hours=1)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _remove_if_empty(*folders: Path) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
