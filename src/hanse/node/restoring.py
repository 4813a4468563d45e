"""Restoring: a folder and a database filled from a backup, with its own keys and settings."""

import os
from collections.abc import Callable
from pathlib import Path

from hanse.bootstrap import configure, make_tables
from hanse.kernel.errors import UsageError
from hanse.ledger import keyfile
from hanse.node.archives import open_keys
from hanse.node.making import make_folders
from hanse.settings import SETTINGS_FILE, load


def restore_node(file: Path, home: Path, progress: Callable[[int, int], None]) -> int:
    """Make a node from a backup; the number of entries.

    Raises:
        UsageError: There is a node in that folder.
        HanseError: The passphrase is wrong, or the backup is damaged.
    """
    if (home / SETTINGS_FILE).exists():
        raise UsageError(f"There is a node in {home} already. Restore into an empty folder.")
    keys, wrapped, settings = open_keys(file, keyfile.passphrase(home))
    make_folders(home)
    for path, data in ((home / keyfile.KEYS, wrapped), (home / SETTINGS_FILE, settings)):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
            made.write(data)
    configure(load(home), keys)
    make_tables()
    from hanse.node.backup import restore  # noqa: PLC0415 - after Django is configured

    count = restore(file, progress)
    from hanse.ledger.retention import purge_due  # noqa: PLC0415 - after Django is configured

    purge_due()
    return count
