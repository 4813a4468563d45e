"""Two of a node's processes that are given the same telemetry."""

import threading
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import connections

from hanse.telemetry import reading_in
from hanse.telemetry.models import Input, Partition
from hanse.telemetry.service import flows_folder
from tests.attacks.build import icmp_flood, write

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_file_given_twice_at_once_is_stored_once(tmp_path: Path, actor, monkeypatch) -> None:
    """Both have its account and its flows, which count once and lie on the disk."""
    mari = actor("analyst")
    paths = write(tmp_path, icmp_flood(0, 60))
    both, known = threading.Barrier(2), reading_in._known
    came: list[reading_in.Imported] = []

    def known_at_once(hashes):
        found = known(hashes)
        with suppress(threading.BrokenBarrierError):  # nobody comes where imports are read in turn
            both.wait(timeout=0.5)
        return found

    def bring() -> None:
        came.append(reading_in.read_in(paths, mari))
        connections.close_all()

    monkeypatch.setattr(reading_in, "_known", known_at_once)
    at_once = [threading.Thread(target=bring) for _ in range(2)]
    for one in at_once:
        one.start()
    for one in at_once:
        one.join(timeout=60)
    assert [(one.path, one.flows) for one in came[0].inputs] == [
        (one.path, one.flows) for one in came[1].inputs
    ]
    assert sorted(one.again for one in came) == [0, 1]
    assert came[0].files == came[1].files
    assert Input.projected.count() == 1
    assert sum(row.rows for row in Partition.projected.all()) == came[0].inputs[0].flows
    assert all((flows_folder() / row.path).exists() for row in Partition.projected.all())


def test_who_waits_for_a_turn_can_be_told_to_end(tmp_path: Path, actor) -> None:
    """A job that is cancelled does not wait for another's end, and gives no turn back that it has not."""

    class EndedError(Exception):
        """Somebody wants it to end."""

    def ended(done: int, total: int, name: str) -> None:
        raise EndedError

    paths = write(tmp_path, icmp_flood(0, 60))
    with reading_in._in_turn(None):
        with pytest.raises(EndedError):
            reading_in.read_in(paths, actor("analyst"), progress=ended)
        assert not Input.projected.exists()
    assert reading_in.read_in(paths, actor("analyst")).again == 0
