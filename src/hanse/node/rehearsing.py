"""Loading an exercise into a node from the shell, so that its first visitor finds something to look at."""

from collections.abc import Callable

from hanse.console.situation import situation
from hanse.jobs_wiring import exercise_loaded, load_exercise
from hanse.kernel.actors import system
from hanse.kernel.clock import now_us
from hanse.settings import Node
from hanse.web.jobs import Progress

Step = Callable[[str, int, int], None]
"""Told the name of a step, how much of it is done, and of how much (0 where that is unknown)."""


class _Told(Progress):
    """The progress of a job that no page shows: it goes to the terminal, and nobody cancels it."""

    def __init__(self, told: Step) -> None:
        self._told, self._step = told, ""

    def step(self, name: str) -> None:
        """Begin a step."""
        if self._step:
            self._told(self._step, 1, 1)
        self._step = name
        self._told(name, 0, 0)

    def at(self, done: int, total: int = 0) -> None:
        """So much of the step is done."""
        self._told(self._step, done, total)


def rehearse(node: Node, scenario: str, seed: int, scale: float, told: Step) -> str:
    """Load an exercise; one that is there already is left as it is.

    Args:
        node: The node, which this process serves.
        scenario: Name of the exercise.
        seed: The same seed makes the same flows.
        scale: How many flows, relative to the scenario's own size.
        told: Told each step.

    Returns:
        What the node says of its situation afterwards.

    Raises:
        UsageError: The node does not rehearse, or there is no such exercise.
    """
    actor = system("node", node.authority, node.country, node.tier)
    if not exercise_loaded(scenario, seed, scale):
        load_exercise({"scenario": scenario, "seed": seed, "scale": scale}, _Told(told), actor)
    return situation(actor, now_us()).sentence
