"""Asking a feed's server within what one run may take: bytes, and time."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final

from hanse.egress.client import Client
from hanse.egress.errors import EgressError, TimedOutError, TooLargeError, UnreachableError
from hanse.egress.rules import AllowedEndpoint, Rules
from hanse.kernel import units
from hanse.kernel.errors import HanseError

ONE_S: Final = 60.0
"""Seconds for one answer."""
LONGEST_WAIT_S: Final = 86_400
_NOT_NOW: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that mean "not now" (RFC 9110 section 15, RFC 8470, RFC 6585)."""
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_KEPT: Final = 500
"""Characters of what a server calls its version that are kept; a longer one is as none."""


class SpentError(HanseError):
    """What one run may take is used up; it goes on with the next one.

    Attributes:
        wait_s: Seconds that the server asked to wait until then; 0 where it did not say.
    """

    def __init__(self, words: str, wait_s: int = 0) -> None:
        super().__init__(words)
        self.wait_s = wait_s


class GoneError(HanseError):
    """The server has no such thing, or nothing usable: asking for the same again changes nothing."""


class LargeError(GoneError):
    """There is more than may be fetched at once: asking for less may help."""


class DeniedError(HanseError):
    """The server does not let this node in, or the rules of `egress` do not let it there: somebody has to change that."""


class NotNowError(HanseError):
    """No answer, or not now: asking later may help.

    Attributes:
        wait_s: Seconds that the server asked to wait; 0 where it did not say.
    """

    def __init__(self, words: str, wait_s: int = 0) -> None:
        super().__init__(words)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Got:
    """What came.

    Attributes:
        body: The bytes; None where they are unchanged since `etag` or `modified`.
        etag: The server's mark of this version; empty where it gave none.
        modified: When it was changed, as the server says it; empty where it does not.
        said: The answer's headers, names in lower case.
    """

    body: bytes | None
    etag: str
    modified: str
    said: Mapping[str, str] = field(default_factory=dict)


def client() -> Client:
    """The way out."""
    return Client(Rules())


@dataclass(slots=True)
class Asking:
    """One run's questions to a feed's server.

    Attributes:
        headers: What proves who asks; `egress` drops it where a redirect leads to another server.
        most_bytes: Bytes that may come in all.
        until: End of the run, in seconds of `time.monotonic`.
        allow: Non-public addresses that two people allowed.
        requests: Questions until now.
        bytes: Bytes until now.
    """

    headers: dict[str, str]
    most_bytes: int
    until: float
    allow: tuple[AllowedEndpoint, ...] = ()
    requests: int = 0
    bytes: int = 0
    _client: Client = field(default_factory=lambda: client())  # noqa: PLW0108 - looked up when it is called: a seam for tests

    def get(self, url: str, limit_bytes: int, *, etag: str = "", modified: str = "") -> Got:
        """Fetch a file, unless it is unchanged.

        Args:
            url: Its address, https.
            limit_bytes: Most bytes of it.
            etag: The version that is here, as the server marked it; empty asks for whatever there is.
            modified: When that was changed, as the server said it.

        Raises:
            SpentError: Bytes or time of the run are used up.
            GoneError: There is no such file.
            LargeError: It is too large.
            DeniedError: It may not be asked for, or is not given.
            NotNowError: Another time there may be.
        """
        left_s, left_bytes = self.until - time.monotonic(), self.most_bytes - self.bytes
        if left_s <= 0 or left_bytes <= 0:
            raise SpentError("What one run may take is used up.")
        asked = {
            name: value for name, value in (("If-None-Match", etag), ("If-Modified-Since", modified)) if value
        }
        self.requests += 1
        try:
            answer = self._client.get(
                url, headers={**self.headers, **asked}, limit_bytes=min(limit_bytes, left_bytes),
                timeout_s=min(ONE_S, left_s), allow=self.allow,
            )  # fmt: skip
        except TooLargeError as error:
            if left_bytes < limit_bytes and self.bytes:
                raise SpentError("The next file has more bytes than one run has left.") from error
            raise LargeError(told(error, url)) from error
        except TimedOutError as error:
            if left_s < ONE_S:
                raise SpentError("The time of one run is over.") from error
            raise NotNowError(told(error, url)) from error
        except UnreachableError as error:
            raise NotNowError(told(error, url)) from error
        except EgressError as error:
            raise DeniedError(told(error, url)) from error
        self.bytes += len(answer.body)
        proved = any(name.lower() != "accept" for name in self.headers)
        return _judged(answer.status, answer.body, answer.headers, url, proved=proved)


def told(error: Exception, url: str) -> str:
    """An error's words without what follows the question mark of an address, which may be a key."""
    text, plain = str(error), url.partition("?")[0][:200]
    for form in (url, url[:200], url.partition("?")[2]):
        text = text.replace(form, plain if form.startswith(plain) else "...") if form else text
    return text


def _judged(status: int, body: bytes, said: Mapping[str, str], url: str, *, proved: bool) -> Got:
    """The answer, where it is one; `proved`: whether who asks was proved by a header.

    Raises:
        DeniedError: The server lets nobody in so.
        GoneError: There is no such file.
        NotNowError: It is one for now.
    """
    if status in {200, 304}:
        came = body if status == 200 else None
        return Got(came, _kept(said.get("etag", "")), _kept(said.get("last-modified", "")), said)
    plain = url.partition("?")[0]
    if status in _NOT_NOW:
        wait_s = _wait_s(said)
        when = f"It asks to wait {units.duration(wait_s)}." if wait_s else "Try it again later."
        raise NotNowError(f"{plain}: the server answered {status}, which means: not now. {when}", wait_s)
    if status in {401, 403, 407}:
        raise DeniedError(
            f"{plain}: the server answered {status}: it lets nobody in by what proves who asks. Check the header, the user and "
            "the value with its operator."
            if proved
            else f"{plain}: the server answered {status}: it asks who you are. Type the header and its value, or a user and "
            "the password."
        )
    raise GoneError(f"{plain}: the server answered {status}. Check the address with its operator.")


def _wait_s(said: Mapping[str, str]) -> int:
    """Seconds that a server asks to wait, at most a day (RFC 9110, section 10.2.3); 0 where it does not say.

    A date is taken by the server's own clock where it tells that, so that a clock that is wrong makes no difference.
    """
    wait = said.get("retry-after", "").strip()
    if _SECONDS.fullmatch(wait):
        return min(int(wait), LONGEST_WAIT_S)
    until, now = _date_s(wait), _date_s(said.get("date", ""))
    if until is None:
        return 0
    return int(min(max(until - (time.time() if now is None else now), 0), LONGEST_WAIT_S))


def _date_s(text: str) -> float | None:
    """Seconds UTC of a date as HTTP writes it; None for what is none."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _kept(text: str) -> str:
    """What a server said of a version, if it can be sent back as it is."""
    plain = text.isascii() and text.isprintable() and len(text) <= _KEPT
    return text if plain else ""
