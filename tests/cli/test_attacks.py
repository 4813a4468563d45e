"""`hanse attacks`: its data, its exit codes, and hostile names."""

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hanse.attacks.present import COLUMNS, csv_text
from tests.attacks.build import VICTIM
from tests.cli import schema
from tests.cli.shell import capture, floods, found, hanse


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two floods on one victim, 940 s of quiet between them."""
    return floods(tmp_path_factory.mktemp("two"), 0, 1_000)


def test_json_has_exactly_the_promised_types(two):
    """Every field of the JSON is there with its type; times are ISO 8601 UTC, IPv4 dotted."""
    value = found("attacks", two)
    assert schema.faults(value, schema.ATTACKS) == []
    assert [one["victim"] for one in value["attacks"]] == [VICTIM, VICTIM]
    first = value["attacks"][0]
    assert first["start"] == "2007-05-03T00:00:00.000Z"
    assert (first["flows"], first["packets"], first["bytes"]) == (240, 12_000, 12_336_000)


def test_csv_is_the_default_on_a_pipe_and_says_what_json_says(two):
    """A pipe gets CSV alone, with the same values as the JSON."""
    result = hanse("attacks", two)
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    told = found("attacks", two)["attacks"]
    assert result.stderr == ""
    assert tuple(rows[0]) == COLUMNS
    for row, attack in zip(rows, told, strict=True):
        for name in ("id", "victim", "vector", "start", "end", "packets", "bytes", "sources"):
            assert row[name] == str(attack[name])


def test_parquet_has_typed_times_and_the_same_rows(two):
    """Parquet on a pipe is one whole file with timestamps in UTC."""
    result = hanse("attacks", two, "--format", "parquet")
    rows = pq.read_table(io.BytesIO(result.stdout_bytes))
    assert rows.column_names == list(COLUMNS)
    assert str(rows.schema.field("start").type) == "timestamp[us, tz=UTC]"
    assert rows["flows"].to_pylist() == [240, 240]


def test_a_longer_gap_joins_and_sensitivity_counts(two):
    """`--gap` decides what is one attack, and `--sensitivity` says so for four gaps at once."""
    assert len(found("attacks", two, "--gap", 1_000)["attacks"]) == 1
    value = found("attacks", two, "--sensitivity")
    assert value["sensitivity"] == {"60": 2, "300": 2, "600": 2, "3600": 1}
    assert len(value["attacks"]) == 2


def test_explain_says_when_there_is_nothing_to_explain(two):
    """An empty list of dismissals is said in words, not shown as an empty table."""
    text = hanse("attacks", two, "--explain", "--format", "table").stdout
    assert "Nothing else came over a threshold." in text
    assert "2 attacks." in text


def test_evidence_is_the_flows_of_the_attack(two):
    """The evidence of an attack, as CSV and as Parquet, holds as many flows as the attack says."""
    attack = found("attacks", two)["attacks"][1]
    text = hanse("attacks", two, "--evidence", attack["id"])
    rows = list(csv.DictReader(io.StringIO(text.stdout)))
    assert len(rows) == attack["flows"]
    assert {row["dst"] for row in rows} == {attack["victim"]}
    raw = hanse("attacks", two, "--evidence", attack["id"], "--format", "parquet")
    table = pq.read_table(io.BytesIO(raw.stdout_bytes))
    assert table.num_rows == attack["flows"]
    assert sum(table["packets"].to_pylist()) == attack["packets"]


def test_nothing_found_is_no_failure(tmp_path):
    """Quiet traffic ends with 0 and an empty list."""
    quiet = capture(tmp_path / "quiet.pcap", packets=20)
    assert found("attacks", quiet)["attacks"] == []
    assert "No attack found in" in hanse("attacks", quiet, "--format", "table").stdout


def test_a_cut_capture_is_read_as_far_as_it_goes(tmp_path):
    """A truncated capture gives its attack, exit code 1, and the place of the cut on the error stream."""
    path = capture(tmp_path / "cut.pcap")
    path.write_bytes(path.read_bytes()[:-5])
    result = hanse("attacks", path, "--format", "json")
    value = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [one["vector"] for one in value["attacks"]] == ["icmp_flood"]
    assert value["inputs"][0]["whole"] is False
    assert "byte" in result.stderr


def test_an_unknown_file_does_not_stop_a_good_one(tmp_path):
    """Beside nonsense the good capture is still searched; the exit code is 1, and the nonsense named."""
    good, bad = capture(tmp_path / "good.pcap"), tmp_path / "nonsense.bin"
    bad.write_bytes(b"\x00\x01nonsense" * 50)
    result = hanse("attacks", bad, good)
    assert result.exit_code == 1
    assert "icmp_flood" in result.stdout
    assert "nonsense.bin" in result.stderr
    assert "nonsense.bin" not in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.pcap"], "no such file"),
        (["{good}", "--frobnicate"], "No such option"),
        (["{good}", "--engine", "mysql"], "no engine"),
        (["{good}", "--memory", "lots"], "no size"),
        (["{good}", "--gap", "0"], "--gap"),
        (["{good}", "--registry", "{bad}"], "prefix"),
        (["{good}", "--government", "{bad}"], "bad.csv"),
        (["{good}", "--baseline", "{bad}"], "hanse learn"),
        (["{good}", "--lessons", "{bad}"], "not a file of lessons"),
        (["{good}", "--columns", "zz=1"], "zz"),
        (["{good}", "--evidence", "A-0", "--format", "json"], "csv or parquet"),
        (["{good}", "--evidence", "A-000000000000"], "No attack"),
        ([], "Missing argument"),
    ],
)
def test_wrong_usage_is_2_with_a_reason(two, tmp_path, words, said):
    """Whatever was asked wrongly ends with 2, says why, and prints no data."""
    bad = tmp_path / "bad.csv"
    bad.write_text("nonsense\n1\n", "utf-8")
    result = hanse("attacks", *(word.format(good=two, bad=bad) for word in words))
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert result.stdout == ""


def test_names_of_files_are_only_text(tmp_path):
    """Markup, escapes and newlines in a file's name reach the terminal as text."""
    path = tmp_path / "[red]x[bold]\x1b[2J\nfalse line"
    path.write_bytes(b"nonsense")
    result = hanse("attacks", path, "--format", "table")
    assert result.exit_code == 1
    assert "\x1b" not in result.output
    assert "[red]x[bold]\\x1b[2J\\nfalse line" in result.stderr


