"""One thing that comes from its originator and by others: it is one, and goes as a whole."""

from dataclasses import replace
from uuid import UUID

import pytest

from hanse.attacks import shared
from hanse.attacks.models import PartnerAttack
from hanse.federation import recalling
from hanse.federation.contents import Recall
from hanse.federation.handlers import own_id
from hanse.federation.models import PassedOn
from hanse.federation.stream import KeyRevoked
from hanse.ledger.check import check
from hanse.ledger.models import Entry
from hanse.ledger.replay import rebuild
from hanse.ledger.service import purge
from tests.federation.peer import Peer
from tests.federation.test_onward import (
    GREEN,
    THING,
    _attack,
    _last,
    _pull,
    _Relay,
    _sends,
    fi,
    lv,
    mari,
    relay,
)

__all__ = ["fi", "lv", "mari", "relay"]

pytestmark = pytest.mark.usefixtures("founded")


def test_what_came_by_two_routes_is_one_thing_and_goes_with_the_last(relay, fi):
    """Recalled on one route, it stays by the other; gone on both, it is gone."""
    relay.fi.signing = fi.signing
    assert relay.sends(relay.original(GREEN)) == []
    fi.entry(shared.KIND, _attack(), object_id=THING, marking=GREEN)
    _pull(fi)
    assert PartnerAttack.projected.count() == 1
    relay.lv.entry(recalling.RECALLED, Recall(UUID(int=9).hex, "They took it back."))
    _pull(relay.lv)
    assert PartnerAttack.projected.count() == 1
    fi.entry(recalling.RECALLED, Recall(THING.hex, "It was wrong."))
    _pull(fi)
    assert PartnerAttack.projected.count() == 0
    assert list(check()) == []


def _recalls(fi: Peer) -> None:
    fi.entry(recalling.RECALLED, Recall(THING.hex, "It was wrong."))
    assert _pull(fi) == []


def _comes_by(relay, fi: Peer, direct: str) -> None:
    """The thing is passed on, and comes from its originator itself before that, after it, or never."""
    relay.fi.signing = fi.signing
    if direct == "before":
        _sends(fi, GREEN)
    assert relay.sends(relay.original(GREEN)) == []
    if direct == "after":
        _sends(fi, GREEN)


def _is_gone() -> None:
    """Nothing of it is left, and a rebuild brings nothing of it back."""
    assert not PartnerAttack.projected.exists()
    assert not PassedOn.objects.exists()
    assert not Entry.objects.filter(
        kind="federation.received", body__isnull=False, object_id=own_id("lv-cert", UUID(int=9))
    ).exists()
    rebuild()
    assert not PartnerAttack.projected.exists()
    assert list(check()) == []


@pytest.mark.parametrize("direct", ["before", "after", "never"])
def test_what_its_originator_recalls_goes_by_whichever_way_it_came(relay, fi, direct):
    """A copy that another authority passed on goes with the originator's own, and the originator is told."""
    _comes_by(relay, fi, direct)
    _recalls(fi)
    assert _last("fi-cert", recalling.ANSWERED).done == "purged"
    _is_gone()


@pytest.mark.parametrize("direct", ["before", "after", "never"])
def test_what_is_purged_here_goes_by_whichever_way_it_came(relay, fi, mari, direct):
    """A purge of the thing takes what others passed on of it along, so that no rebuild brings it back."""
    _comes_by(relay, fi, direct)
    purge([own_id("fi-cert", THING)], mari, "Nobody here may know it.")
    _is_gone()


def test_a_relay_that_hides_a_thing_behind_another_keeps_none(relay, fi):
    """Under one id of its own it brings two things of the originator; the recall of the first takes both copies."""
    relay.fi.signing = fi.signing
    assert relay.sends(relay.original(GREEN)) == []
    other = relay.fi.made(shared.KIND, _attack(), object_id=UUID(int=78), marking=GREEN, recipient="lv-cert")
    assert relay.sends(other) == []
    assert PartnerAttack.projected.count() == 2
    _recalls(fi)
    assert not PartnerAttack.projected.filter(pk=own_id("fi-cert", THING)).exists()
    rows = list(PartnerAttack.projected.values_list("pk", flat=True))
    rebuild()
    assert list(PartnerAttack.projected.values_list("pk", flat=True)) == rows
    assert list(check()) == []


def test_what_came_before_its_originator_was_a_partner_is_recalled_too(relay):
    """It stands under another id then; the key that signed it tells whose it is."""
    assert relay.sends(relay.original(GREEN)) == []
    fi = Peer("fi-cert", "FI", signing=relay.fi.signing)
    fi.joins()
    _recalls(fi)
    assert not PartnerAttack.projected.exists()
    assert list(check()) == []


def test_no_relay_brings_back_what_its_originator_recalled(relay, fi):
    """What was signed up to the recall is refused; what is shared anew after it comes by both ways."""
    relay.fi.signing = fi.signing
    thing = _sends(fi, GREEN)
    old = relay.original(GREEN)
    _recalls(fi)
    assert not PartnerAttack.projected.exists()
    [why] = relay.sends(old)
    assert "fi-cert recalled it" in why
    assert not PartnerAttack.projected.exists()
    assert relay.sends(relay.original(GREEN, version=2)) == [why], "no other is refused"
    assert PartnerAttack.projected.filter(pk=thing).exists()
    _recalls(fi)
    assert not PartnerAttack.projected.exists()
    _sends(fi, GREEN, version=3)
    assert PartnerAttack.projected.filter(pk=thing).exists()
    assert list(check()) == []


def test_a_copy_stays_when_another_relay_takes_its_own_back(relay, fi):
    """Also where the key that signed both is believed no more by then, which was proven when they came."""
    relay.fi.signing, old = fi.signing, fi.signing
    assert relay.sends(relay.original(GREEN)) == []
    se = Peer("se-cert", "SE")
    se.joins()
    second = _Relay(se)
    second.fi.signing = old
    second.ours = replace(second.ours, originators=frozenset({"fi-cert", "se-cert"}))
    assert second.sends(second.original(GREEN, recipient="se-cert")) == []
    fi.rotates()
    fi.entry("federation.key_revoked", KeyRevoked(old.id, 1))
    assert _pull(fi) == []
    se.entry(recalling.RECALLED, Recall(UUID(int=9).hex, "Not ours."))
    assert _pull(se) == []
    assert PartnerAttack.projected.get().pk == own_id("fi-cert", THING)
    assert PassedOn.objects.get().via == "lv-cert"
    rebuild()
    assert PartnerAttack.projected.get().pk == own_id("fi-cert", THING)
    assert list(check()) == []
