"""Guards on views: who may call one is said where it stands, asked before it runs, and can be walked by a test."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import quote, unquote, urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError, UsageError
from hanse.policy.decision import STEP_UP_US, Decision, may
from hanse.policy.roles import grant
from hanse.web.problems import problem, session_over, status_of, there_of, title_of

P = ParamSpec("P")
Result = dict[str, Any] | HttpResponseBase
View = Callable[Concatenate[HttpRequest, P], Result]
Guarded = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

STEP_UP_VIEW = "accounts:step_up"
"""Name of the page on which a person proves a passkey again."""

PEOPLE_VIEW = "accounts:people"
"""Name of the page that says who has which role."""

RATE = "1200/m"
"""How often one actor may ask: 20 a second, far above what a console or a script that waits for answers needs."""


def page(
    action: str, template: str, *, step_up: bool = False, methods: tuple[str, ...] = ("GET",)
) -> Callable[[View[P]], Guarded[P]]:
    """Make a view a page that only those may open who may do `action`.

    The view gets a request whose ``actor`` is set. What it returns as a dict is rendered with `template`; a
    response is passed as it is. Who is not signed in goes to the login, who may not reads why. An error of Hanse
    that the view lets through becomes a page with its words.

    Args:
        action: An action of `hanse.policy.actions`; asked here about the action itself. The objects that the
            view shows are asked about by loading them through ``for_actor``.
        template: Template of the dict; it extends ``web/frame.html``.
        step_up: Whether a passkey must have been proved in the last five minutes, also where the action as such
            does not ask for it.
        methods: HTTP methods that the view takes; HEAD goes with GET.
    """
    allowed = [*methods, "HEAD"] if "GET" in methods else list(methods)

    def guard(view: View[P]) -> Guarded[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            whole(request)  # Django's check of the CSRF token has read a form before
            refusal = refused(request, action, step_up=step_up)
            if refusal is not None:
                return refusal
            try:
                result = view(request, *args, **kwargs)
                # What is sealed is opened where it is shown.
                return render(request, template, result) if isinstance(result, dict) else result
            except HanseError as error:
                return problem(
                    request, status_of(error), str(error), title=title_of(error), there=there_of(error)
                )

        checked = require_http_methods(allowed)(guarded)
        # The walks over all routes read these.
        checked.action, checked.methods = action, methods  # type: ignore[attr-defined]
        return cast("Guarded[P]", checked)

    return guard


def public(why: str) -> Callable[[Callable[P, HttpResponseBase]], Callable[P, HttpResponseBase]]:
    """Mark a view that needs no actor, with the reason why it may be so."""

    def mark(view: Callable[P, HttpResponseBase]) -> Callable[P, HttpResponseBase]:
        view.public = why  # type: ignore[attr-defined]  # the walk over all routes reads it
        return view

    return mark


def actor_of(request: HttpRequest) -> Actor | None:
    """Who acts, as the middleware of accounts found out; None is nobody."""
    return getattr(request, "actor", None)


def whole(request: HttpRequest) -> bool:
    """Call it once a request has come whole: who acts is asked anew where that took its time. Whether it was asked."""
    anew: Callable[[], bool] | None = getattr(request, "actor_anew", None)
    return anew is not None and anew()


def shown_to_nobody(request: HttpRequest) -> bool:
    """Whether the answer is only compared with what was read before, so that nothing of it is told (If-Match)."""
    return getattr(request, "shown_to_nobody", False)


def signed_in(request: HttpRequest) -> Actor:
    """Who acts, on a page that is guarded.

    Raises:
        UsageError: Nobody does: the view is not guarded.
    """
    actor = actor_of(request)
    if actor is None:
        raise UsageError("Nobody is signed in. Sign in first.")
    return actor


def is_fresh(actor: Actor, at_us: int) -> bool:
    """Whether the person proved a passkey in the last five minutes."""
    return actor.stepped_up_us is not None and 0 <= at_us - actor.stepped_up_us <= STEP_UP_US


def from_our_page(request: HttpRequest) -> bool:
    """Whether a request that changes something was sent by a page of this node: it carries the CSRF token.

    A bearer token needs none: no browser sends it by itself.
    """
    actor = actor_of(request)
    if actor is not None and actor.kind == "token":
        return True
    request.csrf_processing_done = False  # type: ignore[attr-defined]  # an exempt view was not looked at before
    check = CsrfViewMiddleware(_no_view)
    check.process_request(request)
    return check.process_view(request, _no_view, (), {}) is None


def _no_view(_request: HttpRequest) -> HttpResponse:
    """What Django's check asks whether it is exempt; it is not."""
    return HttpResponse()


