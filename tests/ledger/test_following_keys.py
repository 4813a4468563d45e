"""A process that serves takes up the keys that another one rotated, and says where it cannot."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hanse.kernel import keys, sealing
from hanse.kernel.keys import Keyring, KeysError
from hanse.ledger import keyfile, keyring, service
from hanse.ledger.models import Entry, Head
from tests.ledger.made import MARI, found, thing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unstretched")]

PASSPHRASE = "for tests"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the keys of a node that was founded; this process follows them, and is handed the passphrase."""
    before = keyring.current()
    found()
    keyfile.save(tmp_path, keyring.current(), PASSPHRASE)
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    monkeypatch.setenv("HANSE_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    monkeypatch.setattr(keyring, "_followed", [])
    keyring.follow(tmp_path, keyfile.mark(tmp_path))
    yield tmp_path
    keyring.hold(before)


@pytest.fixture
def rotated(home: Path) -> Callable[..., Keyring]:
    """Rotates the keys as another process does: this one holds what it held before. The new keys."""

    def rotate(passphrase: str = PASSPHRASE) -> Keyring:
        held, mark = keyring.current(), keyfile.mark(home)
        service.rotate(home, PASSPHRASE, MARI, "a year has passed")
        new = keyring.current()
        if passphrase != PASSPHRASE:
            keyfile.save(home, new, passphrase)
        keyring.hold(held)
        keyring._followed[0].mark = mark
        return new

    return rotate


def test_what_is_served_goes_on_writing_after_a_rotation(rotated: Callable[..., Keyring]) -> None:
    """The next entry is signed with the new key; nobody has to start the process anew."""
    new = rotated()
    written = thing(name="after")
    assert Entry.objects.get(pk=written.sequence).key == new.signing.id == Head.objects.get(pk=1).key
    assert keyring.behind() == ""


def test_what_was_sealed_to_the_new_keys_opens_at_once(rotated: Callable[..., Keyring]) -> None:
    """A partner that seals to the new key, and a row that another process sealed, are read by those who started before."""
    new = rotated()
    assert keyring.current().open_key(new.opening.id).secret == new.opening.secret
    newer = rotated()
    sealed = sealing.seal_rest(newer, b"bound", b"a selector")
    assert sealing.open_rest(keyring.current(), b"bound", sealed) == b"a selector"


def test_a_look_now_and_then_takes_up_new_keys_where_none_is_missed(
    rotated: Callable[..., Keyring], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that only lists the node's own keys has the new ones within a second."""
    new = rotated()
    monkeypatch.setattr(keyring, "LOOK_S", -1.0)
    assert keyring.current().verify_keys()[0].id == new.signing.id


def test_a_changed_passphrase_is_said_and_not_stretched_again_and_again(
    rotated: Callable[..., Keyring], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was started with another passphrase writes nothing, says to restart it, and guesses once for each file."""
    guesses: list[bytes] = []
    stretched = keys._stretched

    def count(passphrase: str, salt: bytes) -> bytes:
        guesses.append(salt)
        return stretched(passphrase, salt)

    rotated("another one")
    monkeypatch.setattr(keys, "_stretched", count)
    for _ in range(3):
        with pytest.raises(keyring.LockedError, match=r"does not hold it\. Restart it"):
            thing(name="after")
        assert "passphrase does not open the keys" in keyring.behind()
    assert len(guesses) == 1


def test_a_key_file_that_lost_a_key_is_not_taken_up(home: Path) -> None:
    """An older key file that was put back does not take from those who serve the key that signs."""
    signs = keyring.current().signing.id
    keyfile.save(home, Keyring.new(), PASSPHRASE)
    assert "any more, which this process holds" in keyring.behind()
    written = thing(name="after")
    assert Entry.objects.get(pk=written.sequence).key == signs


def test_a_key_file_that_is_gone_is_said(home: Path) -> None:
    """Those who serve go on with what they hold, and say that nobody could start anew."""
    (home / keyfile.KEYS).unlink()
    assert "there are no keys" in keyring.behind()
    assert thing(name="after").sequence


def test_nobody_is_asked_at_a_terminal_for_what_another_process_changed(
    rotated: Callable[..., Keyring], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was started at a terminal does not wait there for a passphrase in the middle of its work."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(keyfile, "getpass", lambda _: pytest.fail("it asked"))
    monkeypatch.setattr(keyfile, "_from_os", lambda _: None)
    monkeypatch.delenv("HANSE_PASSPHRASE_FILE")
    new = rotated()
    with pytest.raises(KeysError):
        keyring.current().open_key(new.opening.id)
    assert "left nowhere" in keyring.behind()
