"""How a partner stands: what two people agreed on holds for how it stood when they saw it."""

import pytest

from hanse.accounts import approvals
from hanse.accounts.models import Proposal
from hanse.federation import partnering
from hanse.federation.models import Partner
from hanse.kernel.errors import UsageError
from tests.accounts.people import acting, newcomer, several_at_once
from tests.federation.peer import Peer

pytestmark = pytest.mark.usefixtures("founded")


@pytest.fixture
def officer():
    """Who proposes."""
    return acting(newcomer("officer", name="Mari"))


@pytest.fixture
def second():
    """Who approves."""
    return acting(newcomer("approver", name="Jaan"))


@pytest.fixture
def fi():
    """A partner."""
    peer = Peer("fi-cert", "FI")
    peer.joins()
    return peer


def _state() -> str:
    return Partner.objects.get(pk="fi-cert").state


def test_who_was_expelled_does_not_come_back_by_an_older_proposal(fi, officer, second):
    """Taking it in again was proposed before it was expelled: it comes back only as a new partner."""
    partnering.suspend("fi-cert", "Ask them.", officer)
    back = partnering.propose_standing("fi-cert", "active", "They answered.", officer)
    with several_at_once():
        out = partnering.propose_standing("fi-cert", "expelled", "Their keys are lost.", officer)
    approvals.approve(out, second)
    with pytest.raises(UsageError, match="since this was proposed: it is expelled"):
        approvals.approve(back, second)
    assert _state() == "expelled"


def test_a_proposal_about_how_it_stood_before_gives_way(fi, officer, second):
    """To take it in again was proposed, and it was suspended for another reason since: the next proposal takes its place."""
    partnering.suspend("fi-cert", "Ask them.", officer)
    with several_at_once():
        old, other = (
            partnering.propose_standing("fi-cert", "active", "They answered.", officer) for _ in range(2)
        )
    approvals.approve(other, second)
    partnering.suspend("fi-cert", "Their key is said to be lost.", officer)
    new = partnering.propose_standing("fi-cert", "active", "It was not.", officer)
    assert Proposal.objects.get(pk=old).state == "withdrawn"
    approvals.approve(new, second)
    assert _state() == "active"


def test_who_was_suspended_anew_does_not_come_back_by_an_older_proposal(fi, officer, second):
    """It stands as before, but for another reason, which the two people did not know."""
    partnering.suspend("fi-cert", "Ask them.", officer)
    with several_at_once():
        first, late = (
            partnering.propose_standing("fi-cert", "active", "They answered.", officer) for _ in range(2)
        )
    approvals.approve(first, second)
    partnering.suspend("fi-cert", "Their key is said to be lost.", officer)
    with pytest.raises(UsageError, match="propose it anew"):
        approvals.approve(late, second)
    assert _state() == "suspended"
    approvals.reject(late, "It is too old.", second)
    approvals.approve(partnering.propose_standing("fi-cert", "active", "It was found.", officer), second)
    assert _state() == "active"


def test_nobody_is_moved_by_an_older_proposal(fi, officer, second):
    """Where a partner is reached was decided otherwise since; then its old address, which another may have, is not taken."""
    old, new = "https://old.example/hanse/", "https://new.example/hanse/"
    late = partnering.propose_move("fi-cert", old, "", "They moved.", officer)
    with several_at_once():
        approvals.approve(partnering.propose_move("fi-cert", new, "", "They moved.", officer), second)
    with pytest.raises(UsageError, match="propose it anew"):
        approvals.approve(late, second)
    assert Partner.objects.get(pk="fi-cert").endpoint == new
