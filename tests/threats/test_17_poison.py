"""Threat 17: a poison message blocks a partner's stream. It is quarantined by itself, and the stream goes on."""

import pytest

from hanse.federation import exchange
from hanse.federation.models import Link, Partner, Received
from tests.federation import things
from tests.federation.conftest import founded  # noqa: F401 - the fixture is used by its name
from tests.federation.peer import Peer
from tests.federation.things import Made


@pytest.mark.usefixtures("founded")
@pytest.mark.parametrize("number", [2_000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_malformed_entries_among_thousands(number):
    """Two that cannot be applied, each in its way, are quarantined and shown; the others are applied, all are proven.

    Neither a refusal nor a failure in a room stops the stream, in the middle of a page or of several.
    """
    poison = {number * 2 // 5 + 21: "breaks", number * 3 // 5 + 43: "meaningless"}
    things.held.clear()
    peer = Peer()
    peer.joins()
    for at in range(number):
        peer.entry(content=Made(poison.get(at, "good")))
    peer.checkpoint()
    assert exchange.pull_all(Partner.objects.get(), peer) == number
    assert Received.objects.filter(state="applied").count() == number - 2
    refused = Received.objects.filter(state="refused").order_by("place")
    assert [(one.place, bool(one.why)) for one in refused] == [(at, True) for at in poison]
    assert len(things.held) == number - 2
    link = Link.objects.get()
    assert (link.proven, link.error) == (number, "")
