"""Threat 18: privilege by linking logins. A person is who (issuer, subject) was bound to, never an e-mail address.

Two real OpenID Connect issuers answer on loopback, over TLS; the node speaks to them as it would to any.
"""

import base64
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.contrib.auth import SESSION_KEY
from django.core.cache import cache

from hanse.accounts import allauth_seam, service
from hanse.accounts.issuers import person_at
from hanse.accounts.models import Issuer, Person
from hanse.egress.client import Client
from hanse.egress.rules import Rules
from hanse.settings import _accounts
from tests.accounts.browsing import Browser, founder
from tests.egress.servers import certificate, http_server, public_rules, reply

pytestmark = pytest.mark.django_db

MAIL = "mari.maasikas@cert.example"


@dataclass
class Issued:
    """An issuer: what it says of whoever signs in there next.

    Attributes:
        name: Its host.
        claims: What its ID token says beside issuer, audience and time.
        forms: The forms that were posted to its token endpoint.
    """

    name: str
    claims: dict[str, object] = field(default_factory=dict)
    forms: list[dict[str, list[str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its identifier."""
        return f"https://{self.name}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Discovery, and an ID token for any code."""
        if handler.path.startswith("/.well-known/"):
            told: dict[str, object] = {
                "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }  # fmt: skip
        else:
            now = int(time.time())
            token = {"iss": self.url, "aud": "hanse", "iat": now, "exp": now + 60, **self.claims}
            told = {"access_token": "x", "token_type": "Bearer", "id_token": _unsigned(token)}
        reply(handler, 200, json.dumps(told).encode(), Content_Type="application/json")


def _unsigned(claims: dict[str, object]) -> str:
    """A token whose signature nobody looks at: it comes over TLS from the issuer itself (OpenID Connect 3.1.3.7)."""
    head = {"alg": "RS256", "kid": "1"}
    parts = [
        base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in (head, claims)
    ]
    return ".".join([*parts, "c2lnbmVk"])


@pytest.fixture
def issuers(settings, tmp_path, monkeypatch) -> Iterator[tuple[Issued, Issued]]:
    """A trusted issuer and another one, both in the settings, each under its own public address."""
    cache.clear()
    ours, other = Issued("id.cert.example"), Issued("mail.example")
    with ExitStack() as running:
        trust = ssl.create_default_context()
        ports = {}
        for number, one in enumerate((ours, other)):
            shown, _ = certificate(tmp_path, one.name)
            trust.load_verify_locations(tmp_path / f"{one.name}.pem")
            ports[f"8.0.0.{number + 1}"] = running.enter_context(
                http_server(lambda handler, it=one: it.answer(handler), shown)
            ).port
        addresses = dict(zip((ours.name, other.name), ports, strict=True))
        loopback, _, _ = public_rules([])
        rules = Rules(
            resolve=lambda host, _: [addresses[host]],
            dial=lambda address, _, timeout: loopback.dial(address, ports[address], timeout),
            tls=trust,
        )
        monkeypatch.setattr(allauth_seam, "outbound", Client(rules))
        secret = tmp_path / "secret"
        secret.write_text("issuer-secret")
        told = tuple(
            {"id": name, "name": name, "issuer": one.url, "client_id": "hanse", "secret_file": str(secret)}
            for name, one in (("ours", ours), ("other", other))
        )
        settings.HANSE_NODE = replace(settings.HANSE_NODE, oidc=told)
        settings.SOCIALACCOUNT_PROVIDERS = _accounts(settings.HANSE_NODE)["SOCIALACCOUNT_PROVIDERS"]
        settings.ROOT_URLCONF = "tests.accounts.urls"
        yield ours, other


def through(browser: Browser, issuer: str) -> object:
    """Go to an issuer and come back with a code; the node's last answer."""
    away = browser.get(f"/accounts/issuer/{issuer}/")
    assert away.status_code == 302, away.content
    asked = parse_qs(urlsplit(away.url).query)
    assert asked["code_challenge_method"] == ["S256"]
    return browser.get(f"/accounts/issuer/{issuer}/back/", {"code": "c", "state": asked["state"][0]})


def bound(ours: Issued) -> tuple[Browser, UUID]:
    """Somebody who proved their passkey, asked for it, and added an identity at the trusted issuer."""
    browser = founder()
    service.rename("Mari Maasikas", MAIL, service_actor(browser.person))
    ours.claims = {"sub": "7", "email": MAIL, "email_verified": True}
    browser.step_up()
    assert browser.post("/people/me/bind/", {"issuer": "ours"}).status_code == 200
    assert through(browser, "ours").url == "/people/me/"
    assert person_at(ours.url, "7") == browser.person
    return browser, browser.person


def service_actor(person: UUID):
    """The person, as who acts."""
    from tests.accounts.people import acting

    return acting(person)


def test_an_identity_that_was_bound_signs_in(issuers):
    """The issuer's subject that a person added opens their account, whatever e-mail address comes with it."""
    ours, _ = issuers
    _, person = bound(ours)
    ours.claims = {"sub": "7", "email": "somebody.else@example.org"}
    browser = Browser()
    assert through(browser, "ours").status_code == 302
    assert browser.person == person


@pytest.mark.parametrize("verified", [True, False])
def test_the_same_address_from_another_issuer_is_a_stranger(issuers, verified):
    """Same subject, same e-mail address, verified or not, from another issuer that is trusted as well: nobody."""
    ours, other = issuers
    bound(ours)
    other.claims = {"sub": "7", "email": MAIL, "email_verified": verified}
    stranger = Browser()
    assert through(stranger, "other").status_code == 403
    assert SESSION_KEY not in stranger.session
    assert Person.objects.count() == 1


def test_the_same_address_under_another_subject_is_a_stranger(issuers):
    """An issuer that gives an address to somebody else gives them no account here."""
    ours, _ = issuers
    bound(ours)
    ours.claims = {"sub": "8", "email": MAIL, "email_verified": True}
    stranger = Browser()
    assert through(stranger, "ours").status_code == 403
    assert SESSION_KEY not in stranger.session


@pytest.mark.parametrize(
    "claims", [{"iss": "https://id.cert.example"}, {"aud": "another-client"}, {"exp": 1}, {"sub": ""}]
)
def test_an_issuer_speaks_for_itself_alone(issuers, claims):
    """A token in another issuer's name, for another client, out of date or about nobody lets nobody in."""
    ours, other = issuers
    bound(ours)
    other.claims = {"sub": "7", **claims}
    stranger = Browser()
    assert through(stranger, "other").status_code in {401, 403}
    assert SESSION_KEY not in stranger.session


def test_an_answer_that_was_not_asked_for_lets_nobody_in(issuers):
    """A code sent to the node with no state, or that of another browser, is refused: nobody is signed in by a link."""
    ours, _ = issuers
    bound(ours)
    theirs = Browser()
    state = parse_qs(urlsplit(theirs.get("/accounts/issuer/ours/").url).query)["state"][0]
    victim = Browser()
    for told in ({"code": "c"}, {"code": "c", "state": state}, {"code": "c", "state": "x"}):
        assert victim.get("/accounts/issuer/ours/back/", told).status_code == 401
        assert SESSION_KEY not in victim.session


def test_an_issuer_that_cannot_be_reached_ends_in_words(issuers, monkeypatch):
    """An issuer inside, away, or answering garbage gives a page and no session: it is reached as everything is."""
    ours, _ = issuers
    bound(ours)
    rules, _, dialled = public_rules(["169.254.169.254"])
    with monkeypatch.context() as inside:
        inside.setattr(allauth_seam, "outbound", Client(rules))
        assert Browser().get("/accounts/issuer/ours/").status_code == 401
        assert dialled == []
    ours.answer = lambda handler: reply(handler, 200, b"[garbage")
    monkeypatch.setattr(
        allauth_seam, "_described", {}
    )  # what it said before is not asked for again for a while
    assert Browser().get("/accounts/issuer/ours/").status_code == 401


def back_without_code(browser: Browser, **told: str) -> str:
    """What the page says on which a browser ends that the issuer sends back with an error."""
    state = parse_qs(urlsplit(browser.get("/accounts/issuer/ours/").url).query)["state"][0]
    answer = browser.get("/accounts/issuer/ours/back/", {"state": state, **told})
    assert answer.status_code == 401
    return answer.content.decode()


def test_who_may_mend_it_is_told_why_an_issuer_failed(issuers, caplog):
    """A wrong secret is named to a signed-in administrator and in the log, and to nobody else."""
    ours, _ = issuers
    administrator, _ = bound(ours)
    ours.answer = lambda handler: reply(handler, 401, b'{"error": "invalid_client"}')
    for browser, told in ((administrator, True), (Browser(), False)):
        caplog.clear()
        page = through(browser, "ours").content.decode()
        assert ("invalid_client" in page or "401" in page) == told
        assert ("/people/me/" in page) == told
        assert "the issuer ours did not say who somebody is: " in caplog.text


def test_who_broke_it_off_is_told_so(issuers):
    """To say no at the issuer is no fault that somebody would have to mend."""
    bound(issuers[0])
    assert "broken off" in back_without_code(Browser(), error="access_denied")


def test_words_that_anybody_can_put_into_an_address_are_shown_to_nobody(issuers):
    """An administrator who follows a link reads what the issuer of their own sign-in says, and no stranger's words."""
    administrator, _ = bound(issuers[0])
    words = {"error": "server_error", "error_description": "Call 555 0100"}
    assert "Call 555 0100" in back_without_code(administrator, **words)
    made_up = administrator.get("/accounts/issuer/ours/back/", {"state": "x", **words})
    assert made_up.status_code == 401
    assert b"555 0100" not in made_up.content


def test_a_link_does_not_add_an_identity(issuers):
    """Who is led to an issuer without having asked for it on their own page gets nobody's identity added."""
    _, other = issuers
    browser = founder()
    browser.step_up()
    other.claims = {"sub": "thief"}
    assert through(browser, "other").status_code == 403
    assert not Issuer.objects.exists()


def test_an_identity_is_added_with_a_fresh_passkey_only(issuers):
    """With a stolen cookie nobody adds their own identity to an account."""
    _, other = issuers
    browser = founder()
    other.claims = {"sub": "thief"}
    assert browser.post("/people/me/bind/", {"issuer": "other"}).status_code == 401
    assert browser.post("/people/me/bind/", {"issuer": "none"}).status_code == 401
    through(browser, "other")
    assert not Issuer.objects.exists()


def test_an_identity_belongs_to_one_person(issuers):
    """Somebody who comes in by an invitation with an identity that is known here does not get it a second time."""
    ours, _ = issuers
    browser, person = bound(ours)
    _, link = service.invite("Jaan", "", ["approver"], "", service_actor(person))
    second = Browser()
    second.get(link)
    assert through(second, "ours").status_code == 403
    assert Issuer.objects.get().person_id == person
    assert browser.get("/").status_code == 200


def test_rows_of_other_tables_let_nobody_in(issuers):
    """A social account, an e-mail address or an issuer written into the database by hand means nothing."""
    from allauth.account.models import EmailAddress
    from allauth.socialaccount.models import SocialAccount, SocialApp

    ours, other = issuers
    _, person = bound(ours)
    row = Person.objects.get(pk=person)
    SocialAccount.objects.create(user=row, provider="other", uid="9")
    SocialAccount.objects.create(user=row, provider="openid_connect", uid="9")
    EmailAddress.objects.create(user=row, email="thief@example.org", verified=True, primary=True)
    Issuer.objects.create(
        object_id=UUID(int=9), person_id=person, issuer=other.url, subject="9", since_us=1, said_by=1
    )
    SocialApp.objects.create(
        provider="openid_connect", provider_id="mine", name="mine", client_id="hanse",
        settings={"server_url": other.url},
    )  # fmt: skip
    other.claims = {"sub": "9", "email": "thief@example.org", "email_verified": True}
    stranger = Browser()
    assert through(stranger, "other").status_code == 403
    assert SESSION_KEY not in stranger.session
    assert Browser().get("/accounts/issuer/mine/").status_code == 404
