"""What can go wrong on the way out, told apart by what the caller should do about it."""

import re
from typing import Final

from hanse.kernel.errors import HanseError

_OF_LIBRARY: Final = re.compile(r"^\[[^\]]*\]|\(_ssl\.c:\d+\)")


class EgressError(HanseError):
    """Nothing usable came back from outside."""


class RefusedError(EgressError):
    """The rules forbid this address, redirect, header or body; trying again changes nothing."""


class UnreachableError(EgressError):
    """The name, the connection, the TLS session or the protocol failed; it may work later."""


class TimedOutError(UnreachableError):
    """The time that the caller gave is over."""


class TooLargeError(EgressError):
    """The answer is larger than the caller accepts, or unpacks to more than its size can honestly hold."""


class StatusError(EgressError):
    """The server answered, but not with what was asked for.

    Attributes:
        status: HTTP status code of the answer.
    """

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.status = status


class PermanentError(EgressError):
    """A delivery failed for good: somebody has to change something before it is tried again."""


class TemporaryError(EgressError):
    """A delivery failed for now: try again later.

    Attributes:
        retry_after_s: Seconds that the receiver asked to wait, None when it did not say.
    """

    def __init__(self, words: str, retry_after_s: int | None = None) -> None:
        super().__init__(words)
        self.retry_after_s = retry_after_s


def in_words(error: BaseException | None) -> str:
    """What a library says of a failure, without numbers of errors and names of its source, which nobody can act on."""
    said = getattr(error, "strerror", None) or str(error)
    return str(_OF_LIBRARY.sub("", said).strip() or type(error).__name__).rstrip(".")
