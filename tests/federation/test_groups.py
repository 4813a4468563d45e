"""Groups of partners: who is in one is this authority's alone, and to let somebody in takes two people."""

from dataclasses import replace
from uuid import uuid4

import pytest

from hanse.accounts import approvals
from hanse.federation import groups, ruling
from hanse.federation.models import Group, Rule
from hanse.federation.sharing import Audience, Sharing, preview, share
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.models import Entry
from tests.accounts.people import acting, newcomer, several_at_once
from tests.federation.peer import Peer
from tests.federation.test_serving import Reader
from tests.federation.test_sharing import attack, mari

__all__ = ["attack", "mari"]

pytestmark = pytest.mark.usefixtures("founded")


@pytest.fixture
def peers() -> list[Peer]:
    """Three partners."""
    made = [Peer(), Peer(authority="lv-cert", country="LV"), Peer(authority="gb-cert", country="GB")]
    for one in made:
        one.joins()
    return made


@pytest.fixture
def jaan():
    """Somebody else, who approves."""
    return replace(
        acting(newcomer("approver", name="Jaan")), stepped_up_us=now_us(), roles=frozenset({"approver"})
    )


def test_who_is_in_a_group_gets_it_and_learns_nothing_of_the_group(attack, peers, mari):
    """Each member has an entry of its own; neither the group nor another member is named in any."""
    fi, lv, gb = peers
    group = groups.make("Operation Amber", [fi.authority, lv.authority], "They are next.", mari)
    wanted = Sharing("attack", attack.pk, Audience(groups=frozenset({group.hex})))
    assert [one.partner.authority for one in preview(wanted, mari)] == [fi.authority, lv.authority]
    share(wanted, mari, "They are next.")
    for one, other in ((fi, lv), (lv, fi)):
        page = Reader(one).raw()
        text = b"".join(item.payload + item.body for item in page.items).decode()
        assert "attacks.shared" in text
        for hidden in ("Operation Amber", group.hex, other.authority, gb.authority):
            assert hidden not in text
    assert not Entry.objects.filter(recipient=gb.authority, kind="attacks.shared").exists()


def test_one_person_takes_somebody_out_and_two_let_somebody_in(peers, mari, jaan):
    """Until the second person approves it, who is to come in is not in; a change meanwhile has it proposed anew."""
    fi, lv, gb = (one.authority for one in peers)
    group = groups.make("Amber", [fi, lv], "They are next.", mari)
    assert groups.change(group, [fi], "It is over for them.", mari) is None
    assert groups.members_of([group.hex]) == {fi}
    into = groups.change(group, [fi, gb], "They are next.", mari)
    with several_at_once():
        late = groups.change(group, [fi, lv], "They are back.", mari)
    assert groups.members_of([group.hex]) == {fi}
    assert (
        groups.APPROVAL.words(approvals.pending(into).subject) == f"Let GB-CERT ({gb}) into the group Amber."
    )
    approvals.approve(into, jaan)
    assert groups.members_of([group.hex]) == {fi, gb}
    with pytest.raises(UsageError, match="changed since"):
        approvals.approve(late, jaan)


def test_a_rule_follows_its_group(attack, peers, mari, jaan):
    """It shares with who is in the group then, and goes on for the others once there is no such group."""
    fi, lv, _ = (one.authority for one in peers)
    group = groups.make("Amber", [fi], "They are next.", mari)
    audience = Audience(groups=frozenset({group.hex}))
    proposal = ruling.propose("attack", audience, frozenset(), "As agreed.", mari)
    assert "Amber" in ruling.APPROVAL.words(approvals.pending(proposal).subject)
    approvals.approve(proposal, jaan)
    assert Rule.objects.get().audience["groups"] == [group.hex]
    kept = ruling._still(audience)
    assert [one.authority for one in kept.partners()] == [fi]
    approvals.approve(groups.change(group, [lv], "The others now.", mari), jaan)
    assert [one.authority for one in kept.partners()] == [lv]
    groups.dissolve(group, "It is over.", mari)
    assert ruling._still(audience).partners() == []
    assert not Group.objects.exists()


@pytest.mark.parametrize(
    ("name", "members", "says"),
    [
        ("", ["fi-cert"], "name"),
        ("Taken", ["fi-cert"], "already"),
        ("New", [], "who is in it"),
        ("New", ["xx"], "partner"),
    ],
)
def test_what_is_no_group_is_refused(peers, mari, name, members, says):
    """Without a name, with another's, with nobody, or with who is no partner."""
    groups.make("Taken", ["fi-cert"], "They are next.", mari)
    with pytest.raises(UsageError, match=says):
        groups.make(name, members, "They are next.", mari)


def test_a_group_that_is_none_means_nobody(attack, peers, mari):
    """Nothing is shared by mistake."""
    for one in (uuid4().hex, "nothing"):
        with pytest.raises(groups.UnknownGroupError):
            share(Sharing("attack", attack.pk, Audience(groups=frozenset({one}))), mari, "They are next.")
