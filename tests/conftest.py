"""The node that the tests run on: Django configured once per run, on SQLite or on PostgreSQL."""

import atexit
import gc
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest

from tests import postgres

AUTHORITY = "ee-cert"
_ALWAYS_THE_SAME = {"django_content_type", "auth_permission"}
_ENDS = "HANSE_TEST_POSTGRESQL_ENDS"
"""Set where the server of `HANSE_TEST_POSTGRESQL` was started for this run, and ends with it."""

_DATABASE = {"db", "transactional_db"}
_IRI = "rfc3987_syntax"
"""Grammars of international addresses, which take jsonschema a second to load in each process; no schema here asks for one."""
_running = ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--database`: where the node's tables are."""
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite")


def pytest_configure(config: pytest.Config) -> None:
    """Configure the node and hypothesis before any test module is imported, in processes that run tests themselves."""
    if hasattr(config, "workerinput"):
        atexit.register(_leave)  # before what tests register, and so called after it
    # What a shell starts in the background is told to ignore Ctrl-C, and all that tests start would ignore it as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    home = Path(_running.enter_context(tempfile.TemporaryDirectory(prefix="hanse-test-")))
    os.environ.setdefault("HANSE_TEST_RUN", str(home))  # the workers of xdist share one folder
    address = "sqlite"
    if config.getoption("--database") == "postgresql":
        address = os.environ.get("HANSE_TEST_POSTGRESQL", "")
        if not address:
            try:
                address = _running.enter_context(postgres.server(durable=False))
            except FileNotFoundError as error:
                pytest.exit(f"--database postgresql: {error}", returncode=0)
            os.environ["HANSE_TEST_POSTGRESQL"] = address  # the workers of xdist share the server
            os.environ[_ENDS] = "yes"
    hands_out = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    if not hands_out:
        _wire(home, address)


def _leave() -> None:
    """End a worker of xdist at once: to take apart all that it had imported takes three seconds of work.

    Nobody looks at how a worker ended. A process that a person called ends as others do: its exit code says whether
    tests failed.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


def _wire(home: Path, address: str) -> None:
    """Make this process a node, and tell hypothesis that it is not alone."""
    from django.conf import settings
    from hypothesis import HealthCheck
    from hypothesis import settings as properties

    from hanse.bootstrap import configure
    from hanse.kernel.keys import Keyring
    from hanse.settings import Node

    sys.modules.setdefault(_IRI, None)  # type: ignore[arg-type]  # None makes its import fail, which jsonschema heeds
    # Several processes share the cores: how long one example takes says nothing of its rule.
    properties.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    properties.load_profile("shared")
    node = Node(home, AUTHORITY, "CERT Estonia", "EE", database=address, exercise=True)
    configure(node, Keyring.new())
    if address == "sqlite":
        # pytest-django, which would say it for Django's own backend, looks at the backend's name.
        settings.DATABASES["default"]["TEST"]["NAME"] = ":memory:"
    empty_quickly()
    keep_addresses()


def empty_quickly() -> None:
    """Between tests delete from the tables that hold rows, but for the names of models and what may be done with them.

    Django deletes those as well and makes them anew, a thousand rows each time; and on PostgreSQL it truncates, which
    makes the files of a hundred tables and their indexes anew.
    """
    from django.db import connection
    from django.test import TransactionTestCase

    @cache
    def named() -> list[str]:
        tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        return [connection.ops.quote_name(one) for one in tables if one not in _ALWAYS_THE_SAME]

    def empty(_self: TransactionTestCase) -> None:
        asked = [f"SELECT {at} WHERE EXISTS (SELECT 1 FROM {one})" for at, one in enumerate(named())]  # noqa: S608 - names of Django's tables
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(asked))
            held = [f"DELETE FROM {named()[at]}" for (at,) in cursor.fetchall()]  # noqa: S608 - as above
        if held and connection.vendor == "postgresql":
            # Foreign keys are not looked at meanwhile: all that refer to a deleted row go as well.
            held = ["SET LOCAL session_replication_role = replica", *held]
        connection.ops.execute_sql_flush(held)

    TransactionTestCase._fixture_teardown = empty


def keep_addresses() -> None:
    """Keep what was worked out of a module of addresses when the next test is at others: it is held by the module.

    Django forgets it each time, and works out hundreds of patterns anew for each test.
    """
    from django import urls

    urls.clear_url_caches = lambda: None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spare the garbage collector a million things that stay: what the tests import, and the tests.

    To go through them again and again took a third of the time in which tests are collected, and some of each test. What
    little of it is garbage stays as well: to find it takes longer than it is worth.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000)
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that all processes end together.

    On PostgreSQL run what uses the node's database, and nothing else: the rest would be the same twice.
    """
    items.sort(key=lambda one: one.get_closest_marker("long") is None)
    if config.getoption("--database") != "postgresql":
        return
    used = [one for one in items if one.get_closest_marker("django_db") or _DATABASE & set(one.fixturenames)]  # type: ignore[attr-defined]
    config.hook.pytest_deselected(items=[one for one in items if one not in set(used)])
    items[:] = used


def pytest_unconfigure() -> None:
    """Stop the server and remove the folder.

    What was frozen may go at the very end, or libraries complain that it did not: until then pytest has the garbage
    collector go through all that is left.
    """
    atexit.register(gc.unfreeze)
    _running.close()


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """A server that ends with the run takes its databases along: to drop them first writes all that was changed."""
    return _ENDS in os.environ


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


@pytest.fixture(scope="session")
def partners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[object, object]]:
    """Estonia's and Finland's node, served, for the tests of the group "partners", which need them as partners alone.

    The last of these tests closes them: nodes that idle until the end of the run take time from others.
    """
    from tests.federation.sovereign import two

    with two(tmp_path_factory.mktemp("partners")) as nodes:
        yield nodes


@pytest.fixture
def node_home() -> Path:
    """The home folder of the node under test."""
    from django.conf import settings

    return settings.HANSE_NODE.home


@pytest.fixture
def unstretched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passphrases are hashed and not stretched: nobody guesses at these keys, and each time costs a third of a second.

    `tests/kernel/test_keys_sealing.py` stretches one as nodes do.
    """
    from tests.unstretched import hashed

    monkeypatch.setattr("hanse.kernel.keys._stretched", hashed)
