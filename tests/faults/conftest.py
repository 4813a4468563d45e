"""Nodes to be hurt, on the database of the run."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.faults.node import Nursery, nursery


@pytest.fixture
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database for one node: a file in its home, or a fresh one on the run's server."""
    if request.config.getoption("--database") == "sqlite":
        yield "sqlite"
        return
    server = os.environ["HANSE_TEST_POSTGRESQL"]
    name = f"faults_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{server.rpartition('/')[0]}/{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def node(tmp_path: Path, address: str) -> Iterator[Nursery]:
    """A founded node."""
    with nursery(tmp_path / "home", address) as made:
        yield made
