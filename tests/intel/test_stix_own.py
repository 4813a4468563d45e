"""Attacks and campaigns as STIX 2.1: valid, readable by others, and claiming no more than the evidence does."""

import json
import re
from dataclasses import fields
from functools import cache

import pytest
import stix2

from hanse.attacks import stix as attack_stix
from hanse.attacks.attack import Attack
from hanse.campaigns import stix as campaign_stix
from hanse.campaigns.campaign import Campaign, Link, LinkTest
from hanse.constituency import Target
from hanse.intel import source_marking, stix_bundle
from hanse.intel.own import Cite, Version, Written, made, observables
from hanse.intel.recognise import Marked, items
from hanse.intel.stix_extension import EXTENSION, Telling, authors, definition, identity, said
from hanse.intel.values import Value
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.tracing.trace import NetworkShare, Trace
from tests.intel.valid import validated
from tests.shared import ROOT

MARKING = Marking(
    originators=frozenset({"EE-CERT"}), tlp=Tlp.AMBER_STRICT, pap=Pap.RED, handling=frozenset({"H2", "H3"}),
    handling_text=frozenset({"Ask first."}), purposes=frozenset({"defence", "investigation"}),
    releasable=frozenset({"state:LV", "tier:member"}), retention_us=2_000_000_000_000_000,
    embargo_us=1_900_000_000_000_000, embargo_for=frozenset({"Kari Virtanen"}),
)  # fmt: skip
WHO = identity("EE-CERT", "CERT-EE")
MARKINGS = source_marking.definitions_of(MARKING, WHO["id"])
TELLING = Telling(
    "EE-CERT", "2024-03-01T12:05:00.000Z", "2024-03-01T13:00:00.000Z", tuple(one["id"] for one in MARKINGS)
)
BANK = Target("192.0.2.0/24", "Bank of Example", "finance", "EE")
START = 1_709_294_400_000_000
OWN_ID = "{}--00000000-0000-4000-8000-000000000001"
CLASSES = ("direct", "reflected", "spoofed", "undetermined")
VECTORS = ("tcp_syn_flood", "dns_reflection", "udp_flood", "icmp_flood", "http_request_flood", "gre_flood", "esp_flood",
           "ip_fragment_flood", "tcp_synack_reflection", "generic_traffic_flood")  # fmt: skip


def attack(source_class: str, vector: str = "dns_reflection", victim: str = "192.0.2.1") -> Attack:
    """An attack with two source networks."""
    return Attack(
        id=f"A-{source_class}-{vector}", victim=victim, vector=vector, start_us=START, end_us=START + 60_000_000,
        peak_bps=1.5e9, peak_pps=1e6, packets=10_000_000, bytes=10_000_000_000, flows=5_000, sources=900, networks=30,
        top_networks=(("203.0.113.0/24", 0.4), ("198.51.100.7/32", 0.3)), src_ports=((53, 1.0),), dst_ports=((80, 0.5),),
        packet_sizes=((1_400, 0.9),), threshold="over 50 packets/s", confidence="high", reasons=("many sources",),
        refuted_by=("a backup at that time",), source_class=source_class, source_sketch=b"addresses",
    )  # fmt: skip


def trace(source_class: str) -> dict[str, object]:
    """What a source test says."""
    network = (NetworkShare(64496, "Example", "EE", 10, 0.5),) if source_class == "direct" else ()
    return Trace(
        "A", source_class, f"A verdict of {source_class}.", ("r",), ("w",), networks=network, divergence=0.1
    ).as_json()


LINKED = Campaign(
    "C-1", ("A-direct-dns_reflection", "A-reflected-dns_reflection"),
    (Link("A-direct-dns_reflection", "A-reflected-dns_reflection",
          (LinkTest("fingerprint", 1e-9, "same look"), LinkTest("concurrency", 1e-5, "starts 1 s apart"))),),
    "organisation", "EE", (("Bank of Example", 2),), (("finance", 2),), START, START + 60_000_000, "Both hit one bank.",
    {"attacks": 2.0}, ("e",), ("w",),
)  # fmt: skip


