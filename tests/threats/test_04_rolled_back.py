"""Threat 4: a ledger that is rolled back. Its witnesses refuse what does not continue what they saw."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.federation.sovereign import Sovereign, two
from tests.node.living import ROOT, until

pytestmark = pytest.mark.xdist_group("rolled back")  # what is made once is made on one worker


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sovereign, Sovereign]]:
    """Estonia's node, whose ledger Finland's witnesses."""
    with two(tmp_path_factory.mktemp("pair")) as (ee, fi):
        ee.do("name_witness", partner="fi-cert")
        until(lambda: fi.do("asks", partner="ee-cert"))
        fi.do("consent", partner="ee-cert")
        until(lambda: ee.do("standing")["named"] == ["fi-cert"])
        yield ee, fi


def _witnessed(node: Sovereign) -> None:
    node.do("integrate")
    until(lambda: node.do("standing")["witnessed"])


@pytest.mark.long
def test_two_that_are_put_back_at_once_by_command_do_not_wait_for_each_other_for_ever(pair, tmp_path) -> None:
    """Each command answers the other's questions while it waits for its own answers; then both serve, and go on."""
    ee, fi = pair
    [attack, *_] = ee.do("attacks")
    ee.do("back_up", path=str(tmp_path / "ee.hanse"))
    ee.do("share", attack=attack, to=["fi-cert"])
    fi.has(lambda found: len(found) == 1)
    _witnessed(ee)
    fi.do("back_up", path=str(tmp_path / "fi.hanse"))
    commands = {node.authority: _restores(node, tmp_path) for node in pair}
    waits = list(pair)
    try:
        while waits:  # whoever is done serves
            done = until(lambda: [one for one in waits if commands[one.authority].poll() is not None])
            for node in done:
                waits.remove(node)
                told, _ = commands[node.authority].communicate()
                assert (commands[node.authority].returncode, "The node may serve." in told) == (0, True), told
                shutil.copy(node.environment["HANSE_PASSPHRASE_FILE"], node.home / "keys" / "passphrase")
                node.serve()
                assert node.do("findings") == []
    finally:
        for command in commands.values():
            command.kill()
    assert ee.do("holders", attack=attack) == ["fi-cert"], "what the other one's backup held"
    ee.do("recall", attack=attack)
    fi.has(lambda found: not found)
    assert (ee.do("contradictions"), fi.do("contradictions")) == (0, 0)


@pytest.mark.long
def test_put_back_by_hand_is_refused_and_put_back_by_command_forges_nothing(pair, tmp_path) -> None:
    """By hand: the witness refuses, and `hanse verify` fails. By command: what was shared, recalled and purged since stays so."""
    ee, fi = pair
    _, *attacks = ee.do("attacks", number=4)  # the first one was shared and recalled before
    _lives(ee, fi, attacks, tmp_path)
    shutil.move(ee.home, tmp_path / "today")
    shutil.copytree(tmp_path / "yesterday", ee.home)
    _is_refused(ee, fi, attacks[2], tmp_path / "proof.json")
    _is_restored(ee, fi, attacks, tmp_path)


def _lives(ee: Sovereign, fi: Sovereign, attacks: list[str], folder: Path) -> None:
    """A day: something is shared, the node is saved, and then more is shared, recalled and purged."""
    first, second, third = attacks
    before = fi.do("link", partner="ee-cert")["received"]
    ee.do("share", attack=first, to=["fi-cert"])
    fi.has(lambda found: len(found) == 1)
    _witnessed(ee)
    _is_kept(ee, folder / "yesterday")
    ee.do("share", attack=second, to=["fi-cert"])
    fi.has(lambda found: len(found) == 2)
    ee.do("recall", attack=first)
    fi.has(lambda found: len(found) == 1)
    ee.do("purge", attack=third)
    _witnessed(ee)
    ee.do("share", attack=second, to=["fi-cert"])  # acknowledged, and in no checkpoint yet
    until(lambda: fi.do("link", partner="ee-cert")["received"] == before + 4)
    _away(ee)


def _is_kept(ee: Sovereign, folder: Path) -> None:
    """Its files as they are at this moment, and a backup, both while it serves."""
    shutil.copytree(ee.home, folder, ignore=shutil.ignore_patterns("hanse.sqlite3*", "run"))
    ee.do("copy_database", path=str(folder / "hanse.sqlite3"))
    ee.do("back_up", path=str(folder.with_suffix(".hanse")))


def _is_refused(ee: Sovereign, fi: Sovereign, attack: str, proof: Path) -> None:
    """Yesterday's database, put back by hand, goes on."""
    ee.serve()
    ee.do("share", attack=attack, to=["fi-cert"])
    ee.do("integrate")
    until(lambda: "put back" in ee.do("witness_error", partner="fi-cert"))
    until(lambda: fi.do("contradictions"))
    assert ee.do("standing")["seen"] == []
    ee.do("export", sequence=ee.do("last_sequence"), path=str(proof))
    refused = _verify(proof, fi.do("witness_key"))
    assert (refused.returncode, "0 of the 1 trusted witnesses" in refused.stderr) == (1, True)
    assert len(fi.do("partner_attacks")) == 1, "what a rolled back node sends is taken"
    _away(ee)


def _is_restored(ee: Sovereign, fi: Sovereign, attacks: list[str], folder: Path) -> None:
    """The backup, by the command; the partner is asked before anything is served."""
    first, second, third = attacks
    found = fi.do("contradictions")
    shutil.rmtree(ee.home)
    ee.environment["HANSE_PASSPHRASE_FILE"] = str(folder / "yesterday" / "keys" / "passphrase")
    restored = ee.run("restore", str(folder / "yesterday.hanse"))
    assert (restored.returncode, "The node may serve." in restored.stdout) == (0, True), restored.stderr
    shutil.copy(folder / "yesterday" / "keys" / "passphrase", ee.home / "keys" / "passphrase")
    ee.serve()
    assert ee.do("findings") == []
    assert not ee.do("has_attack", attack=third), "what was purged after the backup is there again"
    assert (ee.do("holders", attack=first), ee.do("holders", attack=second)) == ([], ["fi-cert"])
    ee.do("recall", attack=second)
    fi.has(lambda one: not one)
    _witnessed(ee)
    ee.do("export", sequence=ee.do("last_sequence"), path=str(folder / "proof.json"))
    assert _verify(folder / "proof.json", fi.do("witness_key")).returncode == 0
    assert fi.do("contradictions") == found, "a node that was restored contradicts itself"


def _restores(node: Sovereign, folder: Path) -> "subprocess.Popen[str]":
    """Its folder is gone, and the command makes it anew, for as long as it takes."""
    _away(node)
    passphrase = folder / f"{node.authority}.passphrase"
    shutil.move(node.home / "keys" / "passphrase", passphrase)
    shutil.rmtree(node.home)
    node.environment["HANSE_PASSPHRASE_FILE"] = str(passphrase)
    command = [sys.executable, "-m", "hanse", "node", "restore", str(folder / f"{node.authority[:2]}.hanse")]
    return subprocess.Popen(command, env=node.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _away(node: Sovereign) -> None:
    """Leave its folder alone, so that it can be replaced."""
    node.stop()
    node.leave_desk()


def _verify(proof: Path, witness: str) -> "subprocess.CompletedProcess[str]":
    """Prove a file under a witness that is trusted."""
    command = [sys.executable, "-m", "hanse", "verify", str(proof), "--witness", witness]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
