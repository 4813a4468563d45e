"""After a purge and the cleaning that follows, the text is in no file of the node or of its database."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests import postgres
from tests.faults.node import nursery

CANARY = "Qx7-canary-Vp3"


def _holding(folder: Path) -> list[str]:
    """Files that hold the canary, as UTF-8 or as UTF-16."""
    wanted = (CANARY.encode(), CANARY.encode("utf-16-le"), CANARY.encode().hex().encode())
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(one in path.read_bytes() for one in wanted)
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_purged_text_is_in_no_file_of_sqlite(tmp_path: Path, seed: int) -> None:
    """Bodies, projections and their many earlier forms are gone from the database file and its log."""
    home = tmp_path / "home"
    with nursery(home, "sqlite") as node:
        told = {"seed": seed, "canary": CANARY, "times": 150}
        assert node.run("write_and_purge", **told, scrub=False) == 0
        assert _holding(home), "the search finds the text before it is cleaned"
        assert node.run("write_and_purge", **told, scrub=True) == 0
        assert _holding(home) == []
        assert node.findings() == []


def test_purged_text_is_in_no_file_of_postgresql(tmp_path: Path) -> None:
    """Dead rows, statistics and the write-ahead log are gone from the server's data folder."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: postgresql).")
    home = tmp_path / uuid4().hex
    with postgres.running() as server, nursery(home, server.address) as node:
        told = {"seed": 3, "canary": CANARY, "times": 150}
        assert node.run("write_and_purge", **told, scrub=False) == 0
        assert _holding(server.data)
        assert node.run("write_and_purge", **told, scrub=True) == 0
        assert _holding(server.data) == []
        assert _holding(home) == []
        assert node.findings() == []
