"""Signed JSON messages to a system of the authority's choice; one attempt each, errors say whether to retry."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Any

from hanse.egress.client import Client, Response
from hanse.egress.errors import PermanentError, RefusedError, TemporaryError, TooLargeError, UnreachableError
from hanse.egress.rules import AllowedEndpoint
from hanse.kernel.clock import now_us
from hanse.kernel.strict_json import canonical

SIGNATURE = "Hanse-Signature"
DELIVERY = "Hanse-Delivery"
SHORTEST_SECRET = 32
LONGEST_WAIT_S = 86_400

_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that mean "not now" (RFC 9110 section 15, RFC 8470, RFC 6585); all other refusals are for good."""

_DELIVERY = re.compile(r"[A-Za-z0-9-]{1,64}")


def post(
    client: Client,
    url: str,
    payload: Any,
    secret: bytes,
    *,
    delivery: str,
    allow: Iterable[AllowedEndpoint] = (),
    timeout_s: float = 10.0,
) -> Response:
    """Deliver one message.

    Args:
        client: Who delivers.
        url: The receiver, https only.
        payload: What JSON can hold; sent in canonical form.
        secret: What sender and receiver share, 32 bytes or more.
        delivery: Id of the message, the same at every attempt, so that a receiver can drop a second copy.
        allow: Non-public addresses that may be reached.
        timeout_s: Seconds for the whole attempt.

    Raises:
        PermanentError: Somebody has to change something first.
        TemporaryError: Try again later, with the same delivery id.
    """
    if len(secret) < SHORTEST_SECRET or not _DELIVERY.fullmatch(delivery):
        raise PermanentError(
            f"Webhook {url[:200]}: needs a secret of {SHORTEST_SECRET} bytes or more and a delivery id of "
            "letters, digits and hyphens. Make a new secret."
        )
    body = canonical(payload)
    headers = {
        "Content-Type": "application/json",
        DELIVERY: delivery,
        SIGNATURE: signature(secret, now_us() // 1_000_000, delivery, body),
    }
    try:
        answer = client.post(
            url, headers=headers, body=body, limit_bytes=65_536, timeout_s=timeout_s, allow=allow
        )
    except UnreachableError as error:
        raise TemporaryError(str(error)) from error
    except (RefusedError, TooLargeError) as error:
        raise PermanentError(str(error)) from error
    return judged(answer)


def signature(secret: bytes, time_s: int, delivery: str, body: bytes) -> str:
    """The value of the signature header: `t=<seconds UTC>,v1=<hex>`.

    The hex is HMAC-SHA-256 (RFC 2104) over time, full stop, delivery id, full stop, body.
    """
    signed = f"{time_s}.{delivery}.".encode("ascii") + body
    return f"t={time_s},v1={hmac.new(secret, signed, hashlib.sha256).hexdigest()}"


def judged(answer: Response) -> Response:
    """The answer when the message was taken."""
    if 200 <= answer.status < 300:
        return answer
    words = f"{answer.final_url}: the receiver answered {answer.status}."
    if answer.status in _TEMPORARY:
        wait = answer.headers.get("retry-after", "")
        seconds = min(int(wait), LONGEST_WAIT_S) if re.fullmatch(r"[0-9]{1,9}", wait) else None
        raise TemporaryError(f"{words} Try again later.", seconds)
    raise PermanentError(f"{words} Check the address and the secret with its operator.")
