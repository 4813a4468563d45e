"""nfdump's files through the nfdump program, and the CSV that it prints."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from hanse.kernel.addresses import unpack
from hanse.telemetry import nfdump
from hanse.telemetry.inputs import open_input
from hanse.telemetry.reading import InputReport
from hanse.telemetry.schema import FLOW
from tests.shared import shared_data

needs_nfdump = pytest.mark.skipif(
    shutil.which("nfdump") is None, reason="the program nfdump is not installed"
)


def read(path: Path) -> tuple[pa.Table, InputReport]:
    """An nfdump file as flows, with its report."""
    report = InputReport(str(path))
    with open_input(path) as source:
        batches = list(nfdump.read_nfdump(source, report, "made"))
    return pa.Table.from_batches(batches, schema=FLOW), report


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", ["little", "big"])
def test_files_are_known_by_magic_in_both_byte_orders(version: int, order: str) -> None:
    """0xA50C and the layout version, written by a machine of either kind."""
    head = (0xA50C).to_bytes(2, order) + version.to_bytes(2, order)  # type: ignore[arg-type] # both are literals
    assert nfdump.layout_of(head + bytes(10)) == {1: "nfdump 1.6", 2: "nfdump 1.7"}[version]
    assert nfdump.layout_of(head[:2] + b"\x09\x09") == ""
    assert nfdump.layout_of(b"") == ""


@needs_nfdump
def test_the_sampled_flood_has_its_true_times_and_counters() -> None:
    """58,750 records of 1,000 packets each, in 56 s of 2015-10-11: not 1970, not cut to seconds."""
    table, report = read(shared_data("telemetry/attacks/20151011134357_dst80_udpflood_mx480.nfdump"))
    assert (table.num_rows, report.flows, report.packets) == (58_750, 58_750, 58_750_000)
    assert pc.sum(table["bytes"]).as_py() == 2_025_180_000
    span = pc.min_max(table["start"].cast(pa.int64())).as_py()
    assert span == {"min": 1_444_563_837_904_000, "max": 1_444_563_894_108_000}
    assert pc.unique(table["protocol"]).to_pylist() == [17]
    assert pc.unique(table["sampling"]).to_pylist() == [1]
    assert table["exporter"].null_count == table.num_rows
    assert report.problems == []


@needs_nfdump
def test_icmp_flows_have_type_and_code_and_no_ports() -> None:
    """The program prints ``type.code`` as the destination port."""
    table, report = read(shared_data("telemetry/attacks/20141229_multivector.nfdump"))
    icmp = table.filter(pc.equal(table["protocol"], 1))
    assert icmp.num_rows > 0
    assert set(icmp["dst_port"].to_pylist()) == {0}
    assert set(zip(icmp["icmp_type"].to_pylist(), icmp["icmp_code"].to_pylist(), strict=True)) <= {
        (3, code) for code in range(16)
    } | {(11, 0), (11, 1), (8, 0), (0, 0)}
    assert report.packets == 4_182


@needs_nfdump
def test_a_truncated_file_is_reported_in_the_words_of_nfdump(tmp_path: Path) -> None:
    """The program ends with code 0 all the same; what it says on standard error makes the problem."""
    whole = shared_data("telemetry/attacks/20151011134357_dst80_udpflood_mx480.nfdump").read_bytes()
    path = tmp_path / "cut"
    path.write_bytes(whole[:2_000_000])
    table, report = read(path)
    assert 0 < table.num_rows < 58_750
    assert not report.whole
    assert "nfdump says" in report.problems[0].what
    assert "/dev/fd" not in str(report.problems[0])


@needs_nfdump
def test_a_file_that_only_has_the_magic_is_reported(tmp_path: Path) -> None:
    """Nothing comes out, and a problem says why."""
    path = tmp_path / "lying"
    path.write_bytes(bytes.fromhex("0ca50200") + bytes(range(256)) * 8)
    table, report = read(path)
    assert table.num_rows == 0
    assert not report.whole


def test_without_nfdump_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing program is a problem of the input, with the way out."""
    monkeypatch.setattr("hanse.telemetry.nfdump.shutil.which", lambda _: None)
    path = tmp_path / "file"
    path.write_bytes(bytes.fromhex("0ca50100") + bytes(300))
    table, report = read(path)
    assert table.num_rows == 0
    assert "apt install nfdump" in str(report.problems[0])


def stub(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of the name nfdump that does what the script says."""
    program = folder / "nfdump-stub"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr("hanse.telemetry.nfdump.shutil.which", lambda _: str(program))


@pytest.mark.parametrize(
    ("script", "word"),
    [
        ("exit 3", "ended with code 3"),
        ("echo broken block >&2", "nfdump says: broken block"),
        ("echo not,a,flow", "no flows, such as 'not,a,flow'"),
        ("head -c 9000000 /dev/zero", "cannot be read"),
    ],
)
def test_a_program_that_misbehaves_does_not_stop_the_reading(
    script: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error code, a complaint, and unexpected output become problems, never exceptions."""
    stub(tmp_path, script, monkeypatch)
    path = tmp_path / "file"
    path.write_bytes(bytes.fromhex("0ca50100") + bytes(300))
    _, report = read(path)
    assert not report.whole
    assert word in report.problems[0].what


OLD = (
    b"ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das\n"
    b"2014-12-29 14:36:40,2014-12-29 14:36:41,1.000,192.0.2.1,192.0.2.2,43865,53,UDP,........,0,0,1,69,0,0,0,0,0,0\n"
    b"2014-12-29 14:36:40,2014-12-29 14:36:40,0.000,192.0.2.1,2001:db8::2,0,771,ICMP6,........,0,0,2,708,0,0,0,0,0,0\n"
    b"Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n2,777,3,0,0,0\n"
)
NEW = (
    b"firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows\n"
    b"2014-12-29 14:36:40.005,1.000,17,192.0.2.1,43865,192.0.2.2,53,1,69,1\n"
    b"2014-12-29 14:36:40.005,0.000,58,192.0.2.1,0,2001:db8::2,771,2,708,1\n"
)


@pytest.mark.parametrize("text", [OLD, NEW], ids=["1.6", "1.7"])
def test_csv_of_either_age_is_read_without_its_summary(text: bytes) -> None:
    """Both headers, names and numbers of protocols, ICMP in the port; the closing lines are no problem."""
    report = InputReport("flows.csv")
    header = text.split(b"\n", 1)[0].decode().split(",")
    assert nfdump.is_csv_header(header)
    batches = list(nfdump.read_csv(np.frombuffer(text, np.uint8), report, "made"))
    rows = pa.Table.from_batches(batches, schema=FLOW).to_pylist()
    assert [(row["protocol"], row["dst_port"], row["icmp_type"], row["icmp_code"]) for row in rows] == [
        (17, 53, 0, 0),
        (58, 0, 3, 3),
    ]
    assert [unpack(row["dst"]) for row in rows] == ["192.0.2.2", "2001:db8::2"]
    assert (rows[0]["end"] - rows[0]["start"]).total_seconds() == 1
    assert report.whole
    assert any("zone" in problem.what for problem in report.problems)
