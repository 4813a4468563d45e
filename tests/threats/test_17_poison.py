"""Threat 17: a poison message blocks a partner's stream. It is quarantined by itself, and the stream goes on."""

import pytest

from hanse.federation import exchange
from hanse.federation.models import Link, Partner, Received
from tests.federation import things
from tests.federation.conftest import founded  # noqa: F401 - the fixture is used by its name
from tests.federation.peer import Peer
from tests.federation.things import Made


@pytest.mark.usefixtures("founded")
def test_malformed_entries_among_ten_thousand():
    """Two that cannot be applied, each in its way, are quarantined and shown; 9,998 are applied, all are proven.

    Neither a refusal nor a failure in a room stops the stream.
    """
    poison = {4_321: "breaks", 6_543: "meaningless"}
    things.held.clear()
    peer = Peer()
    peer.joins()
    for at in range(10_000):
        peer.entry(content=Made(poison.get(at, "good")))
    peer.checkpoint()
    assert exchange.pull_all(Partner.objects.get(), peer) == 10_000
    assert Received.objects.filter(state="applied").count() == 9_998
    refused = Received.objects.filter(state="refused").order_by("place")
    assert [(one.place, bool(one.why)) for one in refused] == [(at, True) for at in poison]
    assert len(things.held) == 9_998
    link = Link.objects.get()
    assert (link.proven, link.error) == (10_000, "")
