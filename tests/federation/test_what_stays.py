"""What was done stays on record whatever its sender says later, and no copy is less strict than what was sent directly."""

from dataclasses import replace

import pytest

from hanse.attacks import shared
from hanse.attacks.models import PartnerAttack
from hanse.federation import sharing
from hanse.federation.contents import Recall
from hanse.federation.handlers import all_handlers, own_id
from hanse.federation.models import RecallHeard, Received, Release
from hanse.federation.sharing import Audience, Sharing
from hanse.kernel import envelope
from hanse.kernel.markings import Tlp
from hanse.ledger.check import check
from hanse.ledger.replay import rebuild
from tests.federation.conftest import founded
from tests.federation.peer import Peer
from tests.federation.test_onward import (
    GREEN,
    H2,
    THING,
    _attack,
    _grants,
    _pull,
    _sends,
    fi,
    lv,
    mari,
    relay,
)

__all__ = ["fi", "founded", "lv", "mari", "relay"]
pytestmark = pytest.mark.usefixtures("founded")
STRICT = replace(GREEN, tlp=Tlp.AMBER_STRICT)


def test_only_what_is_told_to_be_known_can_be_taken_back() -> None:
    """Attacks, intelligence, what is passed on of them, and an offered contact; nothing that was asked, decided or done."""
    known = {"attacks.shared", "intel.shared", "federation.forwarded", "matching.contact"}
    real = [one for one in all_handlers() if not one.kind.startswith("things.")]
    assert {one.kind for one in real if one.taken_back} == known
    assert {one.kind for one in real if one.dated} == {
        *known,
        "cases.joint_opened",
        "cases.joint_said",
    }


def test_a_release_and_a_recall_cannot_be_recalled(fi, lv, mari) -> None:
    """They prove why something was passed on, or purged; a rebuild makes the same of them."""
    thing = _sends(fi, H2)
    _grants(fi, thing, mari)
    granted = envelope.decode(fi.items[-1].payload).object
    fi.entry("federation.recalled", Recall(granted, "Sorry."))
    fi.entry("federation.recalled", Recall(THING.hex, "It was wrong."))
    recalled = envelope.decode(fi.items[-1].payload).object
    _pull(fi)
    fi.entry("federation.recalled", Recall(recalled, "Or not."))
    _pull(fi)
    assert Received.objects.filter(kind="federation.recalled", why__contains="stays on record").count() == 2
    before = [*Release.objects.values(), *RecallHeard.objects.values()]
    assert list(check()) == []
    rebuild()
    assert [*Release.objects.values(), *RecallHeard.objects.values()] == before


def test_a_copy_that_is_passed_on_weakens_nothing(relay, fi, mari) -> None:
    """Its originator sent it here as AMBER+STRICT: another's copy, though newer and GREEN, lets nobody have it."""
    relay.fi.signing = fi.signing
    fi.entry(shared.KIND, _attack(), object_id=THING, marking=STRICT, version=1)
    _pull(fi)
    assert relay.sends(relay.original(GREEN, version=7)) == []
    row = PartnerAttack.projected.select_related("marking").get()
    assert (row.version, row.passed_on, row.marking.marking.tlp) == (1, False, Tlp.AMBER_STRICT)
    Peer("se-cert", "SE").joins()
    wanted = Sharing("partner-attack", own_id("fi-cert", THING), Audience(authorities=frozenset({"se-cert"})))
    assert not sharing.preview(wanted, mari)[0].decision
    assert [bool(one.decision) for one in sharing.share(wanted, mari, "They asked.")] == [False]


def test_what_its_originator_sends_counts_after_a_copy_too(relay, fi) -> None:
    """A copy of a higher version that came first freezes no correction, and no stricter marking."""
    relay.fi.signing = fi.signing
    assert relay.sends(relay.original(GREEN, version=9)) == []
    assert PartnerAttack.projected.get().passed_on
    for version, tlp in ((1, Tlp.AMBER), (2, Tlp.RED)):
        fi.entry(shared.KIND, _attack(), object_id=THING, marking=replace(GREEN, tlp=tlp), version=version)
        _pull(fi)
    row = PartnerAttack.projected.select_related("marking").get()
    assert (row.version, row.passed_on, row.marking.marking.tlp) == (2, False, Tlp.RED)
