"""What is known of an input after it was read: how much, what was lost, what was wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hanse.kernel.errors import Problem

MAX_PROBLEMS = 20
"""Problems kept in words per input; more are only counted, so that a hostile file cannot fill memory."""


def tell_nobody(_read: int) -> None:
    """Nobody wants to know how far a reader is."""


@dataclass(slots=True)
class InputReport:
    """The account of one input.

    Attributes:
        path: The input, as the user named it (or found in a folder that they named).
        format: What its content turned out to be, such as ``pcap`` or ``netflow9 in pcapng``.
        flows: Flow records given out.
        packets: Packets read (captures), or packets that the flow records stand for.
        lost: Records or packets that the exporter counted and that never arrived (sequence gaps).
        skipped: Records or packets that were read but are no flow (unknown template, not IP).
        problems: At most `MAX_PROBLEMS` problems in words.
        problem_count: How many there were in all.
        partly: Whether something could not be read; so it may be though none of the problems in words says it.
        passed: Called by readers with how many bytes of the input, decompressed, are behind them; may raise, to end it.
    """

    path: str
    format: str = "unknown"
    flows: int = 0
    packets: int = 0
    lost: int = 0
    skipped: int = 0
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    partly: bool = False
    passed: Callable[[int], None] = field(default=tell_nobody, compare=False, repr=False)

    def add(
        self,
        what: str,
        *,
        offset: int | None = None,
        field: str | None = None,
        do: str = "",
        fatal: bool = True,
    ) -> None:
        """Note a problem with this input; reading may go on after it."""
        self.problem_count += 1
        self.partly = self.partly or fatal
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(self.path, what, offset, field, do, fatal))

    @property
    def whole(self) -> bool:
        """Whether all of the input could be read."""
        return not self.partly

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            "path": self.path,
            "format": self.format,
            "flows": self.flows,
            "packets": self.packets,
            "lost": self.lost,
            "skipped": self.skipped,
            "whole": self.whole,
            "problem_count": self.problem_count,
            "problems": [problem.as_json() for problem in self.problems],
        }
