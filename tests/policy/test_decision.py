"""`may` answers with every reason, each naming its rule, and never allows more for a stricter marking."""

from dataclasses import replace

import pytest
from hypothesis import given

from hanse.kernel.actors import system
from hanse.kernel.markings import Pap, Tlp, join
from hanse.policy.actions import ACTIONS, UnknownActionError
from hanse.policy.decision import STEP_UP_US, Decision, Reason, Subject, may
from hanse.policy.roles import roles
from tests.policy.build import (
    NOW,
    OWN,
    PARTNER,
    about,
    actions,
    actors,
    marking,
    markings,
    person,
    purposes,
    teams,
)

ANALYST = person("analyst", teams=("alpha",))
OFFICER = person("officer")
H3 = {"handling": frozenset({"H3"}), "handling_text": frozenset({"not abroad"})}


def rules(actor, action, subject=None, **more) -> tuple[str, ...]:
    """The ids of the rules of a decision."""
    return may(actor, action, subject, now_us=NOW, **more).rules


@given(actors(), actions(), markings(), markings(), teams(), purposes())
def test_a_stricter_marking_never_allows_more(actor, action, a, b, team, purpose):
    """What is refused for an input is refused for everything derived from it."""
    derived = may(actor, action, about(join(a, b), team=team), now_us=NOW, purpose=purpose)
    for one in (a, b):
        if not may(actor, action, about(one, team=team), now_us=NOW, purpose=purpose):
            assert not derived


@given(actors(), actions(), markings(), teams(), purposes())
def test_every_decision_names_its_rules(actor, action, mark, team, purpose):
    """A yes names the one granting rule, a no at least one rule, each once, each with words; asking is pure."""
    decision = may(actor, action, about(mark, team=team), now_us=NOW, purpose=purpose)
    grants = [f"role.{name}" for name in roles()] + ["system"]
    assert decision.reasons
    assert len(set(decision.rules)) == len(decision.rules)
    assert all(reason.words.endswith((".", "not abroad", "ask first")) for reason in decision.reasons)
    assert [rule in grants for rule in decision.rules] == (
        [True] if decision.allowed else [False] * len(decision.rules)
    )
    assert bool(decision) is decision.allowed
    assert may(actor, action, about(mark, team=team), now_us=NOW, purpose=purpose) == decision


@given(actors(), actions(), markings(), teams())
def test_what_is_refused_to_all_is_refused_for_each(actor, action, mark, team):
    """An action that the actor may do with nothing (a hidden menu item) is refused with every thing."""
    if not may(actor, action, now_us=NOW):
        assert not may(actor, action, about(mark, team=team), now_us=NOW)


@given(actors(), actions(), markings(), teams())
def test_another_ordinary_role_never_takes_away(actor, action, mark, team):
    """Somebody allowed stays so with one more role that does not oversee."""
    more = replace(actor, roles=actor.roles | {"officer"})
    if may(actor, action, about(mark, team=team), now_us=NOW):
        assert may(more, action, about(mark, team=team), now_us=NOW)


def test_a_yes_names_the_role():
    """The granting rule is the role's, in words that a page can show."""
    words = "The role analyst may see attacks."
    assert may(ANALYST, "attacks.view", about(), now_us=NOW) == Decision(
        allowed=True, reasons=(Reason("role.analyst", words),)
    )
    assert may(ANALYST, "attacks.view", now_us=NOW).words == words


def test_an_unknown_action_is_an_error():
    """A mistyped action is found by the first test that meets it, and never passes for a refusal."""
    with pytest.raises(UnknownActionError, match=r"attack\.view"):
        may(ANALYST, "attack.view", now_us=NOW)


