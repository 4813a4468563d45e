"""The room as a Django application."""

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """Tables and pages of `telemetry`."""

    name = "hanse.telemetry"
    label = "telemetry"
