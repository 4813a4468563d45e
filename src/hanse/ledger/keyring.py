"""The node's unlocked keys, held by the process that bootstrap gave them to."""

import resource

from hanse.kernel.errors import HanseError
from hanse.kernel.keys import Keyring, KeysError, SigningKey


class LockedError(HanseError):
    """The keys are not unlocked in this process."""


_held: list[Keyring] = []


def hold(keyring: Keyring) -> None:
    """Keep the unlocked keys for this process, instead of any held before."""
    leave_no_core()
    _held[:] = [keyring]


def leave_no_core() -> None:
    """Have this process and its children leave no core file when they crash: the keys and the passphrase would lie in it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def current() -> Keyring:
    """The unlocked keys.

    Raises:
        LockedError: Nobody unlocked them.
    """
    if not _held:
        raise LockedError("The node's keys are locked. Give the passphrase: see `hanse node doctor`.")
    return _held[0]


def signing(wanted: str) -> SigningKey:
    """The key that the ledger says signs the next entry; the newest where it does not say yet.

    The ledger decides, not the key file: keys are saved before the entry that brings them, and until that entry
    is there the ones before them sign.

    Raises:
        LockedError: This process does not hold it: the keys were rotated after it started.
    """
    try:
        return current().signing_key(wanted) if wanted else current().signing
    except KeysError:
        raise LockedError(
            f"The node's keys were rotated: {wanted} signs now, and this process does not hold it. Restart it."
        ) from None
