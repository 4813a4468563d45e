"""Every request of the open edge, in steps, before anything is read; and errors as TAXII tells them (section 3.6.1).

1. Who asks: HTTP's Basic scheme (the authority's id and its secret) or a bearer token (the secret); else 401.
2. How often: as the API; else 429.
3. Policy is asked about the action; a refusal is 403.
4. What is taken for an answer, and what is sent: TAXII 2.1; else 406 and 415.
5. What no database can hold (NUL in the address) is 400.

A browser's session is never looked at, so that no page elsewhere can ask in a person's name.
"""

import binascii
import json
import logging
from base64 import b64decode
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, Final, ParamSpec, cast

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.policy.actions import action_named
from hanse.policy.decision import may
from hanse.taxii import partners
from hanse.taxii.asker import NOTHING, Asker, TaxiiError
from hanse.taxii.media import TAXII, accepted, is_taxii
from hanse.web.page import RATE, holds_nul
from hanse.web.problems import status_of

_log = logging.getLogger(__name__)

P = ParamSpec("P")

View = Callable[Concatenate[HttpRequest, Asker, P], HttpResponseBase]


_UNKNOWN: Final = (
    "Send your authority's id and its secret, or the secret as a bearer token. If you did, one of them is mistyped, or you "
    "were revoked: ask the authority that gave them to you."
)
"""To all whom it does not know alike: neither who may come nor what of it was right can be learned from it."""


def endpoint(**actions: str) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """Make a view an endpoint of TAXII.

    Args:
        actions: For each method, such as ``GET``, the action of policy that it takes.
    """
    for action in actions.values():
        action_named(action)
    methods = tuple(actions)

    def guard(view: View[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            try:
                return view(request, _let_in(request, actions), *args, **kwargs)
            except _RefusedAsItIsError as refused:
                return refused.response
            except Http404:
                return error(404, NOTHING)
            except HanseError as problem:
                status = status_of(problem)
                return error(status, NOTHING if status == 404 else str(problem))
            except Exception:  # noqa: BLE001 - whatever happens, a partner is answered as TAXII says
                _log.exception("TAXII failed at %s %s", request.method, request.path)
                return error(500, "The node made a mistake; nothing was changed. Its log says more.")

        checked = csrf_exempt(guarded)
        # The walks over all routes read these.
        checked.action, checked.methods = next(iter(actions.values())), methods  # type: ignore[attr-defined]
        return cast("Callable[..., HttpResponseBase]", checked)

    return guard


def answer(resource: dict[str, Any], status: int = 200) -> HttpResponse:
    """An answer of one resource."""
    return HttpResponse(json.dumps(resource), content_type=TAXII, status=status)


def error(status: int, words: str) -> HttpResponse:
    """The error message resource."""
    members = {"title": HTTPStatus(status).phrase, "description": words, "http_status": str(status)}
    return answer(members, status)


class _RefusedAsItIsError(HanseError):
    """A refusal with headers of its own."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__("refused")
        self.response = response


def _let_in(request: HttpRequest, actions: dict[str, str]) -> Asker:
    """The steps."""
    asker = _known(request)
    request.actor = asker.actor  # type: ignore[attr-defined]  # with it, nobody keeps the answer
    request.auth = asker.actor.id  # type: ignore[attr-defined]  # the throttle counts by it
    _throttled(request)
    action = actions.get("GET" if request.method == "HEAD" else str(request.method))
    if action is None:
        response = error(405, "The address does not take this method; Allow says which it takes.")
        response["Allow"] = ", ".join(actions)
        raise _RefusedAsItIsError(response)
    decision = may(asker.actor, action, now_us=now_us())
    if not decision:
        raise TaxiiError(403, decision.words)
    if not accepted(request.headers.get("Accept")):
        raise TaxiiError(406, f"This node answers with {TAXII}. Send it as Accept.")
    if request.method == "POST" and not is_taxii(request.headers.get("Content-Type")):
        raise TaxiiError(415, f"This node takes {TAXII}. Send it as Content-Type.")
    if holds_nul(request):
        raise TaxiiError(400, "The address holds a NUL character, which no value here has.")
    return asker


def _known(request: HttpRequest) -> Asker:
    """Step 1."""
    scheme, _, told = request.headers.get("Authorization", "").partition(" ")
    user: str | None = None
    secret = told.strip()
    if scheme.lower() == "basic":
        try:
            user, _, secret = b64decode(secret, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            secret = ""
    found = partners.who(secret, user) if scheme.lower() in {"basic", "bearer"} and secret else None
    if found is None:
        response = error(401, _UNKNOWN)
        response["WWW-Authenticate"] = 'Basic realm="TAXII", charset="UTF-8"'
        raise _RefusedAsItIsError(response)
    return Asker(*found)


def _throttled(request: HttpRequest) -> None:
    """Step 2."""
    from ninja.throttling import AuthRateThrottle  # noqa: PLC0415 - loads the API's framework, and most nodes have no edge

    throttle = AuthRateThrottle(RATE)
    if throttle.allow_request(request):
        return
    response = error(429, "You ask more often than this node answers. Wait as long as Retry-After says.")
    response["Retry-After"] = str(max(1, round(throttle.wait() or 1)))
    raise _RefusedAsItIsError(response)
