"""The end of a whole call, whatever it is busy with."""

import time
from dataclasses import dataclass

from hanse.egress.errors import TimedOutError


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment after which a call ends.

    Attributes:
        host: Whom the call is to, for the error.
        total_s: Seconds that the call was given.
        ends: The moment, on the machine's monotonic clock, in seconds.
    """

    host: str
    total_s: float
    ends: float

    @classmethod
    def after(cls, host: str, total_s: float) -> "Deadline":
        """A deadline so many seconds from now."""
        return cls(host, total_s, time.monotonic() + total_s)

    def left_s(self, doing: str = "") -> float:
        """Seconds left, always more than zero.

        Raises:
            TimedOutError: None are left.
        """
        left = self.ends - time.monotonic()
        if left <= 0:
            raise self.error(doing)
        return left

    def error(self, doing: str = "") -> TimedOutError:
        """The error that says that the time is over."""
        return TimedOutError(
            f"{doing or self.host}: not finished within {self.total_s:g} s. "
            "Try again later, or give it more time."
        )
