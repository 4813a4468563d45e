"""What rooms and modules beside the core add to a case's page: they register here when Django starts."""

from collections.abc import Callable

from hanse.cases.models import Case
from hanse.kernel.actors import Actor

Panel = Callable[[Case, Actor], str]
"""Given a case that the actor may see, and the actor: HTML of a section of its page; empty where nothing is to be said."""

panels: dict[str, Panel] = {}
"""Sections between what the case is tied to and its timeline, by name, in their order."""

figures: dict[str, Panel] = {}
"""Figures beside the case's own, by name, in their order: each a ``div`` of a list of figures."""

acts: dict[str, Panel] = {}
"""What stands among the actions at the right, by name, in their order."""


def shown(registered: dict[str, Panel], case: Case, actor: Actor) -> list[str]:
    """The HTML of what is registered and has something to say."""
    return [html for panel in registered.values() if (html := panel(case, actor))]
