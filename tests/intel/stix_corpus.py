"""Awkward STIX, made for the purpose: what producers send, and what an attacker would."""

import json
from typing import Any

TIME = "2024-03-01T12:00:00.000Z"


def uid(number: int) -> str:
    """A UUID of version 4 that is always the same for a number."""
    made = f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"
    return f"{made[:8]}-{made[8:12]}-4{made[13:16]}-8{made[17:20]}-{made[20:]}"


def sdo(kind: str, number: int, /, **others: Any) -> dict[str, Any]:
    """A domain object with what all of them have."""
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": f"{kind}--{uid(number)}",
        "created": TIME,
        "modified": TIME,
        **others,
    }


def sco(kind: str, number: int, /, **others: Any) -> dict[str, Any]:
    """A cyber-observable with what all of them have."""
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uid(number)}", **others}


def bundle(*objects: Any, **others: Any) -> bytes:
    """A bundle as bytes, keys in their order and nothing escaped."""
    whole = {"type": "bundle", "id": f"bundle--{uid(0)}", **others, "objects": list(objects)}
    return json.dumps(whole, ensure_ascii=False).encode()


SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
MD5 = "098f6bcd4621d373cade4e832627b4f6"
ACTOR = f"threat-actor--{uid(19)}"

OBJECTS: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "attack-pattern": (sdo("attack-pattern", 1, name="Spear Phishing", aliases=["SP"]), {("name", "spear phishing"), ("name", "sp")}),
    "campaign": (sdo("campaign", 2, name="Bronze Night"), {("name", "bronze night")}),
    "course-of-action": (sdo("course-of-action", 3, name="Block it"), {("name", "block it")}),
    "grouping": (sdo("grouping", 4, name="All", context="suspicious-activity", object_refs=[ACTOR]), set()),
    "identity": (sdo("identity", 5, name="ACME"), {("name", "acme")}),
    "incident": (sdo("incident", 6, name="The outage"), set()),
    "indicator": (
        sdo("indicator", 7, pattern="[ipv4-addr:value = '198.51.100.7' OR domain-name:value IN ('A.example.org', 'b.example.org')]",
            pattern_type="stix", valid_from=TIME, valid_until="2024-04-01T00:00:00Z"),
        {("address", "198.51.100.7"), ("domain", "a.example.org"), ("domain", "b.example.org")},
    ),
    "infrastructure": (sdo("infrastructure", 8, name="C2 nodes"), {("name", "c2 nodes")}),
    "intrusion-set": (sdo("intrusion-set", 9, name="APT Zero", aliases=["Zero Bear"]), {("name", "apt zero"), ("name", "zero bear")}),
    "location": (sdo("location", 10, country="EE"), set()),
    "malware": (sdo("malware", 11, name="Wiper", is_family=True, sample_refs=[f"file--{uid(40)}"]), {("name", "wiper")}),
    "malware-analysis": (sdo("malware-analysis", 12, product="sandbox", result="malicious"), set()),
    "note": (sdo("note", 13, content="Seen again.", object_refs=[ACTOR]), set()),
    "observed-data": (
        sdo("observed-data", 14, first_observed=TIME, last_observed=TIME, number_observed=1,
            object_refs=[f"ipv4-addr--{uid(30)}"]),
        set(),
    ),
    "opinion": (sdo("opinion", 15, opinion="agree", object_refs=[ACTOR]), set()),
    "report": (sdo("report", 16, name="Quarterly", published=TIME, object_refs=[ACTOR]), set()),
    "threat-actor": (sdo("threat-actor", 19, name="Fancy  BEAR"), {("name", "fancy bear")}),
    "tool": (sdo("tool", 20, name="Loic"), {("name", "loic")}),
    "vulnerability": (sdo("vulnerability", 21, name="CVE-2021-44228",
                          external_references=[{"source_name": "cve", "external_id": "CVE-2021-44228"}]),
                      {("cve", "CVE-2021-44228")}),
    "relationship": (sdo("relationship", 22, relationship_type="uses", source_ref=ACTOR, target_ref=f"tool--{uid(20)}"), set()),
    "sighting": (sdo("sighting", 23, sighting_of_ref=ACTOR, observed_data_refs=[f"observed-data--{uid(14)}"]), set()),
    "language-content": (sdo("language-content", 24, object_ref=ACTOR, contents={"et": {"name": "Uhke karu"}}), set()),
    "extension-definition": (sdo("extension-definition", 25, name="x", schema="y", version="1.0.0",
                                 created_by_ref=f"identity--{uid(5)}", extension_types=["property-extension"]), set()),
    "marking-definition": ({"type": "marking-definition", "spec_version": "2.1", "id": f"marking-definition--{uid(26)}",
                            "created": TIME, "definition_type": "statement", "definition": {"statement": "(c) ACME"}}, set()),
    "artifact": (sco("artifact", 27, url="https://example.org/x", hashes={"SHA-256": SHA256}),
                 {("url", "https://example.org/x"), ("sha256", SHA256)}),
    "autonomous-system": (sco("autonomous-system", 28, number=64496), {("asn", "AS64496")}),
    "directory": (sco("directory", 29, path="C:\\Windows"), set()),
    "domain-name": (sco("domain-name", 31, value="Bücher.example"), {("domain", "xn--bcher-kva.example")}),
    "email-addr": (sco("email-addr", 32, value="A@Example.org"), {("email", "a@example.org")}),
    "email-message": (sco("email-message", 33, is_multipart=True, subject="Invoice", from_ref=f"email-addr--{uid(32)}",
                          body_multipart=[{"body_raw_ref": f"artifact--{uid(27)}"}]), set()),
    "file": (sco("file", 40, name="a.exe", hashes={"MD5": MD5.upper(), "SHA-256": SHA256, "SSDEEP": "3:a:b"},
                 extensions={"windows-pebinary-ext": {"pe_type": "exe", "imphash": MD5}}),
             {("file-name", "a.exe"), ("md5", MD5), ("sha256", SHA256), ("fuzzy-hash", "3:a:b"), ("imphash", MD5)}),
    "ipv4-addr": (sco("ipv4-addr", 30, value="198.51.100.0/24"), {("network", "198.51.100.0/24")}),
    "ipv6-addr": (sco("ipv6-addr", 34, value="2001:DB8:0::1"), {("address", "2001:db8::1")}),
    "mac-addr": (sco("mac-addr", 35, value="00:00:5E:00:53:01"), {("mac", "00:00:5e:00:53:01")}),
    "mutex": (sco("mutex", 36, name="Global\\m"), {("mutex", "Global\\m")}),
    "network-traffic": (
        sco("network-traffic", 37, protocols=["tcp"], src_ref=f"ipv4-addr--{uid(30)}",
            extensions={"http-request-ext": {"request_method": "get", "request_value": "/", "request_header": {"User-Agent": "Mozilla/5.0 bot"}}}),
        {("user-agent", "Mozilla/5.0 bot")},
    ),
    "process": (sco("process", 38, command_line="cmd /c x", image_ref=f"file--{uid(40)}"), set()),
    "software": (sco("software", 39, name="Word"), set()),
    "url": (sco("url", 41, value="HTTP://Example.org:80"), {("url", "http://example.org/")}),
    "user-account": (sco("user-account", 42, account_login="mari", user_id="1001"), {("account", "mari"), ("account", "1001")}),
    "windows-registry-key": (sco("windows-registry-key", 43, key="HKLM\\Run"), {("registry-key", "HKLM\\Run")}),
    "x509-certificate": (sco("x509-certificate", 44, hashes={"SHA-1": "da39a3ee5e6b4b0d3255bfef95601890afd80708"}),
                         {("certificate", "da39a3ee5e6b4b0d3255bfef95601890afd80708")}),
}  # fmt: skip
"""By type: an object of it, and the values that it names."""

