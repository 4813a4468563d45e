"""The page of a partner: what an exchange that fails means, which thing a recall is of, and what a rule really shares."""

import re
from dataclasses import replace
from uuid import uuid4

import pytest

from hanse.accounts import approvals
from hanse.attacks.models import Attack
from hanse.federation import invitation, partnering, recalling, ruling, sharing
from hanse.federation.invitation import Invitation, InvitationError
from hanse.federation.models import Group, Link
from hanse.federation.sharing import Audience, Sharing
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Tlp
from hanse.recording import record
from tests.accounts.people import acting, newcomer
from tests.federation.peer import NODE, Peer
from tests.node.made import earliest
from tests.web.conftest import client_as  # noqa: F401 - the fixture is used by its name

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.usefixtures("founded")]


@pytest.fixture
def mari():
    """An officer who is an analyst as well, with a fresh passkey."""
    who = acting(newcomer("officer", "analyst", name="Mari"))
    return replace(who, stepped_up_us=now_us(), roles=frozenset({"officer", "analyst"}))


@pytest.fixture
def page(client_as, mari, peer):  # noqa: F811 - the fixture
    """What stands on the partner's page, without tags."""
    return lambda: re.sub(
        r"<[^>]+>|\s+", " ", client_as(mari).get(f"/partners/{peer.authority}/").content.decode()
    )


def test_a_partner_that_never_answered_is_said_to_have_to_approve_as_well(page, peer):
    """Between two approvals the exchange does not fail: it waits for the people of the other side."""
    Link.objects.update_or_create(
        pk=peer.authority, defaults={"failing_us": now_us(), "error": "It answered 403."}
    )
    assert "once two people there have approved this authority too" in page()


def test_a_partner_that_is_down_is_said_to_be_asked_again(page, peer):
    """Nobody has to do anything for what waits to be exchanged."""
    told = {"failing_us": now_us(), "answered_us": now_us(), "error": "Not finished within 30 s."}
    Link.objects.update_or_create(pk=peer.authority, defaults=told)
    assert "It is asked again by itself" in page()


def test_a_recall_names_what_is_recalled(page, peer, mari):
    """A partner has many things: which of them it was told to purge is said beside each recall."""
    record(earliest(12), NODE)
    attack = Attack.projected.earliest("start_us")
    sharing.share(Sharing("attack", attack.pk, Audience(tiers=frozenset({"member"}))), mari, "They are next.")
    recalling.recall(attack.pk, mari, "It was wrong.")
    assert str(attack.victim) in page().partition("Recalls")[2]


def test_a_rule_is_told_with_its_group_and_up_to_which_tlp(page, peer, mari):
    """Without them the page says that more is shared than is, and with nobody."""
    group = Group.objects.create(object_id=uuid4(), name="Baltic desk", members=[peer.authority])
    to = Audience(groups=frozenset({group.pk.hex}))
    rule = ruling.propose("report", to, frozenset(), "As agreed.", mari, Tlp.GREEN)
    approvals.approve(rule, replace(acting(newcomer("approver", name="Jaan")), stepped_up_us=now_us()))
    told = page().partition("Rules by which")[2]
    assert "of TLP:GREEN and below" in told
    assert "Baltic desk" in told


@pytest.mark.parametrize(
    ("address", "fits"), [("", False), ("10.0.0.25", False), ("127.0.0.1", True), ("::1", True)]
)
def test_a_node_without_https_is_a_partner_at_this_machine_s_address_alone(mari, address, fits):
    """A name under localhost may be another machine by the list of hosts; nothing goes there in the clear."""
    other = Peer(authority="lv-cert", country="LV")
    file = Invitation(
        authority="lv-cert", country="LV", endpoint="http://lv.localhost:8012/league/", name="CERT Latvia",
        seal=other.openings[other.seal].public.raw.hex(), tier="member", verify=other.signing.public.raw.hex(),
    )  # fmt: skip
    data = invitation.write(file, other.signing)
    if fits:
        assert partnering.propose(data, address, "They ask for it.", mari)
        return
    with pytest.raises(InvitationError, match="without https"):
        partnering.propose(data, address, "They ask for it.", mari)
    peer = Peer()
    peer.joins()
    with pytest.raises(InvitationError, match="without https"):
        partnering.propose_move(peer.authority, file.endpoint, address, "They moved.", mari)
