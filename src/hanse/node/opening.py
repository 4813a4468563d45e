"""What every command about a node begins with: which folder it is, and its keys unlocked."""

import os
from pathlib import Path

import click

from hanse.kernel.errors import UsageError
from hanse.node.making import PASSPHRASE
from hanse.node.served import be_served
from hanse.settings import SETTINGS_FILE, Node, home_folder

home_option = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=home_folder,
    help="The node's folder; by default HANSE_HOME, or the user's data folder.",
)


def started(home: Path) -> Node:
    """Make this process serve the node in a folder; errors as of `bootstrap.start`."""
    from hanse.bootstrap import start  # noqa: PLC0415 - configures Django

    unattended(home)
    return start(home)


RECOVERING = "recovering"
"""File of a node that was restored and has not asked its partners yet; in it, nothing."""


def may_serve(home: Path) -> None:
    """Say that this process serves the node; refuse it for one that was restored and does not know what came since.

    Raises:
        UsageError: It is one, or it is being upgraded.
    """
    if (home / SETTINGS_FILE).is_file():
        be_served(home)
    if (home / RECOVERING).exists():
        raise UsageError(
            "This node was restored from a backup and has not asked its partners what was written since. "
            "Run: hanse node recover"
        )


def unattended(home: Path) -> None:
    """Use the passphrase that lies beside the keys, where the node was made so."""
    beside = home / PASSPHRASE
    if "HANSE_PASSPHRASE_FILE" not in os.environ and beside.is_file() and (home / SETTINGS_FILE).is_file():
        os.environ["HANSE_PASSPHRASE_FILE"] = str(beside)
