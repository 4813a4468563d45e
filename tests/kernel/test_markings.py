"""Markings form a join-semilattice, mean what their standards say, and have one written form."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.kernel.clock import LAST_MOMENT_US
from hanse.kernel.markings import (
    TIERS,
    Audience,
    Marking,
    MarkingError,
    Pap,
    Tlp,
    Touch,
    is_at_least,
    join,
    satisfies,
    strictest,
)
from tests.policy.build import OWN, PARTNER, marking, markings


@given(markings(), markings(), markings())
def test_join_is_associative(a, b, c):
    """How inputs are grouped changes nothing."""
    assert join(join(a, b), c) == join(a, join(b, c))


@given(markings(), markings())
def test_join_is_commutative(a, b):
    """The order of inputs changes nothing."""
    assert join(a, b) == join(b, a)


@given(markings())
def test_join_is_idempotent(a):
    """The same input twice changes nothing, equal copies included."""
    assert join(a, a) == a
    assert join(a, Marking.from_json(a.as_json())) == a


@given(markings(), markings())
def test_join_is_at_least_as_strict_as_both(a, b):
    """In every part, said here part by part and not by the join itself."""
    made = join(a, b)
    for one in (a, b):
        assert is_at_least(made, one)
        assert made.tlp >= one.tlp
        assert made.pap >= one.pap
        assert made.handling >= one.handling
        assert made.handling_text >= one.handling_text
        assert made.originators >= one.originators
        assert one.purposes is None or (made.purposes is not None and made.purposes <= one.purposes)
        assert one.retention_us is None or (
            made.retention_us is not None and made.retention_us <= one.retention_us
        )
        assert one.embargo_us is None or (made.embargo_us is not None and made.embargo_us >= one.embargo_us)
        assert made.embargo_for >= one.embargo_for


@given(markings(), markings(), markings())
def test_join_is_the_least_such(a, b, c):
    """What is at least as strict as both inputs is at least as strict as their join."""
    upper = join(c, join(a, b))
    assert not (is_at_least(upper, a) and is_at_least(upper, b)) or is_at_least(upper, join(a, b))
    assert is_at_least(a, b) == (join(a, b) == a)


@given(markings(), markings())
def test_releasability_of_a_join_is_both_conditions(a, b):
    """An authority may have what is derived exactly when it may have each input."""
    for authority in (OWN, PARTNER, "other"):
        for tier in TIERS:
            for state in ("EE", "LV", ""):
                both = satisfies(a, authority, tier, state) and satisfies(b, authority, tier, state)
                assert satisfies(join(a, b), authority, tier, state) == both


@given(markings())
def test_json_round_trip(a):
    """The written form reads back as the same marking, from bytes too, and equal markings have equal texts."""
    assert Marking.from_json(a.as_json()) == a
    assert Marking.from_json(json.loads(a.text)).text == a.text


def test_strictest_of_many():
    """The strictest of many takes each part from the strictest input; of none there is none."""
    made = strictest([marking(), marking(PARTNER, tlp=Tlp.RED), marking(pap=Pap.RED, retention_us=7)])
    assert made == marking(tlp=Tlp.RED, pap=Pap.RED, retention_us=7, originators=frozenset({OWN, PARTNER}))
    with pytest.raises(MarkingError):
        strictest([])


def test_levels_are_ordered_by_strictness():
    """Levels compare by strictness, not by the alphabet."""
    assert list(Tlp) == sorted(Tlp) == [Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER, Tlp.AMBER_STRICT, Tlp.RED]
    assert list(Pap) == sorted(Pap) == [Pap.CLEAR, Pap.GREEN, Pap.AMBER, Pap.RED]
    assert max(Tlp) is Tlp.RED
    assert Tlp.AMBER > "GREEN"
    assert Tlp.AMBER <= Tlp.AMBER < Tlp.RED
    assert not Tlp.RED < Tlp.CLEAR
    assert Pap.RED >= Pap.AMBER


def test_tlp_means_what_first_says():
    """TLP 2.0: RED named persons, AMBER+STRICT the organisation, AMBER clients too, GREEN the community."""
    assert {level: level.audience for level in Tlp} == {
        Tlp.RED: Audience.NAMED,
        Tlp.AMBER_STRICT: Audience.ORGANISATION,
        Tlp.AMBER: Audience.CLIENTS,
        Tlp.GREEN: Audience.COMMUNITY,
        Tlp.CLEAR: Audience.PUBLIC,
    }


def test_pap_stops_what_could_be_noticed():
    """RED lets nothing out, AMBER lets third parties be asked what they know, GREEN and CLEAR allow acting."""
    assert [level.touch for level in Pap] == [Touch.ACTIVE, Touch.ACTIVE, Touch.PASSIVE, Touch.NOTHING]


def test_own_things_are_amber():
    """What nobody marked is TLP:AMBER PAP:AMBER, and its banner and colours say so."""
    own = Marking.own(OWN)
    assert own.banner() == "TLP:AMBER PAP:AMBER"
    assert (own.tlp.colour, own.pap.colour, Tlp.AMBER_STRICT.colour) == ("amber", "amber", "amber-strict")
    assert marking(handling=frozenset({"H2", "H1"})).banner() == "TLP:AMBER PAP:CLEAR H1 H2"


def test_impossible_alternatives_vanish():
    """No authority is in two states: what is for Estonia and for Latvia is for nobody."""
    a = marking(releasable=frozenset({"state:EE", "authority:x"}))
    b = marking(releasable=frozenset({"state:LV"}))
    assert join(a, b).releasable == frozenset({"authority:x & state:LV"})
    assert join(join(a, b), marking(releasable=frozenset({"authority:y"}))).releasable == frozenset()


@pytest.mark.parametrize(
    "parts",
    [
        {"originators": frozenset()},
        {"originators": frozenset({""})},
        {"originators": frozenset({"two words"})},
        {"originators": frozenset({"ee-cert\u200b"})},
        {"originators": frozenset({"\ud800"})},
        {"handling": frozenset({"H3"}), "handling_text": frozenset({"half \ud800"})},
        {"handling": frozenset({"H4"})},
        {"handling": frozenset({"H3"})},
        {"handling": frozenset({"H3"}), "handling_text": frozenset({""})},
        {"handling_text": frozenset({"a text"})},
        {"purposes": frozenset({""})},
        {"releasable": frozenset({"EE"})},
        {"releasable": frozenset({"state:ee"})},
        {"releasable": frozenset({"tier:king"})},
        {"releasable": frozenset({"authority:"})},
        {"releasable": frozenset({"authority:FI-CERT"})},
        {"releasable": frozenset({"state:EE & authority:x"})},
        {"releasable": frozenset({"state:EE & state:LV"})},
        {"releasable": frozenset({"state:EE", "authority:x & state:EE"})},
        {"retention_us": -1},
        {"retention_us": 2**63},
        {"retention_us": LAST_MOMENT_US + 1},
        {"embargo_us": LAST_MOMENT_US + 1},
        {"embargo_for": frozenset({"Mari"})},
        {"embargo_us": 7, "embargo_for": frozenset({""})},
        {"embargo_us": 7, "embargo_for": frozenset({"\ud800"})},
    ],
)
def test_meaningless_markings_are_refused(parts):
    """A part that means nothing, or is not in its shortest form, makes no marking."""
    with pytest.raises(MarkingError):
        marking(**parts)


WRITTEN = {"tlp": "RED", "pap": "AMBER", "originators": ["a", "b"]}


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        "RED",
        {},
        {"tlp": "RED", "pap": "RED"},
        WRITTEN | {"embargo": True},
        WRITTEN | {"tlp": "WHITE"},
        WRITTEN | {"tlp": ["RED"]},
        WRITTEN | {"tlp": "red"},
        WRITTEN | {"originators": ["b", "a"]},
        WRITTEN | {"originators": ["a", "a", "b"]},
        WRITTEN | {"originators": "a"},
        WRITTEN | {"originators": [1]},
        WRITTEN | {"handling": []},
        WRITTEN | {"purposes": None},
        WRITTEN | {"retention_us": 1.0},
        WRITTEN | {"retention_us": True},
        WRITTEN | {"retention_us": None},
        WRITTEN | {"embargo_us": True},
        WRITTEN | {"embargo_us": 7, "embargo_for": []},
    ],
)
def test_only_the_canonical_form_is_read(values):
    """A key from a newer node could be a restriction, and two forms of one marking two hashes: both refused."""
    with pytest.raises(MarkingError):
        Marking.from_json(values)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["RED", "AMBER", "H1", "H3", "state:EE", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *WRITTEN,
                "handling",
                "handling_text",
                "purposes",
                "releasable",
                "retention_us",
                "embargo_us",
                "embargo_for",
            ]
        ),
        JSON,
    ),
    st.booleans(),
)
def test_any_json_is_a_marking_or_an_error(values, whole):
    """Whatever JSON arrives: the one error, or a marking that is written exactly as it came."""
    told = WRITTEN | values if whole else values
    try:
        marking = Marking.from_json(told)
    except MarkingError:
        return
    assert marking.as_json() == told


def test_no_purpose_is_not_any_purpose():
    """A marking for no purpose at all stays different from one for any, through JSON."""
    none = marking(purposes=frozenset())
    assert none.as_json()["purposes"] == []
    assert "purposes" not in marking().as_json()
    assert Marking.from_json(none.as_json()) != marking()


def test_two_lists_of_who_may_have_it_are_joined_at_once():
    """Hundreds of authorities with hundreds of states are more pairs than a marking holds: then nobody may, at once."""
    states = [f"state:{one}{two}" for one in "ABCDEFGHIJKL" for two in "ABCDEFGHIJKLMNOPQRSTUVWXY"]
    a = marking(releasable=frozenset(f"authority:a{number}" for number in range(300)))
    b = marking(releasable=frozenset(states))
    began = time.monotonic()
    assert join(a, b).releasable == join(b, a).releasable == frozenset()
    assert is_at_least(join(a, b), a)
    assert is_at_least(join(a, b), b)
    some = marking(releasable=frozenset({"tier:member", *sorted(a.releasable or ())[:250]}))
    assert join(a, some).releasable is not None
    assert time.monotonic() - began < 15


def test_nobody_lists_more_than_there_can_be():
    """A list that takes minutes to be read is refused before it is."""
    with pytest.raises(MarkingError, match="alternatives"):
        marking(releasable=frozenset(f"authority:a{number}" for number in range(20_000)))
