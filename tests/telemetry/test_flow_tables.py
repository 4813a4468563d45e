"""Flow tables of strangers: what no flow can be is left out and said, whatever program wrote it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hanse.telemetry import parquet_tables
from hanse.telemetry.read import ReadResult, read
from hanse.telemetry.schema import FLOW
from tests.telemetry.made import NOON, batch

LONG = "x" * 100_000


def taken_in(tmp_path: Path, *batches: pa.RecordBatch) -> tuple[ReadResult, pa.Table]:
    """What comes of a Parquet file with these flows that is read into the store."""
    path = tmp_path / "strangers.parquet"
    pq.write_table(pa.Table.from_batches(batches), path)
    result = read(
        [str(path)], workdir=tmp_path / "work", in_place=False, names={str(path): "strangers.parquet"}
    )
    tables = [pq.read_table(one, schema=FLOW) for one in result.files]
    return result, pa.concat_tables(tables) if tables else FLOW.empty_table()


@pytest.mark.parametrize(
    "wrong",
    [
        {"packets": [-(10**12), 1, 1]},
        {"bytes": [-1, 60, 60]},
        {"fragments": [-5, 0, 0]},
        {"sampling": [0, 1, 1]},
        {"sampling": [-1_000, 1, 1]},
        {"end": [NOON - 1, NOON + 2, NOON + 3]},
    ],
)
def test_a_row_that_is_no_flow_is_left_out_and_counted(tmp_path: Path, wrong: dict[str, list[int]]) -> None:
    """Counters below zero take away from what others saw: an attack in the flows around them would not be found."""
    table = {name: np.array(values) for name, values in wrong.items()}
    result, flows = taken_in(tmp_path, batch([NOON, NOON + 1, NOON + 2], **table))
    [report] = result.reports
    assert flows["start"].cast(pa.int64()).to_pylist() == [NOON + 1, NOON + 2]
    assert (report.flows, report.packets, report.skipped, report.problem_count) == (2, 2, 1, 1)
    assert not report.whole
    assert "1 row" in str(report.problems[0])


def test_what_is_wrong_is_said_once_for_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pieces it is read in."""
    monkeypatch.setattr(parquet_tables, "ROWS", 2)
    result, flows = taken_in(tmp_path, batch([NOON] * 6, packets=[-1, 1, -1, -1, 1, 1]))
    [report] = result.reports
    assert (flows.num_rows, report.skipped, report.problem_count) == (3, 3, 1)
    assert "3 rows" in str(report.problems[0])


def test_vantage_points_have_names_that_can_be_shown(tmp_path: Path) -> None:
    """They are columns of lists, and stand in the ledger: neither endless nor with what turns round the text beside it."""
    rows = [batch([NOON], vantage=name) for name in ("riga", LONG, "a\u202eb\x00", "")]
    _, flows = taken_in(tmp_path, *rows)
    names = flows["vantage"].to_pylist()
    assert names[0] == "riga"
    assert max(map(len, names)) <= 200
    assert all(name.isprintable() for name in names)


def test_a_file_of_countless_vantage_points_is_one(tmp_path: Path) -> None:
    """Each name goes on record with the partition: a million of them would be an entry of a gigabyte."""
    _, flows = taken_in(tmp_path, *(batch([NOON], vantage=f"point {at}") for at in range(100)))
    assert set(flows["vantage"].to_pylist()) == {"strangers.parquet"}


def bomb(path: Path, told: pa.Table) -> Path:
    """A Parquet file whose texts are read back as texts, though a dictionary holds each once."""
    pq.write_table(told, path, store_schema=False, compression="zstd")
    return path


@pytest.mark.parametrize("of_flows", [True, False])
def test_a_dictionary_of_long_texts_takes_no_memory(tmp_path: Path, of_flows: bool) -> None:
    """A file of 100 kB stood for six gigabytes, and ended the process that read it."""
    rows = 60_000
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([LONG]))
    if of_flows:
        made = pa.Table.from_batches([batch([NOON] * rows)])
        told = made.set_column(made.schema.get_field_index("vantage"), "vantage", long)
        kinds = [
            pa.field("vantage", long.type, nullable=False) if one.name == "vantage" else one for one in FLOW
        ]
        told = told.cast(pa.schema(kinds))
    else:
        told = pa.table({"ts": np.full(rows, NOON), "src": long, "dst": long})
    path = bomb(tmp_path / "bomb.parquet", told)
    assert path.stat().st_size < 1_000_000
    before = pa.total_allocated_bytes()
    pool = pa.default_memory_pool()
    result = read([str(path)], workdir=tmp_path / "work", in_place=False, names={str(path): "bomb.parquet"})
    [report] = result.reports
    assert report.flows == (rows if of_flows else 0)
    assert report.whole is of_flows
    if not of_flows:
        assert "reading stopped there" in " ".join(map(str, report.problems))
    assert pa.total_allocated_bytes() - before < 100_000_000
    assert (pool.max_memory() or 0) < 2_000_000_000


def test_a_file_of_more_rows_than_bytes_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run stands for a billion rows, each of which would be written into the store."""
    monkeypatch.setattr(parquet_tables, "MANY", 100_000)
    monkeypatch.setattr(parquet_tables, "DENSEST", 10)  # by hand a file can be made of far more
    rows = 500_000
    table = pa.table({name: pa.array([value]).take(np.zeros(rows, np.int32)) for name, value in (
        ("ts", NOON), ("src", "192.0.2.1"), ("dst", "192.0.2.2"),
    )})  # fmt: skip
    path = bomb(tmp_path / "bomb.parquet", table)
    assert path.stat().st_size * parquet_tables.DENSEST < rows
    result = read([str(path)], workdir=tmp_path / "work")
    assert "more rows than such a file can hold" in str(result.reports[0].problems[0])
    assert result.flows == 0


@pytest.mark.parametrize("kind", [pa.binary(100_000), pa.list_(pa.string())])
def test_columns_that_hold_nothing_of_a_flow_are_not_read(tmp_path: Path, kind: pa.DataType) -> None:
    """Values of 100 kB each, or lists of them, are no addresses."""
    value = b"x" * 100_000 if pa.types.is_fixed_size_binary(kind) else [LONG]
    table = pa.table({"ts": [NOON], "src": pa.array([value], kind), "dst": ["192.0.2.2"]})
    path = bomb(tmp_path / "wide.parquet", table)
    result = read([str(path)], workdir=tmp_path / "work")
    assert "nothing of a flow" in str(result.reports[0].problems[0])
    assert result.flows == 0
