"""Every decoder vector of the shared data agrees with tshark, field by field."""

import ipaddress
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanse.kernel.addresses import pack, unpack
from hanse.telemetry.exports import ExportDecoder
from hanse.telemetry.packets import udp_payloads
from hanse.telemetry.reading import InputReport
from tests.shared import shared_data

A, P = "akvorado_netflow_", "pmacct_"
VECTORS = [
    (A + "nfv5",),
    (A + "template", A + "options-template", A + "options-data", A + "data"),
    (A + "icmp-template", A + "icmp-data"),
    (A + "ipfixprobe-templates", A + "ipfixprobe-data"),
    (A + "samplingrate-template", A + "samplingrate-data"),
    (A + "data+templates", A + "data+templates"),
    (P + "100-IPFIXv10-CISCO_traffic-00",),
    (P + "101-NFv9-CISCO-cust_primitives_traffic-00",),
    (P + "102-NFv9-CISCO-f2rd-pretag-sampling-reload_traffic-00",),
    (P + "104-IPFIXv10-IPv6-CISCO-sampling_option_traffic-00",),
    (P + "111-IPFIXv10-NFv9-IPv6-IPv4-mix_sources_traffic-00",),
    (P + "111-IPFIXv10-NFv9-IPv6-IPv4-mix_sources_traffic-01",),
]
SFLOW = ["data-1140", "data-icmpv4", "data-icmpv6", "data-qinq", "data-sflow-raw-ipv4"]
PORTS = (2055, 2100, 4739, 9990, 9991, 9992, 8096)


def decode(paths: list[Path]) -> tuple[list[dict[str, Any]], InputReport]:
    """All flows of captures that are fed one after another."""
    report = InputReport("vectors")
    decoder = ExportDecoder(report, "test")
    batches = [
        decoder.decode(some.buffer, some.offsets, some.lengths, some.sender, some.received_us)
        for path in paths
        for some in udp_payloads(np.frombuffer(path.read_bytes(), np.uint8), report)
    ]
    batches.append(decoder.finish())
    return [row for batch in batches if batch is not None for row in batch.to_pylist()], report


def _paths(names: tuple[str, ...]) -> list[Path]:
    folder = shared_data("telemetry/formats")
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    return [folder / f"{name}.pcap" for name in names]


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    """A JSON object with repeated names, all values of a name in a list."""
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def tshark(paths: list[Path], tmp_path: Path) -> list[Any]:
    """The packets of captures one after another, as tshark sees them."""
    joined = tmp_path / "joined.pcap"
    first, *rest = [path.read_bytes() for path in paths]
    joined.write_bytes(first + b"".join(one[24:] for one in rest))
    ports = [word for port in PORTS for word in ("-d", f"udp.port=={port},cflow")]
    # The second pass lets data sets be read that came before their template.
    command = ["tshark", "-2", "-r", str(joined), "-n", "-T", "json", *ports]
    out = subprocess.run(command, capture_output=True, check=True).stdout
    return json.loads(out, object_pairs_hook=_pairs)


def _find(node: Any, name: str) -> Iterator[Any]:
    """All values of a name, anywhere below a node."""
    if isinstance(node, list):
        for one in node:
            yield from _find(one, name)
    elif isinstance(node, dict):
        for key, values in node.items():
            if key == name:
                yield from values
            yield from (found for value in values for found in _find(value, name))


def _records(node: Any) -> Iterator[dict[str, list[Any]]]:
    """The nodes of flow records: those with a packet count, in v5 and in data sets."""
    if isinstance(node, list):
        for one in node:
            yield from _records(one)
    elif isinstance(node, dict):
        if "cflow.octets" in node and ("cflow.srcaddr" in node or "cflow.srcaddrv6" in node):
            yield node
            return
        for values in node.values():
            yield from _records(values)


def _one(record: dict[str, list[Any]], *names: str, default: str = "0") -> str:
    return next((str(record[name][0]) for name in names if name in record), default)


