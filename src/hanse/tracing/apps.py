"""The room as a Django application."""

from django.apps import AppConfig


class TracingConfig(AppConfig):
    """Tables of `tracing`, and its section on an attack's page."""

    name = "hanse.tracing"
    label = "tracing"

    def ready(self) -> None:
        """Add the trace to an attack's page and to its export."""
        from hanse.attacks.panels import panels, parts  # noqa: PLC0415 - tables are there only now
        from hanse.tracing.panels import panel, part  # noqa: PLC0415 - as above

        panels["trace"], parts["trace"] = panel, part
