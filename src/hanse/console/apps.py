"""The console as a Django application."""

from django.apps import AppConfig

from hanse.web import frame


class ConsoleConfig(AppConfig):
    """Settings, and the pages that belong to no single room."""

    name = "hanse.console"
    label = "console"

    def ready(self) -> None:
        """Put the console's pages into the rail."""
        from hanse.accounts import approvals, reaching  # noqa: PLC0415 - tables are there only now
        from hanse.console import case_ties, embargoes, marking, purging, quota  # noqa: PLC0415 - as above
        from hanse.console.endpoints import APPROVABLE, allowed  # noqa: PLC0415 - as above
        from hanse.console.limits import telemetry_limits  # noqa: PLC0415 - as above
        from hanse.telemetry import limits  # noqa: PLC0415 - as above

        limits.say(telemetry_limits)
        reaching.say(allowed)
        case_ties.register()
        approvals.register([APPROVABLE, marking.APPROVABLE, purging.APPROVABLE, quota.APPROVABLE])
        frame.waiting.append(embargoes.waits)
        frame.rail.add("situation", "Situation", "console:situation", "situation.view")
        frame.rail.add("ledger", "Ledger", "console:ledger", "ledger.view")
        frame.rail.add("settings", "Settings", "console:settings", "settings.view")
