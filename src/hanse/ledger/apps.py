"""The ledger as a Django application."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Tables of the ledger."""

    name = "hanse.ledger"
    label = "ledger"
    verbose_name = "Ledger"
