"""The fourteen days in which every exercise plays, 1 to 14 May 2007 (UTC), in microseconds."""

from datetime import UTC, date, datetime

MS_US = 1_000
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US

FIRST_DAY = date(2007, 5, 1)
DAYS = 14
HOURS = DAYS * 24
BEGIN_US = int(datetime(2007, 5, 1, tzinfo=UTC).timestamp()) * SECOND_US
END_US = BEGIN_US + DAYS * DAY_US

LOCAL_OFFSET_HOURS = 3
"""Estonian summer time, UTC+3, on all of these days."""


def day_us(day: str) -> int:
    """Midnight UTC at the start of an ISO date, microseconds."""
    return BEGIN_US + (date.fromisoformat(day) - FIRST_DAY).days * DAY_US


def at(day: int, hour: float) -> int:
    """Microseconds UTC of an hour (with fraction) of a day of May 2007, to the second."""
    return BEGIN_US + (day - 1) * DAY_US + round(hour * 3600) * SECOND_US
