"""Rotating keys while others do so too: no key that signs is ever written over."""

import resource
from pathlib import Path

import pytest

from hanse.kernel.keys import KeysError
from hanse.ledger import keyfile, keyring, service
from hanse.ledger.models import Head
from tests.ledger.made import MARI, found

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unstretched")]

PASSPHRASE = "for tests"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with the keys of a node that was founded."""
    found()
    keyfile.save(tmp_path, keyring.current(), PASSPHRASE)
    return tmp_path


def test_a_process_that_missed_a_rotation_loses_no_key(home: Path) -> None:
    """Two that rotate at once: the second writes nothing, and the key that signs stays on disk."""
    missed = keyring.current()
    service.rotate(home, PASSPHRASE, MARI, "a year has passed")
    signs = Head.objects.get(pk=1).key
    keyring.hold(missed)
    with pytest.raises(keyring.LockedError, match="rotated"):
        service.rotate(home, PASSPHRASE, MARI, "a year has passed")
    assert keyfile.opened(home, PASSPHRASE).signing_key(signs)


def test_who_holds_keys_leaves_no_core_file() -> None:
    """A decoder that crashes on hostile input writes no file in which the keys lie."""
    limit = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (limit[1], limit[1]))
        keyring.hold(keyring.current())
        assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, limit)


def test_a_mistyped_passphrase_locks_nobody_out(home: Path) -> None:
    """New keys are wrapped with the passphrase of the old ones and no other."""
    signs = Head.objects.get(pk=1).key
    with pytest.raises(KeysError, match="passphrase"):
        service.rotate(home, "for tsets", MARI, "a year has passed")
    assert keyfile.opened(home, PASSPHRASE).signing.id == signs == Head.objects.get(pk=1).key


def test_keys_that_are_rotated_while_a_passphrase_is_typed_stay(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new passphrase wraps the keys as they are when it was typed, not as they were before."""
    from click.testing import CliRunner

    from hanse.node import key_commands

    (home / "settings.toml").write_text('authority = "ee-cert"\nname = "CERT"\ncountry = "EE"\n')
    (home / "passphrase").write_text(PASSPHRASE)
    monkeypatch.setenv("HANSE_PASSPHRASE_FILE", str(home / "passphrase"))

    def typed(*_: object, **__: object) -> str:
        service.rotate(home, PASSPHRASE, MARI, "a year has passed")
        return "a new one"

    monkeypatch.setattr(key_commands.keyfile, "ask_new", typed)
    told = CliRunner().invoke(key_commands.keys, ["passphrase", "--home", str(home)])
    assert told.exit_code == 0, told.output
    assert keyfile.opened(home, "a new one").signing.id == Head.objects.get(pk=1).key
