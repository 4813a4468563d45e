"""The source test on real attacks, read by programs that are not Hanse's."""

import csv
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hanse.kernel.address_columns import pack_all
from hanse.tracing.address_data import AddressData
from hanse.tracing.observe import References, SourceRows, observe
from hanse.tracing.source_test import SourceTest, classify
from tests.shared import shared_data
from tests.tracing import made


@pytest.fixture(scope="module", params=["with address data", "without"])
def references(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> References:
    """Reference spaces with and without the pinned packages."""
    if request.param == "without":
        return References(AddressData.absent("left out"))
    folder = Path(__file__).resolve().parents[2] / "node_modules"
    if not (folder / "@ip-location-db").is_dir():
        pytest.skip("address data packages not installed (make setup installs them)")
    return References(AddressData.find(folder, cache=tmp_path_factory.getbasetemp() / "cache"))


@cache
def _run(program: str, *arguments: str) -> str:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout


def _captured(name: str, what: str) -> list[tuple[str, int, int]]:
    """Source, one packet and TTL of each packet that a display filter lets through."""
    path = shared_data(f"telemetry/attacks/{name}")
    fields = ("-e", "ip.src", "-e", "ip.ttl")
    text = _run("tshark", "-r", str(path), "-Y", what, "-T", "fields", *fields, "-E", "occurrence=f")
    return [(line.split("\t")[0], 1, int(line.split("\t")[1])) for line in text.splitlines()]


def _rows(packets: Iterable[tuple[str, int, int]]) -> SourceRows:
    flows: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    ttls: dict[str, int] = {}
    for source, number, ttl in packets:
        flows[source] += 1
        sums[source] += number
        ttls[source] = min(ttl, ttls.get(source, 255))
    return SourceRows(
        pack_all(flows),
        np.array(list(flows.values()), np.int64),
        np.array([sums[source] for source in flows], np.int64),
        np.array([ttls[source] for source in flows], np.uint8),
    )


def _test(packets: Iterable[tuple[str, int, int]], references: References, **changes: object) -> SourceTest:
    attack = made.attack(**{"victim": "10.10.10.10", **changes})
    return classify(attack, observe(attack, _rows(packets), references))


def test_a_spoofed_syn_flood(references: References) -> None:
    """Rule: 37,623 sources of 37,841 packets, evenly spread, are spoofed."""
    found = _test(_captured("pkt.TCP.synflood.spoofed.pcap", "ip"), references, vector="tcp_syn_flood")
    assert (found.source_class, found.rule) == ("spoofed", "spread")


def test_a_spoofed_and_sampled_udp_flood(references: References) -> None:
    """Rule: 58,748 sources of 58,750 sampled records are spoofed though each stands for 1,000 packets."""
    path = shared_data("telemetry/attacks/20151011134357_dst80_udpflood_mx480.nfdump")
    text = _run("nfdump", "-r", str(path), "-q", "-o", "fmt:%sa,%pkt")
    packets = [(line.split(",")[0].strip(), int(line.split(",")[1]), 0) for line in text.splitlines() if line]
    assert _test(packets, references, victim="0.0.0.0").source_class == "spoofed"  # noqa: S104 - the file's own destination


@pytest.mark.parametrize(
    ("name", "vector", "what"),
    [
        ("amp.dns.RRSIG.fragmented.pcap", "dns_reflection", "ip.dst == 10.10.10.10"),
        ("amp.UDP.isakmp.pcap", "isakmp_reflection", "ip"),
        ("amp.TCP.reflection.SYNACK.pcap", "tcp_synack_reflection", "ip.dst == 10.10.10.10"),
        ("20141229_multivector.pcap", "dns_reflection", "ip.dst == 172.31.28.132 && udp.srcport == 53"),
        ("20141229_multivector.pcap", "ssdp_reflection", "ip.dst == 172.31.28.132 && udp.srcport == 1900"),
    ],
)
def test_reflectors(references: References, name: str, vector: str, what: str) -> None:
    """Rule: reflected attacks are reflected; the same sources under another vector are not spoofed."""
    packets = _captured(name, f"({what}) && !icmp")
    assert _test(packets, references, vector=vector).source_class == "reflected"
    assert _test(packets, references, vector="udp_flood").source_class != "spoofed"


def test_a_real_fingerprint_of_icmp_unreachables(references: References) -> None:
    """Rule: 5,214 real, clustered senders of ICMP type 3 are neither spoofed nor, being answers, direct."""
    path = shared_data("telemetry/attacks/ddosdb_fingerprint_1da3b_icmp.json")
    packets = [(source, 1, 0) for source in json.loads(path.read_bytes())["src_ips"]]
    found = _test(packets, references, vector="icmp_flood", icmp_type=3)
    assert (found.source_class, found.rule) == ("undetermined", "answers")
    returning = [(source, 2 + index % 7, 0) for index, (source, _, _) in enumerate(packets)]
    assert _test(returning, references, vector="icmp_flood", icmp_type=8).source_class == "direct"


@pytest.mark.parametrize("number", [100, 600])
def test_parts_of_a_real_population_are_direct(references: References, number: int) -> None:
    """Rule: 100 random members of a real population, several packets each, suffice for direct."""
    path = shared_data("telemetry/attacks/ddosdb_fingerprint_1da3b_icmp.json")
    everyone = json.loads(path.read_bytes())["src_ips"]
    classes = Counter()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        chosen = rng.choice(everyone, number, replace=False)
        sent = made.several(number, rng)
        packets = [(str(source), int(sent[index]), 0) for index, source in enumerate(chosen)]
        classes[_test(packets, references).source_class] += 1
    assert classes["direct"] >= 29
    assert classes["spoofed"] == 0


def test_attackers_listed_by_a_csirt(references: References) -> None:
    """Rule: the sources that GovCERT.ch published for an attack of January 2024 are direct."""
    path = shared_data("campaigns/20240117_NoName057-DDoS-CH.csv")
    with path.open() as file:
        packets = [(row["ip_address"], int(row["counter"]), 0) for row in csv.DictReader(file)]
    assert _test(packets, references, vector="http_request_flood").source_class == "direct"
