"""Zeek's conn.log: both directions of a connection, flags that its history proves, ICMP in the ports."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.kernel.addresses import unpack
from hanse.telemetry import zeek
from hanse.telemetry.reading import InputReport
from hanse.telemetry.schema import FLOW
from tests.telemetry.made import NOON

NAMES = [
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration",
    "orig_bytes", "resp_bytes", "conn_state", "local_orig", "missed_bytes", "history", "orig_pkts",
    "orig_ip_bytes", "resp_pkts", "resp_ip_bytes", "tunnel_parents",
]  # fmt: skip
TCP: dict[str, Any] = {
    "ts": 1178712000.25, "uid": "C1", "id.orig_h": "192.0.2.1", "id.orig_p": 4000, "id.resp_h": "198.51.100.7",
    "id.resp_p": 80, "proto": "tcp", "duration": 1.5, "orig_bytes": 100, "resp_bytes": 5000,
    "conn_state": "SF", "history": "ShADadFf", "orig_pkts": 5, "orig_ip_bytes": 320, "resp_pkts": 6,
    "resp_ip_bytes": 5300,
}  # fmt: skip
Reader = Callable[[np.ndarray, InputReport, str], Iterator[pa.RecordBatch]]


def tsv(*rows: dict[str, Any], names: list[str] | None = None) -> bytes:
    """A conn.log as Zeek writes it."""
    names = names or NAMES
    head = [
        "#separator \\x09",
        "#set_separator\t,",
        "#empty_field\t(empty)",
        "#unset_field\t-",
        "#path\tconn",
    ]
    head += ["#open\t2007-05-09-12-00-00", "\t".join(["#fields", *names]), "\t".join(["#types", *names])]
    lines = ["\t".join(str(row.get(name, "-")) for name in names) for row in rows]
    return ("\n".join([*head, *lines, "#close\t2007-05-09-13-00-00"]) + "\n").encode()


def as_json(*rows: dict[str, Any]) -> bytes:
    """The same as JSON lines."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def read(reader: Reader, data: bytes) -> tuple[list[dict[str, Any]], InputReport]:
    """Flows as rows sorted by source, with the report."""
    report = InputReport("conn.log")
    batches = list(reader(np.frombuffer(data, np.uint8), report, "made"))
    rows = pa.Table.from_batches(batches, schema=FLOW).to_pylist()
    return sorted(rows, key=lambda row: unpack(row["src"])), report


FORMS = [(zeek.read_tsv, tsv), (zeek.read_json, as_json)]


@pytest.mark.parametrize(("reader", "write"), FORMS)
def test_a_connection_becomes_a_flow_each_way(reader: Reader, write: Callable[..., bytes]) -> None:
    """Packets, IP bytes, times and flags of each direction, with the ends exchanged."""
    rows, report = read(reader, write(TCP))
    there, back = rows
    assert (unpack(there["src"]), there["src_port"], unpack(there["dst"]), there["dst_port"]) == (
        "192.0.2.1", 4000, "198.51.100.7", 80,
    )  # fmt: skip
    assert (unpack(back["src"]), back["src_port"], back["dst_port"]) == ("198.51.100.7", 80, 4000)
    assert (there["packets"], there["bytes"], back["packets"], back["bytes"]) == (5, 320, 6, 5300)
    assert (there["tcp_flags"], back["tcp_flags"]) == (2 | 16 | 1, 2 | 16 | 1)
    assert there["start"].timestamp() * 1e6 == NOON + 250_000
    assert (there["end"] - there["start"]).total_seconds() == 1.5
    assert report.problems == []
    assert (report.flows, report.packets) == (2, 11)


@pytest.mark.parametrize(("reader", "write"), FORMS)
def test_an_unanswered_syn_is_one_flow_without_an_ack(reader: Reader, write: Callable[..., bytes]) -> None:
    """Nothing came back: no second flow; and the only flag is SYN."""
    lone = TCP | {"history": "S", "orig_pkts": 1, "orig_ip_bytes": 40, "resp_pkts": 0, "resp_ip_bytes": 0}
    del lone["duration"], lone["orig_bytes"], lone["resp_bytes"]
    rows, _ = read(reader, write(lone))
    assert [(row["tcp_flags"], row["packets"]) for row in rows] == [(2, 1)]
    assert rows[0]["end"] == rows[0]["start"]


