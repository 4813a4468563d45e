"""Where other nodes come in: one address, one message in, one out."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from hanse.federation import wire
from hanse.web.page import public


@public("Other nodes are known by the signature of each message, never by a session.")
@csrf_exempt
@require_POST
def league(request: HttpRequest) -> HttpResponse:
    """Take a message, answer with one."""
    length = request.headers.get("Content-Length", "")
    if not length.isdecimal() or int(length) > wire.LIMIT_BYTES:
        return HttpResponse(
            "The message is larger than any that is understood here, or does not say how long it is.",
            status=413,
        )
    answer = wire.answer(request.body)
    kind = wire.CONTENT_TYPE if answer.signed else "text/plain; charset=utf-8"
    return HttpResponse(answer.data, status=answer.status, content_type=kind)
