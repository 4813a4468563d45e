"""What people are told, and the log, where an issuer did not say who somebody is."""

import logging
from typing import Literal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from hanse.kernel.printable import one_line
from hanse.policy.asking import may_begin
from hanse.web.page import actor_of

log = logging.getLogger(__name__)

Failure = Literal["failed", "broken off", "busy"]


def failed(
    request: HttpRequest, issuer: str, error: object = "", *, failure: Failure = "failed"
) -> HttpResponse:
    """The page for it, with the cause for those alone who may mend it.

    Args:
        request: To an issuer's address here.
        issuer: Its id in the settings.
        error: What was met with; it may be in the issuer's own words.
        failure: Whether the person broke it off there, or too many wait for issuers just now.
    """
    cause = one_line(str(error))
    if failure == "failed":
        log.warning(
            "the issuer %s did not say who somebody is: %s",
            issuer,
            cause or "an answer that this browser did not ask for",
        )
    actor = actor_of(request)
    told = actor is not None and actor.kind == "person" and may_begin(actor, "settings.edit")
    context = {"failure": failure, "here": actor is not None, "cause": cause if told else ""}
    return render(request, "accounts/issuer_failed.html", context, status=503 if failure == "busy" else 401)
