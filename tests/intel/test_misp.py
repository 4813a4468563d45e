"""MISP events are taken apart and put together equal field by field, and all that names a thing is found."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.intel import misp_event, misp_types
from hanse.intel.reading import facts_of
from hanse.intel.recognise import Marked, WrongMarking, items
from hanse.intel.values import KINDS
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp

CHOSEN = Marking(originators=frozenset({"EE-CERT"}), tlp=Tlp.GREEN)


@pytest.fixture(scope="module")
def pymisp() -> Any:
    """MISP's own library, loaded where it is used: with the validators that it brings it takes every worker 4 s."""
    return import_module("pymisp")


def uid(number: int) -> str:
    """A UUID of version 4."""
    return f"00000000-0000-4000-8000-{number:012x}"


def attribute(number: int, kind: str, value, **others):
    """An attribute with what MISP always writes."""
    return {"id": str(number), "type": kind, "category": "Network activity", "to_ids": True, "uuid": uid(number),
            "event_id": "1", "distribution": "5", "timestamp": "1700000000", "comment": "", "deleted": False,
            "disable_correlation": False, "object_id": "0", "value": value, **others}  # fmt: skip


EVENT = {
    "id": "1", "orgc_id": "1", "date": "2024-03-01", "info": "Wiper \U0001f43b e\u0301", "uuid": uid(900), "published": True,
    "analysis": "0", "threat_level_id": "1", "distribution": "3", "timestamp": "1700000000", "sharing_group_id": "0",
    "extends_uuid": uid(901), "Org": {"id": "1", "name": "ACME", "uuid": uid(902)},
    "Orgc": {"id": "1", "name": "CERT-EE", "uuid": uid(903)},
    "Attribute": [
        attribute(1, "ip-dst", "198.51.100.7", Sighting=[{"type": "0", "date_sighting": "1700000001", "Organisation": {}}]),
        attribute(2, "domain|ip", "A.example.org|2001:DB8::1", Tag=[{"name": "tlp:red"}]),
        {"type": "comment", "value": "no uuid", "category": "Other"},
        {"type": "comment", "value": "no uuid", "category": "Other"},
        attribute(3, "filename|md5", "a|b.exe|098f6bcd4621d373cade4e832627b4f6", deleted=True),
        attribute(4, "md5", "none at all",
                  ShadowAttribute=[{"id": "9", "type": "md5", "value": "098F6BCD4621D373CADE4E832627B4F6", "uuid": uid(4)}]),
        attribute(5, "counter", 5), attribute(6, "text", ""),
    ],
    "ShadowAttribute": [{"type": "url", "value": "HTTP://Example.org:80", "uuid": uid(7)}],
    "RelatedEvent": [{"Event": {"id": "3", "uuid": uid(905), "info": "other"}}],
    "Galaxy": [{"name": "Threat Actor", "type": "threat-actor",
                "GalaxyCluster": [{"type": "threat-actor", "value": "Sofacy", "meta": {"synonyms": ["APT28"]}}]}],
    "Object": [
        {"id": "1", "name": "file", "meta-category": "file", "uuid": uid(20), "timestamp": "999999999", "deleted": False,
         "ObjectReference": [{"uuid": uid(21), "referenced_uuid": uid(1), "relationship_type": "connects-to"}],
         "Attribute": [attribute(22, "sha256", "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08", object_relation="sha256")]},
        {"name": "empty", "uuid": uid(23), "Attribute": [], "ObjectReference": []},
        {"name": "without attributes", "uuid": uid(24)},
    ],
    "EventReport": [{"id": "1", "uuid": uid(30), "name": "What happened", "content": "# All", "timestamp": 1700000002}],
    "CryptographicKey": [], "Tag": [{"name": "tlp:amber", "colour": "#fff", "local": 0},
                                    {"name": 'misp-galaxy:ransomware="LockBit"'}],
}  # fmt: skip


MEMBERS = st.sampled_from(["uuid", "type", "value", "Tag", "Galaxy", "GalaxyCluster", "ShadowAttribute", "ObjectReference", "Attribute",
                           "Object", "EventReport", "timestamp", "deleted", "date", "info", "name", "Orgc", "extends_uuid", "x"])  # fmt: skip

