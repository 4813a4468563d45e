"""Reading whatever the user names: recognised by content, each input on its own, all accounted for."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from hanse.kernel.errors import UsageError
from hanse.telemetry.commands import flows
from hanse.telemetry.inputs import open_input
from hanse.telemetry.listing import write_csv
from hanse.telemetry.read import ReadResult, read
from hanse.telemetry.reading import MAX_PROBLEMS, InputReport
from hanse.telemetry.recognise import Kind, content_of, recognise
from hanse.telemetry.schema import FLOW
from hanse.telemetry.store import FlowStore, write_parquet
from tests.browser import captures
from tests.shared import shared_data
from tests.telemetry.made import NOON, batch
from tests.telemetry.test_nfdump import NEW, OLD, needs_nfdump
from tests.telemetry.test_zeek import TCP, as_json, tsv

CSV = b"ts,src,dst,dport,proto,packets,bytes\n2007-05-09T12:00:00Z,192.0.2.1,192.0.2.2,80,6,3,180\n"
PCAP = bytes.fromhex("d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000")
V5 = bytes.fromhex("0005 0001") + bytes(4) + (NOON // 1_000_000).to_bytes(4, "big") + bytes(60)


def put(path: Path, data: bytes) -> Path:
    """A file with these bytes, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def read_all(tmp_path: Path, *paths: Path) -> ReadResult:
    """The inputs read into a folder of their own."""
    return read([str(path) for path in paths], workdir=tmp_path / "work")


def stored(result: ReadResult) -> int:
    """Flows in the files of a result."""
    return sum(pq.read_metadata(path).num_rows for path in result.files)


def flow_parquet() -> bytes:
    """A flow table as Parquet."""
    out = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_batches([batch([NOON, NOON + 1])]), out)
    return out.getvalue().to_pybytes()


def other_parquet() -> bytes:
    """A table of other columns as Parquet."""
    out = pa.BufferOutputStream()
    pq.write_table(pa.table({"ts": [NOON], "sa": ["192.0.2.1"], "da": ["192.0.2.2"], "pkts": [1]}), out)
    return out.getvalue().to_pybytes()


KINDS = [
    (PCAP, Kind.CAPTURE),
    (b"\n\r\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a" + bytes(16), Kind.CAPTURE),
    (bytes.fromhex("0ca50100") + bytes(300), Kind.NFDUMP),
    (bytes.fromhex("a50c0002") + bytes(300), Kind.NFDUMP),
    (flow_parquet(), Kind.FLOW_PARQUET),
    (other_parquet(), Kind.PARQUET),
    (tsv(TCP), Kind.ZEEK_TSV),
    (as_json(TCP), Kind.ZEEK_JSON),
    (OLD, Kind.NFDUMP_CSV),
    (NEW, Kind.NFDUMP_CSV),
    (CSV, Kind.CSV),
    (V5, Kind.EXPORT_DUMP),
    (b"", None),
    (bytes(5000), None),
    (b"hello\n", None),
    (b"a,b\n1,2\n", None),
    (b'{"ts": 1}\n', None),
    (b"\xff\xfet\0s\0", None),
]


@pytest.mark.parametrize(("data", "kind"), KINDS, ids=[f"{kind}-{at}" for at, (_, kind) in enumerate(KINDS)])
def test_inputs_are_told_by_their_content(data: bytes, kind: Kind | None, tmp_path: Path) -> None:
    """The name is always the same and says something else."""
    with open_input(put(tmp_path / "dump.pcap", data)) as source:
        assert recognise(content_of(source.data)) is kind


def test_every_shared_capture_and_log_is_recognised() -> None:
    """Real files: pcap in `.pcapng` names, exports in captures, nfdump of 1.6."""
    root = shared_data("telemetry")
    wrong = []
    for path in sorted(root.rglob("*.pcap*")) + sorted(root.rglob("*.nfdump")):
        with open_input(path) as source:
            kind = recognise(content_of(source.data))
        wanted = Kind.NFDUMP if path.suffix == ".nfdump" else Kind.CAPTURE
        wanted = Kind.EXPORT_CAPTURE if path.parent.name == "formats" else wanted
        if kind is not wanted:
            wrong.append((path.name, kind))
    assert wrong == []


