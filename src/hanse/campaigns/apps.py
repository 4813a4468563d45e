"""The room as a Django application."""

from django.apps import AppConfig

from hanse.web import frame


class CampaignsConfig(AppConfig):
    """Tables and pages of `campaigns`."""

    name = "hanse.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        """Put the room into the rail."""
        frame.rail.add("campaigns", "Campaigns", "campaigns:list", "campaigns.view")
