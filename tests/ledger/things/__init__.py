"""A room for tests: things with one column of each sort, so that the ledger's tests need no other room."""

from django.apps import AppConfig, apps

NAME = "tests.ledger.things"


def install() -> None:
    """Make the room one of Django's applications and register its kinds; before tables are made, and once."""
    if "things" not in apps.app_configs:
        config = AppConfig.create(NAME)
        apps.app_configs["things"] = config
        config.apps = apps
        config.import_models()
        apps.clear_cache()
    from hanse.ledger import kinds
    from tests.ledger.things.service import KINDS

    if kinds.known(KINDS[0].name) is None:
        kinds.register(KINDS)
