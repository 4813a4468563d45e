"""Restoring: a folder and a database filled from a backup, with its own keys and settings, and what partners kept."""

import os
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hanse.bootstrap import configure, make_tables
from hanse.kernel.errors import UsageError
from hanse.ledger import keyfile
from hanse.node.archives import open_keys
from hanse.node.making import make_folders
from hanse.node.opening import RECOVERING
from hanse.settings import SETTINGS_FILE, load

if TYPE_CHECKING:
    from hanse.federation.recovery import Recovery

AGAIN_S: Final = 5.0
"""Seconds until partners that could not be asked are asked again."""


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
    # Before the settings, which make it a node: whatever stops this, it serves nobody before it has asked.
    (home / RECOVERING).touch()
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

    if not active():
        (home / RECOVERING).unlink()
    return count


def still_to_do(home: Path) -> Iterator[str]:
    """What somebody has to do by hand after `restore_node`, a sentence each."""
    from hanse.telemetry import service as telemetry  # noqa: PLC0415 - after Django is configured

    missing, _ = telemetry.count_missing()
    if missing:
        files = "file" if missing == 1 else "files"
        yield f"Copy {missing:,} {files} of stored flows into {telemetry.flows_folder()}: no backup has them."
    file = home / SETTINGS_FILE
    written = tomllib.loads(file.read_text(encoding="utf-8")).get("database", "sqlite")
    if written != load(home).database:
        yield (
            "It was restored into the database that HANSE_DATABASE names. Keep that set whenever you serve it, or write "
            f"it as `database` into {file}, which names another one."
        )


def recover_node(home: Path, recovery: "Recovery", say: Callable[[str], None]) -> int:
    """Ask all partners what was written since the backup, put it back, and let the node serve; entries that came back.

    Args:
        home: The node's folder; its keys are unlocked.
        recovery: As far as it is; it goes on where it stopped.
        say: Is told each step, a sentence.

    Raises:
        RecoveryError: What a partner kept does not join the backup.
        LinkError: Some could not be asked, and are to be asked again.
    """
    from hanse.ledger.models import Entry  # noqa: PLC0415 - as above
    from hanse.ledger.retention import purge_due  # noqa: PLC0415 - after Django is configured

    (home / RECOVERING).touch()  # also where a database was put back by hand
    if not Entry.objects.exists():
        raise UsageError(
            f"There is no entry here: a restore was broken off. Remove {home} and restore again into an empty folder."
        )
    found = recovery.attempt()
    purge_due()
    if found.hashes:
        say(f"{found.hashes:,} entries that nobody else had are hashes in the tree from now on.")
    (home / RECOVERING).unlink()
    return found.whole


def recover_until_done(home: Path, recovery: "Recovery", say: Callable[[str], None]) -> int:
    """Ask partners, again and again, until each was asked; errors and answer as of `recover_node`."""
    from hanse.federation.exchange import LinkError  # noqa: PLC0415 - after Django is configured
    from hanse.federation.recovery import WAITS  # noqa: PLC0415 - as above

    said = ""
    while True:
        try:
            return recover_node(home, recovery, say)
        except LinkError as error:
            if str(error) != said:
                say(str(error) if said else f"{error} {WAITS}")
                said = str(error)
        time.sleep(AGAIN_S)