def _expected(record: dict[str, list[Any]]) -> list[tuple[Any, ...]]:
    """What flows there should be, by tshark's reading of a record: one, or two of a two-way record."""
    protocol = int(_one(record, "cflow.protocol"))
    ports = [int(_one(record, "cflow.srcport")), int(_one(record, "cflow.dstport"))]
    pair = int(_one(record, "cflow.icmp_type"), 0) or ports[1]
    icmp = protocol in {1, 58}
    ends = [
        str(ipaddress.ip_address(_one(record, f"cflow.{end}addr", f"cflow.{end}addrv6")))
        for end in ("src", "dst")
    ]
    ports = [0, 0] if icmp else ports
    kind = (pair >> 8, pair & 255) if icmp else (0, 0)
    flags = [int(one, 0) & 0xFF for one in record.get("cflow.tcpflags", ["0"])]
    ways = []
    for way, (packets, octets) in enumerate(
        zip(record["cflow.packets"], record["cflow.octets"], strict=True)
    ):
        if way == 0 or int(packets):
            step = -1 if way else 1
            counters = (int(packets), int(octets))
            ways.append((*ends[::step], *ports[::step], protocol, flags[way], *kind, *counters))
    return ways


def _actual(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        unpack(row["src"]),
        unpack(row["dst"]),
        row["src_port"],
        row["dst_port"],
        row["protocol"],
        row["tcp_flags"],
        row["icmp_type"],
        row["icmp_code"],
        row["packets"],
        row["bytes"],
    )


@pytest.mark.parametrize("names", VECTORS, ids=lambda names: names[0])
def test_netflow_vectors_agree_with_tshark(names: tuple[str, ...], tmp_path: Path) -> None:
    """Each record's key, flags, ICMP type and counters are what tshark reads, and none is missing."""
    paths = _paths(names)
    rows, report = decode(paths)
    expected = Counter(way for record in _records(tshark(paths, tmp_path)) for way in _expected(record))
    assert Counter(map(_actual, rows)) == expected
    assert sum(expected.values()) == report.flows > 0
    assert not report.problems


@pytest.mark.parametrize("names", VECTORS, ids=lambda names: names[0])
def test_durations_agree_with_tshark(names: tuple[str, ...], tmp_path: Path) -> None:
    """Flow durations are those that tshark computes from the first and last moments."""
    paths = _paths(names)
    rows, _ = decode(paths)
    durations: Counter[int] = Counter()
    for record in _records(tshark(paths, tmp_path)):
        took = float(_one(record, "cflow.timedelta"))
        durations[round(took * 1000)] += len(_expected(record))
    ours = Counter(round((row["end"] - row["start"]).total_seconds() * 1000) for row in rows)
    assert ours == durations


@pytest.mark.parametrize("name", SFLOW)
def test_sflow_vectors_agree_with_tshark(name: str, tmp_path: Path) -> None:
    """Sampled headers give the addresses that tshark finds in them, with the sampling rate beside."""
    paths = _paths((f"akvorado_sflow_{name}",))
    rows, report = decode(paths)
    packet = tshark(paths, tmp_path)[0]
    seen = [
        (source, target)
        for kind, fields in (("ip", ("ip.src", "ip.dst")), ("ipv6", ("ipv6.src", "ipv6.dst")))
        for node in _find(packet, kind)
        for source, target in [(_one(node, fields[0]), _one(node, fields[1]))]
    ]
    flows = {(unpack(row["src"]), unpack(row["dst"])) for row in rows}
    assert flows <= set(seen)
    assert report.flows == len(list(_find(packet, "sflow.flow_sample.sampling_rate")))
    rates = Counter(int(rate) for rate in _find(packet, "sflow.flow_sample.sampling_rate"))
    assert Counter(row["sampling"] for row in rows) == rates
    assert {row["exporter"] for row in rows} == {pack(agent) for agent in _find(packet, "sflow_245.agent")}


def test_data_before_its_template_gives_the_same_flows() -> None:
    """A data set that arrives before its template is decoded when the template comes."""
    folder = shared_data("telemetry/formats")
    names = [A + "icmp-template", A + "icmp-data"]
    straight, _ = decode([folder / f"{name}.pcap" for name in names])
    late, report = decode([folder / f"{name}.pcap" for name in reversed(names)])
    assert Counter(map(_actual, late)) == Counter(map(_actual, straight))
    assert report.skipped == 0


def test_data_without_template_is_one_clear_problem() -> None:
    """Data sets whose template never comes are counted and named once."""
    rows, report = decode([shared_data("telemetry/formats") / f"{A}data.pcap"])
    assert rows == []
    assert report.skipped == 1
    assert "192.0.2.100 domain 0 template 260" in report.problems[0].what


def test_sampling_of_the_shared_vectors() -> None:
    """Options data gives the rate of its domain: 1 in 30,000, 100 and 2,048 in the shared files."""
    folder = shared_data("telemetry/formats")
    for names, rate in ((VECTORS[1], 30_000), (VECTORS[4], 2_048)):
        rows, _ = decode([folder / f"{name}.pcap" for name in names])
        assert {row["sampling"] for row in rows} == {rate}
