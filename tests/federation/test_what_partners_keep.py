"""What partners have follows its marking and its originator, whoever is suspended, silent or talkative meanwhile."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from hanse.accounts import approvals
from hanse.attacks.models import Attack, PartnerAttack
from hanse.federation import exchange, groups, partnering, recalling, ruling, sharing, showing, stream
from hanse.federation.contents import Recall, RecallAnswered
from hanse.federation.models import Given, Hop, Partner, PassedOn
from hanse.federation.sharing import Audience
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.models import Entry
from hanse.ledger.replay import rebuild
from hanse.policy import service as policy
from hanse.recording import record
from tests.accounts.people import acting, newcomer
from tests.federation import test_onward
from tests.federation.peer import NODE, Peer
from tests.federation.test_onward import fi, lv, mari
from tests.node.made import earliest

__all__ = ["fi", "lv", "mari"]

pytestmark = pytest.mark.usefixtures("founded")

THING, GREEN = test_onward.THING, test_onward.GREEN


def _pull(peer: Peer) -> None:
    exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)  # type: ignore[arg-type]


def _sends(fi: Peer, **more: Any) -> UUID:
    """The originator shares an attack with this node; its id here."""
    fi.entry(test_onward.shared.KIND, test_onward._attack(), object_id=THING, marking=GREEN, **more)
    _pull(fi)
    return test_onward.own_id("fi-cert", THING)


def _passed_on(fi: Peer, mari: Any) -> UUID:
    thing = _sends(fi)
    [shown] = sharing.share(test_onward._to_lv(thing), mari, "They are next.")
    assert shown.decision
    return thing


def _own(mari: Any) -> UUID:
    """An own attack that the partner has."""
    record(earliest(12), NODE)
    attack = Attack.projected.earliest("start_us").pk
    to = Audience(authorities=frozenset({"lv-cert"}))
    marking = Marking(originators=frozenset({"ee-cert"}), tlp=Tlp.GREEN, pap=Pap.GREEN)
    policy.mark(attack, marking, "", mari, "For all.")
    sharing.share(sharing.Sharing("attack", attack, to), mari, "They are next.")
    return attack


def test_who_is_suspended_does_not_go_by_the_old_marking(lv, mari):
    """What is marked anew meanwhile it is told to purge: nothing else would reach it when it is a partner again."""
    attack = _own(mari)
    partnering.suspend("lv-cert", "Ask them.", mari)
    stricter = Marking(originators=frozenset({"ee-cert"}), tlp=Tlp.GREEN, pap=Pap.AMBER)
    policy.mark(attack, stricter, "", mari, "Its owner notices.")
    assert Given.objects.get(thing=attack).recalled_us is not None
    assert Entry.objects.filter(kind=recalling.RECALLED, recipient="lv-cert").count() == 1


def test_who_is_suspended_does_not_keep_an_older_version(fi, lv, mari):
    """Its originator sent it anew, in other words or under another marking."""
    thing = _passed_on(fi, mari)
    partnering.suspend("lv-cert", "Ask them.", mari)
    _sends(fi, version=2)
    assert Given.objects.get(thing=thing).recalled_us is not None


def test_a_key_that_its_originator_revoked_keeps_nobody_from_marking(fi, lv, mari):
    """What cannot be given on any more is taken back from who has it; the marking holds, and pages show who had it."""
    thing = _passed_on(fi, mari)
    old = fi.signing
    fi.rotates()
    fi.entry(stream.KEY_REVOKED, stream.KeyRevoked(old.id, now_us()))
    _pull(fi)
    row = PartnerAttack.projected.get(pk=thing)
    policy.mark(thing, replace(row.marking.marking, tlp=Tlp.AMBER), "", mari, "It is worse.")
    assert PartnerAttack.projected.get(pk=thing).marking.marking.tlp is Tlp.AMBER
    given = Given.objects.get(thing=thing)
    assert given.recalled_us is not None
    assert showing.given_row(mari, given).page == ""


def _told(recipient: str) -> int:
    return Entry.objects.filter(kind=recalling.ANSWERED, recipient=recipient).count()


def test_what_a_partner_answers_again_is_told_to_nobody(fi, lv, mari):
    """A flood of answers would be written once more each for the originator, and use up what it takes of this node."""
    _passed_on(fi, mari)
    fi.entry(recalling.RECALLED, Recall(THING.hex, "It was wrong."))
    _pull(fi)
    onto = test_onward._last("lv-cert", recalling.RECALLED).object_id
    before = _told("fi-cert")
    for _ in range(3):
        lv.entry(recalling.ANSWERED, RecallAnswered(onto, "purged"))
        lv.entry(recalling.ANSWERED, RecallAnswered(onto, "asked", at="se-cert"))
        lv.entry(recalling.ANSWERED, RecallAnswered(onto, "purged", at="se-cert"))
        lv.entry(recalling.ANSWERED, RecallAnswered(onto, "unknown", at="se-cert"))
    _pull(lv)
    assert _told("fi-cert") == before + 3
    assert Hop.objects.get().answer == "purged"
    rows = list(Hop.objects.values())
    rebuild()
    assert list(Hop.objects.values()) == rows


def test_a_partner_invents_no_authorities_without_end(fi, lv, mari, monkeypatch):
    """More than a league can have are told to nobody, nor one whose name cannot be shown."""
    monkeypatch.setattr(recalling, "MOST_HOPS", 2)
    _passed_on(fi, mari)
    fi.entry(recalling.RECALLED, Recall(THING.hex, "It was wrong."))
    _pull(fi)
    onto = test_onward._last("lv-cert", recalling.RECALLED).object_id
    before = _told("fi-cert")
    for name in ("\N{RIGHT-TO-LEFT OVERRIDE}trec-es", "x1", "x2", "x3"):
        lv.entry(recalling.ANSWERED, RecallAnswered(onto, "asked", at=name))
    _pull(lv)
    assert list(Hop.objects.order_by("at").values_list("at", flat=True)) == ["x1", "x2"]
    assert _told("fi-cert") == before + 2


def test_a_rule_for_a_group_is_shown_on_its_members_pages(lv, mari):
    """Who decides about a partner sees what it gets by itself."""
    group = groups.make("Baltic", ["lv-cert"], "Neighbours.", mari)
    proposal = ruling.propose("attack", Audience(groups=frozenset({group.hex})), frozenset(), "All.", mari)
    approvals.approve(proposal, replace(acting(newcomer("approver", name="Jaan")), stepped_up_us=now_us()))
    assert len(showing.rules_for(Partner.objects.get(pk="lv-cert"))) == 1


@pytest.fixture
def relay(lv: Peer) -> test_onward._Relay:
    """Finland originates, Latvia passes on to this node."""
    return test_onward._Relay(lv)


def test_of_who_is_suspended_nothing_comes_by_another(relay, mari):
    """Its keys may be in other hands: whoever has them and a friend among the partners brings nothing in as its own."""
    relay.fi.joins()
    partnering.suspend("fi-cert", "Their key is said to be lost.", mari)
    [why] = relay.sends(relay.original(GREEN))
    assert "is suspended here" in why
    assert not PartnerAttack.projected.exists()


def test_who_passes_on_names_no_partner_otherwise(relay):
    """A partner is called as this authority knows it."""
    relay.fi.joins()
    assert relay.sends(relay.original(GREEN)) == []
    assert PassedOn.objects.get().name == "FI-CERT"
