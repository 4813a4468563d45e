"""Reading what programs send: JSON with one meaning only."""

from hashlib import sha256
from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser

from hanse.kernel import strict_json
from hanse.kernel.errors import HanseError
from hanse.kernel.strict_json import StrictJsonError

LIMIT_BYTES = 2_621_440
"""Longest body; Django's DATA_UPLOAD_MAX_MEMORY_SIZE of the node stops it before it is read."""


KEYS = 1_000
"""Most keys of one object: each unknown key becomes an error that takes memory; no operation knows so many."""

ITEMS = 10_000
"""Most items of one list, for the same reason."""


class MediaTypeError(HanseError):
    """The body says that it is no JSON."""


class StrictParser(Parser):
    """Ninja's parser of bodies, strict: a key twice, a deep or a huge value is refused, not guessed at."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body's value.

        Raises:
            MediaTypeError: Its type is not JSON.
            StrictJsonError: It has no one meaning, or holds a NUL character or a crowd of members.
        """
        kind = request.content_type or ""
        if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
            raise MediaTypeError("The body is not application/json. Send JSON and say so in Content-Type.")
        value = strict_json.loads(request.body, limit_bytes=LIMIT_BYTES)
        _check(value)
        return value


def digest_tag(content: bytes) -> str:
    """A strong entity tag of an answer's bytes."""
    return f'"{sha256(content).hexdigest()[:32]}"'


def _check(value: Any) -> None:
    """Refuse NUL characters and crowds in a JSON value, which is at most `strict_json.DEPTH` deep."""
    if isinstance(value, str):
        if "\0" in value:
            raise StrictJsonError("The JSON holds a NUL character, which no value here has.")
    elif isinstance(value, dict):
        if len(value) > KEYS:
            raise StrictJsonError(f"The JSON has an object of more than {KEYS:,} keys.")
        for key, one in value.items():
            _check(key)
            _check(one)
    elif isinstance(value, list):
        if len(value) > ITEMS:
            raise StrictJsonError(f"The JSON has a list of more than {ITEMS:,} items. Send it in parts.")
        for one in value:
            _check(one)
