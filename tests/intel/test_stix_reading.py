"""STIX goes in and comes out with nothing lost or invented, and its values and references are found."""

import json
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.intel import stix_bundle, stix_pattern
from hanse.intel.facts import Gathering
from hanse.intel.item import Item
from hanse.intel.reading import facts_of
from hanse.intel.recognise import Marked, items
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking
from hanse.kernel.strict_json import canonical
from tests.intel.stix_corpus import ACTOR, AWKWARD, NO_OBJECTS, OBJECTS, SHA256, TIME, bundle, sco, sdo, uid

CHOSEN = Marking.own("EE-CERT")


def read(data: bytes) -> tuple[list[Item], list[str]]:
    """The items of a file, and what is told of the rest."""
    form, stream = items(data, "x.json", CHOSEN, "")
    assert form == "stix"
    told = list(stream)
    return [one.item for one in told if isinstance(one, Marked)], [
        one for one in told if isinstance(one, str)
    ]


def same(ours, theirs) -> bool:
    """Whether two lists of objects say the same, each at least once, numbers and truth told apart."""
    return sorted({canonical(one) for one in ours}) == sorted({canonical(one) for one in theirs})


@pytest.mark.parametrize("kind", OBJECTS)
def test_the_values_of_every_type_are_found(kind):
    """Of each type of STIX 2.1 all that names a thing is found in its normal form, and nothing else."""
    raw, values = OBJECTS[kind]
    facts = facts_of(Item(format="stix", type=kind, source_id=raw["id"], raw=raw))
    assert {(value.kind, value.text) for value, _ in facts.values} == values
    assert facts.problems == ()
    assert facts.title


def test_the_corpus_has_every_type():
    """The types are those of the specification as the stix2 library knows them."""
    from stix2.v21 import OBJ_MAP, OBJ_MAP_OBSERVABLE

    assert set(OBJECTS) == {*OBJ_MAP, *OBJ_MAP_OBSERVABLE} - {"bundle"}


def test_references_are_found_wherever_they_stand():
    """References of relationships, reports and sightings, and those inside of lists and extensions; no local numbers."""
    raw = sco("file", 1, contains_refs=["file--a"], extensions={"archive-ext": {"contains_refs": ["file--b"]}},
              parts=[{"body_raw_ref": "artifact--c"}], src_ref="0", created_by_ref="identity--d")  # fmt: skip
    facts = facts_of(Item(format="stix", type="file", source_id="x", raw=raw))
    assert dict(facts.references) == {
        "file--a": "contains_refs",
        "file--b": "contains_refs",
        "artifact--c": "body_raw_ref",
    }
    assert facts.creator == "identity--d"
    relation, _ = OBJECTS["relationship"]
    found = facts_of(Item(format="stix", type="relationship", source_id="x", raw=relation)).references
    assert set(found) == {(ACTOR, "source_ref"), (f"tool--{uid(20)}", "target_ref")}


@pytest.mark.parametrize("name", AWKWARD)
def test_what_goes_in_comes_out_equal_field_by_field(name):
    """Reading and writing gives the same objects, and knowing the facts of each breaks nothing."""
    raws = AWKWARD[name]
    found, told = read(bundle(*raws))
    assert same([one.raw for one in found], raws)
    assert all("both are kept" in line for line in told)
    again = json.loads(json.dumps(stix_bundle.written([one.raw for one in found], "all")))
    assert same(again.get("objects", []), raws)
    for item in found:
        facts = facts_of(item)
        assert "\0" not in facts.title + facts.text + facts.creator + "".join(
            target for target, _ in facts.references
        )


def test_what_is_of_a_wrong_type_is_told_and_kept():
    """Wrong types are problems of the object in words, and no values or truths are made of them."""
    found, _ = read(bundle(*AWKWARD["wrong types everywhere"]))
    facts = facts_of(found[0])
    assert (facts.confidence, facts.revoked, facts.valid_until_us, facts.values) == (None, False, None, ())
    assert facts.problems == ("valid_until: '7' is no time.",)
    assert facts_of(found[2]).problems == ("object_refs: an id was expected.",) * 2
    assert facts_of(found[3]).problems == ("alias: a text was expected.",)
    assert ("name", "1") in {value for value, _ in facts_of(found[3]).values}


def test_versions_come_from_the_oldest_to_the_newest():
    """However a bundle orders them, a later version never comes before an earlier one; times sort whatever their digits."""
    found, _ = read(bundle(*AWKWARD["three versions, the newest first"]))
    assert [one.raw["modified"][9:10] for one in found] == ["1", "2", "3"]
    spelt = [
        "2024-01-01T00:00:00Z",
        "2024-01-01T00:00:00.000000001Z",
        "2024-01-01T00:00:00.05Z",
        "2024-01-01T00:00:00.5Z",
    ]
    versions = [stix_bundle.version_of(text) for text in spelt]
    assert versions == sorted(versions)
    assert stix_bundle.version_of("2024-01-01T00:00:00.500Z") == versions[-1]
    assert stix_bundle.version_of("yesterday") == ""


