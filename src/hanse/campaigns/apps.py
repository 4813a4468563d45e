"""The room as a Django application."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    """Tables and pages of `campaigns`."""

    name = "hanse.campaigns"
    label = "campaigns"
