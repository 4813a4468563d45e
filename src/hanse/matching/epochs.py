"""Epochs: for how long keys, masks and what is made under them hold. Months for *who else?*, weeks for standing matching.

Both sides know them by the clock. Shortly after one ends, what came under it is still answered: a question that was
asked late, a turn that was on its way.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

GRACE_US: Final = 86_400_000_000
"""For how long after its end an epoch is still answered, microseconds: a question waits for a day."""


def month(at_us: int) -> str:
    """The month of a moment, such as ``2026-11``."""
    return f"{_moment(at_us):%Y-%m}"


def week(at_us: int) -> str:
    """The week of a moment by ISO 8601, such as ``2026-W48``."""
    return f"{_moment(at_us):%G-W%V}"


def months(at_us: int) -> tuple[str, ...]:
    """The months that are answered at a moment, the current one first."""
    return tuple(dict.fromkeys((month(at_us), month(at_us - GRACE_US))))


def weeks(at_us: int) -> tuple[str, ...]:
    """The weeks that are answered at a moment, the current one first."""
    return tuple(dict.fromkeys((week(at_us), week(at_us - GRACE_US))))


def begin_us(epoch: str) -> int:
    """When an epoch begins, microseconds UTC.

    Raises:
        ValueError: It is none.
    """
    sort = "%G-W%V-%u" if "W" in epoch else "%Y-%m-%d"
    day = "1" if "W" in epoch else "01"
    return int(datetime.strptime(f"{epoch}-{day}", sort).replace(tzinfo=UTC).timestamp()) * 1_000_000


def over_us(epoch: str) -> int:
    """When nothing of an epoch is answered any more and its secrets go, microseconds UTC."""
    begin = _moment(begin_us(epoch))
    end = begin + timedelta(days=7) if "W" in epoch else (begin + timedelta(days=31)).replace(day=1)
    return int(end.timestamp()) * 1_000_000 + GRACE_US


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1e6, UTC)
