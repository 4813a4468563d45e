"""The room as a Django application."""

from django.apps import AppConfig


class ConstituencyConfig(AppConfig):
    """Tables and pages of `constituency`."""

    name = "hanse.constituency"
    label = "constituency"
