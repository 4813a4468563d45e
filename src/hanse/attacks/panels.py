"""What rooms above add to an attack, such as where it came from: they register here when Django starts."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from hanse.kernel.actors import Actor
from hanse.web.lists import Named

Panel = Callable[[UUID, Actor], str]
"""Given an attack and who looks, the HTML of a section of its page; empty where there is nothing to say."""

Part = Callable[[UUID, Actor], Any]
"""Given an attack and who takes it, JSON for its export; None where there is nothing to say."""

panels: dict[str, Panel] = {}
"""By name, in the order in which they stand on the page."""

of_partners: dict[str, Panel] = {}
"""Likewise for the page of an attack that a partner shared."""

campaigns_named: list[Callable[[UUID, Actor], Named | None]] = []
"""Each says what a campaign is called, as far as who looks may know of it."""

parts: dict[str, Part] = {}
"""By name of the member in the export."""