@pytest.mark.parametrize(("reader", "write"), FORMS)
@pytest.mark.parametrize(
    ("ports", "addresses", "forward", "backward"),
    [
        ((8, 0), ("192.0.2.1", "198.51.100.7"), (1, 8, 0), (1, 0, 0)),
        ((3, 13), ("192.0.2.1", "198.51.100.7"), (1, 3, 13), (1, 3, 13)),
        ((128, 129), ("2001:db8::1", "2001:db8::2"), (58, 128, 0), (58, 129, 0)),
        ((1, 4), ("2001:db8::1", "2001:db8::2"), (58, 1, 4), (58, 1, 4)),
    ],
)
def test_icmp_types_and_codes_stand_in_the_ports(
    reader: Reader, write: Callable[..., bytes],
    ports: tuple[int, int], addresses: tuple[str, str],
    forward: tuple[int, int, int], backward: tuple[int, int, int],
) -> None:  # fmt: skip
    """An echo's responder port is the reply's type; any other message's is the code; ICMPv6 is told by address."""
    row = TCP | {"proto": "icmp", "history": "-", "id.orig_p": ports[0], "id.resp_p": ports[1]}
    row |= {"id.orig_h": addresses[0], "id.resp_h": addresses[1]}
    rows, _ = read(reader, write(row))
    kinds = [(row["protocol"], row["icmp_type"], row["icmp_code"]) for row in rows]
    assert kinds == [forward, backward]
    assert [(row["src_port"], row["dst_port"]) for row in rows] == [(0, 0), (0, 0)]


def test_payload_bytes_stand_in_for_missing_ip_bytes() -> None:
    """Without `orig_ip_bytes` the payload counts, and the report says that headers are missing."""
    names = [name for name in NAMES if not name.endswith("ip_bytes")]
    rows, report = read(zeek.read_tsv, tsv(TCP, names=names))
    assert [row["bytes"] for row in rows] == [100, 5000]
    assert "counts no headers" in report.problems[0].what
    assert report.whole


def test_logs_that_were_put_together_are_read_through() -> None:
    """A header further down is skipped without a word, a broken line is named."""
    rows, report = read(zeek.read_tsv, tsv(TCP) + tsv(TCP) + b"1178712000.0\tC2\n" + tsv(TCP))
    assert len(rows) == 6
    assert [problem.what for problem in report.problems] == [
        "line 21: 2 cells where 20 were expected; the line was left out."
    ]


def test_a_json_line_that_is_none_costs_only_itself() -> None:
    """Broken, foreign and empty lines are counted; ISO times and odd types are taken as they can be."""
    iso = TCP | {"ts": "2007-05-09T12:00:00.250000Z"}
    data = (
        as_json(iso) + b'{"ts": \n\n[1]\n' + as_json(iso | {"id.orig_h": 7}, iso | {"orig_pkts": "many"}, iso)
    )
    rows, report = read(zeek.read_json, data)
    assert {row["start"].timestamp() * 1e6 for row in rows} == {NOON + 250_000}
    assert len([row for row in rows if row["packets"] == 5]) == 2
    said = [problem.what for problem in report.problems]
    assert "line 2 is no JSON object." in said
    assert "line 4 is no JSON object." in said
    assert report.problems[0].offset == len(as_json(iso))


def test_json_is_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that straddle blocks are whole; one longer than a block ends the reading with a problem."""
    monkeypatch.setattr(zeek, "JSON_BLOCK", 1000)
    rows, report = read(zeek.read_json, as_json(*[TCP] * 50))
    assert len(rows) == 100
    assert report.problems == []
    _, report = read(zeek.read_json, as_json(TCP) + b"x" * 5000)
    assert "longer than 1000 bytes" in report.problems[-1].what


def test_other_zeek_logs_are_not_taken_for_connections() -> None:
    """dns.log has the same addresses and no counters."""
    dns = {"ts": 1.0, "id.orig_h": "192.0.2.1", "id.resp_h": "192.0.2.2", "query": "example.org"}
    assert zeek.tsv_fields(tsv(dns, names=list(dns)).decode()) is None
    assert not zeek.is_json(as_json(dns).decode())
    assert zeek.tsv_fields(tsv(TCP).decode()) == NAMES
    assert zeek.is_json(as_json(TCP).decode())


@settings(max_examples=60)
@given(rubbish=st.binary(max_size=300), form=st.sampled_from([0, 1]))
def test_rubbish_between_lines_never_raises(rubbish: bytes, form: int) -> None:
    """Whatever stands between good rows, reading ends, and the report counts what came out."""
    reader, write = FORMS[form]
    rows, report = read(reader, write(TCP) + rubbish + b"\n" + write(TCP))
    assert len(rows) == report.flows >= 2
