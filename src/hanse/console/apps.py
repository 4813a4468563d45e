"""The room as a Django application."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Tables and pages of `console`."""

    name = "hanse.console"
    label = "console"
