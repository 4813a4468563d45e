"""The room `policy` as Django knows it."""

from django.apps import AppConfig


class PolicyConfig(AppConfig):
    """Tables of policy: the markings in use."""

    name = "hanse.policy"
    label = "policy"
    default_auto_field = "django.db.models.BigAutoField"
