"""`kill -9` at every point: nothing that was acknowledged is lost, and the ledger stays whole."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.faults.node import Nursery, acknowledged

TIMES = 15
"""Rounds of the job: alone, batched, purged, with checkpoints."""


def _whole(node: Nursery, acks: Path) -> None:
    """Everything acknowledged is there, sequences have no gap, and fsck finds nothing."""
    answer = node.home / "sequences"
    assert node.run("sequences", answer=str(answer)) == 0
    there = json.loads(answer.read_text())
    assert there == list(range(len(there)))
    assert set(acknowledged(acks)) <= set(there)
    assert node.findings() == []


def _commits(node: Nursery, acks: Path) -> tuple[int, list[int]]:
    """How many steps a whole job has, and which of them are commits; a job's later rounds have the same steps."""
    steps = node.home / "steps"
    assert node.run("append", times=TIMES, acks=str(acks), steps=str(steps)) == 0
    told = json.loads(steps.read_text())
    return told["steps"], told["commits"]


def _killed_at(node: Nursery, acks: Path, step: int) -> None:
    code = node.run("append", times=TIMES, acks=str(acks), doom=step)
    assert code == -signal.SIGKILL, f"step {step} was not reached"


def test_killed_at_commit_points(node: Nursery, tmp_path: Path) -> None:
    """Killed before and after commits, and between any two statements, a node loses nothing it acknowledged."""
    acks = tmp_path / "acks"
    steps, commits = _commits(node, acks)
    assert len(commits) >= TIMES
    dice = random.Random(1)
    points = [step + after for step in dice.sample(commits[:-1], 6) for after in (0, 1)]
    for step in sorted({*points, *dice.sample(range(steps - 20), 6)}):
        _killed_at(node, acks, step)
    _whole(node, acks)


def test_killed_at_random_times(node: Nursery, tmp_path: Path) -> None:
    """Killed at any moment, also within the database's own commit, a node loses nothing it acknowledged."""
    acks = tmp_path / "acks"
    _killed_at_random_times(node, acks, 12)


def _killed_at_random_times(node: Nursery, acks: Path, times: int) -> None:
    dice, killed = random.Random(2), 0
    for _ in range(times):
        before = len(acknowledged(acks))
        pid = node.start("append", times=10_000, acks=str(acks), no_tree=True)
        end = time.monotonic() + 20  # a busy machine takes its time until the first entry
        while len(acknowledged(acks)) == before and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(dice.uniform(0.0, 0.2))
        os.kill(pid, signal.SIGKILL)
        killed += node.wait(pid) == -signal.SIGKILL
    assert killed == times
    assert len(acknowledged(acks)) > times
    _whole(node, acks)


def test_several_killed_while_others_write(node: Nursery, tmp_path: Path) -> None:
    """A process that dies while it holds the lock keeps nobody else from writing."""
    acks = tmp_path / "acks"
    living = node.start("append", times=60, acks=str(acks))
    for _ in range(5):
        pid = node.start("append", times=10_000, acks=str(acks), no_tree=True)
        time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        assert node.wait(pid) == -signal.SIGKILL
    assert node.wait(living) == 0
    _whole(node, acks)


@pytest.mark.soak
def test_killed_at_every_step(node: Nursery, tmp_path: Path) -> None:
    """Killed before every single statement and before and after every commit of a job, and 200 times at random."""
    acks = tmp_path / "acks"
    steps, _ = _commits(node, acks)
    for step in range(steps - 20):
        _killed_at(node, acks, step)
        if step % 50 == 0:
            _whole(node, acks)
    _whole(node, acks)
    _killed_at_random_times(node, acks, 200)
