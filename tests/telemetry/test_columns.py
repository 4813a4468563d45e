"""Tables of other programs: which column means what, and one bad row costs one row."""

import csv
import io
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.kernel.addresses import pack, unpack
from hanse.kernel.errors import UsageError
from hanse.telemetry import columns, listing
from hanse.telemetry.columns import ALIASES, guess, parse_mapping, plain_name
from hanse.telemetry.parquet_tables import read_parquet
from hanse.telemetry.reading import InputReport
from hanse.telemetry.schema import FLOW
from hanse.telemetry.tabular import FIELDS, Layout
from tests.telemetry.made import NOON, batch


def read(text: str | bytes, told: Layout | None = None) -> tuple[pa.Table, InputReport]:
    """A CSV text as flows, with its report."""
    data = np.frombuffer(text.encode() if isinstance(text, str) else text, np.uint8)
    report = InputReport("table.csv")
    batches = list(columns.read_csv(data, report, "made", told))
    return pa.Table.from_batches(batches, schema=FLOW), report


def starts(table: pa.Table) -> list[int]:
    """Start of every flow, microseconds UTC."""
    values: list[int] = table["start"].cast(pa.int64()).to_pylist()
    return values


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(
    lambda address: unpack(pack(str(address)))
)
flow_rows = st.lists(
    st.tuples(
        st.integers(0, 2**52),
        st.integers(0, 10**10),
        addresses,
        addresses,
        st.integers(0, 65535),
        st.integers(0, 65535),
        st.integers(0, 255),
        st.integers(0, 255),
        st.integers(1, 2**40),
        st.integers(0, 2**50),
        st.integers(1, 2**31 - 1),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=40)
@given(rows=flow_rows)
def test_what_hanse_writes_as_csv_it_reads_back(rows: list[tuple[int, ...]]) -> None:
    """CSV and back gives the same flows, all but the vantage, which is the file."""
    by_column = list(zip(*rows, strict=True))
    protocol = np.array(by_column[6])
    icmp = np.isin(protocol, [1, 58])
    made = batch(
        by_column[0],
        end=np.array(by_column[0]) + np.array(by_column[1]),
        src=np.array([list(pack(str(text))) for text in by_column[2]], np.uint8),
        dst=np.array([list(pack(str(text))) for text in by_column[3]], np.uint8),
        src_port=np.where(icmp, 0, by_column[4]),
        dst_port=np.where(icmp, 0, by_column[5]),
        protocol=protocol,
        tcp_flags=np.where(protocol == 6, by_column[7], 0),
        packets=by_column[8],
        bytes=by_column[9],
        sampling=by_column[10],
    )
    out = io.StringIO()
    listing.write_csv([made], out)
    table, report = read(out.getvalue())
    assert report.problems == []
    assert table.to_pylist() == pa.Table.from_batches([made]).to_pylist()


@pytest.mark.parametrize(
    ("text", "unit", "micros"),
    [
        ("1178712000.25", "s", NOON + 250_000),
        ("1178712000", "s", NOON),
        ("1178712000250", "ms", NOON + 250_000),
        ("1178712000250001", "us", NOON + 250_001),
        ("1178712000250001999", "ns", NOON + 250_001),
        ("2007-05-09 12:00:00.25", "UTC", NOON + 250_000),
        ("2007-05-09T12:00:00", "UTC", NOON),
        ("2007-05-09T14:00:00+02:00", "", NOON),
        ("2007-05-09T12:00:00Z", "", NOON),
    ],
)
def test_the_unit_of_time_is_inferred_and_said(text: str, unit: str, micros: int) -> None:
    """Seconds, milliseconds, microseconds, nanoseconds and ISO 8601; a guess is noted, never fatal."""
    table, report = read(f"when,ts,sa,da,pkts,bytes,proto\nx,{text},192.0.2.1,192.0.2.2,1,60,17\n")
    assert starts(table) == [micros]
    assert report.whole
    words = {"s": " seconds", "ms": "milli", "us": "micro", "ns": "nano", "UTC": "no zone", "": ""}
    assert all(words[unit] in problem.what for problem in report.problems)
    assert len(report.problems) == bool(unit)


def test_a_stated_unit_is_believed() -> None:
    """What the user says wins over what the number looks like."""
    told = parse_mapping("start=when,src=a,dst=b,packets=n,bytes=o,protocol=p,time=ms")
    table, report = read("when,a,b,n,o,p\n1000,192.0.2.1,192.0.2.2,1,60,17\n", told)
    assert starts(table) == [1_000_000]
    assert report.problems == []


def test_bad_rows_are_left_out_with_their_lines() -> None:
    """Each bad row costs itself; the first are named with line and column, the others counted."""
    good = "2007-05-09T12:00:00Z,192.0.2.1,192.0.2.2,80,6,3,180\n"
    bad = [
        "yesterday,192.0.2.1,192.0.2.2,80,6,3,180\n",
        "2007-05-09T12:00:00Z,192.0.2.256,192.0.2.2,80,6,3,180\n",
        "2007-05-09T12:00:00Z,192.0.2.1\n",
        "2007-05-09T12:00:00Z,192.0.2.1,192.0.2.2,65536,6,3,180\n",
        "2007-05-09T12:00:00Z,192.0.2.1,,80,6,3,180\n",
        "2007-05-09T12:00:00Z,192.0.2.1,192.0.2.2,80,xyz,3,180\n",
        "2007-05-09T12:00:00Z,192.0.2.1,192.0.2.2,80,6,-3,180\n",
        "2007-05-09T12:00:00Z,192.0.2.1,192.0.2.2,80,6,3,1e99\n",
    ]
    text = "ts,src,dst,dport,proto,packets,bytes\n" + good + "".join(row + good for row in bad) + "\n"
    table, report = read(text)
    assert table.num_rows == report.flows == len(bad) + 1
    assert report.skipped == len(bad)
    said = "\n".join(str(problem) for problem in report.problems)
    for line, cell in ((3, "yesterday"), (5, "192.0.2.256"), (7, "2 cells"), (9, "65536"), (11, "(empty)")):
        assert f"line {line}: " in said
        assert cell in said
    assert "table.csv, dport: line 9" in said
    assert "2 more rows" in said
    assert not report.whole


def test_every_alias_is_understood_and_leads_to_one_field() -> None:
    """Aliases are written as they are compared, and none stands for two fields."""
    owners: dict[str, str] = {}
    for field, aliases in ALIASES.items():
        assert field in FIELDS
        for alias in aliases:
            assert plain_name(alias) == alias
            assert owners.setdefault(alias, field) == field
            assert guess([alias.upper()]).columns == {field: alias.upper()}


def test_units_in_ipfix_names_are_used() -> None:
    """`flowStartMilliseconds` needs no guess."""
    layout = guess(
        ["flowStartMilliseconds", "flowEndMilliseconds", "sourceIPv4Address", "destinationIPv4Address"]
    )
    assert layout.time == "ms"
    assert layout.missing() == []


def test_both_directions_of_a_row_become_two_flows() -> None:
    """Counters of the way back make a second flow with the ends exchanged; a zero makes none."""
    head = "ts,td,sa,da,sp,dp,pr,flg,ipkt,ibyt,opkt,obyt\n"
    table, _ = read(
        head
        + "2007-05-09T12:00:00Z,2.5,192.0.2.1,192.0.2.2,4000,80,TCP,.AP.SF,3,180,5,5000\n"
        + "2007-05-09T12:00:00Z,0,192.0.2.3,192.0.2.2,4001,80,TCP,....S.,1,40,0,0\n"
    )
    rows = sorted(
        (unpack(row["src"]), row["src_port"], row["dst_port"], row["packets"], row["tcp_flags"])
        for row in table.to_pylist()
    )
    assert rows == [
        ("192.0.2.1", 4000, 80, 3, 27),
        ("192.0.2.2", 80, 4000, 5, 27),
        ("192.0.2.3", 4001, 80, 1, 2),
    ]
    assert {row["end"] - row["start"] for row in table.to_pylist()} == {
        datetime(2007, 1, 1, 0, 0, 2, 500_000, tzinfo=UTC) - datetime(2007, 1, 1, tzinfo=UTC),
        datetime(2007, 1, 1, tzinfo=UTC) - datetime(2007, 1, 1, tzinfo=UTC),
    }


def test_icmp_in_the_destination_port_becomes_type_and_code() -> None:
    """As NetFlow has it (type x 256 + code), and as nfdump prints it (type.code)."""
    head = "ts,sa,da,sp,dp,pr,ipkt,ibyt\n"
    row = "2007-05-09T12:00:00Z,192.0.2.1,192.0.2.2,0,{},ICMP,1,60\n"
    table, report = read(head + row.format("771") + row.format("8.0") + row.format("3.13"))
    kinds = [(row["icmp_type"], row["icmp_code"], row["dst_port"]) for row in table.to_pylist()]
    assert kinds == [(3, 3, 0), (8, 0, 0), (3, 13, 0)]
    assert report.whole


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("start=a,src=b", "'dst'"),
        ("start=a,src=b,dst=c,colour=d", "'colour'"),
        ("start", "field=column"),
        ("start=a,src=b,dst=c,time=weeks", "unit of time"),
        ("src=1,start=a,dst=c", "'src'"),
        ("absent.toml", "cannot be read"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_wrong_usage(text: str, word: str) -> None:
    """The message names the part that is wrong."""
    with pytest.raises(UsageError, match=word):
        parse_mapping(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map.toml", 'start = "when"\nsrc = "a"\ndst = "b"\nsampling = 100\ntime = "s"\n'),
        ("map.json", '{"start": "when", "src": "a", "dst": "b", "sampling": 100, "time": "s"}'),
    ],
)
def test_a_mapping_can_stand_in_a_file(name: str, text: str, tmp_path: Path) -> None:
    """TOML and JSON say the same as words; a number holds for every row."""
    (tmp_path / name).write_text(text)
    told = parse_mapping(str(tmp_path / name))
    assert told == parse_mapping("start=when,src=a,dst=b,sampling=100,time=s")
    table, report = read("when,a,b\n1178712000,192.0.2.1,2001:db8::1\n", told)
    assert table.to_pylist()[0]["sampling"] == 100
    assert starts(table) == [NOON]
    assert [problem.field for problem in report.problems] == ["packets", "bytes", "protocol"]


def test_delimiters_quotes_and_marks_are_seen_through() -> None:
    """Tabs, semicolons and bars; quoted cells; a byte order mark; Windows line ends."""
    rows = [["Start Time", "Src IP", "Dst IP", "Packets", "Bytes", "Protocol"]]
    rows += [["2007-05-09T12:00:00Z", "192.0.2.1", "192.0.2.2", "1", "60", "udp"]]
    for delimiter in "\t;|,":
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
        table, report = read("\ufeff" + out.getvalue())
        assert starts(table) == [NOON]
        assert report.problems == []


def test_a_column_that_occurs_twice_is_refused_by_name() -> None:
    """Of two columns of one name, nobody can say which is meant; two that are not used do not matter."""
    row = "2007-05-09T12:00:00Z,192.0.2.1,192.0.2.2,1,60,17,x,y\n"
    table, report = read("ts,src,dst,packets,bytes,proto,note,note\n" + row)
    assert (table.num_rows, report.problems) == (1, [])
    table, report = read("ts,src,dst,packets,bytes,proto,ts,note\n" + row)
    assert table.num_rows == 0
    assert "'ts' occurs more than once" in report.problems[0].what


def test_a_line_without_end_is_reported_and_bounded() -> None:
    """A cell larger than a block stops the table with a problem, not with memory."""
    head = "ts,src,dst,packets,bytes,proto\n2007-05-09T12:00:00Z,192.0.2.1,192.0.2.2,1,60,17\n"
    table, report = read(head + "x" * (9 << 20))
    assert table.num_rows <= 1
    assert not report.whole


@settings(max_examples=80)
@given(
    body=st.binary(max_size=400), cells=st.lists(st.sampled_from(["1", "-", "\xff", "9" * 40, '"', "nan"]))
)
def test_rubbish_below_a_header_never_raises(body: bytes, cells: list[str]) -> None:
    """Whatever bytes follow, the report accounts for them."""
    head = b"ts,src,dst,dport,flags,packets,bytes,proto,icmp_type,duration,exporter\n"
    table, report = read(
        head + body + b"\n" + ",".join(cells).encode("latin-1") + b"\n" + b"1," * 10 + b"1\n"
    )
    assert table.num_rows == report.flows


def test_foreign_parquet_is_mapped_by_type(tmp_path: Path) -> None:
    """Timestamps of any unit and zone, raw and numeric addresses, unsigned numbers, dictionaries."""
    table = pa.table(
        {
            "TimeReceived": pa.array([NOON // 1000], pa.timestamp("ms", "Europe/Tallinn")),
            "SrcAddr": pa.array([IPv6Address("2001:db8::1").packed], pa.binary(16)),
            "DstAddr": pa.array([int(IPv4Address("192.0.2.2"))], pa.uint32()),
            "Packets": pa.array([3], pa.uint64()),
            "Bytes": pa.array([180.0]),
            "Proto": pa.array(["UDP"]).dictionary_encode(),
            "ExporterAddress": pa.array([IPv4Address("192.0.2.9").packed], pa.binary()),
        }
    )
    pq.write_table(table, tmp_path / "foreign")
    report = InputReport("foreign")
    data = pa.py_buffer((tmp_path / "foreign").read_bytes())
    batches = list(read_parquet(data, report, "made"))
    row = batches[0].to_pylist()[0]
    assert (unpack(row["src"]), unpack(row["dst"]), unpack(row["exporter"])) == (
        "2001:db8::1",
        "192.0.2.2",
        "192.0.2.9",
    )
    assert (row["protocol"], row["packets"], row["bytes"]) == (17, 3, 180)
    assert starts(pa.Table.from_batches(batches)) == [NOON]
    assert report.problems == []


def test_the_documentation_lists_every_alias() -> None:
    """docs/reference/inputs.md names each field with all of its aliases."""
    text = (Path(__file__).parents[2] / "docs" / "reference" / "inputs.md").read_text("utf-8")
    for field, aliases in ALIASES.items():
        line = next(line for line in text.splitlines() if line.startswith(f"| `{field}` |"))
        assert [alias for alias in aliases if f"`{alias}`" not in line] == []
