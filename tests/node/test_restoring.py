"""A restore that is broken off: what is left serves nobody, and says what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.node.test_node_shell import FIRST, hanse
from tests.shared import ROOT

pytestmark = pytest.mark.xdist_group("shell")

BROKEN_OFF = """
import os, sys
from importlib import import_module
from hanse import cli
from tests.unstretched import stretch_nothing
stretch_nothing()
def late(name):
    room, _, what = name.rpartition(".")
    setattr(import_module(room), what, lambda *_: os._exit(9))
from hanse.node import restoring
make, at = restoring.make_tables, sys.argv.pop(1)
def tables():
    make()
    late(at)
restoring.make_tables = tables
cli.main()
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A backup, and where its passphrase is."""
    folder = tmp_path_factory.mktemp("kept")
    hanse("node", "init", "--home", folder / "node", *FIRST)
    hanse("node", "backup", "--home", folder / "node", folder / "one.hanse")
    return folder / "one.hanse", {"HANSE_PASSPHRASE_FILE": str(folder / "node" / "keys" / "passphrase")}


@pytest.mark.parametrize(
    ("at", "then"),
    [("hanse.node.backup.restore", "broken off"), ("hanse.ledger.retention.purge_due", "may serve")],
)
def test_a_node_whose_restore_was_broken_off_serves_nobody(
    kept: tuple[Path, dict[str, str]], tmp_path: Path, at: str, then: str
) -> None:
    """Else it would write a second history over what its partners have of the first."""
    backup, passphrase = kept
    home = tmp_path / "there"
    words = ["node", "restore", "--home", str(home), str(backup)]
    made = subprocess.run(
        [sys.executable, "-c", BROKEN_OFF, at, *words], cwd=ROOT, env=os.environ | passphrase, capture_output=True, check=False, timeout=120
    )  # fmt: skip
    assert made.returncode == 9, made.stderr
    assert "hanse node recover" in hanse("node", "serve", "--home", home, code=2, **passphrase)
    said = hanse("node", "recover", "--home", home, code=2 if then == "broken off" else 0, **passphrase)
    assert then in said


def test_a_node_without_partners_serves_once_it_is_restored(
    kept: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    """Nobody is to be asked what was written since."""
    backup, passphrase = kept
    hanse("node", "restore", "--home", tmp_path / "there", backup, **passphrase)
    assert not (tmp_path / "there" / "recovering").exists()