def test_one_bad_input_never_stops_the_others(tmp_path: Path) -> None:
    """Empty, unknown, truncated, lying and unreadable inputs are each accounted for; the good ones come out."""
    bad = [
        put(tmp_path / "in" / "empty", b""),
        put(tmp_path / "in" / "unknown", os.urandom(999) + b"\0"),
        put(tmp_path / "in" / "cut.parquet", flow_parquet()[:-20]),
        put(tmp_path / "in" / "lying.parquet", b"PAR1" + bytes(range(256)) + b"PAR1"),
        put(tmp_path / "in" / "cut.gz", gzip.compress(CSV + os.urandom(9999))[:5000]),
        put(tmp_path / "in" / "lying.pcap", PCAP + b"\xff" * 100),
        put(tmp_path / "in" / "table", b"a,b,c\n1,2,3\n"),
    ]
    good = [put(tmp_path / "in" / f"good{n}", data) for n, data in enumerate((CSV, tsv(TCP), flow_parquet()))]
    result = read_all(tmp_path, *bad, *good)
    accounts = {report.path: report for report in result.reports}
    assert len(accounts) == len(bad) + len(good)
    assert [path.name for path in bad if accounts[str(path)].whole] == []
    assert [path.name for path in good if not accounts[str(path)].whole] == []
    assert all(problem.path == str(path) for path in bad for problem in accounts[str(path)].problems)
    assert not any("report this" in problem.do for report in result.reports for problem in report.problems)
    assert sum(accounts[str(path)].flows for path in good) == 5
    assert stored(result) == result.flows == 6  # one row of the cut archive was whole


def test_what_is_beyond_the_problems_that_are_kept_counts_as_well() -> None:
    """Twenty notes in a crafted file do not hide that the rest of it could not be read."""
    report = InputReport("/x/crafted.pcap")
    for number in range(MAX_PROBLEMS):
        report.add(f"note {number}.", fatal=False)
    assert report.whole
    report.add("it ends in the middle.")
    assert not report.whole
    assert not report.as_json()["whole"]


def test_a_folder_leaves_out_other_texts_with_a_note(tmp_path: Path) -> None:
    """A registry and a truth file beside flows are no problem; the same files named are one."""
    put(tmp_path / "in" / "flows.csv", CSV)
    registry = put(tmp_path / "in" / "registry.csv", b"prefix,organisation,country\n192.0.2.0/24,A,EE\n")
    put(tmp_path / "in" / "truth.json", json.dumps([{"x": 1}] * 9999).encode())
    result = read_all(tmp_path, tmp_path / "in")
    assert result.whole
    assert [Path(path).name for path, _ in result.left_out] == ["registry.csv", "truth.json"]
    assert [report.flows for report in result.reports] == [1]
    named = read_all(tmp_path, registry)
    assert not named.whole
    assert "--columns" in str(named.reports[0].problems[0])


def test_a_flow_table_is_read_where_it_lies(tmp_path: Path) -> None:
    """FLOW Parquet is named, not copied; packed, or with nulls where none may be, it is rewritten."""
    path = tmp_path / "in" / "flows.parquet"
    write_parquet(path, [batch([NOON])])
    assert read_all(tmp_path, path).files == [path]
    packed = put(tmp_path / "in" / "flows.gz", gzip.compress(path.read_bytes()))
    rewritten = read([str(packed)], workdir=tmp_path / "other")
    assert rewritten.files[0].is_relative_to(tmp_path / "other")
    assert stored(rewritten) == 1
    loose = pa.schema([field.with_nullable(True) for field in FLOW])
    columns = [batch([NOON]).column(name) for name in FLOW.names]
    columns[2] = pa.nulls(1, pa.binary(16))
    pq.write_table(pa.Table.from_arrays(columns, schema=loose), path)
    nulls = read([str(path)], workdir=tmp_path / "third")
    assert nulls.files == []
    assert not nulls.whole


