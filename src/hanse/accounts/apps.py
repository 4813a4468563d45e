"""The room as a Django application."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Tables and pages of `accounts`."""

    name = "hanse.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Make known what takes two people, the entry in the rail, and what waits for whom."""
        from hanse.accounts import approvals, service  # noqa: PLC0415 - tables are there only now

        approvals.register(service.APPROVALS)
