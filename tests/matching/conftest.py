"""The clock of these tests: it is noon when one begins, so that no day or month of theirs ends before they do.

And fewer points to count, where how many there are is not what a test is about.
"""

import time
from types import SimpleNamespace

import pytest

from hanse.kernel import clock
from hanse.matching import common_sources
from hanse.matching.epochs import begin_us, day

NOON_US = 43_200_000_000
"""Microseconds from the beginning of a day."""


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be noon of today: from there the clock goes on.

    Standing matching begins anew with each day, questions with each month: what a test does before midnight would be
    of another epoch than what it asks after.
    """
    ahead_ns = (begin_us(day(time.time_ns() // 1_000)) + NOON_US) * 1_000 - time.time_ns()
    reads = SimpleNamespace(time_ns=lambda: time.time_ns() + ahead_ns)  # nothing else of the module
    monkeypatch.setattr(clock, "time", reads)


@pytest.fixture
def few_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count among up to 256 sources instead of 1,024: each costs three multiplications on each side.

    `test_common_sources` counts among all of them.
    """
    monkeypatch.setattr(common_sources, "MOST", 256)
