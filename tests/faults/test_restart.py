"""The database restarts in the middle of writing."""

import json
import time
from pathlib import Path

import pytest

from tests import postgres
from tests.faults.node import acknowledged, nursery


def test_the_database_restarts_while_entries_are_written(tmp_path: Path) -> None:
    """A server that crashes and comes back loses nothing acknowledged; the writer is told, and goes on."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: postgresql).")
    acks, stop, answer = tmp_path / "acks", tmp_path / "stop", tmp_path / "answer"
    with (
        postgres.running() as server,
        nursery(tmp_path / "home", server.address) as node,
    ):
        pid = node.start("append_through_restarts", acks=str(acks), stop=str(stop), answer=str(answer))
        for _ in range(2):
            _until_more(acks)
            server.restart()
        _until_more(acks)
        stop.touch()
        assert node.wait(pid) == 0
        assert json.loads(answer.read_text())["refused"] >= 1
        assert node.run("sequences", answer=str(answer)) == 0
        there = json.loads(answer.read_text())
        assert there == list(range(len(there)))
        assert set(acknowledged(acks)) <= set(there)
        assert node.findings() == []


def _until(done) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end, "it did not come that far in 20 s"
        time.sleep(0.05)


def _until_more(acks: Path) -> None:
    """Wait until ten more appends are acknowledged."""
    reached = len(acknowledged(acks))
    _until(lambda: len(acknowledged(acks)) > reached + 10)
