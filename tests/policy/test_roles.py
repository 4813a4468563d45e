"""Roles are data that is checked: each action is known and given, nothing is given by mistake."""

import pytest

from hanse.policy.actions import ACTIONS, UnknownActionError
from hanse.policy.roles import RoleError, all_roles, read, roles

ROLE = '[clerk]\ntitle = "Clerk"\nactions = ["attacks.view"]\npurposes = []\n'


def test_every_action_is_given_to_a_role():
    """No action is in the list for nobody."""
    assert set().union(*(role.actions for role in all_roles().values())) == set(ACTIONS)


def test_the_roles_are_those_of_an_authority():
    """Six roles; those who control others take two people to make."""
    assert list(roles()) == ["analyst", "investigator", "officer", "approver", "auditor", "administrator"]
    assert {name for name, role in roles().items() if role.two_people} == {"approver", "auditor"}
    assert {name for name, role in roles().items() if role.oversight} == {"auditor"}


def test_partners_have_a_role_that_no_person_can_have():
    """What a partner at the open edge may do is a role of its own, which no page offers and no person can be given."""
    assert set(all_roles()) - set(roles()) == {"edge"}
    given = all_roles()["edge"].actions
    assert not [
        name
        for name in ("taxii.fetch", "taxii.send", "webhooks.receive")
        if any(name in one.actions for one in roles().values())
    ]
    assert given == {"taxii.fetch", "taxii.send", "webhooks.receive", "intel.view", "intel.import"}


def test_an_administrator_sees_no_content():
    """The administrator's actions show nothing of what a marked thing says."""
    assert not [name for name in roles()["administrator"].actions if ACTIONS[name].content]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (ROLE.replace("attacks.view", "attacks.vieww"), UnknownActionError),
        (ROLE + "overseer = true\n", RoleError),
        (ROLE.replace("[]", '["curiosity"]'), RoleError),
    ],
)
def test_a_mistake_in_the_file_is_an_error(text, error):
    """An unknown action, key or purpose stops the program; it is never skipped."""
    assert list(read(ROLE)) == ["clerk"]
    with pytest.raises(error):
        read(text)
