"""Restoring: a folder and a database filled from a backup, with its own keys and settings."""

import os
from collections.abc import Callable
from pathlib import Path

from hanse.bootstrap import configure, make_tables
from hanse.kernel.errors import UsageError
from hanse.ledger import keyfile
from hanse.node.archives import open_keys
from hanse.node.making import make_folders
from hanse.node.opening import RECOVERING
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
    from hanse.federation.partners import active  # noqa: PLC0415 - as above

    if active():
        (home / RECOVERING).touch()
    return count


def recover_node(home: Path, say: Callable[[str], None], without: frozenset[str] = frozenset()) -> int:
    """Ask all partners what was written since the backup, put it back, and let the node serve; entries that came back.

    Args:
        home: The node's folder; its keys are unlocked.
        say: Is told each step, a sentence.
        without: Ids of partners to go on without.

    Raises:
        RecoveryError: What a partner kept does not join the backup.
        LinkError: A partner cannot be reached, or does not answer as it should.
    """
    from hanse.federation.exchange import make_client  # noqa: PLC0415 - after Django is configured
    from hanse.federation.recovery import recover  # noqa: PLC0415 - as above
    from hanse.ledger.retention import purge_due  # noqa: PLC0415 - as above

    found = recover(make_client(), say, without)
    purge_due()
    if found.hashes:
        say(f"{found.hashes:,} entries that nobody else had are hashes in the tree from now on.")
    (home / RECOVERING).unlink(missing_ok=True)
    return found.whole
