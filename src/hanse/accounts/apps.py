"""The room as a Django application."""

from django.apps import AppConfig
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Tables and pages of `accounts`."""

    name = "hanse.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Make known what takes two people, the entry in the rail, and what waits for whom."""
        from hanse.accounts import approvals, service, who  # noqa: PLC0415 - tables are there only now
        from hanse.kernel.actors import Actor  # noqa: PLC0415 - as above
        from hanse.web import frame, jobs  # noqa: PLC0415 - as above

        def waits(actor: Actor) -> frame.Waiting:
            return frame.Waiting(
                str(_("Approvals")), approvals.count_waiting_for(actor), reverse("accounts:approvals")
            )

        approvals.register(service.APPROVALS)
        jobs.standing.append(who.still)
        frame.rail.add("people", "People", "accounts:people", "accounts.view", "people")
        frame.waiting.append(waits)
