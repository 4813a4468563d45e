"""Epochs: for how long keys, masks and what is made under them hold. Months for *who else?*, days for standing matching.

Both sides know them by the clock. Shortly after one ends, what came under it is still answered: a question that was
asked late, a turn that was on its way.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

GRACE_US: Final = 86_400_000_000
"""For how long after its end an epoch is still answered, microseconds: a question waits for a day."""
KEPT_US: Final = 30 * GRACE_US
"""For how long what was sent can be done again by an auditor, microseconds: thirty days."""
_MONTH: Final = len("2026-11")


def month(at_us: int) -> str:
    """The month of a moment, such as ``2026-11``."""
    return f"{_moment(at_us):%Y-%m}"


def day(at_us: int) -> str:
    """The day of a moment, such as ``2026-11-26``."""
    return f"{_moment(at_us):%Y-%m-%d}"


def months(at_us: int) -> tuple[str, ...]:
    """The months that are answered at a moment, the current one first."""
    return tuple(dict.fromkeys((month(at_us), month(at_us - GRACE_US))))


def days(at_us: int) -> tuple[str, ...]:
    """The days that are answered at a moment, the current one first."""
    return day(at_us), day(at_us - GRACE_US)


def begin_us(epoch: str) -> int:
    """When an epoch begins, microseconds UTC.

    Raises:
        ValueError: It is none.
    """
    sort = "%Y-%m-%d" if len(epoch) > _MONTH else "%Y-%m"
    return int(datetime.strptime(epoch, sort).replace(tzinfo=UTC).timestamp()) * 1_000_000


def end_us(epoch: str) -> int:
    """When an epoch ends, microseconds UTC."""
    begin = _moment(begin_us(epoch))
    next_month = (begin + timedelta(days=31)).replace(day=1)
    end = begin + timedelta(days=1) if len(epoch) > _MONTH else next_month
    return int(end.timestamp()) * 1_000_000


def over_us(epoch: str) -> int:
    """When nothing of an epoch is answered any more, microseconds UTC."""
    return end_us(epoch) + GRACE_US


def kept_us(epoch: str) -> int:
    """Until when an auditor can do again what this side sent in an epoch, microseconds UTC."""
    return end_us(epoch) + KEPT_US


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1e6, UTC)