def test_a_stored_folder_reads_as_it_is(tmp_path: Path) -> None:
    """What `--out` wrote is an input again, file by file."""
    with FlowStore(tmp_path / "flows") as store:
        store.write(batch([NOON, NOON + 3_600_000_000]))
    result = read_all(tmp_path, tmp_path / "flows")
    assert result.files == store.files()
    assert result.flows == 2


def test_progress_runs_from_nothing_to_all(tmp_path: Path) -> None:
    """Bytes done never fall, and end at the total."""
    paths = [put(tmp_path / "in" / name, CSV) for name in ("a", "b")]
    told: list[tuple[int, int, str]] = []
    read([str(p) for p in paths], workdir=tmp_path / "w", progress=lambda *step: told.append(step))
    assert [done for done, _, _ in told] == [0, len(CSV), 2 * len(CSV)]
    assert {total for _, total, _ in told} == {2 * len(CSV)}


@pytest.mark.parametrize(
    "data",
    [
        captures.flood(packets=20_000),
        gzip.compress(captures.flood(packets=20_000)),
        CSV + CSV.splitlines(keepends=True)[1] * 120_000,
        V5 * 10_000,
        as_json(TCP) * 40_000,
    ],
    ids=["capture", "packed", "table", "exports", "json"],
)
def test_progress_is_told_within_an_input_and_can_end_it(data: bytes, tmp_path: Path) -> None:
    """Of one file of a gigabyte nobody would see how far it is, and it could not be cancelled before its end."""
    path = str(put(tmp_path / "large", data))
    told: list[int] = []
    result = read([path], workdir=tmp_path / "w", progress=lambda done, _total, _path: told.append(done))
    assert result.whole
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, len(data))
    assert [done for done in told if len(data) / 10 < done < len(data)] != []

    class EnoughError(Exception):
        """Somebody cancels it."""

    def ends(done: int, _total: int, _path: str) -> None:
        if done:
            raise EnoughError

    with pytest.raises(EnoughError):
        read([path], workdir=tmp_path / "other", progress=ends)


def test_nothing_to_read_is_wrong_usage(tmp_path: Path) -> None:
    """A path that matches nothing stops before the work folder is made."""
    with pytest.raises(UsageError):
        read([str(tmp_path / "absent")], workdir=tmp_path / "work")
    assert not (tmp_path / "work").exists()


@needs_nfdump
def test_the_shared_telemetry_is_read_wholly(tmp_path: Path) -> None:
    """All real captures and nfdump files beside each other, with not one problem."""
    result = read_all(tmp_path, shared_data("telemetry/attacks"), shared_data("telemetry/normal"))
    assert [str(problem) for report in result.reports for problem in report.problems if problem.fatal] == []
    assert [Path(path).suffix for path, _ in result.left_out] == [".json"]
    assert stored(result) == result.flows > 100_000


def run(*arguments: str) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(flows, arguments)


def test_csv_is_what_a_pipe_gets_and_nothing_else(tmp_path: Path) -> None:
    """Data on standard output, notes and problems on standard error, exit 1 for an input not read wholly."""
    good, bad = put(tmp_path / "good", CSV), put(tmp_path / "bad", b"")
    done = run(str(good), str(bad))
    lines = done.stdout.splitlines()
    assert lines[0].split(",") == FLOW.names
    assert len(lines) == 2
    assert "problem: " in done.stderr
    assert "it is empty" in done.stderr
    assert done.exit_code == 1
    assert run(str(good)).exit_code == 0


def test_json_has_flows_and_inputs(tmp_path: Path) -> None:
    """One object, times in ISO 8601 UTC, IPv4 in dotted form; `--limit` cuts the flows."""
    answer = json.loads(run(str(put(tmp_path / "in", CSV * 1)), "--format", "json").stdout)
    assert set(answer) == {"flows", "inputs"}
    assert set(answer["flows"][0]) == set(FLOW.names)
    assert answer["flows"][0]["start"] == "2007-05-09T12:00:00.000000Z"
    assert answer["flows"][0]["src"] == "192.0.2.1"
    assert answer["inputs"][0]["whole"]
    assert json.loads(run(str(tmp_path / "in"), "--format", "json", "--limit", "0").stdout)["flows"] == []


