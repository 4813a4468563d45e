"""Security headers of every answer: nothing inline, nothing from outside, nothing kept, nothing framed.

And over how much is read of a form before anybody is known, and over what every request counts as sent: what the node's
address says, never what a header says.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from hanse.kernel import units
from hanse.web.page import actor_of
from hanse.web.problems import problem

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
"""Content Security Policy Level 3: scripts and styles only as files of this node."""

_PERMISSIONS = (
    "publickey-credentials-get=(self), publickey-credentials-create=(self), "
    "camera=(), microphone=(), geolocation=(), usb=(), serial=(), payment=(), display-capture=()"
)
"""Passkeys, and nothing else that a browser could lend to a page."""

Handler = Callable[[HttpRequest], HttpResponseBase]


def headers(get_response: Handler) -> Handler:
    """Middleware: set the headers, and forbid keeping what somebody who is signed in was shown."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response["Content-Security-Policy"] = content_policy(getattr(request, "form_targets", ()))
        response["Permissions-Policy"] = _PERMISSIONS
        response["Cross-Origin-Opener-Policy"] = "same-origin"
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        if actor_of(request) is not None:
            response["Cache-Control"] = "no-store"
        return response

    return answer


def bounded(get_response: Handler) -> Handler:
    """Middleware: a form larger than any that is taken is refused before Django's check of the CSRF token reads it.

    That check reads the forms of strangers too. What streams (uploads, TAXII, the API's files) is exempt from it, and
    bounds by itself what it reads.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    def process_view(
        request: HttpRequest, view: Callable[..., Any], _args: object, _kwargs: object
    ) -> HttpResponseBase | None:
        length = request.META.get("CONTENT_LENGTH") or ""
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if getattr(view, "csrf_exempt", False) or not length.isdecimal() or int(length) <= most:
            return None
        words = _("It is larger than a form can be here, which is %(most)s.") % {"most": units.volume(most)}
        return problem(request, 413, words)

    answer.process_view = process_view  # type: ignore[attr-defined]  # Django looks for it
    return answer


def own_scheme(get_response: Handler) -> Handler:
    """Middleware: a request came over https exactly where the node's own address is one.

    A proxy ends TLS, so the node itself sees http. A header such as ``X-Forwarded-Proto`` could be sent by anybody
    who reaches the node past the proxy; the address in the settings cannot.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        request.META["wsgi.url_scheme"] = urlsplit(settings.HANSE_NODE.url).scheme
        return get_response(request)

    return answer


def content_policy(form_targets: Iterable[str] = ()) -> str:
    """The policy's text.

    Args:
        form_targets: Other origins that the answer to a form may lead to, such as the issuers of a login, which
            browsers count as targets of the form. A page sets them as ``request.form_targets``.
    """
    targets = " ".join(["'self'", *sorted(form_targets)])
    return "; ".join(f"{name} {value}" for name, value in {**_POLICY, "form-action": targets}.items())
