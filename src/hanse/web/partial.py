"""Parts of pages that htmx asks for again and again: sent only when they changed.

Browsers keep nothing of signed-in pages; the console's script remembers each part's ETag and sends it along.
"""

from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from hanse.web.page import is_htmx


def asked_for(request: HttpRequest, element: str) -> bool:
    """Whether htmx asks for the element with this id alone."""
    return is_htmx(request) and request.headers.get("HX-Target") == element


def part_or_unchanged(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """A part of a page; 204 (which htmx leaves alone) or else 304 when the asker has exactly this already.

    The template gets the context alone, so that nothing that changes at every request is in it.
    """
    html = render_to_string(template, context)
    tag = f'"{sha256(html.encode()).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match") == tag:
        response = HttpResponse(status=204 if is_htmx(request) else 304)
    else:
        response = HttpResponse(html)
    response["ETag"] = tag
    return response
