"""`request.actor`: who acts, by a session or by a token, as the ledger's signed entries say."""

import time
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from hanse.accounts.models import Session
from hanse.accounts.sessions import AFTER, BEGAN, LONGEST_US, SEEN, STEPPED_UP, TOUCH_US, hashed
from hanse.accounts.who import TOKEN_PREFIX, person_actor, token_actor
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.web.problems import API, details

ANEW_S = 1.0
"""A request that took longer to come whole is one in whose time somebody may have been kept out."""

Handler = Callable[[HttpRequest], HttpResponseBase]

BY_ITSELF = "Hanse-By-Itself"
"""Header of what a page asks for again and again: a page that is merely open is no use of the session."""


def actor(get_response: Handler) -> Handler:
    """Middleware: set ``request.actor`` to an `Actor`, or to None where nobody is signed in.

    A request to the API with an ``Authorization`` header is its token's, whatever cookie comes with it; one
    that does not hold is answered with 401 at once.

    ``request.actor_anew`` asks again where it took longer than `ANEW_S` until then (`hanse.web.page.whole`): a body can
    be sent for hours, and whoever is kept out meanwhile must not act by what came before.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        began, header = time.monotonic(), request.headers.get("Authorization", "")
        by_token = bool(header) and request.path.startswith(API)

        def anew() -> bool:
            late = time.monotonic() - began > ANEW_S
            if late and request.actor is not None:  # type: ignore[attr-defined]  # set below
                request.actor = _by_token(header) if by_token else _still(request)  # type: ignore[attr-defined]
            return late

        if by_token:
            who = _by_token(header)
            if who is None:
                refused = details(
                    401, "The token is unknown, expired or revoked. Make a new one in My account."
                )
                refused["WWW-Authenticate"] = "Bearer"
                return refused
        else:
            who = _by_session(request)
        request.actor, request.actor_anew = who, anew  # type: ignore[attr-defined]  # declared here; web.page reads them
        return get_response(request)

    return answer


def _by_token(header: str) -> Actor | None:
    """The actor of ``Authorization: Bearer hanse_...``."""
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.startswith(TOKEN_PREFIX):
        return None
    return token_actor(secret.strip())


def _still(request: HttpRequest) -> Actor | None:
    """The actor of a session that was one when the request began, if it is one still."""
    key = hashed(request.session.session_key or "")
    there = Session.objects.filter(session_key=key, expire_date__gt=timezone.now()).exists()
    return _by_session(request) if there else None


def _by_session(request: HttpRequest) -> Actor | None:
    """The actor of a session that is neither too old nor idle; any other session of a person is ended."""
    if not request.user.is_authenticated:
        return None
    session, now = request.session, now_us()
    began, seen = session.get(BEGAN, 0), session.get(SEEN, 0)
    who = None
    if now - began <= LONGEST_US and now - seen <= settings.SESSION_COOKIE_AGE * 1_000_000:
        person, after = UUID(str(request.user.pk)), session.get(AFTER, -1)
        who = person_actor(person, stepped_up_us=session.get(STEPPED_UP), after=after)
    if who is None:
        logout(request)
    elif now - seen > TOUCH_US and request.headers.get(BY_ITSELF) is None:
        session[SEEN] = now
    return who
