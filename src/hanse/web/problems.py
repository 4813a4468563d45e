"""What goes wrong, told to who asked: a page in words, or problem details (RFC 9457) to a program."""

import json
import logging
from collections.abc import Callable, Iterable
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from hanse.kernel.errors import HanseError, UsageError
from hanse.ledger.keyring import LockedError
from hanse.policy.guarded import NotVisibleError

P = ParamSpec("P")

_log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
"""The media type of problem details (RFC 9457, section 6.1)."""

API = "/api/"
"""Where programs ask; everything below it gets problem details."""


def details(status: int, detail: str, *, rules: Iterable[str] = (), **more: Any) -> HttpResponse:
    """Problem details: type, title, status and detail, with `rules` of policy and other members where given."""
    members: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **({"rules": list(rules)} if rules else {}),
        **more,
    }
    return HttpResponse(json.dumps(members), content_type=CONTENT_TYPE, status=status)


def problem(
    request: HttpRequest,
    status: int,
    detail: str,
    *,
    rules: Iterable[str] = (),
    title: str = "",
    there: tuple[str, str] = ("", ""),
    way: str = "",
) -> HttpResponse:
    """The answer that says what went wrong and what to do, in the form that the asker reads.

    Args:
        request: What was asked.
        status: The HTTP status.
        detail: What went wrong and what to do.
        rules: The rules that forbid it.
        title: The page's heading; empty for the status's own.
        there: Address of a page that shows what it is about, and what leads there; empty for none.
        way: What a person can do about it; empty where `detail` says it.
    """
    if _program(request):
        return details(status, detail, rules=rules, **see(there[0]))
    context = {
        "status": status, "title": title or _title(status), "detail": detail, "rules": tuple(rules), "there": there,
        "way": way,
    }  # fmt: skip
    template = "web/problem_part.html" if request.headers.get("HX-Request") == "true" else "web/problem.html"
    return render(request, template, context, status=status)


def session_over(request: HttpRequest) -> HttpResponse:
    """The answer to a form that was sent when the session was over: to the sign-in, and from there back to the form.

    What was typed waits in the browser (`frontend/behaviours/keep.ts`).
    """
    detail = _(
        "Your session is over, and nothing was sent. Sign in again, look at what you typed, and send it anew."
    )
    if _program(request):
        return details(401, detail)
    back = urlencode({"next": request.headers.get("Referer", "")})
    context = {
        "status": 401,
        "title": _title(401),
        "detail": detail,
        "sign_in": f"{settings.LOGIN_URL}?{back}",
    }
    return render(request, "web/problem.html", context, status=401)


def in_words(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Have an error of Hanse that a view lets through become a page with its words, as those of `hanse.web.page` do."""

    @wraps(view)
    def told(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except HanseError as error:
            return problem(request, status_of(error), str(error), title=title_of(error))

    return told


def status_of(error: HanseError) -> int:
    """The HTTP status of an error that a use case raised; what one may not see is not there.

    An error with a ``status`` of its own says it itself.
    """
    if isinstance(error, NotVisibleError):
        return 404
    if isinstance(error, LockedError):
        return 503
    told = getattr(error, "status", None)
    if isinstance(told, int):
        return told
    return 400 if isinstance(error, UsageError) else 422


def title_of(error: HanseError) -> str:
    """The heading that an error has of its own, in its ``title``; empty where its status says enough."""
    return str(getattr(error, "title", ""))


def there_of(error: HanseError) -> tuple[str, str]:
    """Address of the page that shows what an error is about, and what leads there; empty where it has none.

    They are in its ``there`` and ``there_words``.
    """
    return str(getattr(error, "there", "")), str(getattr(error, "there_words", _("Look at it")))


def see(there: str) -> dict[str, str]:
    """The member of problem details that says on which page to look."""
    return {"see": there} if there.startswith("/") else {}


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 - Django calls it by name
    """Django's handler400."""
    return problem(request, 400, _("The browser sent something that cannot be meant. Go back and try again."))


def denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler403."""
    return problem(
        request, 403, str(exception or "") or _("You may not do this. Ask your administrator for a role.")
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 - Django calls it by name
    """Django's handler404. What one may not see and what is not there look the same."""
    return problem(
        request, 404, _("There is nothing here that you can see. Check the address, or search for it.")
    )


def failed(request: HttpRequest) -> HttpResponse:
    """Django's handler500; it reads no table, because the database may be what failed."""
    detail = _(
        "The node made a mistake; nothing was changed. Try again; if it stays, tell your administrator."
    )
    if _program(request):
        return details(500, detail)
    context = {"status": 500, "title": _title(500), "detail": detail}
    return HttpResponse(render_to_string("web/plain_problem.html", context), status=500)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW."""
    detail = _("The form is too old, or did not come from this node. Load the page again and send it anew.")
    _log.info("a form was refused: %s", reason)
    return problem(request, 403, detail, rules=("csrf",))


def _program(request: HttpRequest) -> bool:
    """Whether a program asks rather than a person with a browser."""
    return request.path.startswith(API) or request.headers.get("Accept", "").startswith("application/json")


def _title(status: int) -> str:
    """The page's heading."""
    words = {
        400: _("That cannot be meant"),
        401: _("Sign in first"),
        403: _("You may not do this"),
        404: _("Nothing here"),
        405: _("Not this way"),
        409: _("Somebody was faster"),
        410: _("No longer here"),
        413: _("Too large"),
        422: _("Not as it is"),
        429: _("Too much at once"),
        503: _("Not now"),
        507: _("No room"),
    }
    return words.get(status, _("Something went wrong"))