def test_one_id_in_one_version_with_two_contents_is_kept_twice():
    """The first keeps the id, others get a number; the very same once more is the same item."""
    found, told = read(bundle(*AWKWARD["one id, one version, two contents"]))
    assert [one.source_id.rpartition("#")[2] for one in found[1:]] == ["2", "3"]
    assert len(told) == 2
    twice, told = read(bundle(*AWKWARD["the same object twice"]))
    assert len({one.source_id for one in twice}) == 1
    assert told == []
    different, _ = read(bundle(*AWKWARD["equal to Python, and not equal"]))
    assert len({one.source_id for one in different}) == 3


@pytest.mark.parametrize("name", NO_OBJECTS)
def test_what_is_no_object_is_told_with_its_text_and_loses_no_other(name):
    """A broken object among good ones: the good ones come in, and of the broken one all is told."""
    text, why = NO_OBJECTS[name]
    before, after = sdo("tool", 1, name="before"), sdo("tool", 2, name="after")
    data = bundle(before, "@", after).replace(b'"@"', text.encode())
    found, told = read(data)
    assert [one.raw["name"] for one in found] == ["before", "after"]
    assert [one.place for one in found] == [0, 2]
    assert len(told) == 1
    assert told[0].startswith("object 1: ")
    assert why in told[0]
    assert text.replace("\0", "") in told[0]


def test_what_is_too_large_to_tell_is_told_with_its_length():
    """An object above the cap is cut in the account, which says so."""
    huge = sdo("tool", 1, x="y" * (stix_bundle.LARGEST_OBJECT_BYTES + 1))
    found, told = read(bundle(sdo("tool", 2, name="small"), huge))
    assert len(found) == 1
    assert "4,000,000 are allowed" in told[0]
    assert "characters in all" in told[0]
    assert len(told[0]) < 11_000


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"type":"bundle","type":"bundle","id":"bundle--1","objects":[]}', "comes twice"),
        (
            b'{"type":"bundle","id":"bundle--1","id":"bundle--2","objects":[{"type":"a","id":"a--1"}]}',
            "comes twice",
        ),
        (
            b'{"type":"bundle","objects":[{"type":"a","id":"a--1"}],"objects":[{"type":"a","id":"a--2"}]}',
            "comes twice",
        ),
        (
            b'{"type":"bundle","objects":[{"type":"a","id":"a--1"}],"objects":[{"type":"a","id":"a--1"}]}',
            "comes twice",
        ),
        (b'{"type":"bundle","objects":[{"type":"a","id":"a--1"}],"obj\\u0065cts":[]}', "comes twice"),
        (b'{"type":"bundle","objects":[],"objects":[{"type":"a","id":"a--1"}]}', "comes twice"),
        (b'{"type":"bundle","x":1e999,"objects":[1]}', "larger than any"),
        (b'{"type":"bundle","objects":{}}', "no STIX bundle"),
        (b'{"type":"bundle","objects":[{"type":"a","id":"a--1"}]', "no STIX bundle|no JSON|no MISP"),
        (b'{"type":"bundle","objects":[1]} {}', "no STIX bundle|no JSON|no MISP"),
    ],
)
def test_a_bundle_that_says_a_thing_twice_is_refused(data, why):
    """Keys of the bundle itself come once, however they are spelled: which list would be meant?"""
    with pytest.raises(UsageError, match=why):
        read(data)


def test_what_a_bundle_says_of_itself_is_told():
    """Members of a bundle that belong to no object are not dropped in silence; its objects inside of them are none."""
    piece = sdo("tool", 1, name="t")
    found, told = read(bundle(piece, piece, x_acme={"copy": [piece], "why": "q"}, spec_version="2.0"))
    assert len(found) == 2
    assert len(told) == 1
    assert "x_acme belongs to no object" in told[0]
    assert '"why":"q"' in told[0]


def test_one_object_alone_is_a_bundle_of_one():
    """A single object in a file is read as it is."""
    raw = sdo("tool", 1, name="t")
    found, told = read(json.dumps(raw).encode())
    assert ([one.raw for one in found], told) == ([raw], [])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip
NAMES = st.sampled_from(["name", "aliases", "hashes", "pattern", "object_refs", "x_y", "objects", "value", "confidence",
                         "external_references", "granular_markings", "object_marking_refs", "extensions", "modified",
                         "contents", "labels", "number", "created_by_ref", "valid_until"])  # fmt: skip
