"""A node behind a proxy that ends TLS: what it says of itself comes from its settings, never from a header."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from hanse.accounts import service
from hanse.settings import django_settings
from hanse.web.page import public
from tests.accounts.authenticator import SoftKey
from tests.accounts.browsing import Browser
from tests.accounts.people import NODE
from tests.threats.test_18_login_linking import issuers

pytestmark = pytest.mark.django_db

__all__ = ["issuers"]

HOST = {"host": "node.cert.example"}
"""What a proxy passes on."""

FOLLOWS = (
    "SECURE_HSTS_SECONDS", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_NAME",
    "CSRF_COOKIE_NAME", "CSRF_TRUSTED_ORIGINS", "ALLOWED_HOSTS", "ACCOUNT_DEFAULT_HTTP_PROTOCOL",
)  # fmt: skip
"""Settings that follow from the node's address."""


@public("it says only over what it was asked")
def where(request: HttpRequest) -> HttpResponse:
    """The page's own address."""
    return HttpResponse(request.build_absolute_uri())


urlpatterns = [path("where/", where), path("", include("tests.accounts.urls"))]


@pytest.fixture
def address(settings):
    """Gives the node an address, with all that follows from it."""

    def set_to(url: str) -> None:
        settings.HANSE_NODE = replace(settings.HANSE_NODE, url=url)
        told = django_settings(settings.HANSE_NODE, "secret")
        assert told["MIDDLEWARE"][0] == "hanse.web.security.own_scheme"
        for name in FOLLOWS:
            setattr(settings, name, told[name])
        settings.ROOT_URLCONF = __name__

    return set_to


@pytest.mark.parametrize("header", ["http", "https", ""])
def test_the_scheme_is_that_of_the_nodes_address(address, header):
    """The proxy speaks http to the node; whatever a header says, its own address decides, either way."""
    headers = {"X-Forwarded-Proto": header, "Forwarded": f"proto={header}"} if header else {}
    for url in ("https://node.cert.example", "http://node.cert.example"):
        address(url)
        answer = Client(headers=HOST | headers).get("/where/")
        assert answer.content.decode() == f"{url}/where/"


def test_over_https_browsers_keep_to_https(address):
    """Cookies go over TLS only, from this host only, and the browser is told to come by https for a year."""
    address("https://node.cert.example")
    browser = Browser(headers=HOST)
    browser.key = SoftKey("node.cert.example", "https://node.cert.example")
    browser.come_in(service.invite_first(NODE), name="Mari Maasikas")
    answer = browser.get("/people/me/")
    assert answer.status_code == 200
    assert answer["Strict-Transport-Security"] == "max-age=31536000"
    assert {name for name in browser.cookies if "hanse" in name} == {"__Host-hanse", "__Host-hanse-csrf"}
    for cookie in ("__Host-hanse", "__Host-hanse-csrf"):
        assert browser.cookies[cookie]["secure"]
        assert browser.cookies[cookie]["httponly"]


def test_over_http_nothing_promises_https(address):
    """A node at http, such as one to try out on this machine, sends no such header, or it could not be opened again."""
    address("http://node.cert.example")
    answer = Client(headers=HOST).get("/where/")
    assert not answer.has_header("Strict-Transport-Security")


def test_an_issuer_sends_people_back_over_https(issuers, address):
    """The redirect address that the issuer is told is https, as it was registered there."""
    address("https://node.cert.example")
    away = Browser(headers=HOST).get("/accounts/issuer/ours/")
    assert away.status_code == 302
    (back,) = parse_qs(urlsplit(away.url).query)["redirect_uri"]
    assert back == "https://node.cert.example/accounts/issuer/ours/back/"
