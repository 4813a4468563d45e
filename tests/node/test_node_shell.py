"""`hanse node` as people type it: each command a process of its own, on a node of its own, whose keys nobody guesses at."""

import os
import re
import stat
import subprocess
import sys

import pytest

from tests.cli.shell import hanse as inside
from tests.shared import ROOT

pytestmark = pytest.mark.xdist_group("shell")  # what is made once is made on one worker

FIRST = ("--authority", "ee-cert", "--name", "CERT Estonia", "--country", "EE", "--unattended")


def hanse(*words, code=0, **environment):
    """What a command prints; it ends with `code`."""
    told = {name: value for name, value in os.environ.items() if not name.startswith("HANSE_")}
    made = subprocess.run(
        [sys.executable, "-m", "tests.unstretched", *map(str, words)],
        env=told | environment, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    assert made.returncode == code, made.stdout + made.stderr
    return made.stdout + made.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A node's folder, and the fingerprint that its making printed."""
    folder = tmp_path_factory.mktemp("shell") / "node"
    said = hanse("node", "init", "--home", folder, *FIRST)
    found = re.search(r"^  ((?:[0-9a-f]{4} ){15}[0-9a-f]{4})$", said, re.MULTILINE)
    assert found, "the fingerprint is on one line"
    return folder, found[1]


def test_a_node_on_localhost_listens_where_browsers_look_for_it(tmp_path):
    """Who names another port in the address need not name it twice; behind a proxy it is 8007."""
    hanse("node", "init", "--home", tmp_path / "here", *FIRST, "--url", "http://localhost:8110/")
    settings = (tmp_path / "here" / "settings.toml").read_text()
    assert 'url = "http://localhost:8110"' in settings
    assert 'listen = "127.0.0.1:8110"' in settings
    hanse("node", "init", "--home", tmp_path / "there", *FIRST, "--url", "https://hanse.example")
    assert 'listen = "127.0.0.1:8007"' in (tmp_path / "there" / "settings.toml").read_text()


def test_a_node_is_its_owners_alone(made):
    """Nobody else enters the node's folder, whatever the files in it allow."""
    assert stat.S_IMODE(made[0].stat().st_mode) == 0o700


def test_keys_are_rotated_proven_backed_up_and_restored(made, tmp_path):
    """After a rotation an entry is proven under the first key, and a backup restored elsewhere is the same ledger."""
    home, first = made
    hanse("node", "keys", "rotate", "--home", home, "--reason", "a year has passed")
    assert not list(home.glob("*-wal")), "what a command wrote is in the database's file when it has ended"

    proof, copy, there = tmp_path / "proof.json", tmp_path / "copy.hanse", tmp_path / "there"
    hanse("node", "export", "--home", home, 3, proof)
    assert "PROVEN under the key that you trust" in inside("verify", proof, "--key", first).output
    assert inside("verify", proof, "--key", "0" * 64).exit_code == 1

    hanse("node", "backup", "--home", home, copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert b"CERT Estonia" not in copy.read_bytes()
    passphrase = {"HANSE_PASSPHRASE_FILE": str(home / "keys" / "passphrase")}
    assert "Restored 4 entries" in hanse("node", "restore", "--home", there, copy, **passphrase)
    assert "Sound: 4 entries" in hanse("node", "fsck", "--home", there, **passphrase)
    assert (there / "settings.toml").read_text() == (home / "settings.toml").read_text()
    shown = hanse("node", "keys", "show", "--home", there, **passphrase).splitlines()
    assert shown[1].strip() == first
    assert "signs now" in shown[3]

    stolen = ("node", "keys", "revoke", "--home", there, "--reason", "stolen", shown[0].split()[0])
    assert "still to come" in hanse(*stolen, "--since", "2126-01-01", code=1, **passphrase)
    told = hanse(*stolen, "--since", "2026-01-01", **passphrase)
    assert "4 entries of this node that it signed from then on, 0 to 3, are not proven any more" in told
    assert "revoked before" in hanse(*stolen, code=1, **passphrase)
    mine = ("node", "keys", "vouch", "--home", there, "--reason", "looked at", stolen[-1], "1")
    assert "Give the first and last" in hanse(*mine, "4", code=1, **passphrase)
    assert "stands by entries 1 to 3" in hanse(*mine, "3", **passphrase)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("fsck", "--home", "nowhere"), 1, "There is no node in nowhere"),
        (("init", "--home", "made", *FIRST[:4], "--country", "Estonia", "--unattended"), 2, "is no country"),
        (("init", "--home", "made", *FIRST[:4], "--country", "EU", "--unattended"), 2, "is no country"),
        (("init", "--home", "made", *FIRST[:4], "--unattended"), 2, "Only an organisation has none"),
        (("init", "--home", "made", *FIRST, "--url", "hanse.example"), 1, "is no address that browsers"),
        (
            ("init", "--home", "made", *FIRST, "--url", "https://hanse.example/hanse"),
            1,
            "nothing behind them",
        ),
        (("init", "--home", "made", *FIRST, "--url", "http://hanse.example"), 2, "over TLS only"),
        (("init", "--home", "made", *FIRST, "--url", "https://192.0.2.1"), 2, "bare IP address"),
        (("init", "--home", "made", *FIRST, "--name", "  "), 2, "It has no name"),
        (("init", "--home", "made", *FIRST[:6]), 1, "start from a terminal"),
        (("export", "3", "proof.json", "--home", "nowhere"), 1, "There is no node in nowhere"),
        (("keys", "rotate", "--home", "nowhere", "--reason", "a year"), 1, "There is no node in nowhere"),
        (("keys", "rotate", "--home", "nowhere"), 2, "Missing option '--reason'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(words, code, said, tmp_path, monkeypatch):
    """Wrong usage ends with 2, what is missing with 1, in words."""
    monkeypatch.chdir(tmp_path)
    told = inside("node", *words)
    assert (told.exit_code, said in told.output) == (code, True)