def test_all_reasons_are_collected():
    """A person sees at once all that is missing."""
    late = marking(PARTNER, tlp=Tlp.RED, pap=Pap.RED, handling=frozenset({"H1", "H2"}), retention_us=NOW - 1)
    assert rules(person(fresh=False), "ledger.export", about(late, team="beta")) == (
        "role.missing", "retention.over", "tlp.red", "team.need-to-know", "pap.red", "handling.h1", "handling.h2",
    )  # fmt: skip


def test_a_role_that_no_longer_exists_gives_nothing():
    """Roles are data; a name that left the file is no role."""
    assert rules(person("emperor"), "attacks.view") == ("role.missing",)


def test_a_token_does_only_what_its_scope_holds():
    """A token has at most its owner's roles, and of these only its scope; without a scope it does nothing."""
    token = replace(ANALYST, kind="token", scopes=frozenset({"attacks.view"}), stepped_up_us=None)
    assert may(token, "attacks.view", about(), now_us=NOW)
    assert rules(token, "attacks.export", about()) == ("scope",)
    assert rules(replace(token, scopes=None), "attacks.view", about()) == ("scope",)
    assert rules(replace(token, scopes=frozenset({"ledger.purge"})), "ledger.purge") == (
        "role.missing",
        "step-up",
    )


@pytest.mark.parametrize("proved", [None, NOW - STEP_UP_US - 1, NOW + 1])
def test_release_needs_a_fresh_passkey(proved):
    """Marking anew needs a passkey proved in the last five minutes, and none from the future."""
    assert rules(replace(OFFICER, stepped_up_us=proved), "policy.mark", about()) == ("step-up",)
    assert may(replace(OFFICER, stepped_up_us=NOW - STEP_UP_US), "policy.mark", about(), now_us=NOW)


def test_nothing_is_kept_past_its_date():
    """Past the retention date only purging is left."""
    kept = about(marking(retention_us=NOW))
    late = about(marking(retention_us=NOW - 1))
    assert may(OFFICER, "attacks.view", kept, now_us=NOW)
    assert rules(OFFICER, "attacks.view", late) == ("retention.over",)
    assert rules(system("worker", OWN), "attacks.export", late) == ("retention.over",)
    assert may(OFFICER, "ledger.purge", late, now_us=NOW)


def test_an_embargo_is_for_those_it_was_given_to_until_the_hour():
    """Before the hour its team sees it, or whoever gives it to one; from the hour on everybody with the role."""
    mark = marking(PARTNER, embargo_us=NOW)
    before = NOW - 1
    assert may(ANALYST, "attacks.view", about(mark), now_us=before).rules == ("embargo.hour",)
    assert may(OFFICER, "attacks.view", about(mark), now_us=before)
    assert may(person("analyst", teams=("alpha",)), "attacks.view", about(mark, team="alpha"), now_us=before)
    assert "embargo.hour" in may(OFFICER, "attacks.view", about(mark, team="alpha"), now_us=before).rules
    assert may(ANALYST, "attacks.view", about(mark), now_us=NOW)


@pytest.mark.parametrize(
    ("tlp", "refused"),
    [
        (Tlp.CLEAR, ()),
        (Tlp.GREEN, ()),
        (Tlp.AMBER, ("tlp.amber",)),
        (Tlp.AMBER_STRICT, ("tlp.amber-strict",)),
        (Tlp.RED, ("tlp.red",)),
    ],
)
def test_tlp_keeps_things_from_partners(tlp, refused):
    """A partner is the community: GREEN and CLEAR reach it, AMBER stays with the authority and its clients."""
    partner = replace(ANALYST, kind="partner", authority=PARTNER)
    decision = may(partner, "attacks.view", about(marking(tlp=tlp)), now_us=NOW)
    assert decision.rules == (refused or ("role.analyst",))
    assert tlp is Tlp.RED or may(ANALYST, "attacks.view", about(marking(tlp=tlp)), now_us=NOW)


def test_a_partner_may_see_what_it_gave():
    """What a partner alone originated is not kept from it."""
    partner = replace(ANALYST, kind="partner", authority=PARTNER)
    assert may(partner, "attacks.view", about(marking(PARTNER, tlp=Tlp.AMBER_STRICT)), now_us=NOW)


