"""The room as a Django application."""

from django.apps import AppConfig

from hanse.web import frame


class TelemetryConfig(AppConfig):
    """Tables and pages of `telemetry`."""

    name = "hanse.telemetry"
    label = "telemetry"

    def ready(self) -> None:
        """Put the room into the rail, say which files go with a purge, and what takes two people."""
        from hanse.accounts import approvals  # noqa: PLC0415 - as below
        from hanse.ledger import service as ledger  # noqa: PLC0415 - tables are there only now
        from hanse.telemetry import removing, service  # noqa: PLC0415 - as above

        ledger.before_purge(service.files_go_with)
        approvals.register([removing.APPROVABLE])
        frame.rail.add("flows", "Flows", "telemetry:list", "telemetry.view")
