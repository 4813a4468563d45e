"""The search field finds partners and what they shared, and says where attackers' addresses are looked for."""

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import msgspec
import pytest

from hanse.attacks import shared
from hanse.attacks.models import PartnerAttack
from hanse.console.search import find
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Tlp
from tests.campaigns.test_crossing import pulled, told
from tests.federation.conftest import founded
from tests.federation.peer import Peer
from tests.node.made import earliest
from tests.web.acting import ActingClient

__all__ = ["founded"]
pytestmark = [
    pytest.mark.usefixtures("founded"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("hanse.urls"),
]

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]


@pytest.fixture
def theirs() -> PartnerAttack:
    """An attack that a partner shared with its victim."""
    peer = Peer("fi-cert", "FI")
    peer.joins()
    [attack] = earliest(1).attacks
    there = uuid4()
    content = told(peer, attack, there)
    content = msgspec.structs.replace(
        content, attack=replace(content.attack, victim="192.0.2.7"), victim_mark="", organisation="Helsinki Bank"
    )  # fmt: skip
    marking = Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.GREEN)
    peer.entry(shared.KIND, content, object_id=there, marking=marking)
    pulled(peer)
    return PartnerAttack.projected.get()


@pytest.mark.parametrize("typed", ["192.0.2.7", "192.0.2.0/24", "helsinki bank"])
def test_what_partners_shared_is_found(typed: str, theirs: PartnerAttack, actor: People) -> None:
    """By victim, network and organisation."""
    urls = [hit.url for group in find(typed, actor("analyst")) for hit in group.hits]
    assert f"/attacks/partners/{theirs.pk}/" in urls


@pytest.mark.parametrize("typed", ["fi-cert", "FI-CERT"])
def test_partners_are_found_by_who_may_see_them(typed: str, theirs: PartnerAttack, actor: People) -> None:
    """By id; their names are found as well."""
    urls = [hit.url for group in find(typed, actor("officer")) for hit in group.hits]
    assert urls == ["/partners/fi-cert/"]


def test_an_address_is_looked_for_in_the_flows_next(actor: People, client_as: Clients) -> None:
    """Who attacked stands in no room but there, so nothing found here does not say that it is clean."""
    text = client_as(actor("analyst")).get("/search/?q=203.0.113.9").content.decode()
    assert "Attackers' addresses are not searched here" in text
    assert 'href="/flows/?address=203.0.113.9"' in text
    assert "in the flows" not in client_as(actor("analyst")).get("/search/?q=nobody").content.decode()
    assert "/flows/?address" not in client_as(actor("auditor")).get("/search/?q=203.0.113.9").content.decode()
