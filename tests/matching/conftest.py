"""People and a case of these tests, and their clock: it is noon when one begins, so that none of their days ends before they do.

And fewer points to count, where how many there are is not what a test is about.
"""

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from hanse.kernel import clock
from hanse.matching import common_sources
from hanse.matching.epochs import begin_us, day
from tests.federation.conftest import founded

if TYPE_CHECKING:
    from uuid import UUID

    from hanse.kernel.actors import Actor
    from hanse.matching.models import Run
    from tests.matching.partner import Comparer

__all__ = ["founded"]

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


@pytest.fixture
def officer() -> "Actor":
    """Who agrees on what is compared, a passkey proved."""
    from tests.matching import cast

    return cast.person("officer", "Olev Ots")


@pytest.fixture
def approver() -> "Actor":
    """The second person of what takes two, a passkey proved."""
    from tests.matching import cast

    return cast.person("approver", "Anu Aas")


@pytest.fixture
def auditor() -> "Actor":
    """Who does comparisons again, a passkey proved."""
    from tests.matching import cast

    return cast.person("auditor", "Audrey")


@pytest.fixture
def kaja() -> "Actor":
    """An investigator."""
    from tests.accounts.people import acting, newcomer

    return acting(newcomer("investigator", name="Kaja Kask"))


@pytest.fixture
def case(kaja: "Actor") -> "tuple[UUID, Actor]":
    """A case of Kaja's with three selectors; she as a member of its team."""
    from tests.matching import cast

    return cast.made_case(kaja)


@pytest.fixture
def gb() -> "Comparer":
    """A partner that compares whole sets; one that asks and is asked is `asker.gb`."""
    from tests.matching.partner import Comparer

    made = Comparer("gb-ncas", "GB", "associated")
    made.joins()
    return made


@pytest.fixture
def run(officer: "Actor", approver: "Actor", case: "tuple[UUID, Actor]", gb: "Comparer") -> "Run":
    """A run that finished, with one hit."""
    from tests.matching import cast

    cast.agree(officer, approver)
    cast.has(gb, ("email", cast.BOSS))
    return cast.compare(gb, case[1])
