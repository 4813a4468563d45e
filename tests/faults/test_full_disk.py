"""A full disk: appending is refused in words, nothing acknowledged is lost, and with room it goes on."""

import json
from pathlib import Path

import pytest

from tests.faults.node import Nursery, acknowledged


def test_a_full_disk_refuses_and_loses_nothing(
    node: Nursery, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """When files cannot grow any further, an append says so and is not there; with room again, the next one is."""
    if request.config.getoption("--database") != "sqlite":
        pytest.skip("a limit on the size of files holds for this process, not for PostgreSQL's server")
    acks, answer = tmp_path / "acks", tmp_path / "answer"
    assert node.run("append_in_small_space", acks=str(acks), answer=str(answer), limit=3_000_000) == 0
    told = json.loads(answer.read_text())
    there = acknowledged(acks)
    assert told["refused"].startswith("NotWrittenError: Nothing was written: the database says ")
    assert "its disk has room" in told["refused"]
    assert len(there) > 20
    assert told["after"] == there[-1] + 1, "the refused entry left no trace"
    assert node.findings() == []
