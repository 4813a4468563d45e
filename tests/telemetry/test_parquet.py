"""The Parquet writer: what goes in comes out, by two readers that have nothing to do with it."""

from io import BytesIO
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.telemetry import parquet
from hanse.telemetry.parquet import Compression, FlowWriter
from hanse.telemetry.schema import FLOW

MANY = 5_000
"""Rows enough for numbers of one octet to be written as indices."""


def written(batches: list[pa.RecordBatch], compression: Compression = "lz4") -> bytes:
    """The file of some batches."""
    out = BytesIO()
    with FlowWriter(out, compression) as writer:
        for batch in batches:
            writer.write(batch)
    return out.getvalue()


def column(kind: pa.DataType, rows: int, few: int, random: np.random.Generator) -> pa.Array:
    """A column of a type with at most so many different values; the first and last are equal."""
    numbers = random.integers(0, few, rows)
    numbers[[0, -1]] = 0
    if pa.types.is_string(kind):
        return pa.array([f"vantage-{'x' * int(number)}" for number in numbers], kind)
    if pa.types.is_fixed_size_binary(kind):
        return pa.array([bytes(12) + int(number).to_bytes(4, "big") for number in numbers], kind)
    return pa.array(numbers, pa.int64()).cast(kind)


def flows(rows: int, few: int, seed: int, nulls: float = 0.0) -> pa.RecordBatch:
    """Flows with so many different values in each column, and a share of nulls where they may be."""
    random = np.random.default_rng(seed)
    columns = []
    for field in FLOW:
        made = column(field.type, rows, few, random)
        if field.nullable and nulls:
            gone = pa.array(random.random(rows) < nulls)
            made = pa.compute.if_else(gone, pa.scalar(None, field.type), made)
        columns.append(made)
    return pa.RecordBatch.from_arrays(columns, schema=FLOW)


@settings(max_examples=60)
@given(
    sizes=st.lists(st.sampled_from([1, 7, 8, 9, 300, MANY]), min_size=1, max_size=4),
    few=st.sampled_from([1, 2, 16, 17, 127]),
    nulls=st.sampled_from([0.0, 0.3, 1.0]),
    cut=st.integers(0, 9),
    compression=st.sampled_from(["none", "lz4"]),
    group=st.sampled_from([8, 1_000, 250_000]),
)
def test_pyarrow_reads_what_was_written(
    sizes: list[int], few: int, nulls: float, cut: int, compression: Compression, group: int
) -> None:
    """Rows, their order, nulls and the schema with its metadata, for batches of any size and offset."""
    if group == 8:  # thousands of such row groups say no more than some, and take seconds to write
        sizes = [min(size, 300) for size in sizes]
    batches = [flows(size, few, seed, nulls) for seed, size in enumerate(sizes)]
    batches = [batch.slice(min(cut, batch.num_rows - 1)) for batch in batches]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "ROW_GROUP_ROWS", group)
        table = pq.read_table(BytesIO(written(batches, compression)))
    assert table.schema.equals(FLOW, check_metadata=True)
    assert table.equals(pa.Table.from_batches(batches))


@pytest.mark.parametrize("compression", ["none", "lz4"])
@pytest.mark.parametrize(("few", "nulls"), [(1, 0.0), (1, 1.0), (16, 0.4), (100, 0.4)])
def test_duckdb_reads_what_was_written(
    compression: Compression, few: int, nulls: float, tmp_path: Path
) -> None:
    """Every value of every column, by a reader that is not pyarrow."""
    batch = flows(MANY, few, 1, nulls)
    path = tmp_path / "flows.parquet"
    path.write_bytes(written([batch], compression))
    moments = [f'epoch_us("{name}") as "{name}"' for name in ("start", "end")]
    others = [f'"{name}"' for name in FLOW.names if name not in {"start", "end"}]
    got = duckdb.read_parquet(str(path)).project(", ".join([*moments, *others])).to_arrow_table()
    for field in FLOW:
        wanted = batch.column(field.name)
        wanted = wanted.cast(pa.int64()) if pa.types.is_timestamp(field.type) else wanted
        assert got[field.name].to_pylist() == wanted.to_pylist(), field.name


def test_a_difference_in_the_middle_is_no_constant() -> None:
    """A column whose ends are equal and one value between them is not, keeps that value, wherever it lies."""
    for place in (1, 8_191, 8_192, 8_193, 19_998):
        columns = []
        for field in FLOW:
            made = column(field.type, 20_000, 1, np.random.default_rng(0)).to_pylist()
            other = column(field.type, 9, 200, np.random.default_rng(0)).to_pylist()
            made[place] = next(value for value in other if value != made[0])
            columns.append(pa.array(made, field.type))
        batch = pa.RecordBatch.from_arrays(columns, schema=FLOW)
        assert pq.read_table(BytesIO(written([batch]))).equals(pa.Table.from_batches([batch]))


def test_readers_may_skip_by_time() -> None:
    """Each row group says its first and last start, so that a reader of one hour leaves the rest alone."""
    batch = flows(MANY, 127, 1)
    group = pq.ParquetFile(BytesIO(written([batch]))).metadata.row_group(0)
    place = FLOW.names.index("start")
    spans = pa.compute.min_max(batch.column("start")).as_py()
    assert group.column(place).statistics.min == spans["min"]
    assert group.column(place).statistics.max == spans["max"]


def test_a_constant_column_takes_next_to_nothing() -> None:
    """A hundred thousand flows of one exporter and vantage point: some octets for each such column."""
    group = pq.ParquetFile(BytesIO(written([flows(100_000, 1, 1)], "none"))).metadata.row_group(0)
    columns = [group.column(place) for place in range(len(FLOW))]
    sizes = {column.path_in_schema: column.total_compressed_size for column in columns}
    assert max(sizes.values()) < 200, sizes


def test_some_exporters_take_an_octet_a_flow() -> None:
    """Up to sixteen exporters are named once per row group; of more, each flow has the whole address."""
    for few, octets in ((16, 1), (17, 16)):
        group = pq.ParquetFile(BytesIO(written([flows(MANY, few, 1)], "none"))).metadata.row_group(0)
        size = group.column(FLOW.names.index("exporter")).total_compressed_size
        assert octets * MANY <= size < octets * MANY + MANY, (few, size)


def test_wrong_rows_are_refused() -> None:
    """Other columns than the schema's, and nulls where it allows none, never reach a file."""
    good = flows(3, 1, 1)
    with FlowWriter(BytesIO()) as writer:
        with pytest.raises(ValueError, match="not the expected columns"):
            writer.write(good.select(FLOW.names[:-1]))
        columns = [
            pa.nulls(3, field.type) if field.name == "src" else good.column(field.name) for field in FLOW
        ]
        with pytest.raises(ValueError, match="src has nulls"):
            writer.write(pa.RecordBatch.from_arrays(columns, schema=FLOW))


def test_no_flows_make_a_readable_file() -> None:
    """A file without rows still has the schema."""
    table = pq.read_table(BytesIO(written([])))
    assert table.num_rows == 0
    assert table.schema.equals(FLOW, check_metadata=True)
