"""The flow store: nothing lost, the right hour, whole files, and a quota that takes the oldest."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hanse.kernel.addresses import pack
from hanse.telemetry import store as store_module
from hanse.telemetry.exporters import MOST
from hanse.telemetry.schema import FLOW
from hanse.telemetry.store import HOUR_US, FlowStore, StoreError, write_parquet
from tests.telemetry.made import NOON, batch

DAY_US = 24 * HOUR_US
starts = st.integers(NOON - 3 * DAY_US, NOON + 3 * DAY_US)


def rows_in(folder: Path) -> list[tuple[int, int]]:
    """Start and source port of every flow in a folder, with DuckDB."""
    table = duckdb.read_parquet(f"{folder}/**/*.parquet")
    return table.select("epoch_us(start), src_port").fetchall()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.lists(starts, min_size=1, max_size=30), min_size=1, max_size=6))
def test_every_flow_is_stored_once_and_in_the_hour_of_its_start(
    parts: list[list[int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What goes in comes out, once; each file holds only its hour."""
    root = tmp_path_factory.mktemp("store")
    with FlowStore(root) as store:
        for part in parts:
            store.write(batch(part))
    wanted = sorted((start, port) for part in parts for port, start in enumerate(part))
    assert sorted(rows_in(root)) == wanted
    for path in store.files():
        hours = {start // HOUR_US for start in pq.read_table(path)["start"].cast(pa.int64()).to_pylist()}
        assert len(hours) == 1
        said = f"{path.parent.parent.name}T{path.parent.name}"
        assert said == f"{datetime.fromtimestamp(min(hours) * 3_600, UTC):date=%Y-%m-%dThour=%H}"


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hours=st.lists(st.integers(0, 90), min_size=2, max_size=12), share=st.floats(0, 1.2))
def test_the_quota_removes_oldest_first_and_never_the_newest(
    hours: list[int], share: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What goes is older than all that stays; the rest fits, or is the newest file alone."""
    root = tmp_path_factory.mktemp("store")
    for hour in hours:
        with FlowStore(root) as store:
            store.write(batch([NOON + hour * HOUR_US]))
    before = store.files()
    store.quota_bytes = int(share * store.bytes_stored())
    gone = store.enforce_quota()
    after = store.files()
    assert [removal.path for removal in gone] + after == before
    assert before[-1] in after
    assert store.bytes_stored() <= store.quota_bytes or after == before[-1:]
    assert all(removal.bytes > 0 and removal.hour_us % HOUR_US == 0 for removal in gone)


def test_the_quota_holds_while_writing(tmp_path: Path) -> None:
    """A store with a quota stays in it without being asked, and says what it removed."""
    with FlowStore(tmp_path) as probe:
        probe.write(batch([NOON - DAY_US] * 100))
    quota = probe.bytes_stored() * 3
    (oldest,) = probe.files()
    with FlowStore(tmp_path, quota) as store:
        store.lists_removals = True
        for hour in range(10):
            store.write(batch([NOON + hour * HOUR_US] * 100))
    assert store.bytes_stored() <= quota
    assert oldest in frozenset().union(*store.taken_by_quota().values())
    assert store.files()[-1].parent.name == "hour=21"
    assert not list(tmp_path.glob("date=2007-05-08/*")), "empty folders go with their files"


def test_forged_starts_make_no_files(tmp_path: Path) -> None:
    """Flows of just now that start all over the calendar are one file at a flush, and it goes with the hour that they came in.

    Each file is an entry of the ledger, for ever: one datagram a flush made one for each of fifty hours.
    """
    lies = [NOON + hour * HOUR_US // 4 for hour in range(-6_000, 6_000)]
    near = [NOON - HOUR_US, NOON - 1, NOON, NOON + 1]
    with FlowStore(tmp_path, clock=lambda: NOON) as store:
        store.write(batch(lies))
        store.write(batch(near))
    files = store.files()
    assert [path.parent.name for path in files] == ["hour=11", "hour=12", "hour=12"]
    assert len(rows_in(tmp_path)) == len(lies) + len(near)
    spans = [sorted(pq.read_table(path)["start"].cast(pa.int64()).to_pylist()) for path in files]
    wide = [one for one in spans if one[-1] - one[0] > HOUR_US]
    assert len(wide) == 1, "what is searched by the span of a file is not looked for in all of them"
    store.quota_bytes = store.bytes_stored() - 1
    (gone,) = store.enforce_quota()
    assert gone.path == files[0]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.lists(st.integers(-(2**60), 2**60), min_size=1, max_size=200), now=st.integers(0, 2**50))
def test_a_flush_makes_four_files_at_most(
    at: list[int], now: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """This hour, the one before, the next for clocks that are a little ahead, and one for all else."""
    root = tmp_path_factory.mktemp("store")
    with FlowStore(root, clock=lambda: now) as store:
        store.write(batch(at))
    assert len(store.files()) <= 4
    assert len(rows_in(root)) == len(at)


def test_a_file_says_whose_flows_are_dated_by_receipt(tmp_path: Path) -> None:
    """In its footer, and so under its hash: who exported flows of it with a wrong clock, and how wrong; nobody else."""
    flows = pa.Table.from_batches([batch([NOON] * 2)])
    ours, other = pack("192.0.2.1"), pack("192.0.2.9")
    place = FLOW.get_field_index("exporter")
    flows = flows.set_column(place, FLOW.field(place), pa.array([ours, None], pa.binary(16)))
    with FlowStore(tmp_path, clock=lambda: NOON) as store:
        store.clocks = lambda: {ours: -7_200.4, other: 5_000.0}
        store.write(flows)
        store.clocks = dict
        store.write(batch([NOON - HOUR_US]))
    said = [pq.read_metadata(path).metadata.get(store_module.CLOCKS.encode()) for path in store.files()]
    assert said == [None, b'{"192.0.2.1": -7200}']
    assert pq.read_table(store.files()[1]).num_rows == 2


def test_a_file_names_no_more_exporters_than_a_reader_can_use(tmp_path: Path) -> None:
    """Those of most of its flows: what it says is in the ledger for ever, and addresses can be forged."""
    exporters = [pack(f"10.0.{number // 256}.{number % 256}") for number in range(300)] + [
        pack("192.0.2.1")
    ] * 2
    flows = pa.Table.from_batches([batch([NOON] * len(exporters))])
    place = FLOW.get_field_index("exporter")
    flows = flows.set_column(place, FLOW.field(place), pa.array(exporters, pa.binary(16)))
    with FlowStore(tmp_path, clock=lambda: NOON) as store:
        store.clocks = lambda: dict.fromkeys(exporters, 90.0)
        store.write(flows)
    said = json.loads(pq.read_metadata(store.files()[0]).metadata[store_module.CLOCKS.encode()])
    assert len(said) == MOST
    assert said["192.0.2.1"] == 90


def test_memory_is_bounded_by_writing_the_fullest_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the buffer full, flows go to disk before `close`, the largest hour first."""
    monkeypatch.setattr(store_module, "BUFFER_BYTES", 50_000)
    store = FlowStore(tmp_path)
    store.write(batch([NOON] * 300))
    assert store.files() == []
    store.write(batch([NOON + HOUR_US] * 100))
    assert [path.parent.name for path in store.files()] == ["hour=12"]
    store.close()
    assert len(rows_in(tmp_path)) == 400


def test_many_hours_do_not_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More hours than may be buffered are written as they come, none is lost."""
    monkeypatch.setattr(store_module, "MAX_OPEN_HOURS", 4)
    with FlowStore(tmp_path) as store:
        store.write(batch([NOON + hour * HOUR_US for hour in range(20)]))
        assert len(store.files()) == 16
    assert len(rows_in(tmp_path)) == 20


def test_a_small_part_does_not_keep_a_large_batch_alive(tmp_path: Path) -> None:
    """Buffers hold copies of slices, not the memory that they were cut from."""
    large = batch([NOON] * 50_000)
    store = FlowStore(tmp_path)
    store.write(large.slice(7, 10))
    held = next(iter(store._hours.values()))[0]
    assert held.get_total_buffer_size() < 10_000


def test_the_folder_reads_with_and_without_hive_partitioning(tmp_path: Path) -> None:
    """The partition columns clash with no flow column, so both ways give all FLOW columns."""
    with FlowStore(tmp_path) as store:
        store.write(batch([NOON, NOON + HOUR_US]))
    files = f"{tmp_path}/**/*.parquet"
    for hive in (True, False):
        relation = duckdb.read_parquet(files, hive_partitioning=hive)
        assert relation.columns[: len(FLOW.names)] == FLOW.names
    hours = duckdb.read_parquet(files, hive_partitioning=True).select("hour").order("hour").fetchall()
    assert [int(hour) for (hour,) in hours] == [12, 13]
    assert pq.read_schema(store.files()[0]).equals(FLOW, check_metadata=True)


def test_times_beyond_the_calendar_are_stored_at_its_ends(tmp_path: Path) -> None:
    """A lying clock (before 1970, after 9999) costs no flow and raises nothing."""
    with FlowStore(tmp_path) as store:
        store.write(batch([-5, 2**62]))
    assert [path.parent.parent.name for path in store.files()] == ["date=1970-01-01", "date=9999-12-31"]


def test_a_wrong_schema_or_a_forbidden_null_is_refused(tmp_path: Path) -> None:
    """Only FLOW batches get in: a wrong column or a null in `src` is an error before anything is written."""
    store = FlowStore(tmp_path)
    with pytest.raises(ValueError, match="expected columns"):
        store.write(pa.table({"start": [1]}))
    good = batch([NOON])
    columns = [pa.nulls(1, field.type) if field.name == "src" else good.column(field.name) for field in FLOW]
    with pytest.raises(ValueError, match="src has nulls"):
        store.write(pa.RecordBatch.from_arrays(columns, schema=FLOW))


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    """When writing breaks off, the old file stays and no temporary one is left."""
    path = tmp_path / "flows.parquet"
    assert write_parquet(path, [batch([NOON]), batch([NOON])]) == 2
    before = path.read_bytes()

    def breaking():
        yield batch([NOON])
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        write_parquet(path, breaking())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    """Where a file stands in the folder's place, the error names it."""
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(StoreError, match="store"), FlowStore(tmp_path / "store") as store:
        store.write(batch([NOON]))


def test_leftovers_of_a_crash_go_after_a_day(tmp_path: Path) -> None:
    """A temporary file of yesterday is removed with the quota, one of now may be another writer's."""
    with FlowStore(tmp_path) as store:
        store.write(batch([NOON]))
    folder = store.files()[0].parent
    old, new = folder / ".part-1.parquet.a.tmp", folder / ".part-2.parquet.b.tmp"
    old.write_text("x")
    new.write_text("x")
    os.utime(old, (time.time() - 90_000,) * 2)
    store.enforce_quota()
    assert not old.exists()
    assert new.exists()
