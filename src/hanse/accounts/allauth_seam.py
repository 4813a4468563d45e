"""What django-allauth is allowed to do here: run the passkey and OpenID Connect ceremonies, and nothing else.

Its sign-ups, passwords, e-mail addresses, linking of accounts and database of issuers are not used, and their
pages are not served. Who somebody is decide signed entries.
"""

import json
import time
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, Self
from urllib.parse import urlencode
from uuid import UUID

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthError
from django.conf import settings
from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest
from requests import HTTPError

from hanse.accounts import reaching
from hanse.accounts.issuer_failures import failed
from hanse.accounts.models import Person
from hanse.egress.client import Client
from hanse.egress.rules import AllowedEndpoint, Rules

DISCOVERY = "/.well-known/openid-configuration"
"""How the address ends at which an issuer describes itself (OpenID Connect Discovery 1.0, section 4)."""
KEPT_S = 600.0
"""How long an issuer's description is kept: whoever wants to sign in, strangers too, has it fetched."""

_described: dict[tuple["_Sends", str, tuple[AllowedEndpoint, ...]], tuple[float, "Answer"]] = {}

outbound = Client(Rules())
"""The way out to issuers: over TLS only, to public addresses and to those that two people allowed."""


class People(BaseBackend):
    """Whose session it is. Nobody is authenticated here: `hanse.accounts.signing_in` does that."""

    def get_user(self, user_id: object) -> Person | None:
        """The active person of an id."""
        return Person.objects.filter(pk=UUID(str(user_id)), is_active=True).first()


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no type information
    """No sign-ups, no messages, no mail."""

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        """Never: people come by invitation."""
        return False

    def add_message(self, *_: Any, **__: Any) -> None:
        """Nothing: the pages say what happened."""

    def send_mail(self, *_: Any, **__: Any) -> None:
        """Nothing: no mail is sent about accounts."""


class PasskeyAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no type information
    """Passkeys are bound to the node's own host, whatever a request says."""

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """The relying party (WebAuthn section 5.4.2): this node."""
        return {"id": settings.HANSE_NODE.host, "name": settings.HANSE_NODE.name}

    def get_public_key_credential_user_entity(self, user: Person) -> dict[str, Any]:
        """The account (WebAuthn section 5.4.3): the person's id, under a name for the list of passkeys."""
        return {"id": str(user.pk).encode(), "display_name": user.name, "name": user.name}


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no type information
    """Issuers come from the settings, and what they say ends in `hanse.accounts.signing_in`."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """The issuers of the settings: one that was written into the database is none."""
        apps = super().list_apps(request, provider=provider, client_id=client_id)
        return [app for app in apps if app.pk is None]

    def is_open_for_signup(self, _request: HttpRequest, _sociallogin: SocialLogin) -> bool:
        """Never: people come by invitation."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Take over as soon as the issuer has said who it is.

        Raises:
            ImmediateHttpResponse: Always, with the answer.
        """
        from hanse.accounts.signing_in import by_issuer  # noqa: PLC0415 - it imports this module

        raise ImmediateHttpResponse(by_issuer(request, sociallogin))

    def on_authentication_error(
        self,
        request: HttpRequest,
        _provider: object,
        error: str = "",
        exception: Exception | None = None,
        extra_context: Mapping[str, object] | None = None,
    ) -> None:
        """Answer with a page of this node instead of allauth's.

        Raises:
            ImmediateHttpResponse: Always, with the answer.
        """
        # What the issuer says of it stands in the address that it sends the browser back to; anybody can make up one,
        # but not with the state of this browser's own sign-in.
        told = request.GET if "state" in (extra_context or {}) else {}
        cause = exception or " ".join(told.get(name, "") for name in ("error", "error_description")).strip()
        broken_off = error == AuthError.CANCELLED and bool(told)
        issuer = request.resolver_match.kwargs["provider_id"] if request.resolver_match else ""
        raise ImmediateHttpResponse(
            failed(request, issuer, cause, failure="broken off" if broken_off else "failed")
        )

    def get_requests_session(self) -> "Session":
        """The way out, looking like a session of requests as far as allauth uses one."""
        return Session(outbound, reaching.allowed())


class _Sends(Protocol):
    """What of an egress client is needed here."""

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, allow: Iterable[AllowedEndpoint] = ()
    ) -> Any:
        """Fetch."""

    def post(
        self,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        allow: Iterable[AllowedEndpoint] = (),
    ) -> Any:
        """Send."""


class Session:
    """A session of requests as far as allauth uses one, over the egress client."""

    def __init__(self, client: _Sends, allow: Iterable[AllowedEndpoint] = ()) -> None:
        self._client = client
        self._allow = tuple(allow)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open."""

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> "Answer":
        """Fetch an address; an issuer's description at most once in `KEPT_S`, while the same addresses are allowed."""
        if not url.endswith(DISCOVERY) or headers:
            return Answer(self._client.get(url, headers=headers, allow=self._allow))
        key, now = (self._client, url, self._allow), time.monotonic()
        kept_s, kept = _described.get(key, (0.0, None))
        if kept is not None and now - kept_s < KEPT_S:
            return kept
        told = Answer(self._client.get(url, allow=self._allow))
        if told.status_code == 200 and b'"authorization_endpoint"' in told.content:
            for old in [
                one for one, (then, _) in _described.items() if one[1] == url or now - then >= KEPT_S
            ]:
                _described.pop(old, None)
            _described[key] = now, told
        return told

    def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: Any = None,
    ) -> "Answer":
        """GET with parameters, or POST a form."""
        if method == "GET":
            return self.get(f"{url}?{urlencode(params or {})}", headers)
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"} | dict(
            headers or {}
        )
        if auth is not None:
            sent["Authorization"] = "Basic " + b64encode(f"{auth.username}:{auth.password}".encode()).decode()
        body = urlencode(data or {}).encode()
        return Answer(self._client.post(url, body=body, headers=sent, allow=self._allow))


class Answer:
    """An answer as allauth reads one."""

    def __init__(self, answer: Any) -> None:
        self.status_code: int = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self.content: bytes = answer.body

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)

    def raise_for_status(self) -> None:
        """Refuse an error.

        Raises:
            HTTPError: The server answered with an error; allauth shows its page for it.
        """
        if self.status_code >= 400:
            raise HTTPError(f"{self.status_code}")
