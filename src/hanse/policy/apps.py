"""The room as a Django application."""

from django.apps import AppConfig


class PolicyConfig(AppConfig):
    """Tables and pages of `policy`."""

    name = "hanse.policy"
    label = "policy"
