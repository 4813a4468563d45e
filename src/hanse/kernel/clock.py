"""The time, in the one unit that Hanse keeps it in, and the times that calendars know."""

import time
from typing import Annotated, Final

import msgspec

FIRST_MOMENT_US: Final = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z, the first moment that calendars in programs hold."""

LAST_MOMENT_US: Final = 253_402_300_799_999_999
"""The last microsecond of 9999-12-31, the last that calendars in programs hold."""

Moment = Annotated[int, msgspec.Meta(ge=FIRST_MOMENT_US, le=LAST_MOMENT_US)]
"""Microseconds UTC of a moment that can be shown; an entry that names another does not have its kind's form."""


def now_us() -> int:
    """Microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000