AWKWARD: dict[str, list[Any]] = {
    "three versions, the newest first": [
        sdo("malware", 50, name="m", is_family=False, modified=f"2024-03-0{day}T00:00:00.0{day}Z") for day in (3, 1, 2)
    ],
    "a creator that is missing": [sdo("tool", 51, name="t", created_by_ref=f"identity--{uid(999)}")],
    "references to nothing": [sdo("report", 52, name="r", published=TIME, object_refs=[f"malware--{uid(998)}"])],
    "a custom object": [sdo("x-acme-thing", 53, x_acme_list=[1, 2.5, None, {"a": [True]}], name="thing")],
    "custom properties": [sdo("campaign", 54, name="c", x_acme_score=9007199254740993, x_acme_small=1e-9)],
    "an extension": [
        sdo("incident", 55, name="i", extensions={f"extension-definition--{uid(25)}": {"extension_type": "property-extension", "rank": 5}})
    ],
    "the same object twice": [sdo("tool", 56, name="same"), dict(reversed(sdo("tool", 56, name="same").items()))],
    "one id, one version, two contents": [sdo("tool", 57, name="one"), sdo("tool", 57, name="two"), sdo("tool", 57, name="three")],
    "equal to Python, and not equal": [sdo("tool", 58, x_n=1), sdo("tool", 58, x_n=True), sdo("tool", 58, x_n=1.0)],
    "Unicode": [
        sdo("threat-actor", 59, name="\u202eexe.txt\u202c e\u0301 \U0001f43b \u200b\ufeff \uff26", description="\u0000\u0085\u2028"),
        sdo("threat-actor", 60, name="nfd e\u0301"), sdo("threat-actor", 61, name="nfc é"),
    ],
    "a language": [sdo("note", 62, content="Tere", lang="et", object_refs=[ACTOR])],
    "granular markings": [
        sdo("tool", 63, name="n", description="d", granular_markings=[
            {"marking_ref": "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "selectors": ["description"]},
            {"lang": "et", "selectors": ["name"]}])
    ],
    "STIX 2.0": [
        {"type": "indicator", "id": f"indicator--{uid(64)}", "created": TIME, "modified": TIME, "labels": ["malicious-activity"],
         "pattern": "[domain-name:value = 'old.example.org']", "valid_from": TIME},
        {"type": "observed-data", "id": f"observed-data--{uid(65)}", "created": TIME, "modified": TIME, "first_observed": TIME,
         "last_observed": TIME, "number_observed": 1,
         "objects": {"0": {"type": "ipv4-addr", "value": "198.51.100.9"}, "1": {"type": "network-traffic", "src_ref": "0", "protocols": ["tcp"]}}},
    ],
    "wrong types everywhere": [
        sdo("indicator", 66, pattern=5, labels="x", object_marking_refs={"a": 1}, granular_markings=[1], external_references="y",
            confidence=True, revoked="yes", valid_until=7),
        sdo("file", 67, hashes=["MD5"], name=["a"], extensions=3),
        sdo("observed-data", 68, objects=[1], object_refs=[5, None]),
        sdo("malware", 69, aliases=[1, None], name=None),
    ],
    "empty": [{"type": "x", "id": "x"}, sdo("report", 70, name="", object_refs=[], labels=[], x={})],
    "no objects": [],
}  # fmt: skip
"""Objects that read back equal field by field, by what is awkward about them."""

NO_OBJECTS: dict[str, tuple[str, str]] = {
    "a number": ("5", "no JSON object"),
    "a list": ("[1,[2]]", "no JSON object"),
    "nothing": ("null", "no JSON object"),
    "no id": ('{"type":"tool","name":"t"}', "no type or no id"),
    "no type": ('{"id":"tool--1"}', "no type or no id"),
    "an id that is none": ('{"type":"tool","id":["a"]}', "no type or no id"),
    "NUL in its id": ('{"type":"tool","id":"tool--\\u0000"}', "holds NUL"),
    "a key twice": ('{"type":"tool","id":"tool--1","tlp":"RED","tlp":"CLEAR"}', "comes twice"),
    "a key twice deep inside": ('{"type":"tool","id":"tool--1","x":[{"a":{"b":1,"b":2}}]}', "comes twice"),
    "its id twice": ('{"type":"tool","id":"tool--1","id":"tool--2"}', "comes twice"),
    "65 bits": ('{"type":"tool","id":"tool--1","x":18446744073709551616}', "64 bits"),
    "infinity": ('{"type":"tool","id":"tool--1","x":1e999}', "larger than any"),
    "a number of 40 digits": ('{"type":"tool","id":"tool--1","x":%s}' % ("1" * 40), "32 digits"),
    "half a character": ('{"type":"tool","id":"tool--1","x":"\\ud800"}', "surrogate"),
    "deep nesting": ('{"type":"tool","id":"tool--1","x":%s}' % ("[" * 80 + "]" * 80), "nests deeper"),
}  # fmt: skip
"""What stands among objects and is none, and a part of what is told of it."""