def test_red_is_for_its_team():
    """TLP:RED is for the team it was given to; until it has one, for those who may give it to one."""
    red = marking(PARTNER, tlp=Tlp.RED)
    assert may(ANALYST, "attacks.view", about(red, team="alpha"), now_us=NOW)
    assert rules(ANALYST, "attacks.view", about(red, team="beta")) == ("tlp.red", "team.need-to-know")
    assert rules(ANALYST, "attacks.view", about(red)) == ("tlp.red",)
    assert may(OFFICER, "attacks.view", about(red), now_us=NOW)
    assert rules(OFFICER, "attacks.view", about(red, team="alpha")) == ("tlp.red", "team.need-to-know")


def test_a_team_keeps_others_out():
    """What belongs to a team is for its members, whatever their role and whoever made it."""
    assert may(ANALYST, "attacks.view", about(team="alpha"), now_us=NOW)
    own = Subject("attack", marking(), "alpha", created_by=OFFICER.id)
    assert rules(OFFICER, "attacks.view", own) == ("team.need-to-know",)


@pytest.mark.parametrize(
    ("releasable", "allowed"),
    [
        (None, True),
        (frozenset(), False),
        (frozenset({"state:LV"}), False),
        (frozenset({"state:EE"}), True),
        (frozenset({"tier:member"}), True),
        (frozenset({f"authority:{OWN}"}), True),
        (frozenset({"state:LV & tier:member", f"authority:{PARTNER}"}), False),
    ],
)
def test_releasability_names_who_may_have_it(releasable, allowed):
    """It only restricts, and never the authority whose own it is."""
    theirs = may(ANALYST, "attacks.view", about(marking(PARTNER, releasable=releasable)), now_us=NOW)
    assert theirs.allowed == allowed
    assert allowed or theirs.rules == ("releasable",)
    assert may(ANALYST, "attacks.view", about(marking(releasable=releasable)), now_us=NOW)


def test_purposes_bind():
    """A thing for one purpose is not for a role that works for others, nor for another purpose as stated."""
    court = about(marking(PARTNER, purposes=frozenset({"prosecution"})))
    assert rules(ANALYST, "attacks.view", court) == ("purpose",)
    assert may(OFFICER, "attacks.view", court, now_us=NOW)
    assert rules(OFFICER, "attacks.view", court, purpose="defence") == ("purpose",)
    assert may(OFFICER, "attacks.view", court, now_us=NOW, purpose="prosecution")
    assert rules(ANALYST, "attacks.view", about(), purpose="prosecution") == ("purpose",)
    assert rules(OFFICER, "attacks.view", about(marking(purposes=frozenset()))) == ("purpose",)


@pytest.mark.parametrize(
    ("pap", "refused"),
    [
        (Pap.CLEAR, set()),
        (Pap.GREEN, set()),
        (Pap.AMBER, {"intel.query", "prevention.block"}),
        (
            Pap.RED,
            {
                "intel.query", "intel.look_up", "prevention.block",
                "attacks.export", "campaigns.export", "ledger.export",
                "telemetry.export", "constituency.export", "intel.export", "cases.export", "cases.take",
                "cases.tell", "cases.joint", "cases.joint_open", "federation.share", "taxii.fetch", "webhooks.receive",
                "matching.run", "matching.count", "matching.contact",
            },
        ),
    ],
)  # fmt: skip
def test_pap_really_blocks(pap, refused):
    """RED stops look-ups, exports and blocking, AMBER whatever the owner could notice; for one's own too."""
    actor = person("analyst", "officer")
    subject = about(marking(pap=pap))
    stopped = {name for name in ACTIONS if f"pap.{pap.colour}" in rules(actor, name, subject)}
    assert stopped == refused
    node = system("worker", OWN)
    assert {name for name in ACTIONS if f"pap.{pap.colour}" in rules(node, name, subject)} == refused


