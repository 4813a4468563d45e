"""The keys of a node on disk: what opens them, and how often a passphrase is stretched."""

from pathlib import Path

import pytest

from hanse.kernel import keys
from hanse.kernel.keys import Keyring, KeysError
from hanse.ledger import keyfile


@pytest.fixture
def home(unstretched: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys, their passphrase and, beside it, the passphrase stretched, as `hanse node serve` hands them over."""
    keyfile.save(tmp_path, Keyring.new(), "the passphrase")
    (tmp_path / "passphrase").write_text("the passphrase")
    monkeypatch.setenv("HANSE_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    (tmp_path / "opener").write_bytes(keyfile.stretched(tmp_path))
    monkeypatch.setenv(keyfile.OPENER, str(tmp_path / "opener"))
    return tmp_path


def test_what_was_stretched_is_not_stretched_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is handed the stretched passphrase opens the keys with it."""
    monkeypatch.setattr(keys, "_stretched", lambda *_: pytest.fail("it was stretched again"))
    assert keyfile.unlock(home).index


def test_keys_that_were_wrapped_anew_are_opened_with_the_passphrase(home: Path) -> None:
    """After a rotation a process that starts gets the new keys, though its parent holds what opened the old ones."""
    rotated = keyfile.unlock(home).rotated()
    keyfile.save(home, rotated, "the passphrase")
    assert keyfile.unlock(home).signing.id == rotated.signing.id


@pytest.mark.parametrize("left", [None, b"", b"short"])
def test_where_nothing_fitting_is_held_the_passphrase_is_asked(home: Path, left: bytes | None) -> None:
    """A parent that is gone, or something else in that place, keeps nobody out who has the passphrase."""
    (home / "opener").unlink()
    if left is not None:
        (home / "opener").write_bytes(left)
    assert keyfile.unlock(home).index


def test_a_wrong_one_for_the_right_file_opens_nothing(home: Path) -> None:
    """What fits the file by its salt and is of another passphrase is refused."""
    (home / "opener").write_bytes((home / "opener").read_bytes()[:-32] + bytes(32))
    with pytest.raises(KeysError, match="passphrase"):
        keyfile.unlock(home)


def test_white_space_around_a_passphrase_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was pasted with a space behind it opens from a file, where none is kept, as it does from the terminal."""
    typed = iter(["", " of the harbour\t", "of the harbor", "of the harbour ", " of the harbour"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(keyfile, "getpass", lambda _: next(typed))
    assert keyfile.ask_new("Passphrase") == "of the harbour"
    assert not list(typed)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_in_another_encoding_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """Editors save it so; the words say what to do, and nothing of what stands in it."""
    file = tmp_path / "passphrase"
    file.write_text("über den Fluß", encoding=encoding)
    monkeypatch.setenv("HANSE_PASSPHRASE_FILE", str(file))
    with pytest.raises(keyfile.KeyFileError, match="no text in UTF-8") as raised:
        keyfile.passphrase(tmp_path)
    assert raised.value.__suppress_context__
    assert "Flu" not in str(raised.value)


def test_an_empty_file_is_no_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was made and never written into is named; it does not stand for a passphrase that nobody knows."""
    empty = tmp_path / "passphrase"
    empty.write_text("\n")
    monkeypatch.setenv("HANSE_PASSPHRASE_FILE", str(empty))
    with pytest.raises(keyfile.KeyFileError, match="it is empty"):
        keyfile.passphrase(tmp_path)