def written_by_people(about: str) -> list[dict]:
    """A report on an object, an indicator and its sighting, with the values of the report."""
    values = (
        Value("address", "198.51.100.7"),
        Value("iban", "EE382200221020145685"),
        Value("md5", "0" * 31 + "1"),
    )
    report = Written(
        type="report", title="Booters", text="Of spring.", values=values, cites=(Cite("campaign", "00" * 16, about),),
        tags=("booter",), confidence=70,
    )  # fmt: skip
    indicator = Written(
        type="indicator", text="Its front.", values=values[:1], until_us=START + 60_000_000, from_us=START
    )
    sighting = Written(type="sighting", title="Seen", of=OWN_ID.format("indicator"), from_us=START, count=3)
    told = [
        made(one, Version(OWN_ID.format(one.type), WHO["id"], TELLING.created, TELLING.modified))
        for one in (report, indicator, sighting)
    ]
    refs = list(TELLING.markings)
    return [*observables(values), *({**one, "object_marking_refs": refs} for one in told)]


@cache
def exported() -> str:
    """A bundle of attacks of every class and vector, and a campaign, as text."""
    made = [authors(), definition(), WHO, *MARKINGS]
    for each in CLASSES:
        made += attack_stix.objects(attack(each), TELLING, trace=trace(each), target=BANK)
    for vector in VECTORS:
        made += attack_stix.objects(attack("direct", vector, "2001:db8::/64"), TELLING)
    made += campaign_stix.objects(LINKED, TELLING)
    made += written_by_people(made[-1]["id"])
    return json.dumps(stix_bundle.written({one["id"]: one for one in made}.values(), "test"))


def objects(kind: str) -> list[dict]:
    """The exported objects of a type."""
    return [one for one in json.loads(exported())["objects"] if one["type"] == kind]


def test_the_export_is_valid_stix():
    """The validator of OASIS finds no error, and every reference is answered in the bundle."""
    result = validated(exported(), enforce_refs=True)
    assert result.is_valid, [str(error) for error in result.errors]
    advice = {code for warning in result.warnings for code in re.findall(r"\{(\d+)\}", str(warning))}
    assert advice <= {"103", "301"}  # ids made of names are of version 5; floods need not have one port


def test_the_export_passes_interoperability_as_far_as_stix_allows_it():
    """The validator's interop mode asks two properties of all objects that STIX forbids to some; nothing else is wanting."""
    result = validated(exported(), interop=True)
    forbidden = re.compile(
        r"^(ipv[46]-addr|network-traffic|file|marking-definition)--[0-9a-f-]+: "
        r"(created_by_ref is not present in Object|'modified' is a required property)$"
    )
    assert [str(error) for error in result.errors if not forbidden.match(str(error))] == []


def test_the_export_loads_in_stix2_unchanged():
    """The stix2 library reads it without custom content and writes the same, times in its own spelling."""
    again = json.loads(stix2.parse(exported(), allow_custom=False).serialize())
    plain = re.sub(r"\.000Z", "Z", exported())
    assert json.loads(re.sub(r"\.000Z", "Z", json.dumps(again))) == json.loads(plain)


def test_the_marking_of_these_tests_has_every_part():
    """What is added to markings is exported here too, and so has to be in the schema."""
    assert set(MARKING.as_json()) == {part.name for part in fields(Marking)}


def test_the_extension_follows_its_schema():
    """Whatever is said in Hanse's words is what docs/reference/stix-extension.json describes, and nothing beside it."""
    schema = json.loads((ROOT / "docs/reference/stix-extension.json").read_text("utf-8"))
    import jsonschema  # as the STIX validator, it is loaded where it is needed

    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    told = [said(one) for one in json.loads(exported())["objects"] if said(one)]
    assert {name for one in told for name in one} - {"extension_type"} == {
        name for name in schema["properties"] if name != "extension_type"
    }
    for one in told:
        check.validate(one)
    page = (ROOT / "docs/reference/stix.md").read_text("utf-8")
    assert EXTENSION in page
    assert all(f"`{name}`" in page for name in schema["properties"])


