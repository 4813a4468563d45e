"""Article 25 of the Law Enforcement Directive: what is logged, and when a reason is asked for."""

import pytest

from hanse.kernel.actors import system
from hanse.kernel.markings import Tlp
from hanse.policy.actions import ACTIONS, UnknownActionError
from hanse.policy.consultation import Consultation, consultation
from tests.policy.build import NOW, OWN, about, marking, person

ANALYST = person("analyst")
PLAIN = about()


@pytest.mark.parametrize(
    ("action", "subject", "expected"),
    [
        ("settings.view", None, Consultation(logged=False, reason=False, recipient=False, rule="none")),
        ("attacks.view", PLAIN, Consultation(logged=True, reason=False, recipient=False, rule="led.25")),
        ("attacks.export", PLAIN, Consultation(logged=True, reason=False, recipient=True, rule="led.25")),
        ("ledger.read_body", PLAIN, Consultation(logged=True, reason=True, recipient=False, rule="action")),
        ("ledger.purge", None, Consultation(logged=True, reason=True, recipient=False, rule="action")),
        (
            "attacks.view", about(marking(tlp=Tlp.RED)),
            Consultation(logged=True, reason=True, recipient=False, rule="embargoed"),
        ),
        (
            "campaigns.view", about(marking(purposes=frozenset({"defence"}))),
            Consultation(logged=True, reason=True, recipient=False, rule="purpose"),
        ),
        (
            "ledger.view", about(marking(tlp=Tlp.RED)),
            Consultation(logged=False, reason=False, recipient=False, rule="none"),
        ),
    ],
)  # fmt: skip
def test_what_is_recorded(action, subject, expected):
    """Looking at content is logged; a reason is asked for bodies, restricted things and limited purposes."""
    assert consultation(ANALYST, action, subject, now_us=NOW) == expected


def test_the_node_is_not_asked_why():
    """A job's reason is the job; that it looked is logged all the same."""
    made = consultation(system("worker", OWN), "attacks.view", about(team="alpha"), now_us=NOW)
    assert (made.logged, made.reason) == (True, False)


def test_every_disclosure_is_logged():
    """No action lets a value leave the node unlogged."""
    assert all(action.logged for action in ACTIONS.values() if action.touch)
    with pytest.raises(UnknownActionError):
        consultation(ANALYST, "attacks.peek", now_us=NOW)
