"""The room as a Django application."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Tables and pages of `accounts`."""

    name = "hanse.accounts"
    label = "accounts"
