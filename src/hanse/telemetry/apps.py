"""The room as a Django application."""

from django.apps import AppConfig

from hanse.web import frame


class TelemetryConfig(AppConfig):
    """Tables and pages of `telemetry`."""

    name = "hanse.telemetry"
    label = "telemetry"

    def ready(self) -> None:
        """Put the room into the rail."""
        frame.rail.add("flows", "Flows", "telemetry:list", "telemetry.view")
