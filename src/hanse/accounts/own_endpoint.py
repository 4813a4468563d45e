"""The guard on operations of the API on what is one's own; pages have theirs beside, for they load nothing of the API."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from ninja.decorators import decorate_view

from hanse.accounts.pages import OWN
from hanse.web.api import unread
from hanse.web.page import actor_of, from_our_page, public, whole
from hanse.web.problems import details


def own_endpoint(view: Callable[..., Any]) -> Callable[..., Any]:
    """Guard an operation of the API on what is one's own: for every person who is signed in, and no token."""

    def guard(run: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(run)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if actor_of(request) is not None and (refusal := unread(request)) is not None:
                return refusal
            whole(request)
            actor = actor_of(request)
            if actor is None or actor.kind != "person":
                return details(401, "Sign in: a token cannot do this.")
            if request.method != "GET" and not from_our_page(request):
                return details(403, "Send the cookie's CSRF token as X-CSRFToken.", rules=("csrf",))
            request.auth = actor.id  # type: ignore[attr-defined]  # the throttle counts by it
            return run(request, *args, **kwargs)

        return guarded

    return decorate_view(guard)(public(OWN)(view))