def test_a_name_that_is_no_utf8_survives_in_json(tmp_path):
    """The bytes of a file name come through the JSON, which is valid UTF-8, and name the same file again."""
    path = tmp_path / b"caf\xe9.bin".decode("utf-8", "surrogateescape")
    path.write_bytes(b"nonsense")
    result = hanse("attacks", path, "--format", "json")
    assert json.loads(result.stdout_bytes.decode("utf-8"))["inputs"][0]["path"] == str(path)


def test_organisations_in_the_table_are_only_text(two, tmp_path):
    """Markup and control characters in the registry are shown, not obeyed."""
    registry = tmp_path / "registry.csv"
    registry.write_text(
        f"prefix,organisation,sector,country,site\n{VICTIM}/32,[bold]Bank\x1b[1m,finance,EE,\n", "utf-8"
    )
    result = hanse("attacks", two, "--registry", registry, "--format", "table")
    assert "\x1b" not in result.output
    assert result.exit_code == 2 or "[bold]Bank\\x1b" in result.stdout


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1+1", "\\t=1+1"),
        ("\r=1+1", "\\r=1+1"),
        ("a\n=1+1", "a\\n=1+1"),
        ("\uff11\u2009000", "\uff11\u2009000"),
        (-1, "-1"),
    ],
)
def test_spreadsheets_find_no_formula(cell, written):
    """A text that a spreadsheet would compute is made harmless; numbers and plain text stay as they are."""
    text = csv_text(["a", "b"], [{"a": cell, "b": "x"}])
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], [written, "x"]]
