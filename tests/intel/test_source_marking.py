"""The marking that an item brings along: understood however it is spelled, and never a weakening."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.intel import source_marking as sm
from hanse.intel.stix_extension import EXTENSION
from hanse.kernel.markings import Marking, Pap, Tlp, is_at_least

CLEAR = Marking(originators=frozenset({"EE-CERT"}), tlp=Tlp.CLEAR, pap=Pap.CLEAR)
CHOSEN = Marking.own("EE-CERT")
RED = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
OLD_RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
OWN = "marking-definition--00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("tag", "banner"),
    [
        ("tlp:white", "TLP:CLEAR PAP:CLEAR"), ("TLP:GREEN", "TLP:GREEN PAP:CLEAR"), ("tlp:amber+strict", "TLP:AMBER+STRICT PAP:CLEAR"),
        ("TLP:AMBER-STRICT", "TLP:AMBER+STRICT PAP:CLEAR"), ("TLP AMBER STRICT", "TLP:AMBER+STRICT PAP:CLEAR"),
        ("tlp:ex:chr", "TLP:AMBER PAP:CLEAR"), ('tlp="red"', "TLP:RED PAP:CLEAR"), ("TLP_RED", "TLP:RED PAP:CLEAR"),
        ("PAP:RED", "TLP:CLEAR PAP:RED"), ("\uff34LP\uff1aR\u200bED", "TLP:RED PAP:CLEAR"), ("tulip:red", "TLP:CLEAR PAP:CLEAR"),
        ("TLP:AMBER + STRICT", "TLP:AMBER+STRICT PAP:CLEAR"), ("TLP 2.0: RED", "TLP:RED PAP:CLEAR"),
    ],
)  # fmt: skip
def test_a_tag_is_understood_however_it_is_spelled(tag, banner):
    """Old words, other signs between, full width and invisible signs: the level is the one that people read."""
    assert sm.of_misp({"Tag": [{"name": tag}]}, CLEAR)[0].banner() == banner


def test_what_is_not_understood_is_named():
    """Prose that only has the name of a scale in it, and an unknown definition, are told, and leave what the import chose."""
    assert sm.of_misp({"Tag": [{"name": 'misp-galaxy:tool="TLP hammer"'}]}, CHOSEN) == (
        CHOSEN,
        ["TLP:hammer"],
        [],
    )
    assert sm.of_stix({"object_marking_refs": [OWN]}, {}, CHOSEN) == (CHOSEN, [OWN], [])
    made = {"definition": {"statement": "What TLP means is told at first.org. TLP: see there."}}
    assert sm.of_stix({"object_marking_refs": [OWN]}, {OWN: made}, CLEAR).wrong == []


@pytest.mark.parametrize(
    "tag",
    ["tlp:rde", "TLP:RDE", "tlp:res", "tlp:foo", "tlp:unclear", "TLP REDD", 'tlp="r3d"', "TLP:R\u0415D", "pap:rde",
     "x:tlp:purple", "tlp:amberstrict"],
)  # fmt: skip
def test_a_word_that_is_no_level_is_wrong_and_not_the_imports_marking(tag):
    """It may be a slip in RED: whoever reads the tag is told which word is none, and which there are."""
    (wrong,) = sm.of_misp({"Tag": [{"name": tag}]}, CLEAR).wrong
    assert "is no level of" in wrong
    assert "CLEAR (or WHITE), GREEN, AMBER" in wrong


@pytest.mark.parametrize(
    "made",
    [{"definition_type": "tlp", "definition": {"tlp": "rde"}}, {"extensions": {sm.TLP_EXTENSION: {"tlp_2_0": "rde"}}},
     {"name": "TLP:RDE"}, {"definition": {"tlp": 5}}, {"definition": {"statement": "Handle as TLP:RDE, please."}}],
)  # fmt: skip
def test_a_definition_whose_level_is_none_is_wrong(made):
    """In STIX as in MISP: what says that it is marked, in a word that is no level, has no marking."""
    assert sm.of_stix({"object_marking_refs": [OWN]}, {OWN: made}, CLEAR).wrong


@pytest.mark.parametrize("distribution", [0, "0", "4"])
def test_what_stays_in_one_organisation_is_strict(distribution):
    """MISP's distribution to one organisation or a sharing group ends there."""
    assert sm.of_misp({"distribution": distribution}, CLEAR)[0].tlp is Tlp.AMBER_STRICT
    assert sm.of_misp({"distribution": "3"}, CLEAR)[0].tlp is Tlp.CLEAR


