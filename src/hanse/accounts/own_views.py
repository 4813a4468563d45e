"""My account: name, passkeys, identities, tokens, sessions, language and theme."""

from typing import Any
from uuid import UUID

from allauth.mfa.webauthn.internal import auth as ceremony
from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from hanse.accounts import issuers, passkeys, rules, service, tokens
from hanse.accounts.models import Person, Session
from hanse.accounts.pages import own, uuid_in
from hanse.accounts.proof import last
from hanse.accounts.sessions import AFTER, BEGAN, hashed
from hanse.accounts.signing_in import BINDING, registered
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.policy.actions import ACTIONS
from hanse.policy.roles import roles


@own("accounts/mine.html")
def mine(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """Everything of one's own account."""
    row = Person.objects.get(pk=UUID(actor.id))
    return {
        "person": row,
        "titles": [roles()[name].title for name in sorted(actor.roles) if name in roles()],
        "memberships": row.memberships.select_related("team"),
        "passkeys": row.passkeys.order_by("added_us"),
        "identities": row.issuers.order_by("issuer"),
        "issuers": settings.HANSE_NODE.oidc,
        "tokens": row.tokens.order_by("made_us"),
        "scopes": [ACTIONS[name] for name in tokens.possible(actor)],
        "sessions": Session.objects.filter(person_id=row.pk).order_by("-began_us"),
        "this_session": hashed(request.session.session_key or ""),
        "languages": settings.LANGUAGES,
        "fresh": rules.fresh(actor),
    }


@own("accounts/add_passkey.html", methods=("GET", "POST"))
def add_passkey(request: HttpRequest, actor: Actor) -> dict[str, Any] | HttpResponse:
    """Register another passkey, or the first one of a person who came in at an issuer."""
    row, wrong = Person.objects.get(pk=UUID(actor.id)), ""
    if row.passkeys.exists():
        rules.ask_own(actor, row.pk)
    if request.method == "POST":
        try:
            name = request.POST.get("name", "").strip()
            passkeys.add_own(name, registered(request), actor, began_us=request.session.get(BEGAN, 0))
            return redirect("accounts:mine")
        except ValidationError as error:
            wrong = " ".join(error.messages)
    options = ceremony.begin_registration(row, passwordless=True)
    return {"wrong": wrong, "js_data": {"creation_options": options}}


@own(methods=("POST",))
def change(request: HttpRequest, actor: Actor, what: str) -> HttpResponse:
    """One change to one's own account; what it is stands in the address."""
    typed = request.POST
    match what:
        case "rename":
            service.rename(typed.get("name", ""), typed.get("email", ""), actor)
        case "prefer":
            service.prefer(typed.get("language", ""), typed.get("theme", ""), actor)
        case "remove-passkey":
            passkeys.remove(uuid_in(typed.get("passkey", "")), actor)
            _keep_session(request, actor)
        case "bind":
            return _to_issuer(request, typed.get("issuer", ""), actor)
        case "unbind":
            issuers.unbind(uuid_in(typed.get("issuer", "")), actor)
        case "revoke-token":
            tokens.revoke(uuid_in(typed.get("token", "")), actor)
        case "end-sessions":
            service.end_sessions(UUID(actor.id), actor)
            _keep_session(request, actor)
        case _:
            raise UsageError("There is no such change.")
    return redirect("accounts:mine")


@own(methods=("POST",))
def make_token(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Make a token for the API, and show it once."""
    days = request.POST.get("days", "")
    if not days.isdecimal():
        raise UsageError("Say for how many days the token holds.")
    made = tokens.make(request.POST.get("name", ""), request.POST.getlist("scopes"), int(days), actor)
    words = _("Copy the token now: it is shown only here. Send it as “Authorization: Bearer …”.")
    return render(request, "accounts/once.html", {"secret": made, "words": words, "mine": True})


def _to_issuer(request: HttpRequest, issuer: str, actor: Actor) -> HttpResponse:
    """The link to an issuer to add one's identity there; what comes back is added because it was asked for here.

    It is a link and no redirect: browsers let a form lead to this node only, as the policy says.
    """
    rules.ask_own(actor, UUID(actor.id))
    chosen = next((one for one in settings.HANSE_NODE.oidc if one["id"] == issuer), None)
    if chosen is None:
        raise UsageError("Choose one of the list.")
    request.session[BINDING] = now_us()
    return render(request, "accounts/to_issuer.html", {"issuer": chosen})


def _keep_session(request: HttpRequest, actor: Actor) -> None:
    """All other sessions of the person have ended; this one goes on under a new key."""
    update_session_auth_hash(request, Person.objects.get(pk=UUID(actor.id)))
    if (said := last(UUID(actor.id))) is not None:
        request.session[AFTER] = said.sequence