def refused(request: HttpRequest, action: str, *, step_up: bool = False) -> HttpResponse | None:
    """The answer to who may not do `action`: to the login, to the passkey, or why not. None where they may."""
    actor = actor_of(request)
    if actor is None:
        return _to_login(request)
    now = now_us()
    decision = may(actor, action, now_us=now)
    if decision.rules == ("step-up",) or (decision.allowed and step_up and not is_fresh(actor, now)):
        return _to_step_up(request)
    return None if decision.allowed else forbidden(request, decision)


def forbidden(request: HttpRequest, decision: Decision) -> HttpResponse:
    """The page that says by which rules somebody may not, and where a role is missing, who gives it."""
    way, there = _to_a_role(actor_of(request)) if "role.missing" in decision.rules else ("", ("", ""))
    return problem(request, 403, decision.words, rules=decision.rules, there=there, way=way)


def _to_a_role(actor: Actor | None) -> tuple[str, tuple[str, str]]:
    """Who gives a role, in words, and the address and the words of a link to who that is, for who may see it."""
    asked = _("An administrator can give it: ask one of your authority.")
    if actor is None or not may(actor, "accounts.view", now_us=now_us()):
        return asked, ("", "")
    try:
        people = reverse(PEOPLE_VIEW)
    except NoReverseMatch:
        return asked, ("", "")
    if grant(actor.roles, "accounts.grant").role:
        return _("You can give roles."), (people, _("Give yourself or a colleague that role"))
    return asked, (people, _("See who is an administrator"))


def is_htmx(request: HttpRequest) -> bool:
    """Whether a part of a page is asked for, not a whole one."""
    return request.headers.get("HX-Request") == "true"


def holds_nul(request: HttpRequest) -> bool:
    """Whether the address holds a NUL character, which PostgreSQL cannot store."""
    return "\0" in request.path or "\0" in unquote(request.META.get("QUERY_STRING", ""))


def _to_login(request: HttpRequest) -> HttpResponse:
    """A browser goes to the login and comes back; a script is told 401."""
    if is_htmx(request):
        response = problem(request, 401, "Your session is over. Sign in again.")
        response["HX-Redirect"] = str(settings.LOGIN_URL)
        return response
    if request.method not in {"GET", "HEAD"}:
        return session_over(request)
    return redirect(f"{settings.LOGIN_URL}?next={quote(request.get_full_path())}")


def _to_step_up(request: HttpRequest) -> HttpResponse:
    """A browser proves its passkey and comes back; what was typed into a form waits on a page between."""
    try:
        where = reverse(STEP_UP_VIEW)
    except NoReverseMatch:
        return problem(request, 403, "Prove your passkey first.", rules=("step-up",))
    if request.method in {"GET", "HEAD"}:
        there = f"{where}?next={quote(request.get_full_path())}"
        if not is_htmx(request):
            return redirect(there)
        response = HttpResponse(status=401)
        response["HX-Redirect"] = there
        return response
    typed = [(key, value) for key, values in request.POST.lists() for value in values]
    typed = [(key, value) for key, value in typed if key != "csrfmiddlewaretoken"]
    told = {
        "typed": typed, "step_up_url": where, "files": ", ".join(_file_names(request)),
        "back_url": f"{where}?{urlencode({'next': form})}" if (form := request.headers.get("Referer")) else "",
    }  # fmt: skip
    return render(request, "web/step_up.html", told, status=401)


def _file_names(request: HttpRequest) -> list[str]:
    """The names of the files that came with a form."""
    return [file.name or "" for _, files in request.FILES.lists() for file in files]
