"""Requests that happen once though they are sent twice, by the Idempotency-Key that the client chose.

Source: IETF draft "The Idempotency-Key HTTP Header Field" (draft-ietf-httpapi-idempotency-key-header). The answer
is stored in the transaction of what the request does: either both are there or neither. What is done in parts, and may
be done again, is not: on SQLite nobody else could write until all of it is done.
"""

from collections.abc import Callable
from hashlib import sha256

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import KeysError
from hanse.kernel.sealing import SealingError, blind
from hanse.ledger import keyring
from hanse.web.models import Idempotency
from hanse.web.page import signed_in

KEPT_US = 86_400_000_000
"""How long an answer is kept: a day, longer than any client tries again."""

WORKS_US = 120_000_000
"""How long what is done in parts may take until it counts as broken off, by a node that stopped."""

HEADER = "Idempotency-Key"


class KeyProblem(HanseError):  # noqa: N818 - it carries the status of a problem answer
    """The key cannot be used for this request."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def once(
    request: HttpRequest, run: Callable[[], HttpResponseBase], *, in_parts: bool = False
) -> HttpResponseBase:
    """The answer of `run`, or the one that it gave when the same actor sent the same request before.

    Two such requests at the same time: the database lets the second wait for the first. A request that is refused
    (4xx) or fails (5xx) changes nothing and is not kept, so that it can be mended and sent with the same key.

    Args:
        request: The request.
        run: Does what it asks for.
        in_parts: Whether that is done in transactions of its own, and doing it again changes nothing or is refused: so it
            is where the node stops after it is done and before its answer is kept.

    Raises:
        KeyProblem: The key is none, or was used for another request; or that one is still being worked at.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return run()
    if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise KeyProblem(400, f"{HEADER} is 1 to 255 printable ASCII characters, such as a UUID.")
    actor = signed_in(request)
    # Of each token its own: what one was told is not given to another that may do less.
    name = _digest(actor.id, actor.token, request.method or "", request.path, key)
    digest = _digest(request.META.get("QUERY_STRING", ""), request.body.decode("latin-1"))
    # Keyed: what a request says, such as a telephone number, could else be found by trying.
    digest = blind(keyring.current().index, "web.request", digest).hex()
    if in_parts:
        return _in_parts(name, digest, run)
    with transaction.atomic():
        row, new = _begun(name, digest)
        if not new:
            return _again(row, digest)
        response = run()
        if response.status_code >= 400:
            transaction.set_rollback(True)
            return response
        if not isinstance(response, HttpResponse):
            # A stream is not kept: what was written down about it stays, and asked again it is given and written again.
            row.delete()
            return response
        row.status, row.body = response.status_code, response.content.decode()
        row.save()
    return response


def _begun(name: str, digest: str) -> tuple[Idempotency, bool]:
    """What is kept of a request, and whether it came only now."""
    forget_old()
    return Idempotency.objects.get_or_create(key=name, defaults={"request": digest, "created_us": now_us()})


def _in_parts(name: str, digest: str, run: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """As `once`: that it begins is kept before, and the answer after it."""
    with transaction.atomic():
        row, new = _begun(name, digest)
        if not new and (row.status or row.request != digest):
            return _again(row, digest)
        if not new and row.created_us > now_us() - WORKS_US:
            raise KeyProblem(
                409,
                f"The request with this {HEADER} is still being worked at. Send it again in two minutes for its answer.",
            )
        row.created_us = now_us()
        row.save()
    response: HttpResponseBase | None = None
    try:
        response = run()
    finally:
        if not isinstance(response, HttpResponse) or response.status_code >= 400:
            Idempotency.objects.filter(pk=name).delete()
    if isinstance(response, HttpResponse) and response.status_code < 400:
        row.status, row.body = response.status_code, response.content.decode()
        row.save()
    return response


def forget_old() -> int:
    """Remove answers that are kept no longer, also where no further request comes: what they tell may be purged; how many."""
    return Idempotency.objects.filter(created_us__lt=now_us() - KEPT_US).delete()[0]


def _again(row: Idempotency, digest: str) -> HttpResponse:
    """The stored answer."""
    if row.request != digest:
        raise KeyProblem(422, f"This {HEADER} was used for another request. Choose a new one.")
    try:
        body = row.body or ""
    except (SealingError, KeysError):  # it is another's, or was altered
        raise KeyProblem(
            409, f"The answer that was kept under this {HEADER} is gone. Look whether it was done."
        ) from None
    response = HttpResponse(body, status=row.status, content_type="application/json; charset=utf-8")
    response["Idempotency-Replayed"] = "true"
    return response


def _digest(*parts: str) -> str:
    """SHA-256 over parts of any length, each with its length in front."""
    return sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()
