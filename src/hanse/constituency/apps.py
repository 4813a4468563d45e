"""The room as a Django application."""

from django.apps import AppConfig

from hanse.web import frame


class ConstituencyConfig(AppConfig):
    """Tables and pages of `constituency`."""

    name = "hanse.constituency"
    label = "constituency"

    def ready(self) -> None:
        """Put the room into the rail."""
        frame.rail.add("constituency", "Constituency", "constituency:list", "constituency.view")
