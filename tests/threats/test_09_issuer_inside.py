"""Threat 9: an issuer in the house is reached only where two people have allowed its address, and no longer."""

from dataclasses import replace

import pytest

from hanse.accounts import allauth_seam, approvals, reaching, signing_in
from hanse.console import endpoints
from hanse.egress.client import Client
from hanse.ledger.writing import append
from hanse.node import serving
from tests.accounts.browsing import Browser
from tests.accounts.people import NODE, acting, newcomer
from tests.threats.test_18_login_linking import bound, issuers

pytestmark = pytest.mark.django_db

__all__ = ["issuers"]

INSIDE = "10.20.30.40"


@pytest.fixture
def inside(issuers, monkeypatch):
    """Our issuer, at a private address; the list of addresses that the node dialled."""
    before = allauth_seam.outbound.rules
    (outside,) = before.resolve("id.cert.example", 443)
    dialled: list[str] = []

    def dial(address: str, port: int, timeout: float):
        dialled.append(address)
        return before.dial(outside, port, timeout)

    rules = replace(before, resolve=lambda _, __: [INSIDE], dial=dial)
    monkeypatch.setattr(allauth_seam, "outbound", Client(rules))
    return dialled


def propose(host: str = "id.cert.example", address: str = INSIDE, port: int = 443):
    """An administrator proposes an address."""
    mari = acting(newcomer("administrator"))
    return endpoints.propose_endpoint(host, port, address, "Our own issuer.", mari)


def asks() -> int:
    """What a browser gets that wants to sign in at the issuer."""
    return Browser().get("/accounts/issuer/ours/").status_code


def test_an_issuer_inside_needs_two_people(inside):
    """Unknown or only proposed, its address is not dialled; approved, people are sent to it; closed, no more."""
    assert asks() == 401
    proposal = propose()
    assert asks() == 401
    assert inside == []
    approvals.approve(proposal, acting(newcomer("approver")))
    assert asks() == 302
    assert set(inside) == {INSIDE}
    inside.clear()
    endpoints.withdraw_endpoint("id.cert.example", 443, INSIDE, acting(newcomer("administrator")))
    assert asks() == 401
    assert inside == []


@pytest.mark.parametrize(
    ("host", "address", "port"),
    [
        ("mail.example", INSIDE, 443),
        ("id.cert.example", "10.20.30.41", 443),
        ("id.cert.example", INSIDE, 8443),
    ],
)
def test_what_is_allowed_is_one_port_of_one_address_under_one_name(inside, host, address, port):
    """Another host's address, or another address or port of the issuer, opens nothing."""
    approvals.approve(propose(host, address, port), acting(newcomer("approver")))
    assert asks() == 401
    assert inside == []


def test_the_token_is_fetched_inside_too(inside, issuers):
    """Not only discovery: the code is exchanged at the allowed address, and the identity is known as any other."""
    content = endpoints.EndpointAllowed("id.cert.example", 443, INSIDE, "")
    append("console.endpoint_allowed", content, actor=NODE)
    _, person = bound(issuers[0])
    assert set(inside) == {INSIDE}
    assert person is not None


def test_nothing_is_open_where_no_room_says_so(monkeypatch):
    """Without a room above that knows addresses, none is allowed."""
    monkeypatch.setattr(reaching, "_told", [])
    assert reaching.allowed() == ()


def test_strangers_have_an_issuer_asked_once(issuers, monkeypatch):
    """However many ask to sign in, its description is fetched once in a while: the node floods nobody in their name."""
    asked = []
    fetch = allauth_seam.outbound.get
    monkeypatch.setattr(
        allauth_seam.outbound, "get", lambda *told, **more: asked.append(told) or fetch(*told, **more)
    )
    assert [asks() for _ in range(5)] == [302] * 5
    assert len(asked) == 1
    for key, (then, answer) in list(allauth_seam._described.items()):
        monkeypatch.setitem(allauth_seam._described, key, (then - allauth_seam.KEPT_S, answer))
    assert asks() == 302
    assert len(asked) == 2


def test_strangers_who_wait_for_an_issuer_do_not_hold_the_node(issuers):
    """An issuer that answers slowly holds some of the requests that are served at once, never all: others are told at once."""
    assert signing_in.AT_ISSUERS < serving.WEB_THREADS
    for _ in range(signing_in.AT_ISSUERS):
        assert signing_in._places.acquire(blocking=False)
    try:
        assert asks() == 503
    finally:
        for _ in range(signing_in.AT_ISSUERS):
            signing_in._places.release()
    assert [asks() for _ in range(5)] == [302] * 5
