"""Threat 9, webhooks: the address of a webhook makes the node speak inside. It is refused, and the canary is untouched."""

from pathlib import Path

import pytest

from hanse.accounts.approvals import approve
from hanse.console import endpoints
from hanse.egress.client import Client
from hanse.kernel.errors import UsageError
from hanse.webhooks import delivering, hooks
from hanse.webhooks.models import Hook
from tests.accounts.people import acting, newcomer
from tests.egress.servers import PUBLIC, certificate, http_server, public_rules, reply
from tests.taxii.edge import WHY, Edge
from tests.webhooks.receiving import EVENTS, Told

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

INSIDE = [
    "https://127.0.0.1/", "https://169.254.169.254/latest/meta-data/", "https://[::1]/", "https://[::ffff:127.0.0.1]/",
    "https://10.0.0.1/", "https://192.168.1.1:8443/", "http://hooks.example/", "file:///etc/passwd", "https://2130706433/",
    "https://hooks.example@127.0.0.1/", "https://0x7f.1/", "https://[fe80::1]/",
]  # fmt: skip


@pytest.mark.parametrize("url", INSIDE)
def test_an_address_inside_is_not_proposed(url: str) -> None:
    """Loopback, metadata, private addresses, other schemes and other spellings are refused where they are typed."""
    with pytest.raises(UsageError):
        hooks.propose_hook(Edge().row.pk, url, EVENTS, "ed25519", WHY, acting(newcomer("administrator")))
    assert not Hook.objects.exists()


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fd00::1"])
def test_a_name_that_leads_inside_is_not_dialled(monkeypatch: pytest.MonkeyPatch, inside: str) -> None:
    """A name is looked up at each attempt; where it leads inside, nothing is connected to, and the page says why."""
    told = Told(monkeypatch)
    rules, _, dialled = public_rules([inside])
    monkeypatch.setattr(delivering, "client", lambda: Client(rules))
    came = delivering.send_test(told.hook, told.mari)
    assert (came.delivered, dialled) == (False, [])
    assert "not public" in came.words
    assert "key-in-the-path" not in came.words


def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A body belongs to whom it was addressed: a receiver cannot send the node, or what it tells, elsewhere."""
    told = Told(monkeypatch)
    shown, trusted = certificate(tmp_path, "hooks.example")
    with http_server(lambda one: reply(one, 307, Location="https://169.254.169.254/"), shown) as server:
        rules, asked, dialled = public_rules([PUBLIC], port=server.port, tls=trusted)
        monkeypatch.setattr(delivering, "client", lambda: Client(rules))
        assert not delivering.send_test(told.hook, told.mari).delivered
    assert (asked, dialled, len(server.seen)) == (["hooks.example"], [PUBLIC], 1)


def test_an_address_that_two_people_allowed_is_reached(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The operator's rules open one port of one non-public address by name; there the test arrives, over TLS, signed."""
    told = Told(monkeypatch)
    proposal = endpoints.propose_endpoint("hooks.example", 443, "127.0.0.1", "Our relay.", told.mari)
    approve(proposal, told.jaan)
    shown, trusted = certificate(tmp_path, "hooks.example")
    with http_server(reply, shown) as server:
        rules, _, _ = public_rules(["127.0.0.1"], port=server.port, tls=trusted)
        monkeypatch.setattr(delivering, "client", lambda: Client(rules))
        assert delivering.send_test(told.hook, told.mari).delivered
    method, path, headers, _ = server.seen[0]
    assert (method, path) == ("POST", "/in/key-in-the-path")
    assert headers["webhook-signature"].startswith("v1a,")
