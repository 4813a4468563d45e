"""Signing in, coming in by a one-time link, and proving a passkey again; all without passwords.

A sign-in by passkey is checked in this order:

1. the browser's answer fits the challenge of this session, this host and a user who was verified (allauth, fido2);
2. the public key that it was checked with is exactly that of a signed entry, not removed since (`passkeys.holds`);
3. its person is active, as the ledger says;
4. the session gets a new key, and the sign-in an entry.
"""

import json
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm
from allauth.mfa.webauthn.internal import auth as ceremony
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib.auth import login, logout
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from requests import HTTPError

from hanse.accounts import issuers, links, passkeys, service
from hanse.accounts.issuer_failures import failed
from hanse.accounts.models import Person
from hanse.accounts.proof import last
from hanse.accounts.rules import RefusedError
from hanse.accounts.sessions import AFTER, BEGAN, LABEL, SEEN, STEPPED_UP
from hanse.accounts.who import person_actor
from hanse.egress.errors import EgressError
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError, UsageError
from hanse.web.page import actor_of, public
from hanse.web.problems import in_words, problem

BACKEND = "hanse.accounts.allauth_seam.People"
GARBAGE = (ValueError, TypeError, KeyError, AttributeError)
"""What the ceremony's parsers raise for JSON of another shape than they expect."""
AT_ISSUERS = 2
"""Requests that may wait for issuers at once: fewer than the node serves at once."""
_places = threading.BoundedSemaphore(AT_ISSUERS)
LINK = "one_time_link"
"""Where a session keeps the hash of a one-time link while the person is at an issuer."""
BINDING = "binding_since_us"
"""Where a session keeps since when its person, who asked for it by a form, is at an issuer to add an identity."""


class PasskeyForm(AuthenticateWebAuthnForm):  # type: ignore[misc]  # allauth has no type information
    """A browser's answer, accepted only for a passkey that the ledger knows."""

    def clean_credential(self) -> Authenticator:
        """Steps 1 to 3."""
        try:
            authenticator = super().clean_credential()
        except GARBAGE:
            raise ValidationError(_("That is no answer of a browser.")) from None
        if not passkeys.holds(authenticator):
            raise ValidationError(_("The ledger does not know this passkey. Tell your administrator."))
        return authenticator


@public("signing in")
@require_GET
def sign_in_page(request: HttpRequest) -> HttpResponse:
    """The page with the ways in."""
    if actor_of(request) is not None:
        return redirect(_next(request))
    context = {
        "next": _next(request),
        "issuers": settings.HANSE_NODE.oidc,
        "refused": request.GET.get("refused"),
    }
    return render(request, "accounts/sign_in.html", context)


@public("signing in")
@require_http_methods(["GET", "POST"])
@in_words
def passkey(request: HttpRequest) -> HttpResponse:
    """The challenge (GET), and the browser's answer to it (POST)."""
    if request.method == "GET":
        return JsonResponse({"request_options": ceremony.begin_authentication(None)})
    form = PasskeyForm(request.POST, user=None)
    if not form.is_valid():
        return redirect(f"{settings.LOGIN_URL}?refused=1")
    authenticator = form.cleaned_data["credential"]
    authenticator.record_usage()
    begin_session(request, authenticator.user, "passkey")
    return redirect(_next(request))


@public("signing out")
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this session."""
    logout(request)
    return redirect(settings.LOGIN_URL)


@public("a name that allauth leads to where it wants a page that this node does not have")
def nowhere(request: HttpRequest) -> HttpResponse:
    """There are no sign-ups, no passwords and no linked accounts."""
    return problem(request, 404, _("People come here by invitation only. Ask your administrator for one."))


@public("a person who was invited has no session yet; the link is the proof")
@cache_control(
    no_store=True
)  # nobody is signed in yet, and it names who was invited under an address that is a secret
@require_http_methods(["GET", "POST"])
@in_words
def welcome(request: HttpRequest, secret: str) -> HttpResponse:
    """Come in with a one-time link: say a name, register a passkey, and be signed in."""
    digest = links.digest_of(secret)
    try:
        link = links.find(digest)
    except links.LinkError as error:
        return problem(request, 410, str(error))
    person = Person.objects.get(pk=link.person)
    wrong = ""
    if request.method == "POST":
        try:
            return _come_in(request, digest, link)
        except (UsageError, ValidationError) as error:
            wrong = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
    if link.purpose == "join" and settings.HANSE_NODE.oidc:
        request.session[LINK] = digest
    context = {
        "person": person, "link": link, "wrong": wrong, "issuers": settings.HANSE_NODE.oidc,
        "name": request.POST.get("name", person.name),
        "js_data": {"creation_options": ceremony.begin_registration(person, passwordless=True)},
    }  # fmt: skip
    return render(request, "accounts/welcome.html", context)


def _come_in(request: HttpRequest, digest: str, link: links.Link) -> HttpResponse:
    """Register the passkey that a browser made, and do what the link is for."""
    credential = registered(request)
    if link.purpose == "recover":
        person = service.come_back(digest, request.POST.get("code", ""), credential)
    else:
        person = service.join(digest, request.POST.get("name", ""), "passkey", credential=credential)
    begin_session(request, person, method="")
    return redirect(settings.LOGIN_REDIRECT_URL)


def registered(request: HttpRequest) -> dict[str, Any]:
    """The registration response in a form, verified against this session's challenge.

    Raises:
        ValidationError: It is none, or no person was verified.
    """
    try:
        credential = json.loads(request.POST.get("credential", ""))
        ceremony.parse_registration_response(credential)
        binding = ceremony.complete_registration(credential)
    except (ValidationError, *GARBAGE):
        raise ValidationError(_("The browser made no passkey. Try again.")) from None
    if not binding.is_user_verified():
        raise ValidationError(_("The passkey has to ask for a PIN, a finger or a face. Try another one."))
    return dict(credential)


def begin_session(request: HttpRequest, person: Person, method: str) -> None:
    """Step 4: sign a person in; `method` is empty where the sign-in was written down already."""
    kept = {name: request.session[name] for name in ("_language",) if name in request.session}
    request.session.flush()
    login(request, person, backend=BACKEND)
    now = now_us()
    said = last(person.pk)
    after = -1 if said is None else said.sequence
    request.session.update(kept | {BEGAN: now, SEEN: now, AFTER: after, LABEL: _browser(request)})
    actor = person_actor(person.pk)
    if method and actor is not None:
        try:
            service.signed_in(person.pk, method, actor)
        except HanseError:
            request.session.flush()  # nobody is in without its being written down
            raise


def at_issuer(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Have allauth's views of an issuer end in a page also where it cannot be reached or answers what it must not.

    They wait for the issuer, and strangers may ask for them: at most `AT_ISSUERS` wait at once, and the node goes on
    serving everybody else.
    """

    @wraps(view)
    def answer(request: HttpRequest, provider_id: str) -> HttpResponse:
        if not _places.acquire(blocking=False):
            return failed(request, provider_id, failure="busy")
        try:
            return view(request, provider_id)
        except (EgressError, HTTPError, *GARBAGE) as error:
            return failed(request, provider_id, error)
        finally:
            _places.release()

    return answer