AWKWARD = {
    "all of the core format": EVENT,
    "nothing": {},
    "lists that are empty": {"Attribute": [], "Object": [], "EventReport": [], "Tag": []},
    "lists that are none": {"Attribute": None, "Object": {}, "EventReport": "x", "uuid": uid(1)},
    "lists with strangers": {"uuid": uid(1), "Attribute": [5, attribute(1, "md5", "x"), None]},
    "one uuid for all": {"uuid": uid(1), "Attribute": [attribute(1, "text", "a"), attribute(1, "text", "b")], "Object": [{"uuid": uid(1)}]},
    "capitals in uuids": {"uuid": uid(0xABC).upper(), "Attribute": [attribute(0xDEF, "text", "a", uuid=uid(0xDEF).upper())]},
    "wrong types": {"uuid": 5, "info": ["a"], "timestamp": None, "date": 7, "Orgc": [], "deleted": [1], "Tag": {"name": "x"},
                    "Galaxy": [5, {"GalaxyCluster": [None]}], "extends_uuid": 5,
                    "Attribute": [{"type": 5, "value": {}}, {"type": "md5", "value": True}, {"type": "ip-src|port", "value": "x"}],
                    "Object": [{"ObjectReference": [{"referenced_uuid": None}], "Attribute": [{"uuid": "\0"}]}]},
    "own members": {"uuid": uid(1), "x": {"Attribute": [1]}, "Attribute": [{"Event": {"Attribute": []}, "first_seen": 1.5}]},
}  # fmt: skip


@pytest.mark.parametrize("name", AWKWARD)
def test_an_event_comes_back_equal_field_by_field(name):
    """Taken apart and put together, also with its items in another order, an event says what it said."""
    event = AWKWARD[name]
    before = json.dumps(event)
    parts = list(misp_event.apart(event))
    assert json.dumps(misp_event.together(parts)[0]["Event"]) == before
    assert misp_event.together([parts[0], *parts[:0:-1]]) == [{"Event": event}]
    assert json.dumps(event) == before
    assert len({part.source_id for part in parts}) == len(parts)
    for part in parts:
        facts = facts_of(part)
        assert "\0" not in facts.title + facts.text + part.source_id


def test_our_own_export_loads_in_pymisp(pymisp: Any):
    """What is put together again loads in pymisp, with every attribute and object that was in it."""
    made = pymisp.MISPEvent()
    made.load(json.loads(json.dumps(misp_event.together(misp_event.apart(EVENT))[0])))
    assert (len(made.attributes), len(made.objects), made.info) == (8, 3, EVENT["info"])
    assert made.objects[0].references[0].relationship_type == "connects-to"


def test_what_pymisp_writes_comes_back(pymisp: Any):
    """An event that pymisp makes, with composite types, objects, tags and sightings, comes back as it was."""
    event = pymisp.MISPEvent()
    event.info, event.distribution = "made by pymisp", 0
    event.add_tag("tlp:green")
    event.add_attribute("ip-dst|port", "198.51.100.9|443").add_tag("PAP:RED")
    thing = pymisp.MISPObject("domain-ip")
    thing.add_attribute("domain", "a.example.org")
    thing.add_attribute("ip", "198.51.100.10")
    event.add_object(thing)
    event.add_event_report(name="r", content="c")
    raw = json.loads(event.to_json())
    assert misp_event.together(misp_event.apart(raw)) == [{"Event": raw}]


def test_every_type_of_misp_is_either_a_value_or_nothing(pymisp: Any):
    """No type of MISP's describeTypes is forgotten: each is a kind of value, or listed as naming nothing; halves too."""
    listed = json.loads((Path(pymisp.__file__).parent / "data/describeTypes.json").read_text("utf-8"))[
        "result"
    ]["types"]
    single = {name for name in listed if "|" not in name}
    assert single == misp_types.KINDS.keys() | misp_types.NOTHING
    assert not misp_types.KINDS.keys() & misp_types.NOTHING
    assert set(misp_types.KINDS.values()) <= KINDS.keys()
    for name in listed:
        first, both, second = name.partition("|")
        if both:
            assert first in misp_types.KINDS
            assert second in {*misp_types.KINDS, *misp_types.SECONDS}
            assert all(kind == "" or kind in KINDS for kind in misp_types.halves(name))


def values_of(event) -> dict[str, set[tuple[str, str]]]:
    """The values of an event's parts, by the part's id."""
    return {
        part.source_id: {tuple(value) for value, _ in facts_of(part).values}
        for part in misp_event.apart(event)
    }


