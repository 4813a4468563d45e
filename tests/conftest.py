"""The node that the tests run on: Django configured once per run, on SQLite or on PostgreSQL."""

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from tests import postgres

AUTHORITY = "ee-cert"
_DATABASE = {"db", "transactional_db"}
_running = ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--database`: where the node's tables are."""
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite")


def pytest_configure(config: pytest.Config) -> None:
    """Configure the node before any test module is imported."""
    from hanse.bootstrap import configure
    from hanse.kernel.keys import Keyring
    from hanse.settings import Node

    home = Path(_running.enter_context(tempfile.TemporaryDirectory(prefix="hanse-test-")))
    address = "sqlite"
    if config.getoption("--database") == "postgresql":
        address = os.environ.get("HANSE_TEST_POSTGRESQL", "")
        if not address:
            try:
                address = _running.enter_context(postgres.server(durable=False))
            except FileNotFoundError as error:
                pytest.exit(f"--database postgresql: {error}", returncode=0)
            os.environ["HANSE_TEST_POSTGRESQL"] = address  # the workers of xdist share the server
    node = Node(home, AUTHORITY, "CERT Estonia", "EE", database=address, exercise=True)
    configure(node, Keyring.new())
    if address != "sqlite":
        empty_quickly()


def empty_quickly() -> None:
    """Empty PostgreSQL's tables between tests by deleting from those that have rows.

    Django truncates all of them, which makes the files of a hundred tables and their indexes anew each time.
    """
    from django.db.backends.postgresql.operations import DatabaseOperations

    def sql_flush(self: DatabaseOperations, _style: object, tables: list[str], **_: object) -> list[str]:
        named = [self.quote_name(one) for one in tables]
        asked = " UNION ALL ".join(f"(SELECT {at} FROM {one} LIMIT 1)" for at, one in enumerate(named))  # noqa: S608 - names of Django's tables
        with self.connection.cursor() as cursor:
            cursor.execute(asked)
            held = [named[at] for (at,) in cursor.fetchall()]
        # Foreign keys are not looked at meanwhile: all that refer to a deleted row go as well.
        begin, end = "SET session_replication_role = replica", "SET session_replication_role = DEFAULT"
        return [begin, *(f"DELETE FROM {one}" for one in held), end] if held else []  # noqa: S608 - as above

    DatabaseOperations.sql_flush = sql_flush


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL run what uses the node's database, and nothing else: the rest would be the same twice."""
    if config.getoption("--database") != "postgresql":
        return
    used = [one for one in items if one.get_closest_marker("django_db") or _DATABASE & set(one.fixturenames)]  # type: ignore[attr-defined]
    config.hook.pytest_deselected(items=[one for one in items if one not in set(used)])
    items[:] = used


def pytest_unconfigure() -> None:
    """Stop the server and remove the folder."""
    _running.close()


@pytest.fixture
def actor() -> Callable[..., object]:
    """Makes people of this authority, with the roles that a test gives them."""
    from hanse.kernel.actors import Actor

    def make(*roles: str, teams: tuple[str, ...] = (), name: str = "Mari Maasikas", **more: object) -> Actor:
        told = {
            "kind": "person", "id": uuid4().hex, "name": name, "authority": AUTHORITY, "country": "EE",
            "tier": "member", "roles": frozenset(roles), "teams": frozenset(teams), "scopes": None,
            "stepped_up_us": None,
        }  # fmt: skip
        return Actor(**{**told, **more})

    return make


@pytest.fixture
def node_home() -> Path:
    """The home folder of the node under test."""
    from django.conf import settings

    return settings.HANSE_NODE.home
