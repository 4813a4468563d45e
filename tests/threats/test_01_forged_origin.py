"""Threat 1: a partner forges a third party's object. The origin is the verified key, never a field."""

import pytest

from hanse.federation import exchange
from hanse.federation.models import Link, Partner, Received
from hanse.kernel.markings import Marking
from hanse.ledger.models import Entry
from tests.federation import things
from tests.federation.conftest import founded  # noqa: F401 - the fixture is used by its name
from tests.federation.peer import Peer
from tests.federation.things import Made

pytestmark = pytest.mark.usefixtures("founded")

WAYS = {
    "signed by the relay": lambda a, b: b.entry(
        content=Made("forged"), origin=a.authority, marking=Marking.own(a.authority)
    ),
    "naming the other's key": lambda a, b: b.entry(
        content=Made("forged"), origin=a.authority, marking=Marking.own(a.authority), key=b.signing
    ),
    "really signed by the other": lambda a, b: b.items.append(
        a.made(content=Made("forged"), seq=len(b.items))
    ),
    "as its own, said to come from the other alone": lambda a, b: b.entry(
        content=Made("forged"), marking=Marking.own(a.authority)
    ),
    "as this authority's own": lambda _, b: b.entry(content=Made("forged"), marking=Marking.own("ee-cert")),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_relay_cannot_speak_for_another(way):
    """B relays what is said to be from A: refused with its reason on record and shown, nothing stored, A's untouched."""
    things.held.clear()
    a, b = Peer(authority="lv-cert", country="LV"), Peer(authority="fi-cert")
    a.joins()
    b.joins()
    a.entry(content=Made("true"))
    exchange.pull_all(Partner.objects.get(pk="lv-cert"), a)
    rows = Entry.objects.filter(kind="federation.received").order_by("sequence")
    (before,) = rows.values_list("payload", "signature", "body__data")
    WAYS[way](a, b)
    b.entry(content=Made("after"))
    exchange.pull_all(Partner.objects.get(pk="fi-cert"), b)
    refused = Received.objects.get(state="refused")
    assert (refused.partner, bool(refused.why)) == ("fi-cert", True)
    assert rows.count() == 2
    assert rows.values_list("payload", "signature", "body__data")[0] == before, "A's entry was changed"
    assert sorted(name for name, _ in things.held.values()) == ["after", "true"]
    assert Link.objects.get(pk="fi-cert").error == ""
