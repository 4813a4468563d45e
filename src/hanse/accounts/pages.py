"""What the pages of this room share: pages of one's own account, and refusals told as pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from hanse.accounts.rules import RefusedError
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.web.page import actor_of, forbidden, public, whole
from hanse.web.problems import problem, session_over

P = ParamSpec("P")
OWN = "one's own account: every person who is signed in has one"
Own = Callable[Concatenate[HttpRequest, Actor, P], dict[str, Any] | HttpResponseBase]


def own(template: str = "", methods: tuple[str, ...] = ("GET",)) -> Callable[[Own[P]], Callable[..., Any]]:
    """Make a view a page that every person who is signed in may open, because it shows only what is theirs.

    The view gets the request and the actor.
    """

    def guard(view: Own[P]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            whole(request)
            actor = actor_of(request)
            if actor is None or actor.kind != "person":
                return _to_sign_in(request)
            try:
                result = view(request, actor, *args, **kwargs)
            except RefusedError as error:
                return told(request, error)
            except UsageError as error:
                return problem(request, 400, str(error))
            return render(request, template, result) if isinstance(result, dict) else result

        return public(OWN)(require_http_methods(list(methods))(guarded))

    return guard


def refusals(view: Callable[P, Any]) -> Callable[P, Any]:
    """Let a guarded view raise `RefusedError`: it is told as what it is."""

    @wraps(view)
    def answer(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return view(*args, **kwargs)
        except RefusedError as error:
            request = args[0]
            assert isinstance(request, HttpRequest)  # noqa: S101 - Django calls views with it
            return told(request, error)

    return answer


def told(request: HttpRequest, error: RefusedError) -> HttpResponse:
    """A refusal as a page: to the passkey where only that is missing, otherwise why not."""
    if error.decision.rules != ("step-up",):
        return forbidden(request, error.decision)
    here = request.headers.get("Referer", "") if request.method != "GET" else request.get_full_path()
    where = f"{reverse('accounts:step_up')}?{urlencode({'next': here})}"
    return render(request, "accounts/step_up_first.html", {"step_up_url": where}, status=401)


def uuid_in(text: str) -> UUID:
    """An id in a form.

    Raises:
        UsageError: It is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise UsageError("Choose one of the list.") from None


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """A browser goes to the sign-in and comes back; a form is answered with 401."""
    if request.method in {"GET", "HEAD"}:
        return redirect(f"{settings.LOGIN_URL}?{urlencode({'next': request.get_full_path()})}")
    return session_over(request)
