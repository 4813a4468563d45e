"""The room as a Django application."""

from django.apps import AppConfig

from hanse.web import frame


class TelemetryConfig(AppConfig):
    """Tables and pages of `telemetry`."""

    name = "hanse.telemetry"
    label = "telemetry"

    def ready(self) -> None:
        """Put the room into the rail, and say which files go with a purge."""
        from hanse.ledger import service as ledger  # noqa: PLC0415 - tables are there only now
        from hanse.telemetry import service  # noqa: PLC0415 - as above

        ledger.before_purge(service.files_go_with)
        frame.rail.add("flows", "Flows", "telemetry:list", "telemetry.view")
