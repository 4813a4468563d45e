"""The room as a Django application."""

from django.apps import AppConfig


class AttacksConfig(AppConfig):
    """Tables and pages of `attacks`."""

    name = "hanse.attacks"
    label = "attacks"
