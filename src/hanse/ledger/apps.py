"""The ledger as a Django application."""

from django.apps import AppConfig

from hanse.ledger.sqlite_binding import bind_at_once


class LedgerConfig(AppConfig):
    """Tables of the ledger."""

    name = "hanse.ledger"
    label = "ledger"
    verbose_name = "Ledger"

    def ready(self) -> None:
        """What Django's SQLite backend would do slowly."""
        bind_at_once()
