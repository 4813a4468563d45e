"""Threat 17: a poison message blocks a partner's stream. It is quarantined by itself, and the stream goes on."""

import pytest

from hanse.federation import exchange
from hanse.federation.models import Link, Partner, Received
from tests.federation import things
from tests.federation.conftest import founded  # noqa: F401 - the fixture is used by its name
from tests.federation.peer import Peer
from tests.federation.things import Made


@pytest.mark.usefixtures("founded")
@pytest.mark.parametrize("poison", ["breaks", "meaningless"])
def test_one_malformed_entry_among_ten_thousand(poison):
    """9,999 are applied, one is quarantined and shown, all are proven; neither a refusal nor a failure in a room stops it."""
    things.held.clear()
    peer = Peer()
    peer.joins()
    for at in range(10_000):
        peer.entry(content=Made(poison if at == 6_543 else "good"))
    peer.checkpoint()
    assert exchange.pull_all(Partner.objects.get(), peer) == 10_000
    assert Received.objects.filter(state="applied").count() == 9_999
    refused = Received.objects.get(state="refused")
    assert (refused.place, bool(refused.why)) == (6_543, True)
    assert len(things.held) == 9_999
    link = Link.objects.get()
    assert (link.proven, link.error) == (10_000, "")
