"""The room as a Django application."""

from django.apps import AppConfig

from hanse.web import frame


class CampaignsConfig(AppConfig):
    """Tables and pages of `campaigns`."""

    name = "hanse.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        """Put the room into the rail, its section on an attack's page, and its word on who may know of a campaign."""
        from hanse.attacks.panels import campaigns_named, of_partners, panels  # noqa: PLC0415 - tables are there only now
        from hanse.attacks.shared import told  # noqa: PLC0415 - as above
        from hanse.attacks.within import campaigns_known  # noqa: PLC0415 - as above
        from hanse.campaigns import crossing, service, stix_export  # noqa: PLC0415 - as above
        from hanse.campaigns.panels import named_for, panel, panel_of_theirs  # noqa: PLC0415 - as above
        from hanse.intel import cited  # noqa: PLC0415 - as above
        from hanse.ledger import service as ledger  # noqa: PLC0415 - as above
        from hanse.policy import service as policy  # noqa: PLC0415 - as above

        frame.rail.add("campaigns", "Campaigns", "campaigns:list", "campaigns.view")
        panels["campaign"] = panel
        of_partners["campaign"] = panel_of_theirs
        if named_for not in campaigns_named:
            campaigns_named.append(named_for)
        cited.register(stix_export.SORT)
        if service.known_of not in campaigns_known:
            campaigns_known.append(service.known_of)
        if crossing.told_anew not in told:
            told.append(crossing.told_anew)
        ledger.before_purge(crossing.before_purge)
        policy.after_marking(crossing.after_marking)
