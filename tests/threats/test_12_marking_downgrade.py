"""Threat 12: a marking is downgraded. What is derived is as strict as the strictest of its inputs."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.kernel.markings import Marking, MarkingError, Pap, Tlp, is_at_least, strictest
from hanse.policy.actions import ACTIONS
from hanse.policy.decision import may, may_mark
from tests.policy.build import NOW, OWN, PARTNER, about, actors, marking, markings, person, teams


@given(st.lists(markings(), min_size=1, max_size=6))
def test_what_is_derived_is_never_weaker_than_an_input(inputs):
    """Whatever the inputs and their order, the output is at least as strict as each."""
    derived = strictest(inputs)
    assert all(is_at_least(derived, one) for one in inputs)
    assert strictest(reversed(inputs)) == derived


@given(st.lists(markings(), min_size=1, max_size=4), st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_deriving_in_steps_loses_nothing(inputs, steps):
    """Through any chain of intermediate results, the last is at least as strict as every input it rests on."""
    made, rests_on = inputs[0], [inputs[0]]
    for step in steps:
        one = inputs[step % len(inputs)]
        made, rests_on = strictest([made, one]), [*rests_on, one]
    assert all(is_at_least(made, one) for one in rests_on)


@given(actors(), st.lists(markings(), min_size=1, max_size=4), teams())
def test_nobody_gets_from_the_derived_what_an_input_refuses(actor, inputs, team):
    """For every action: allowed with what is derived, then allowed with each input."""
    derived = about(strictest(inputs), team=team)
    for action in ACTIONS:
        if may(actor, action, derived, now_us=NOW):
            assert all(may(actor, action, about(one, team=team), now_us=NOW) for one in inputs)


@given(markings(), markings())
def test_different_markings_have_different_bytes(a, b):
    """The signed form tells markings apart: no part can be weakened under the same bytes."""
    assert (a.text == b.text) == (a == b)


@given(markings())
def test_a_dropped_part_is_never_read_as_the_same_marking(mark):
    """Each key removed from the written form gives an error or a different marking, never the same one."""
    written = mark.as_json()
    for name in written:
        rest = {key: value for key, value in written.items() if key != name}
        try:
            assert Marking.from_json(rest) != mark
        except MarkingError:
            assert name in {"tlp", "pap", "originators", "handling", "handling_text", "embargo_us"}


def test_case_and_old_names_are_no_levels():
    """Levels are exact words: `red`, `WHITE` and ` RED` are errors and not the weakest level."""
    for level in ("red", "WHITE", " RED", "", None, 4):
        with pytest.raises(MarkingError):
            Marking.from_json({"tlp": level, "pap": "RED", "originators": ["a"]})


def test_only_an_officer_marks_anew():
    """A release is an officer's, with a fresh passkey; neither the node nor a partner can do it."""
    red = about(marking(PARTNER, tlp=Tlp.RED, pap=Pap.RED))
    assert may(person("officer"), "policy.mark", red, now_us=NOW)
    for held in ("analyst", "investigator", "approver", "auditor", "administrator"):
        assert "role.missing" in may(person(held), "policy.mark", red, now_us=NOW).rules
    assert may(person("officer", fresh=False), "policy.mark", red, now_us=NOW).rules == ("step-up",)


@given(markings(), markings())
def test_only_the_originator_weakens(old, new):
    """An officer may make any marking stricter; weaker only what the authority alone originated."""
    actor = person("officer", teams=("alpha",))
    subject = about(replace(old, retention_us=None, releasable=None, purposes=None), team="alpha")
    decision = may_mark(actor, subject, new, now_us=NOW)
    stricter = is_at_least(new, subject.marking)
    own = old.originators == {OWN}
    assert decision.allowed == (stricter or (own and OWN in new.originators))
    assert decision.allowed or decision.rules == ("originator",)


def test_marking_anew_needs_the_role_too():
    """A weaker marking by somebody who may not mark at all is refused for both reasons."""
    rules = may_mark(person("analyst"), about(marking(PARTNER)), marking(), now_us=NOW).rules
    assert rules == ("role.missing", "originator")
