"""The node's unlocked keys, held by the process that bootstrap gave them to.

A process that follows the key file takes up the keys that another one writes into it: after `hanse node keys rotate`
what is served goes on, and nobody has to start it anew.
"""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from threading import Lock
from typing import TypeVar

from hanse.kernel.errors import HanseError
from hanse.kernel.keys import Keyring, KeysError, OpenKey, SigningKey, VerifyKey
from hanse.ledger import keyfile

LOOK_S = 1.0
"""Seconds between looks at whether the key file was changed; where a key is missing, it is looked at at once."""

T = TypeVar("T")


class LockedError(HanseError):
    """The keys are not unlocked in this process."""


@dataclass
class _KeyFile:
    """The key file that this process follows.

    Attributes:
        home: The node's folder.
        mark: Of the file as it was last opened, or as it failed to be.
        looked_s: When it was last looked at, seconds of the monotonic clock.
        wrong: Why it could not be taken up; empty where it could.
    """

    home: Path
    mark: keyfile.Mark | None
    looked_s: float = 0.0
    wrong: str = ""
    changing: Lock = field(default_factory=Lock)


_held: list[Keyring] = []
_followed: list[_KeyFile] = []


def hold(keyring: Keyring) -> None:
    """Keep the unlocked keys for this process, instead of any held before."""
    leave_no_core()
    _held[:] = [keyring]


def follow(home: Path, mark: keyfile.Mark | None) -> None:
    """Take up from now on what other processes of this node write into its key file.

    Args:
        home: The node's folder.
        mark: Of the key file, taken before the keys that are held were read from it.
    """
    _followed[:] = [_KeyFile(home, mark)]
    hold(_following(current()))


def behind() -> str:
    """Why this process could not take up the key file as it is now; empty where it holds what is in it."""
    _look()
    return _followed[0].wrong if _followed else ""


def leave_no_core() -> None:
    """Have this process and its children leave no core file when they crash: the keys and the passphrase would lie in it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def current() -> Keyring:
    """The unlocked keys.

    Raises:
        LockedError: Nobody unlocked them.
    """
    if not _held:
        raise LockedError(
            "The node's keys are locked. Start it with their passphrase: in the file that HANSE_PASSPHRASE_FILE names, or as "
            "the systemd credential hanse-passphrase."
        )
    if _followed and time.monotonic() - _followed[0].looked_s > LOOK_S:
        _look()
    return _held[0]


def signing(wanted: str) -> SigningKey:
    """The key that the ledger says signs the next entry; the newest where it does not say yet.

    The ledger decides, not the key file: keys are saved before the entry that brings them, and until that entry
    is there the ones before them sign.

    Raises:
        LockedError: This process does not hold it: the keys were rotated after it started, and their passphrase is
            not the one that it was started with.
    """
    try:
        return current().signing_key(wanted) if wanted else current().signing
    except KeysError:
        raise LockedError(
            f"The node's keys were rotated: {wanted} signs now, and this process does not hold it. Restart it."
        ) from None


class _Following(Keyring):
    """The keys of a process that follows the key file: one that is missing is looked for there first."""

    def verify_key(self, wanted: str) -> VerifyKey:
        """As of every keyring."""
        return _found(self, lambda keys: Keyring.verify_key(keys, wanted))

    def signing_key(self, wanted: str) -> SigningKey:
        """As of every keyring."""
        return _found(self, lambda keys: Keyring.signing_key(keys, wanted))

    def open_key(self, wanted: str) -> OpenKey:
        """As of every keyring."""
        return _found(self, lambda keys: Keyring.open_key(keys, wanted))

    def data_key(self, wanted: bytes) -> bytes:
        """As of every keyring."""
        return _found(self, lambda keys: Keyring.data_key(keys, wanted))


def _following(keys: Keyring) -> _Following:
    return _Following(**{one.name: getattr(keys, one.name) for one in fields(keys)})


def _found(keys: Keyring, find: Callable[[Keyring], T]) -> T:
    """A key among those held, or else among those that are in the key file by now."""
    try:
        return find(keys)
    except KeysError:
        _look()
        if current() is keys:
            raise
        return find(current())


def _look() -> None:
    """Take up the keys in the key file, where it was changed since it was last opened.

    A file that lacks a key that this process holds is not taken up: with it, what that key alone can do would be lost.
    """
    if not _followed:
        return
    file = _followed[0]
    with file.changing:
        file.looked_s, mark = time.monotonic(), keyfile.mark(file.home)
        if mark == file.mark:
            return
        file.mark = mark
        try:
            keys = keyfile.unlock(file.home, asks=False)
        except HanseError as error:
            file.wrong = str(error)
            return
        lost = {key.id for key in _held[0].verify_keys()} - {key.id for key in keys.verify_keys()}
        file.wrong = (
            f"The key file has no key {min(lost)} any more, which this process holds." if lost else ""
        )
        if not lost:
            hold(_following(keys))
