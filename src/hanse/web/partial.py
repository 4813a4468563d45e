"""Parts of pages that htmx asks for again and again: sent only when they changed.

Browsers keep nothing of signed-in pages; the console's script remembers each part's ETag and sends it along.
"""

from hashlib import sha256

from django.http import HttpRequest, HttpResponse

from hanse.web.page import is_htmx


def asked_for(request: HttpRequest, element: str) -> bool:
    """Whether htmx asks for the element with this id alone."""
    return is_htmx(request) and request.headers.get("HX-Target") == element


def etag_of(html: str) -> str:
    """A strong entity tag of what is shown: equal exactly when nothing changed."""
    return f'"{sha256(html.encode()).hexdigest()[:32]}"'


def part_or_unchanged(request: HttpRequest, html: str, etag: str) -> HttpResponse:
    """A part of a page; 204 (which htmx leaves alone) or else 304 when the asker has exactly this already."""
    if request.headers.get("If-None-Match") == etag:
        response = HttpResponse(status=204 if is_htmx(request) else 304)
    else:
        response = HttpResponse(html)
    response["ETag"] = etag
    return response
