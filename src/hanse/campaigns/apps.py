"""The room as a Django application."""

from django.apps import AppConfig

from hanse.web import frame


class CampaignsConfig(AppConfig):
    """Tables and pages of `campaigns`."""

    name = "hanse.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        """Put the room into the rail, and its section on an attack's page."""
        from hanse.attacks.panels import panels  # noqa: PLC0415 - tables are there only now
        from hanse.campaigns.panels import panel  # noqa: PLC0415 - as above

        frame.rail.add("campaigns", "Campaigns", "campaigns:list", "campaigns.view")
        panels["campaign"] = panel