def test_the_same_attack_is_the_same_objects_on_every_run():
    """Ids follow from the authority and the attack: told again they update, told by another they are others."""
    first, second = (attack_stix.objects(attack("direct"), TELLING) for _ in range(2))
    assert first == second
    other = attack_stix.objects(attack("direct"), TELLING._replace(authority="LV-CERT"))
    shared = {one["id"] for one in first} & {one["id"] for one in other}
    assert {name.partition("--")[0] for name in shared} == {"ipv4-addr", "network-traffic"}


@pytest.mark.parametrize("source_class", CLASSES)
@pytest.mark.parametrize("traced", [False, True])
def test_forged_sources_are_told_to_nobody_as_sources(source_class, traced):
    """Addresses that may be forged are in no object; others are apparent sources, reflectors misused; none is malicious."""
    each = attack("undetermined" if traced else source_class)
    made = attack_stix.objects(each, TELLING, trace=trace(source_class) if traced else None)
    text = json.dumps(made)
    assert ("203.0.113.0/24" in text) == (source_class in {"direct", "reflected"})
    kinds = {one["type"] for one in made}
    assert not kinds & {"indicator", "threat-actor", "intrusion-set", "malware", "campaign"}
    assert ("infrastructure" in kinds) == (source_class == "reflected")
    assert "addresses" not in [one.get("value") for one in made]
    incident = next(one for one in made if one["type"] == "incident")
    assert said(incident)["attack"]["source_class"] == source_class
    assert "apparent sources" in incident["description"]
    assert "source_sketch" not in text
    for one in made:
        if one["type"] == "infrastructure":
            assert one["infrastructure_types"] == ["amplification"]
            assert "misused" in one["description"]
        if "src_ref" in one:
            assert said(one)["apparent_source"] is True


def test_figures_and_doubts_go_along():
    """Rates, evidence and what would refute it are in the incident; the tests of a link with their p-values in the link."""
    told = said(next(one for one in objects("incident") if one["name"].startswith("Dns")))["attack"]
    assert (told["peak_bps"], told["peak_pps"], told["duration_s"]) == (1_500_000_000, 1_000_000.0, 60.0)
    assert told["evidence"]["refuted_by"] == ["a backup at that time"]
    link = next(one for one in objects("relationship") if "link" in said(one))
    assert [(test["name"], test["p_value"]) for test in said(link)["link"]["tests"]] == [
        ("fingerprint", 1e-9),
        ("concurrency", 1e-5),
    ]
    assert link["relationship_type"] == "related-to"
    assert "p = 1e-09" in link["description"]


def test_nothing_empty_is_told():
    """STIX forbids empty lists and null, and observed data names each object once."""
    assert not re.search(r": (null|\[\]|\{\}|\"\")[,}]", exported())
    orders = [one["object_refs"] for one in objects("observed-data")]
    assert all(len(refs) == len(set(refs)) for refs in orders)


def test_a_marking_comes_back_whole():
    """TLP, PAP, handling codes with their texts, purposes, releasability and retention survive the way through STIX."""
    chosen = Marking(originators=frozenset({"LV-CERT"}), tlp=Tlp.CLEAR, pap=Pap.CLEAR)
    _, stream = items(exported().encode(), "x.json", chosen, "")
    read = {
        one.item.type: one.marking
        for one in stream
        if isinstance(one, Marked) and one.item.type != "marking-definition"
    }
    back = read["incident"].as_json()
    assert back == {**MARKING.as_json(), "originators": ["LV-CERT"]}
    assert read["ipv4-addr"] == chosen
