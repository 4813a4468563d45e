"""Threat 7: an insider reaches too far. Every role with every action and every sort of target."""

from itertools import product

import pytest

from hanse.kernel.markings import Audience, Pap, Tlp
from hanse.policy.actions import ACTIONS
from hanse.policy.decision import Subject, may
from hanse.policy.roles import roles
from tests.policy.build import NOW, OWN, PARTNER, marking, person

MATRIX = """
                     analyst investigator officer approver auditor administrator
situation.view          x         x          x        x       .          .
telemetry.view          x         x          x        .       .          .
telemetry.export        x         x          x        .       .          .
telemetry.import        x         .          .        .       .          .
telemetry.collect       x         .          .        .       .          .
telemetry.remove        x         .          .        .       .          .
constituency.view       x         x          x        x       .          .
constituency.edit       x         .          .        .       .          .
constituency.export     x         x          x        .       .          .
attacks.view            x         x          x        x       .          .
attacks.decide          x         .          .        .       .          .
attacks.export          x         x          x        .       .          .
tracing.view            x         x          x        x       .          .
campaigns.view          x         x          x        x       .          .
campaigns.export        x         x          x        .       .          .
intel.view              x         x          x        x       .          .
intel.import            x         .          .        .       .          .
intel.subscribe         x         .          .        .       .          .
intel.write             x         x          .        .       .          .
intel.edit              x         x          .        .       .          .
intel.export            x         x          x        .       .          .
intel.look_up           x         x          .        .       .          .
intel.query             x         .          .        .       .          .
cases.view              .         x          x        .       .          .
cases.open              .         x          .        .       .          .
cases.edit              .         x          x        .       .          .
cases.joint             .         x          x        .       .          .
cases.joint_open        .         x          x        .       .          .
cases.keep              .         x          x        .       .          .
cases.export            .         x          x        .       .          .
cases.inspect           .         x          x        .       .          .
cases.take              .         x          x        .       .          .
cases.answer            .         x          x        .       .          .
cases.tell              .         x          x        .       .          .
cases.erase             .         x          x        .       .          .
matching.view           .         x          x        .       .          .
matching.oversee        .         x          x        x       x          .
matching.agree          .         .          x        .       .          .
matching.run            .         x          x        .       .          .
matching.count          x         x          x        .       .          .
matching.reopen         .         .          .        .       x          .
matching.keep_out       .         x          x        .       .          .
matching.contact        .         x          x        .       .          .
prevention.block        .         .          x        .       .          .
ledger.view             x         x          x        x       x          .
ledger.prove            x         x          x        x       x          .
ledger.read_body        x         x          x        x       x          .
ledger.export           .         x          x        .       x          .
ledger.purge            .         .          x        .       .          .
policy.mark             .         .          x        .       .          .
federation.view         x         .          x        x       x          x
federation.partner      .         .          x        .       .          x
federation.share        x         .          x        .       .          .
accounts.view           .         .          .        x       x          x
accounts.invite         .         .          .        .       .          x
accounts.grant          .         .          .        .       .          x
accounts.approve        .         .          .        x       .          .
accounts.tokens         x         x          .        .       .          x
taxii.view              .         .          .        x       .          x
taxii.partner           .         .          .        .       .          x
taxii.fetch             .         .          .        .       .          .
taxii.send              .         .          .        .       .          .
webhooks.view           .         .          .        x       .          x
webhooks.edit           .         .          .        .       .          x
webhooks.receive        .         .          .        .       .          .
settings.view           .         .          .        .       .          x
settings.edit           .         .          .        .       .          x
jobs.view               x         x          x        x       .          x
jobs.cancel             x         .          .        .       .          x
"""
"""Who may do what, written a second time, so that a change of roles.toml is a change of this table too."""

HEAD, *ROWS = [line.split() for line in MATRIX.strip().splitlines()]
MAY = {(role, row[0]): mark == "x" for row in ROWS for role, mark in zip(HEAD, row[1:], strict=True)}

EXPORTS = {
    "telemetry.export", "constituency.export", "attacks.export", "campaigns.export", "intel.export", "ledger.export",
    "cases.export", "cases.take", "cases.tell", "cases.joint", "cases.joint_open", "federation.share",
    "matching.run", "matching.count", "matching.contact",
}  # fmt: skip
OUTWARD = EXPORTS | {"intel.look_up", "intel.query", "prevention.block"}
NO_CONTENT = {name for name in ACTIONS if name.split(".")[0] in {"situation", "accounts", "settings", "jobs"}} | {
    "telemetry.import", "telemetry.collect", "telemetry.remove", "intel.import", "intel.subscribe", "cases.open", "ledger.view", "ledger.prove",
    "ledger.purge", "federation.view", "federation.partner", "taxii.view", "taxii.partner",
    "webhooks.view", "webhooks.edit", "matching.oversee", "matching.agree", "matching.reopen",
}  # fmt: skip
AUDITED = {
    "ledger.view",
    "ledger.prove",
    "federation.view",
    "accounts.view",
    "matching.oversee",
    "matching.reopen",
}
ALL = set(ACTIONS)

