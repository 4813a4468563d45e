"""While a node is served nobody brings its tables to another version, and its keys may be rotated."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from hanse.console import processes
from hanse.kernel.errors import UsageError
from hanse.ledger import keyfile
from hanse.ledger.keyring import LockedError
from hanse.node import doctor
from hanse.node.served import be_served, is_served, not_served
from hanse.settings import Node
from hanse.tracing.address_data import Description
from tests.faults.conftest import address  # noqa: F401 - the fixture is used by its name
from tests.node.living import living


def test_who_serves_and_who_upgrades_keep_each_other_out(tmp_path: Path) -> None:
    """Several processes serve one node; none begins while its tables are changed, and they are not while one serves."""
    assert not is_served(tmp_path)
    with not_served(tmp_path, "stop it."), pytest.raises(UsageError, match="is being upgraded"):
        be_served(tmp_path)
    be_served(tmp_path)
    be_served(tmp_path)
    assert is_served(tmp_path)
    with pytest.raises(UsageError, match=r"is served: stop it\."), not_served(tmp_path, "stop it."):
        pytest.fail("it went on")


@pytest.mark.long
def test_a_served_node_is_not_upgraded_and_takes_up_rotated_keys(tmp_path: Path, address: str) -> None:  # noqa: F811 - the fixture
    """`upgrade` says to stop it first; `keys rotate` needs no restart; once stopped, it is upgraded, and doctor only warns."""
    with living(tmp_path / "home", address) as node:
        node.serve()
        refused = node.run("upgrade")
        assert refused.returncode != 0
        assert "is served" in refused.stderr
        assert "Stop it, upgrade, and start it again." in refused.stderr
        assert not list(node.home.glob("backups/*"))
        before = len(node.do("kinds"))
        assert node.run("keys", "rotate", "--reason", "yearly").returncode == 0
        node.do("change", group="collector", value={"on": False, "address": "127.0.0.1", "port": 2055})
        assert node.do("kinds")[before:] == ["ledger.key_rotated", "console.setting_changed"]
        status, told = node.health()
        assert (status, told["keys"]) == (200, "well")
        node.leave_desk()
        node.stop()
        done = node.run("upgrade")
        assert done.returncode == 0, done.stderr
        lines = {line[6:19].strip(): line[:4].strip() for line in node.run("doctor").stdout.splitlines()}
        assert lines["worker"] == "warn"
        assert lines["database"] == lines["collector"] == "well"


def test_doctor_needs_no_passphrase(tmp_path: Path) -> None:
    """Whoever is called at night reads what is ill without the key to all that is encrypted, and when the keys are gone."""
    with living(tmp_path / "home") as node:
        (node.home / "keys" / "passphrase").unlink()
        node.environment.pop(keyfile.OPENER)
        assert "locked" in node.run("fsck").stderr
        looked = node.run("doctor")
        lines = {line[6:19].strip(): line[:4].strip() for line in looked.stdout.splitlines()}
        assert looked.stderr == ""
        assert set(lines) == set(doctor._LOOKS)
        assert lines["database"] == lines["keys"] == lines["flows"] == "well"
        (node.home / keyfile.KEYS).unlink()
        looked = node.run("doctor")
        assert looked.returncode == 1
        assert "is gone. Get it back from the newest backup" in looked.stdout


def test_doctor_says_what_it_cannot_see_without_the_passphrase(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is sealed, such as where the collector was told to listen, is named as not seen, and keeps nothing else back."""

    def sealed(_: Node) -> tuple[doctor.State, str]:
        raise LockedError("locked")

    monkeypatch.setattr(doctor, "_LOOKS", {"collector": sealed, "disk": lambda _: ("well", "room")})
    seen = list(doctor.examine(Node(tmp_path, "ee-cert", "CERT Estonia", "EE")))
    assert [(one.what, one.state) for one in seen] == [("collector", "warn"), ("disk", "well")]
    assert "without the passphrase" in seen[0].words


def test_a_worker_that_has_not_spoken_yet_is_starting_for_a_minute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Just served, it only warns, whatever an earlier worker said; after a minute of silence, or silent again, it is ill."""
    node = Node(tmp_path, "ee-cert", "CERT Estonia", "EE")
    now = time.time()
    monkeypatch.setattr(processes, "time", SimpleNamespace(time=lambda: now))

    def written(name: str, ago_s: float) -> None:
        os.utime(tmp_path / processes.FOLDER / name, (now - ago_s, now - ago_s))

    be_served(tmp_path)
    processes.serving_begins(tmp_path)
    written("served.since", 3)
    state, words = doctor._worker(node)
    assert (state, words.partition(":")[0]) == ("warn", "It is starting")
    processes.worker_lives(tmp_path)
    written("worker.alive", 4)  # of the node as it was served before
    assert doctor._worker(node)[0] == "warn"
    written("worker.alive", 1)
    assert doctor._worker(node)[0] == "well"
    written("served.since", processes.STARTING_S + 1)
    written("worker.alive", processes.STARTING_S + 2)
    assert doctor._worker(node)[0] == "ill"
    written("served.since", processes.SILENT_S + 9)
    written("worker.alive", processes.SILENT_S + 1)
    assert doctor._worker(node)[0] == "ill"


def test_entries_that_wait_for_a_worker_that_starts_are_no_illness(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A node that was killed and is served anew an hour later has old entries to take up: that is its first work."""
    node = Node(tmp_path, "ee-cert", "CERT Estonia", "EE")
    monkeypatch.setattr(doctor, "latest", lambda: None)
    monkeypatch.setattr(doctor, "longest_waiting_us", lambda _: doctor.WAITING_US + 1)
    be_served(tmp_path)
    assert doctor._tree(node)[0] == "ill"
    processes.serving_begins(tmp_path)
    assert doctor._tree(node)[0] == "warn"


def test_old_address_data_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It works, with a growing share of sources placed wrongly; nothing promises an age, so nothing is ill."""
    monkeypatch.setattr(Description, "available", property(lambda _: True))
    monkeypatch.setattr(Description, "age_days", property(lambda _: doctor.OLD_DAYS + 1))
    state, words = doctor._tracing(Node(tmp_path, "ee-cert", "CERT Estonia", "EE"))
    assert (state, f"{doctor.OLD_DAYS + 1} days old" in words) == ("warn", True)
