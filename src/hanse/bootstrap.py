"""The composition root of a node: settings, keys and rooms become one running process, wired once."""

import hmac
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import django
from django.conf import settings as django_conf
from django.core.management import call_command

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


def session_secret(keys: Keyring) -> str:
    """The secret under sessions and forms: derived, so that no second secret lies about."""
    return hmac.digest(keys.index, b"hanse/django-secret/1", "sha256").hex()


def make_tables() -> None:
    """Bring the tables to this version."""
    call_command("migrate", verbosity=0, interactive=False)