OUT_OF_HOUSE = {name for name, action in ACTIONS.items() if action.audience > Audience.ORGANISATION}

TARGETS = {
    "own, for everybody": (marking(), "", {}),
    "own, of another team": (marking(), "beta", {"others": ALL, "auditor": ALL - AUDITED}),
    "own, of the actor's team": (marking(), "alpha", {"auditor": ALL - AUDITED}),
    "red without a team": (
        marking(tlp=Tlp.RED), "", {"others": ALL, "officer": set(), "auditor": ALL - AUDITED},
    ),
    "red of the actor's team": (marking(tlp=Tlp.RED), "alpha", {"auditor": ALL - AUDITED}),
    "under an embargo, given to nobody yet": (
        marking(embargo_us=NOW + 1), "", {"others": ALL, "officer": OUT_OF_HOUSE, "auditor": ALL - AUDITED},
    ),
    "under an embargo, given to the actor's team": (
        marking(embargo_us=NOW + 1), "alpha", {"others": OUT_OF_HOUSE, "auditor": ALL - AUDITED},
    ),
    "after its embargo": (marking(embargo_us=NOW), "", {}),
    "red for actions": (marking(pap=Pap.RED), "", {"others": OUTWARD, "auditor": OUTWARD}),
    "a partner's, not to be passed on": (
        marking(PARTNER, handling=frozenset({"H2"})), "", {"others": OUTWARD, "auditor": ALL - AUDITED},
    ),
    "a partner's, not released to this authority": (
        marking(PARTNER, releasable=frozenset({f"authority:{PARTNER}"})), "", {"others": ALL},
    ),
    "past its date": (
        marking(retention_us=NOW - 1), "", {"others": ALL - NO_CONTENT, "auditor": ALL - NO_CONTENT},
    ),
}  # fmt: skip
"""Each target: its marking, its team, and what it refuses to the auditor, to the officer and to all others.

What is not said of the officer is as for the others. The auditor sees every envelope and proof, and what is not
under an embargo.
"""


def test_the_matrix_names_every_role_and_action():
    """No role and no action is left out of the table."""
    assert list(roles()) == HEAD
    assert sorted(row[0] for row in ROWS) == sorted(ACTIONS)


@pytest.mark.parametrize("target", TARGETS)
def test_every_role_with_every_action(target):
    """Each role may do exactly its actions, and with this target none that the target refuses."""
    mark, team, refuses = TARGETS[target]
    subject = Subject("attack", mark, team, created_by="p-2")
    for role, action in product(HEAD, ACTIONS):
        refused = refuses.get(role, set() if role == "auditor" else refuses.get("others", set()))
        expected = MAY[role, action] and action not in refused
        decision = may(person(role, teams=("alpha",)), action, subject, now_us=NOW)
        assert decision.allowed == expected, (role, action, decision)


@pytest.mark.parametrize("role", HEAD)
def test_nobody_approves_their_own(role):
    """What a person began, another person approves; what nobody is known to have begun, nobody."""
    actor = person(role)
    for begun_by in (actor.id, None):
        decision = may(
            actor, "accounts.approve", Subject("proposal", marking(), created_by=begun_by), now_us=NOW
        )
        assert "second-person" in decision.rules
    everything = person(*HEAD)
    own = Subject("proposal", marking(), created_by=everything.id)
    assert may(everything, "accounts.approve", own, now_us=NOW).rules == ("second-person",)


def test_only_a_person_approves():
    """A token of an approver, a partner and the node approve nothing, whatever they say of a passkey."""
    for kind in ("token", "partner", "system"):
        actor = person("approver")
        machine = type(actor)(
            kind, "t-1", "T", OWN, roles=actor.roles, scopes=frozenset(ALL), stepped_up_us=NOW
        )
        subject = Subject("proposal", marking(tlp=Tlp.CLEAR), created_by="p-2")
        assert may(machine, "accounts.approve", subject, now_us=NOW).rules == ("step-up", "second-person")


def test_no_single_role_both_proposes_and_approves():
    """Whoever gives roles cannot approve, and whoever approves cannot give them."""
    for role in roles().values():
        assert not {"accounts.grant", "accounts.approve"} <= role.actions
