"""`require` lets an allowed actor go on and stops every other with the reasons."""

import pytest

from hanse.policy.actions import UnknownActionError
from hanse.policy.asking import RefusedError, require
from tests.policy.build import about, person


def test_a_refusal_carries_its_decision():
    """The error's text is the reasons' words, and its decision names the rules."""
    require(person("analyst"), "attacks.decide", about())
    with pytest.raises(RefusedError, match="None of your roles") as error:
        require(person("auditor"), "attacks.decide", about())
    assert error.value.decision.rules[0] == "role.missing"
    with pytest.raises(UnknownActionError):
        require(person("analyst"), "attacks.undo")
