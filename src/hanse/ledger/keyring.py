"""The node's unlocked keys, held by the process that bootstrap gave them to."""

from hanse.kernel.errors import HanseError
from hanse.kernel.keys import Keyring


class LockedError(HanseError):
    """The keys are not unlocked in this process."""


_held: list[Keyring] = []


def hold(keyring: Keyring) -> None:
    """Keep the unlocked keys for this process, instead of any held before."""
    _held[:] = [keyring]


def current() -> Keyring:
    """The unlocked keys.

    Raises:
        LockedError: Nobody unlocked them.
    """
    if not _held:
        raise LockedError("The node's keys are locked. Give the passphrase: see `hanse node doctor`.")
    return _held[0]
