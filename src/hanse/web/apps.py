"""The room as a Django application."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Tables and pages of `web`."""

    name = "hanse.web"
    label = "web"
