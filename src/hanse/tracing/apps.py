"""The room as a Django application."""

from django.apps import AppConfig


class TracingConfig(AppConfig):
    """Tables and pages of `tracing`."""

    name = "hanse.tracing"
    label = "tracing"
