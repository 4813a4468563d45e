"""The room as a Django application."""

from django.apps import AppConfig

from hanse.web import frame


class CampaignsConfig(AppConfig):
    """Tables and pages of `campaigns`."""

    name = "hanse.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        """Put the room into the rail, its section on an attack's page, and its word on who may know of a campaign."""
        from hanse.attacks.panels import panels  # noqa: PLC0415 - tables are there only now
        from hanse.attacks.within import campaigns_known  # noqa: PLC0415 - as above
        from hanse.campaigns import service, stix_export  # noqa: PLC0415 - as above
        from hanse.campaigns.panels import panel  # noqa: PLC0415 - as above
        from hanse.intel import cited  # noqa: PLC0415 - as above

        frame.rail.add("campaigns", "Campaigns", "campaigns:list", "campaigns.view")
        panels["campaign"] = panel
        cited.register(stix_export.SORT)
        if service.known_of not in campaigns_known:
            campaigns_known.append(service.known_of)