def by_issuer(request: HttpRequest, sociallogin: SocialLogin) -> HttpResponse:
    """What follows when an issuer has said who somebody is: by (issuer, subject), and nothing else it says.

    A session with a one-time link joins; a person who is signed in, proved a passkey and asked for it on their own
    page adds the identity; a known identity signs in; anybody else is a stranger, whatever e-mail address comes
    with them. Without that asking, whoever has a signed-in person follow a link would have their own identity
    added to that person's account.
    """
    token = sociallogin.account.extra_data.get("id_token") or {}
    issuer, subject = str(token.get("iss", "")), str(token.get("sub", ""))
    expected = sociallogin.provider.app.settings.get("issuer")
    if not subject or issuer != expected:
        return problem(request, 403, _("The issuer's answer is not from the issuer that was asked."))
    try:
        if digest := request.session.pop(LINK, None):
            person = service.join(digest, "", issuer, issuer=(issuer, subject))
            begin_session(request, person, method="")
            return redirect(settings.LOGIN_REDIRECT_URL)
        asked_us = request.session.pop(BINDING, None)
        if (actor := actor_of(request)) is not None and asked_us is not None:
            service.bind_issuer(issuer, subject, actor)
            return redirect("accounts:mine")
    except (UsageError, RefusedError) as error:
        return problem(request, 403, str(error))
    known = issuers.person_at(issuer, subject)
    if known is None or person_actor(known) is None:
        words = _("Nobody here is known by that identity. Ask your administrator for an invitation.")
        return problem(request, 403, words, rules=("issuer-unknown",))
    begin_session(request, Person.objects.get(pk=known), issuer)
    return redirect(_next(request))


@public("one's own passkey: asks for the session itself")
@require_http_methods(["GET", "POST"])
@in_words
def step_up(request: HttpRequest) -> HttpResponse:
    """Prove a passkey again: what follows within five minutes may be dangerous."""
    actor = actor_of(request)
    if actor is None or actor.kind != "person":
        return redirect(f"{settings.LOGIN_URL}?next={request.path}")
    person, wrong = Person.objects.get(pk=UUID(actor.id)), ""
    if request.method == "POST":
        form = PasskeyForm(request.POST, user=person)
        if form.is_valid():
            form.cleaned_data["credential"].record_usage()
            request.session.cycle_key()
            request.session[STEPPED_UP] = now_us()
            return redirect(_next(request))
        wrong = _("That passkey does not prove it is you. Try again.")
    context = {
        "next": _next(request), "wrong": wrong, "passkeys": person.passkeys.count(),
        "js_data": {"request_options": ceremony.begin_authentication(person)},
    }  # fmt: skip
    return render(request, "accounts/step_up.html", context)


def _next(request: HttpRequest) -> str:
    """Where to go on: an address of this node, or its first page."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else str(settings.LOGIN_REDIRECT_URL)


def _browser(request: HttpRequest) -> str:
    """The browser in two words, so that a person recognises their sessions."""
    told = request.headers.get("User-Agent", "")
    names = ("Firefox", "Edg", "Chrome", "Safari")
    systems = ("Windows", "Android", "iPhone", "iPad", "Mac OS X", "Linux")
    browser = next((name for name in names if name in told), "Browser").replace("Edg", "Edge")
    return f"{browser}, {next((name for name in systems if name in told), 'unknown system')}"
