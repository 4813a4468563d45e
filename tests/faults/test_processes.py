"""Several processes of one node write at once."""

from pathlib import Path

from tests.faults.node import Nursery, acknowledged


def test_four_processes_write_one_order(node: Nursery, tmp_path: Path) -> None:
    """Four processes that append at once get every sequence once, without gaps, and fsck finds nothing."""
    acks = [tmp_path / f"acks{number}" for number in range(4)]
    pids = [node.start("append", times=20, acks=str(path)) for path in acks]
    assert [node.wait(pid) for pid in pids] == [0, 0, 0, 0]
    there = sorted(one for path in acks for one in acknowledged(path))
    assert there == list(range(1, len(there) + 1))
    assert len(there) == 4 * (20 + 2 * 4)
    assert node.findings() == []