def test_the_table_shows_the_first_rows_and_the_inputs(tmp_path: Path) -> None:
    """People get rows, how many there are in all, and the account of each input."""
    path = tmp_path / "flows.parquet"
    write_parquet(path, [batch(range(NOON, NOON + 30))])
    shown = run(str(path), "--format", "table", "--limit", "5").stdout
    assert shown.count("198.51.100.7") == 5
    assert "first 5 of 30 flows" in shown
    assert "flow table" in shown


def test_out_writes_a_store_that_holds_the_flows(tmp_path: Path) -> None:
    """`--out` writes Parquet by hour, flow tables included, and prints no data."""
    write_parquet(tmp_path / "t.parquet", [batch([NOON, NOON + 5])])
    put(tmp_path / "in.csv", CSV)
    done = run(str(tmp_path / "t.parquet"), str(tmp_path / "in.csv"), "--out", str(tmp_path / "out"))
    assert done.exit_code == 0
    assert done.stdout == ""
    rows = duckdb.read_parquet(f"{tmp_path}/out/**/*.parquet").aggregate("count(*)").fetchall()
    assert rows == [(3,)]


@pytest.mark.parametrize(
    "arguments",
    [[], ["absent"], ["--columns", "colour=red", "."], ["--format", "xml", "."], ["--limit", "-1", "."]],
)
def test_wrong_usage_ends_with_2(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No path, a path to nothing, a mapping that cannot be meant, an unknown format."""
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""


def process(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """The command in a process of its own, its output in pipes."""
    code = "from hanse.telemetry.commands import flows; flows()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=False)


def test_a_real_process_pipes_parquet_that_reads_back(tmp_path: Path) -> None:
    """`--format parquet` on a pipe is one whole file in the flow schema, and the exit code is right."""
    done = process(str(put(tmp_path / "in", CSV)), "--format", "parquet")
    table = pq.read_table(pa.BufferReader(done.stdout))
    assert table.schema.equals(FLOW)
    assert table.num_rows == 1
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """`hanse flows ... | head -1` ends quietly."""
    path = tmp_path / "flows.parquet"
    write_parquet(path, [batch(range(NOON, NOON + 20_000))])
    code = "from hanse.telemetry.commands import flows; flows()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait() == 0


def test_what_the_command_prints_as_csv_it_reads(tmp_path: Path) -> None:
    """The output of one run is an input of the next."""
    with (tmp_path / "again.csv").open("w") as out:
        write_csv([batch([NOON, NOON + 1])], out)
    answer = json.loads(run(str(tmp_path / "again.csv"), "--format", "json").stdout)
    assert [flow["start"] for flow in answer["flows"]] == [
        "2007-05-09T12:00:00.000000Z",
        "2007-05-09T12:00:00.000001Z",
    ]
    assert answer["inputs"][0]["problem_count"] == 0


def test_a_folder_of_many_files_does_not_fill_the_terminal(tmp_path: Path) -> None:
    """Of many inputs, those that were not read wholly are shown apart, and what is beyond is summed."""
    for number in range(40):
        row = f"start,src,dst\n1178697600,198.51.100.{number},192.0.2.1\n"
        (tmp_path / f"{number:02}.csv").write_text(row)
    (tmp_path / "z.csv.gz").write_bytes(gzip.compress(CSV * 100)[:-9])
    told = CliRunner().invoke(flows, [str(tmp_path), "--out", str(tmp_path / "out")])
    table = " ".join(told.stderr[: told.stderr.index("note:")].replace("│", " ").split())
    assert "21 more, together 21 21" in table
    assert "z.csv.gz" in table.replace(" ", "")
    assert "39.csv" not in table.replace(" ", "")
