"""The composition root of a node: settings, keys and rooms become one running process, wired once."""

import gc
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import django
from django.conf import settings as django_conf
from django.core.management import call_command
from django.db import connection
from django.db.transaction import atomic

from hanse import logs
from hanse.federation import handlers as partners
from hanse.kernel.keys import Keyring
from hanse.ledger import identity, keyfile, keyring, kinds
from hanse.settings import ROOMS, Node, django_settings, home_folder, load


def start(home: Path | None = None) -> Node:
    """Make this process serve the node in a folder: read its settings, unlock its keys, wire its rooms.

    Raises:
        SettingsError: There is no node in that folder.
        HanseError: Its keys cannot be unlocked.
    """
    logs.configure()
    node = load(home or home_folder())
    configure(node, keyfile.unlock(node.home))
    return node


def configure(node: Node, keys: Keyring) -> None:
    """Wire a node whose keys are unlocked. Django allows it once per process."""
    with loading():
        django_conf.configure(**django_settings(node, session_secret(keys)))
        django.setup()
        identity.belong_to(node.authority)
        keyring.hold(keys)
        for room in ROOMS:
            if find_spec(f"{room}.service"):
                service = import_module(f"{room}.service")
                kinds.register(getattr(service, "KINDS", ()))
                partners.register(getattr(service, "HANDLERS", ()))
        # Imported here, for models can only be named once Django is configured.
        kinds.after_purge(import_module("hanse.policy.models").drop_unused)
        import_module("hanse.jobs_wiring").register()


@contextmanager
def loading() -> Iterator[None]:
    """Keep the garbage collector from going through what is imported, which stays: a sixth of the time to start."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def session_secret(keys: Keyring) -> str:
    """The secret under sessions and forms: derived, so that no second secret lies about."""
    return hmac.digest(keys.index, b"hanse/django-secret/1", "sha256").hex()


def make_tables() -> None:
    """Bring the tables to this version.

    A database that holds nothing yet gets them in one transaction: a slow disk is waited for once, not a hundred times,
    and what is broken off leaves it as it was.
    """
    if connection.introspection.table_names():
        call_command("migrate", verbosity=0, interactive=False)
        return
    # SQLite changes tables only where foreign keys are not looked at, which can be said outside of a transaction alone;
    # Django looks at all of them after each migration.
    with connection.constraint_checks_disabled(), atomic():
        call_command("migrate", verbosity=0, interactive=False)
