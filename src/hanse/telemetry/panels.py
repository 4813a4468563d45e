"""What rooms above add to the pages of inputs: they register here when Django starts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hanse.kernel.actors import Actor
from hanse.telemetry.models import Input


@dataclass(frozen=True, slots=True)
class Analysis:
    """An analysis that looked at an input.

    Attributes:
        words: What came of it.
        url: Where it is shown.
        time_us: When, microseconds UTC.
        by: Who asked for it.
    """

    words: str
    url: str
    time_us: int
    by: str


Analyses = Callable[[Input, tuple[int, int], Actor], Iterable[Analysis]]
"""Given an input, the span of its flows (microseconds UTC) and who looks: the analyses that looked at it."""

analyses: list[Analyses] = []
"""Whatever knows analyses."""
