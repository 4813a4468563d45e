"""The room as Django knows it."""

from django.apps import AppConfig

from hanse.web import frame


class WebhooksConfig(AppConfig):
    """Tables and pages of `webhooks`."""

    name = "hanse.webhooks"
    label = "webhooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make known what takes two people, and which webhooks need somebody."""
        from hanse.accounts import approvals  # noqa: PLC0415 - tables are there only now
        from hanse.webhooks import hooks  # noqa: PLC0415 - as above

        approvals.register([hooks.APPROVABLE])
        frame.waiting.append(hooks.waits)
