"""Messages signed as Standard Webhooks have it, so that receivers check them with what they have.

https://www.standardwebhooks.com, specification 1.0.0: the headers ``webhook-id``, ``webhook-timestamp`` and
``webhook-signature``; signed is ``id.timestamp.body``, by Ed25519 (``v1a``) or by HMAC-SHA256 (``v1``).
"""

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Final

from hanse.egress.client import Client
from hanse.egress.errors import PermanentError, RefusedError, TemporaryError, TooLargeError, UnreachableError
from hanse.egress.rules import AllowedEndpoint
from hanse.egress.webhook import judged

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the recognisable start of every secret, itself no secret
PUBLIC_PREFIX: Final = "whpk_"
SECRET_BYTES: Final = 32
TIMEOUT_S: Final = 10.0
"""Seconds of one attempt."""
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

Sign = Callable[[bytes], str]
"""Given what is signed, the value of the signature header."""


def by_ed25519(sign: Callable[[bytes], bytes]) -> Sign:
    """Signs with a private key; the receiver has the public one."""
    return lambda text: f"v1a,{b64encode(sign(text)).decode()}"


def by_hmac(secret: bytes) -> Sign:
    """Signs with a secret that the receiver has as well."""
    return lambda text: f"v1,{b64encode(hmac.digest(secret, text, hashlib.sha256)).decode()}"


def secret_text(secret: bytes) -> str:
    """A shared secret as receivers enter it."""
    return SECRET_PREFIX + b64encode(secret).decode()


def public_text(raw: bytes) -> str:
    """A public key as receivers enter it."""
    return PUBLIC_PREFIX + b64encode(raw).decode()


def headers(message: str, time_s: int, body: bytes, sign: Sign) -> dict[str, str]:
    """The headers of a message.

    Args:
        message: Its id, the same at every attempt.
        time_s: When it is sent, seconds UTC.
        body: What is sent.
        sign: How it is signed.
    """
    assert _ID.fullmatch(message)  # noqa: S101 - the node makes the ids
    return {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(time_s),
        "webhook-signature": sign(f"{message}.{time_s}.".encode() + body),
    }


def deliver(
    client: Client, url: str, sent: dict[str, str], body: bytes, *, allow: Iterable[AllowedEndpoint] = ()
) -> int:
    """Deliver a message, one attempt; the receiver's status.

    Raises:
        PermanentError: Somebody has to change something first.
        TemporaryError: Another attempt may help.
    """
    try:
        answer = client.post(
            url, headers=sent, body=body, limit_bytes=65_536, timeout_s=TIMEOUT_S, allow=allow
        )
    except UnreachableError as error:
        raise TemporaryError(str(error)) from error
    except (RefusedError, TooLargeError) as error:
        raise PermanentError(str(error)) from error
    return judged(answer).status