@pytest.mark.parametrize(
    ("parts", "refused"),
    [
        ({"handling": frozenset({"H1"})}, {"ledger.export": ("handling.h1",)}),
        (
            {"handling": frozenset({"H2"})},
            dict.fromkeys(("attacks.export", "ledger.export"), ("handling.h2",)),
        ),
        (H3, dict.fromkeys(("attacks.export", "ledger.export"), ("handling.h3",))),
    ],
)
def test_handling_codes_bind_what_leaves(parts, refused):
    """H1 stops evidence, H2 and H3 what leaves the authority; looking is free, and one's own is not bound."""
    for action in ("attacks.view", "attacks.export", "ledger.export"):
        expected = refused.get(action, ("role.officer",))
        assert rules(OFFICER, action, about(marking(PARTNER, **parts))) == expected
        assert rules(OFFICER, action, about(marking(**parts))) == ("role.officer",)


def test_the_text_of_h3_is_shown():
    """A machine cannot judge the text, so people read it in the reason."""
    assert "not abroad" in may(OFFICER, "attacks.export", about(marking(PARTNER, **H3)), now_us=NOW).words


def test_h0_is_for_crime_only():
    """H0 refuses a purpose that neither prevents nor combats crime."""
    h0 = about(marking(PARTNER, handling=frozenset({"H0"})))
    assert may(ANALYST, "attacks.view", h0, now_us=NOW, purpose="defence")
    assert rules(ANALYST, "attacks.view", h0, purpose="statistics") == ("purpose", "handling.h0")


@pytest.mark.parametrize(
    ("subject", "embargoed"),
    [
        (about(marking(PARTNER)), False),
        (about(marking(PARTNER, purposes=frozenset({"prosecution"}))), False),
        (about(marking(PARTNER, tlp=Tlp.RED)), True),
        (about(marking(PARTNER, handling=frozenset({"H0"}))), True),
        (about(team="alpha"), True),
    ],
)
def test_the_auditor_sees_envelopes_and_needs_a_second_person_for_embargoed_bodies(subject, embargoed):
    """All envelopes and proofs; bodies, unless TLP:RED, a handling code or a team is on them and nobody opened it."""
    auditor = person("auditor", teams=("alpha",))
    assert may(auditor, "ledger.view", subject, now_us=NOW)
    assert may(auditor, "ledger.prove", subject, now_us=NOW)
    assert rules(auditor, "ledger.read_body", subject) == (("embargo",) if embargoed else ("role.auditor",))
    opened = replace(subject, opened_to=frozenset({auditor.id}))
    assert may(auditor, "ledger.read_body", opened, now_us=NOW)
    assert may(
        person("auditor", "analyst", teams=("alpha",)), "ledger.read_body", about(team="alpha"), now_us=NOW
    )


def test_others_see_only_envelopes_of_what_they_may_see():
    """That an entry exists is told to nobody who may not know the thing, auditors excepted."""
    assert rules(ANALYST, "ledger.view", about(team="beta")) == ("team.need-to-know",)
    assert rules(ANALYST, "ledger.view", about(marking(PARTNER, tlp=Tlp.RED))) == ("tlp.red",)


def test_the_node_works_inside_and_leaves_nothing_out():
    """The node derives from everything it holds; exports, approvals and releases are not its to do."""
    node = system("worker", OWN)
    red = about(
        marking(PARTNER, tlp=Tlp.RED, handling=frozenset({"H2"}), releasable=frozenset()), team="alpha"
    )
    assert rules(node, "attacks.view", red) == ("system",)
    assert rules(node, "attacks.export", red) == ("handling.h2",)
    assert rules(node, "policy.mark", red) == ("step-up",)
    assert rules(node, "accounts.approve", red) == ("step-up", "second-person")
