"""The room as Django knows it."""

from django.apps import AppConfig


class TaxiiConfig(AppConfig):
    """Tables and pages of `taxii`."""

    name = "hanse.taxii"
    label = "taxii"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make known what takes two people, and that a partner who was revoked has nothing done any more."""
        from hanse.accounts import approvals  # noqa: PLC0415 - tables are there only now
        from hanse.taxii import partners  # noqa: PLC0415 - as above
        from hanse.web import jobs  # noqa: PLC0415 - as above

        approvals.register([partners.APPROVABLE])
        jobs.standing.append(partners.still)
