"""The node's keys on disk, always wrapped; and the four places from which the passphrase may come."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getpass
from pathlib import Path

from hanse.kernel.errors import HanseError
from hanse.kernel.keys import Keyring, fits, opener, unwrap, unwrap_with, wrap
from hanse.kernel.on_disk import settle

KEYS = Path("keys") / "keyring"
SERVICE = "hanse"
CREDENTIAL = "hanse-passphrase"
OPENER = "HANSE_OPENER_FILE"
"""Environment variable by which a process tells those that it starts where, in memory, the stretched passphrase is."""


Mark = tuple[int, int, int]
"""What tells one key file from the next that takes its place: its number, size and time."""


class KeyFileError(HanseError):
    """The keys cannot be read, or no passphrase opens them."""


def save(home: Path, keys: Keyring, passphrase: str) -> None:
    """Write the wrapped keys, readable by their owner alone; the old file stays whole until the new one is."""
    path = home / KEYS
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(wrap(keys, passphrase))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    settle(path.parent)


@contextmanager
def changing(home: Path) -> Iterator[None]:
    """Keep every other process from changing the key file meanwhile: a key that one writes, no other writes over."""
    (home / KEYS).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = os.open((home / KEYS).parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def opened(home: Path, passphrase: str) -> Keyring:
    """The keys as they lie on disk now.

    Raises:
        KeyFileError: There are none.
        KeysError: The passphrase is the wrong one, or the keys were altered.
    """
    return unwrap(_wrapped(home), passphrase)


def mark(home: Path) -> Mark | None:
    """The mark of the key file as it lies there now; None where there is none."""
    try:
        told = (home / KEYS).stat()
    except FileNotFoundError:
        return None
    return told.st_ino, told.st_size, told.st_mtime_ns


def unlock(home: Path, *, asks: bool = True) -> Keyring:
    """The node's keys, opened with the passphrase from wherever it was left.

    A process of `hanse node serve` gets it stretched already, which is 0.5 s of a processor for each. Where the keys
    were wrapped anew since, with another salt, it is stretched again.

    Args:
        home: The node's folder.
        asks: Whether the terminal is asked, where nobody left the passphrase.

    Raises:
        KeyFileError: There are no keys, or no passphrase.
        KeysError: The passphrase is the wrong one, or the keys were altered.
    """
    wrapped = _wrapped(home)
    held = _held()
    if held and fits(wrapped, held):
        return unwrap_with(wrapped, held)
    return unwrap(wrapped, passphrase(home, asks=asks))


def stretched(home: Path) -> bytes:
    """What opens the keys as they are now without their passphrase; for memory alone, never for a disk.

    Where this process was handed it already, it is that, and the passphrase is not stretched anew.

    Raises:
        KeyFileError: There are no keys, or no passphrase.
        KeysError: They are no keys.
    """
    wrapped, held = _wrapped(home), _held()
    return held if held and fits(wrapped, held) else opener(wrapped, passphrase(home))


def _wrapped(home: Path) -> bytes:
    path = home / KEYS
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise KeyFileError(
            f"{path}: there are no keys. Restore them from a backup, or run `hanse node init`."
        ) from None


def _held() -> bytes:
    """The stretched passphrase that the process which started this one holds; nothing for everybody else."""
    try:
        return Path(os.environ[OPENER]).read_bytes()
    except (KeyError, OSError):
        return b""


def passphrase(home: Path, *, asks: bool = True) -> str:
    """The passphrase: from ``HANSE_PASSPHRASE_FILE``, systemd's credentials, the OS keyring, or the terminal.

    Args:
        home: The node's folder.
        asks: Whether the terminal is asked last.

    Raises:
        KeyFileError: None of them has it.
    """
    for named in (os.environ.get("HANSE_PASSPHRASE_FILE"), _credential()):
        if named:
            try:
                told = Path(named).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise KeyFileError(
                    f"{named}: {error.strerror}. The passphrase is read from this file."
                ) from None
            except UnicodeDecodeError:
                raise KeyFileError(
                    f"{named}: it is no text in UTF-8. The passphrase is read from this file: save it in that encoding."
                ) from None
            if not told:
                raise KeyFileError(
                    f"{named}: it is empty. The passphrase is read from this file: write it there."
                )
            return told
    if (kept := _from_os(home)) is not None:
        return kept
    if not asks:
        raise KeyFileError(
            "The keys were wrapped anew, and their passphrase was left nowhere for this process."
        )
    return ask("Passphrase of the node's keys")


def ask(what: str) -> str:
    """A passphrase from the terminal, without the white space around it, which no file and no copied line keeps.

    Raises:
        KeyFileError: There is no terminal.
    """
    if sys.stdin.isatty():
        return getpass(f"{what}: ").strip()
    raise KeyFileError(
        "The node's keys are locked. Name a file with HANSE_PASSPHRASE_FILE, hand one over as the systemd "
        f"credential {CREDENTIAL}, keep it with `hanse node keys keep`, or start from a terminal."
    )


def ask_new(what: str) -> str:
    """A new passphrase from the terminal, typed twice; asked for again until both are the same and not empty.

    Raises:
        KeyFileError: There is no terminal.
    """
    while True:
        told = ask(what)
        if told and told == ask("The same again"):
            return told
        print("It is empty." if not told else "The two are not the same.", "Once more.", file=sys.stderr)


def keep_in_os(home: Path, text: str) -> None:
    """Keep the passphrase in the operating system's keyring.

    Raises:
        KeyFileError: The system has none.
    """
    import keyring  # noqa: PLC0415 - talks to the desktop's services, which few nodes have

    try:
        keyring.set_password(SERVICE, str(home.resolve()), text)
    except keyring.errors.KeyringError as error:
        raise KeyFileError(f"The operating system keeps no passphrases here: {error}") from None


def _credential() -> str:
    """The file that systemd handed over, or nothing."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    path = Path(folder) / CREDENTIAL
    return str(path) if folder and path.is_file() else ""


def _from_os(home: Path) -> str | None:
    """The passphrase in the operating system's keyring, where there is one."""
    import keyring  # noqa: PLC0415 - see keep_in_os

    try:
        return keyring.get_password(SERVICE, str(home.resolve()))
    except keyring.errors.KeyringError:
        return None
