"""The room as a Django application."""

from django.apps import AppConfig

from hanse.web import frame


class AttacksConfig(AppConfig):
    """Tables and pages of `attacks`."""

    name = "hanse.attacks"
    label = "attacks"

    def ready(self) -> None:
        """Put the room into the rail."""
        frame.rail.add("attacks", "Attacks", "attacks:list", "attacks.view")
