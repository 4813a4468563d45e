"""What rooms above add to an attack's page, such as where it came from: they register here when Django starts."""

from collections.abc import Callable
from uuid import UUID

from hanse.kernel.actors import Actor

Panel = Callable[[UUID, Actor], str]
"""Given an attack and who looks, the HTML of a section; empty where there is nothing to say."""

panels: list[Panel] = []
"""In the order in which they stand on the page."""
