"""A new node's tables are made at once, as this version has them; they are those that the migrations lead to."""

import json
import os
import subprocess
import sys
from uuid import uuid4

import psycopg
import pytest

MADE = """
import json, sys
from pathlib import Path
from hanse.bootstrap import configure, make_tables
from hanse.kernel.keys import Keyring
from hanse.settings import Node
configure(Node(Path(sys.argv[1]), "ee-cert", "CERT Estonia", "EE", database=sys.argv[2]), Keyring.new())
from django.core.management import call_command
from django.db import connection

def columns(cursor, table):
    return sorted(tuple(one)[:-1] for one in connection.introspection.get_table_description(cursor, table))

def constraints(cursor, table):
    # SQLite has no names for foreign keys and numbers them as they come.
    found = connection.introspection.get_constraints(cursor, table).items()
    return sorted(("" if name.startswith(("fk_", "__")) else name, str(what)) for name, what in found)

def held(cursor, what, table):
    cursor.execute(f"SELECT {what} FROM {table}")
    return sorted(cursor.fetchall())

def tables():
    with connection.cursor() as cursor:
        found = connection.introspection.table_names(cursor)
        told = {one: [columns(cursor, one), constraints(cursor, one)] for one in found}
        told["applied"] = held(cursor, "app, name", "django_migrations")
        told["kinds"] = held(cursor, "app_label, model", "django_content_type")
        told["permissions"] = held(cursor, "codename, name", "auth_permission")
    return told

connection.ensure_connection()
said = []
if connection.vendor == "sqlite":
    connection.connection.set_trace_callback(said.append)
make_tables()
told = {"commits": said.count("COMMIT"), "made": tables()}
if connection.vendor == "sqlite":
    with connection.cursor() as cursor:
        told["foreign_keys"] = cursor.execute("PRAGMA foreign_keys").fetchone()[0]
connection.close()
connection.settings_dict["NAME"] = sys.argv[3]
with connection.constraint_checks_disabled():
    call_command("migrate", verbosity=0, interactive=False)
told["migrated"] = tables()
print(json.dumps(told, default=str))
"""

NEVER_USED = "auth_group_permissions"
"""Groups of Django's, which Hanse has none of: its migration gives the rows' numbers 8 bytes, its model 4."""


def _told(folder, address, other):
    done = subprocess.run(
        [sys.executable, "-c", MADE, str(folder), address, other],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)


def _are_the_same(told):
    assert len(told["made"]) > 100
    assert len(told["made"]["applied"]) > 60
    for one in (told["made"], told["migrated"]):
        one.pop(NEVER_USED)
    assert told["made"] == told["migrated"]


def test_a_new_nodes_tables_are_one_transaction_and_those_of_the_migrations(tmp_path):
    """A slow disk is waited for once, and what is broken off leaves nothing; foreign keys are looked at afterwards."""
    told = _told(tmp_path, "sqlite", str(tmp_path / "migrated"))
    assert (told["commits"], told["foreign_keys"]) == (1, 1)
    _are_the_same(told)


@pytest.mark.django_db
def test_the_tables_on_postgresql_are_those_of_the_migrations(tmp_path, request):
    """The same there, where types and the names of indexes are its own."""
    if request.config.getoption("--database") == "sqlite":
        pytest.skip("the run is on SQLite")
    server = os.environ["HANSE_TEST_POSTGRESQL"]
    names = [f"tables_{uuid4().hex[:12]}" for _ in range(2)]
    with psycopg.connect(server, autocommit=True) as connection:
        for name in names:
            connection.execute(f"CREATE DATABASE {name}")
        try:
            _are_the_same(_told(tmp_path, f"{server.rpartition('/')[0]}/{names[0]}", names[1]))
        finally:
            for name in names:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
