"""What a monitor is told of the exchange with each partner."""

import pytest

from hanse.federation import exchange
from hanse.federation.models import Partner
from hanse.node import metrics
from tests.federation import things
from tests.federation.peer import Peer

pytestmark = pytest.mark.usefixtures("founded")


def _values(look) -> dict[tuple[str, ...], float]:
    return {tuple(one.attributes.values()): one.value for one in look}


def test_each_partner_has_its_numbers():
    """Received by outcome, waiting, not proven yet, silent, contradictions; a partner that was never asked has zeros."""
    things.held.clear()
    peer = Peer()
    peer.joins()
    for name in ("one", "meaningless"):
        peer.entry(content=things.Made(name))
    exchange.pull_all(Partner.objects.get(), peer)
    assert _values(metrics._received()) == {("fi-cert", "applied"): 1, ("fi-cert", "refused"): 1}
    assert _values(metrics._league(lambda link, received: received - link.proven)) == {("fi-cert",): 2}
    assert _values(metrics._league(lambda link, received: link.total - received)) == {("fi-cert",): 0}
    assert _values(metrics._contradictions()) == {("fi-cert",): 0}
    exchange.failed("fi-cert", exchange.LinkError("It did not answer."))
    silent = _values(metrics._league(lambda link, _: 0 if link.failing_us is None else 1))
    assert silent == {("fi-cert",): 1}