def test_values_of_all_parts_are_found():
    """Attributes, both halves of composite ones, proposals, and the names that galaxies give."""
    found = values_of(EVENT)
    md5 = ("md5", "098f6bcd4621d373cade4e832627b4f6")
    assert found[uid(1)] == {("address", "198.51.100.7")}
    assert found[uid(2)] == {("domain", "a.example.org"), ("address", "2001:db8::1")}
    assert found[uid(3)] == {("file-name", "a|b.exe"), md5}
    assert found[uid(4)] == {md5}
    assert found[uid(22)] == {("sha256", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")}
    assert found[uid(900)] == {("url", "http://example.org/"), ("name", "sofacy"), ("name", "lockbit")}


def test_facts_of_parts():
    """Titles, creators, times, deletion and references of parts; what could not be understood is told."""
    parts = {part.source_id: (part, facts_of(part)) for part in misp_event.apart(EVENT)}
    event = parts[uid(900)][1]
    assert (event.title, event.creator) == (EVENT["info"], "CERT-EE")
    assert event.modified_us == 1_700_000_000_000_000
    assert event.references == ((uid(901), "extends"),)
    assert parts[uid(20)][1].references == ((uid(1), "connects-to"),)
    assert [name for name, (_, facts) in parts.items() if facts.revoked] == [uid(3)]
    assert "32 hexadecimal digits" in parts[uid(4)][1].problems[0]
    assert parts[uid(20)][0].source_version < parts[uid(900)][0].source_version
    assert parts[uid(30)][1].title == "What happened"
    assert parts[uid(5)][1].title == "5"


@pytest.mark.parametrize(
    "document",
    [{"Event": EVENT}, [{"Event": EVENT}], {"response": [{"Event": EVENT}]}, {"response": {"Event": EVENT}}],
)
def test_an_event_is_found_in_every_wrapper(document):
    """One event, a list of them, and what a search of MISP answers."""
    assert misp_event.events(document) == misp_event.Events([EVENT], [])


def test_what_stands_beside_an_event_is_told():
    """Members of a wrapper that belong to no event are not dropped in silence."""
    _, told = misp_event.events({"response": [{"Event": {}, "x": [1]}], "total": 2})
    assert [line.partition("It reads: ")[2] for line in told] == ["2", "[1]"]


@pytest.mark.parametrize(
    "document", [5, [], {}, {"Event": []}, {"response": []}, [{"Event": {}}, {}], {"response": {}}]
)
def test_what_is_no_event_is_refused(document):
    """What holds no event, or something besides events, is refused with what was expected."""
    with pytest.raises(UsageError, match="no MISP event"):
        misp_event.events(document)


def test_a_part_is_marked_at_least_as_strictly_as_its_whole():
    """The event's marking holds for its parts, a part's own tags make it stricter, and nothing makes it weaker."""
    data = json.dumps({"Event": {**EVENT, "Tag": [{"name": "tlp:amber"}, {"name": "PAP:RED"}]}}).encode()
    form, stream = items(data, "x.json", CHOSEN, "")
    marked = {one.item.source_id: one.marking for one in stream if isinstance(one, Marked)}
    assert form == "misp"
    assert marked[uid(900)].banner() == "TLP:AMBER PAP:RED"
    assert marked[uid(1)] == marked[uid(900)]
    assert marked[uid(2)].banner() == "TLP:RED PAP:RED"
    assert marked[uid(22)] == marked[uid(900)]


def _brought(event) -> tuple[set[str], list[WrongMarking]]:
    """The parts of an event that come in, and what is told of markings that are none."""
    told = list(items(json.dumps({"Event": event}).encode(), "x.json", CHOSEN, "")[1])
    return {one.item.source_id for one in told if isinstance(one, Marked)}, [
        one for one in told if isinstance(one, WrongMarking)
    ]


def test_a_part_whose_tag_is_no_level_is_left_out_with_its_parts():
    """A slip in tlp:red on an attribute, an object or the event brings none of it in as the import is marked."""
    whole, _ = _brought(EVENT)
    wrong = [{"name": "tlp:rde"}]
    one, two, three = (dict(part) for part in EVENT["Attribute"][:3])
    came, told = _brought(EVENT | {"Attribute": [one | {"Tag": wrong}, two, three, *EVENT["Attribute"][3:]]})
    assert came == whole - {uid(1)}
    assert [(str(words).partition(": ")[0], words.items) for words in told] == [
        (f"x.json, attribute {uid(1)}", 1)
    ]
    assert "'rde' is no level of TLP" in told[0]
    came, told = _brought(EVENT | {"Object": [EVENT["Object"][0] | {"Tag": wrong}, *EVENT["Object"][1:]]})
    assert came == whole - {uid(20), uid(22)}
    assert (told[0].items, "with its one part" in told[0]) == (2, True)
    came, told = _brought(EVENT | {"Tag": wrong})
    assert came == set()
    assert told[0].items == len(whole)


@pytest.mark.parametrize(
    ("value", "title"), [("4111 1111 1111 1111", "411111******1111"), ("4111 1111 1111 1112", "no card")]
)
def test_a_card_is_in_no_title(value, title):
    """A title is shown and kept in the clear: of a card's number it has what may be shown, of a wrong one nothing."""
    part = list(misp_event.apart({"Attribute": [attribute(1, "cc-number", value)]}))[1]
    facts = facts_of(part)
    assert facts.title == title
    assert not any("4111" in problem for problem in facts.problems)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
PARTS = st.recursive(
    st.dictionaries(MEMBERS, JSON, max_size=4),
    lambda inner: st.dictionaries(
        st.sampled_from([*misp_event.PARTS]), st.lists(inner, max_size=3), min_size=1
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(PARTS)
def test_whatever_an_event_says_nothing_is_lost_or_invented(event):
    """Any members anywhere: the same event comes out with its keys in their order, and facts never fail."""
    parts = list(misp_event.apart(event))
    assert json.dumps(misp_event.together(parts)) == json.dumps([{"Event": event}])
    for part in parts:
        facts_of(part)