RAWS = st.builds(
    lambda kind, number, more: {"type": kind, "id": f"{kind}--{number}", **more},
    st.sampled_from([*OBJECTS, "x-own"]), st.integers(0, 3), st.dictionaries(NAMES, JSON, max_size=5),
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(RAWS, max_size=6))
def test_whatever_objects_say_nothing_is_lost_or_invented(raws):
    """Any members of any type: the same objects come out, and neither facts nor markings fail on them."""
    found, _ = read(bundle(*raws))
    assert same([one.raw for one in found], raws)
    for item in found:
        facts_of(item)


PATTERNS = {
    "[ipv4-addr:value = '198.51.100.1']": [("address", "198.51.100.1")],
    "[ipv4-addr:value ISSUBSET '198.51.100.0/24']": [("network", "198.51.100.0/24")],
    "[ipv4-addr:value ISSUPERSET '198.51.100.0/24']": [],
    "[domain-name:value != 'a.example']": [],
    "[domain-name:value NOT = 'a.example']": [],
    "[domain-name:value NOT IN ('a.example', 'b.example')]": [],
    "[domain-name:value LIKE '%.example' AND domain-name:value = 'b.example']": [("domain", "b.example")],
    "[url:value MATCHES '^http' OR url:value = 'http://a.example/it\\'s']": [
        ("url", "http://a.example/it's")
    ],
    f"[file:hashes.'SHA-256' = '{SHA256}']": [("sha256", SHA256)],
    f"[file:hashes.SHA256 = '{SHA256}']": [("sha256", SHA256)],
    "[email-message:to_refs[*].value = 'a@b.example']": [("email", "a@b.example")],
    "[email-message:to_refs[0].value = 'a@b.example']": [("email", "a@b.example")],
    "[autonomous-system:number = 64496]": [("asn", "AS64496")],
    "[mutex:name = 'a'] FOLLOWEDBY [mutex:name = 'b'] WITHIN 600 SECONDS": [("mutex", "a"), ("mutex", "b")],
    "[mutex:name = 'c'] START t'2024-01-01T00:00:00Z' STOP t'2025-01-01T00:00:00Z'": [("mutex", "c")],
    "[network-traffic:dst_port = 80 AND network-traffic:dst_ref.value = '2001:DB8::1']": [
        ("address", "2001:db8::1")
    ],
    "[mutex:name = 'it is \\\\ and [url:value = x]']": [("mutex", "it is \\ and [url:value = x]")],
    "[EXISTS mutex:name]": [],
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_values_that_a_pattern_names_are_found(pattern):
    """What a pattern compares with as equal or within is what it is about; what it excludes or matches in part is not."""
    found = Gathering()
    stix_pattern.gather(pattern, found)
    assert [(value.kind, value.text) for value, _ in found.values] == PATTERNS[pattern]
    assert found.problems == []


@pytest.mark.parametrize("piece", ["-1", "'\\'", "a:'", "aaaa-", "[", "a:b=", "\\'", "a:b='x' "])
def test_no_pattern_takes_longer_than_its_length(piece):
    """A pattern of 100,000 signs is read once from end to end, whatever they are; one that is longer is told."""
    before = time.process_time()
    stix_pattern.gather(piece * (100_000 // len(piece)), Gathering())
    assert time.process_time() - before < 2
    told = Gathering()
    stix_pattern.gather("x" * 100_001, told)
    assert "not looked into" in told.problems[0]


READ_WHOLE = """
import re, sys, time
from pathlib import Path
from hanse.intel.recognise import Marked, items
from hanse.kernel.markings import Marking
def most():  # of this program alone: the usual call counts who started it too
    return int(re.search(r"VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1])
data = open(sys.argv[1], "rb").read()
before = most()
start = time.process_time()
_, stream = items(data, "x.json", Marking.own("EE-CERT"), "")
count = sum(isinstance(one, Marked) for one in stream)
spent = time.process_time() - start
print(count, round(count / spent), (most() - before) * 1024)
"""


@pytest.mark.soak
def test_a_bundle_of_50_mb_is_read_within_its_memory(tmp_path):
    """50 MB of objects come in whole, with no more memory besides the file than three times its size."""
    path = tmp_path / "large.json"
    path.write_bytes(
        bundle(
            *(
                sdo("indicator", number, pattern=f"[domain-name:value = 'h{number}.example.org']", pattern_type="stix",
                    valid_from=TIME, name=f"Indicator {number}", description="x" * 120)
                for number in range(115_000)
            )
        )
    )  # fmt: skip
    assert path.stat().st_size > 50_000_000
    done = subprocess.run(
        [sys.executable, "-c", READ_WHOLE, str(path)], capture_output=True, text=True, check=True
    )
    count, rate, grown = map(int, done.stdout.split())
    print(f"{rate:,} objects/s read, {grown / 2**20:,.0f} MiB besides the file")
    assert count == 115_000
    assert grown < 3 * path.stat().st_size
