"""The composition root of a node: settings, keys and rooms become one running process, wired once."""

import atexit
import gc
import hmac
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings as django_conf
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.transaction import atomic

from hanse import logs
from hanse.federation import handlers as partners
from hanse.kernel.errors import HanseError
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
    mark = keyfile.mark(node.home)
    configure(node, keyfile.unlock(node.home))
    keyring.follow(node.home, mark)
    end_at_once()
    return node


def start_to_look(home: Path) -> Node:
    """Wire the node in a folder for who looks at how it is: without its passphrase where nobody left it, and asking nobody.

    Then what is sealed cannot be read, and nothing written.

    Raises:
        SettingsError: There is no node in that folder.
    """
    logs.configure()
    node = load(home)
    keys = None
    with suppress(HanseError):
        keys = keyfile.unlock(home, asks=False)
    configure(node, keys)
    end_at_once()
    return node


def configure(node: Node, keys: Keyring | None) -> None:
    """Wire a node with its unlocked keys, or none. Django allows it once per process."""
    with loading():
        secret = secrets.token_hex() if keys is None else session_secret(keys)
        django_conf.configure(**django_settings(node, secret))
        django.setup()
        identity.belong_to(node.authority)
        if keys is not None:
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
    """Keep the garbage collector from going through what is imported, then and ever after: it stays.

    It would take a fifth of the time to start, and tens of milliseconds of a page now and then.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.freeze()
            gc.enable()


_TELL_OF_LEAKS = ("_duckdb", "datasketches")
"""Libraries that complain at the end of each thing of theirs that the garbage collector did not take."""


def end_at_once() -> None:
    """End this process, when it does, without looking for circles in all that it holds, which goes with it anyway.

    That took a quarter of what a short command takes. Connections are closed before: the last one to SQLite brings its
    write-ahead log into the database's file.
    """

    def ending() -> None:
        connections.close_all()
        if not any(name in sys.modules for name in _TELL_OF_LEAKS):
            gc.freeze()

    atexit.register(ending)


def session_secret(keys: Keyring) -> str:
    """The secret under sessions and forms: derived, so that no second secret lies about."""
    return hmac.digest(keys.index, b"hanse/django-secret/1", "sha256").hex()


def make_tables() -> None:
    """Bring the tables to this version.

    A database that holds nothing yet gets them as this version has them, in one transaction: to repeat each change
    that led to them takes ten times as long. A slow disk is waited for once, and what is broken off leaves it as it was.
    """
    if connection.introspection.table_names():
        call_command("migrate", verbosity=0, interactive=False)
        return
    # SQLite makes tables only where foreign keys are not looked at, which can be said outside of a transaction alone.
    with connection.constraint_checks_disabled(), atomic():
        _make_anew()


def _make_anew() -> None:
    """Make the tables of the models, and write down that every migration is applied.

    No migration fills a table; a test holds what is made here against what they make.
    """
    with connection.schema_editor() as editor:
        for model in apps.get_models():
            if model._meta.can_migrate(connection):
                editor.create_model(model)
    recorder = MigrationRecorder(connection)
    recorder.ensure_schema()
    # Read without the database, so that those which replace others are among them.
    applied = MigrationLoader(None).disk_migrations
    recorder.migration_qs.bulk_create([recorder.Migration(app=app, name=name) for app, name in applied])
    emit_post_migrate_signal(verbosity=0, interactive=False, db=connection.alias)
