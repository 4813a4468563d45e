"""Epochs: both sides know them by the clock, and what came under one is answered for a day after its end."""

from datetime import UTC, datetime

import pytest

from hanse.kernel.clock import now_us
from hanse.matching.epochs import GRACE_US, begin_us, day, days, end_us, kept_us, month, months, over_us


def at(*moment: int) -> int:
    """A moment, microseconds UTC."""
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("epoch", "begin", "end"),
    [
        ("2026-11", (2026, 11, 1), (2026, 12, 1)),
        ("2026-12", (2026, 12, 1), (2027, 1, 1)),
        ("2028-02", (2028, 2, 1), (2028, 3, 1)),
        ("2026-11-26", (2026, 11, 26), (2026, 11, 27)),
        ("2026-12-31", (2026, 12, 31), (2027, 1, 1)),
    ],
)
def test_an_epoch_begins_and_ends_with_its_calendar(epoch, begin, end):
    """In UTC; its secrets go a day after its end."""
    assert (begin_us(epoch), end_us(epoch), over_us(epoch)) == (at(*begin), at(*end), at(*end) + GRACE_US)
    assert kept_us(epoch) == at(*end) + 30 * GRACE_US
    name = day if len(epoch) > 7 else month
    assert name(at(*begin)) == name(at(*end) - 1) == epoch
    assert name(at(*end)) != epoch
    assert name(at(*begin) - 1) != epoch


def test_the_epoch_before_is_answered_for_a_day():
    """A question of the last evening of a month, a turn of yesterday; nothing older."""
    assert months(at(2026, 11, 15)) == ("2026-11",)
    assert months(at(2026, 12, 1, 23)) == ("2026-12", "2026-11")
    assert months(at(2026, 12, 2)) == ("2026-12",)
    assert days(at(2026, 12, 1, 12)) == ("2026-12-01", "2026-11-30")


@pytest.mark.parametrize("text", ["", "soon", "2026-13", "2026-02-30", "2026-11-26-1"])
def test_what_is_no_epoch_has_no_end(text):
    """Whoever reads one from a partner is told."""
    with pytest.raises(ValueError, match=r"time data|unconverted|out of range"):
        over_us(text)


def test_no_epoch_ends_while_a_test_runs():
    """Tests of matching begin at noon, whatever the clock says: what they do is of one day and one month."""
    gone_s = (now_us() - begin_us(day(now_us()))) / 1e6
    assert 0 <= gone_s - 43_200 < 600
