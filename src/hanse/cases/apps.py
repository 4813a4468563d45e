"""The room as a Django application."""

from django.apps import AppConfig

from hanse.web import frame


class CasesConfig(AppConfig):
    """Tables and pages of `cases`."""

    name = "hanse.cases"
    label = "cases"

    def ready(self) -> None:
        """Put the room into the rail."""
        frame.rail.add("cases", "Cases", "cases:list", "cases.view")