@pytest.mark.parametrize(
    "raw",
    [
        {"object_marking_refs": [RED]}, {"object_marking_refs": [OLD_RED]},
        {"granular_markings": [{"marking_ref": RED, "selectors": ["name"]}]},
        {"object_marking_refs": ["marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", OLD_RED]},
    ],
)  # fmt: skip
def test_the_strictest_mark_counts_for_the_whole_object(raw):
    """TLP 1 and 2 by their published ids, on the object or on a part of it, the strictest of several."""
    assert sm.of_stix(raw, {}, CLEAR)[0].tlp is Tlp.RED


@pytest.mark.parametrize(
    "made",
    [
        {"definition_type": "tlp", "definition": {"tlp": "red"}}, {"definition": {"statement": "Handle as TLP:RED, please."}},
        {"name": "TLP:RED"}, {"extensions": {sm.TLP_EXTENSION: {"tlp_2_0": "red"}}},
        {"extensions": {sm.TLP_EXTENSION: {"tlp_2_0": "clear"}}, "definition": {"tlp": "red"}},
        {"extensions": {EXTENSION: {"marking": {"tlp": "RED", "pap": "CLEAR", "originators": ["X"]}}}, "name": "TLP:CLEAR"},
    ],
)  # fmt: skip
def test_a_definition_that_says_two_things_means_the_stricter(made):
    """All that a definition says counts: a weak extension beside a strict definition takes nothing off."""
    assert sm.of_stix({"object_marking_refs": [OWN]}, {OWN: made}, CLEAR)[0].tlp is Tlp.RED


def test_the_definitions_of_tlp_are_those_of_oasis():
    """The stix2 library knows TLP 1; the ids of TLP 2 are those that OASIS published, one per level."""
    import stix2

    first = {
        "CLEAR": stix2.TLP_WHITE,
        "GREEN": stix2.TLP_GREEN,
        "AMBER": stix2.TLP_AMBER,
        "RED": stix2.TLP_RED,
    }
    for word, made in first.items():
        assert sm.of_stix({"object_marking_refs": [made.id]}, {}, CLEAR)[0].tlp is Tlp(word)
    assert len(set(sm.TLP_IDS.values())) == len(Tlp)
    for level in Tlp:
        assert stix2.parse(sm.definition(level), allow_custom=True).id == sm.TLP_IDS[level]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([RED, OWN, "tlp:clear", "TLP:CLEAR", "red", "x", ""]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["tlp", "tlp_2_0", "statement", "marking_ref", "name", EXTENSION, sm.TLP_EXTENSION, "marking"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
MEMBERS = st.dictionaries(
    st.sampled_from(
        [
            "object_marking_refs",
            "granular_markings",
            "Tag",
            "distribution",
            "definition",
            "extensions",
            "name",
        ]
    ),
    JUNK,
)


@settings(max_examples=300)
@given(MEMBERS, MEMBERS)
def test_no_file_weakens_what_the_import_chose(raw, made):
    """Whatever an object and a definition say, the marking is at least as strict as the chosen one, and by its originator."""
    for marking, _, _ in (sm.of_stix(raw, {OWN: made}, CHOSEN), sm.of_misp(raw, CHOSEN)):
        assert is_at_least(marking, CHOSEN)
        assert marking.originators == CHOSEN.originators
