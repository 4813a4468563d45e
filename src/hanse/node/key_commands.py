"""`hanse node keys`: show a node's keys, replace and revoke them, and say what their passphrase is and who keeps it."""

from datetime import UTC, datetime
from pathlib import Path

import click

from hanse.kernel.actors import Actor, system
from hanse.kernel.keys import unwrap
from hanse.kernel.printable import printable
from hanse.ledger import keyfile
from hanse.node.making import PASSPHRASE
from hanse.node.opening import home_option, started, unattended
from hanse.settings import Node, load

_reason = click.option("--reason", required=True, help="Why; it is written into the ledger.")


@click.group()
def keys() -> None:
    """Show, rotate and revoke the node's keys; change or keep their passphrase."""


@keys.command()
@home_option
def show(home: Path) -> None:
    """List the node's public keys, oldest first; the first one's fingerprint is what to publish.

    Below each fingerprint is the key as verifiers of checkpoints and cosignatures take it (C2SP).
    """
    started(home)
    from hanse.kernel.keys import VerifyKey  # noqa: PLC0415 - with the rest of what needs Django
    from hanse.kernel.notes import verifier_key  # noqa: PLC0415
    from hanse.kernel.units import second  # noqa: PLC0415
    from hanse.ledger.models import NodeKey  # noqa: PLC0415
    from hanse.ledger.tree import origin  # noqa: PLC0415
    from hanse.ledger.verify import fingerprint  # noqa: PLC0415

    for key in NodeKey.objects.order_by("said_by"):
        until = f"until {second(key.until_us)}" if key.until_us else "signs now"
        revoked = f", revoked from {second(key.revoked_us)} on" if key.revoked_us else ""
        click.echo(f"{key.id}  since {second(key.since_us)}, {until}{revoked}")
        public = VerifyKey(bytes.fromhex(key.verify))
        click.echo(f"  {fingerprint(public)}")
        click.echo(f"  {verifier_key(origin(), public)}")


@keys.command()
@home_option
@_reason
def rotate(home: Path, reason: str) -> None:
    """Give the node new keys, said under the old one. What is served takes them up by itself; back it up afterwards."""
    node = started(home)
    from hanse.ledger import service  # noqa: PLC0415 - needs Django

    recorded = service.rotate(node.home, keyfile.passphrase(node.home), _actor(node), reason)
    click.echo(
        f"Entry {recorded.sequence:,} brings the new keys. What is served takes them up by itself; restart it only where the "
        "passphrase was changed since it was started. Back the node up now."
    )


@keys.command()
@home_option
@_reason
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"]),
    help="From when on it is not to be believed, UTC, such as when the laptop was last seen; by default from now on.",
)
@click.argument("key")
def revoke(home: Path, key: str, reason: str, since: datetime | None) -> None:
    """Say that a key is not to be believed from now on, or from a time before; `hanse node keys show` has its id.

    What the node itself signed with it since that time is no longer proven by it either, until somebody looked at it and
    the node stands by it: `hanse node keys vouch`.
    """
    node = started(home)
    from hanse.ledger import service  # noqa: PLC0415 - needs Django

    since_us = None if since is None else round(since.replace(tzinfo=UTC).timestamp() * 1e6)
    recorded = service.revoke(key, _actor(node), reason, since_us)
    click.echo(
        f"Entry {recorded.sequence:,} revokes {printable(key)}. Partners are told, and take nothing more of it."
    )
    first, last, own = service.unproven(key)
    if own:
        click.echo(
            f"{own:,} entries of this node that it signed from then on, {first:,} to {last:,}, are not proven any more. Look at "
            "them, each by each, and stand by those that are yours:\n"
            f'  hanse node keys vouch {printable(key)} {first} {last} --reason "..."'
        )


@keys.command()
@home_option
@_reason
@click.argument("key")
@click.argument("first", type=click.IntRange(min=0))
@click.argument("last", type=click.IntRange(min=0))
def vouch(home: Path, key: str, first: int, last: int, reason: str) -> None:
    """Stand by the node's own entries FIRST to LAST, which KEY signed after it was not to be believed any more.

    Whoever had the key, and the node as well, may have written some of them: look at each of them before. Proofs made from
    now on say that the authority stands by them, and hold under a checkpoint of a later key.
    """
    node = started(home)
    from hanse.ledger import service  # noqa: PLC0415 - needs Django

    recorded = service.vouch(key, first, last, _actor(node), reason)
    click.echo(f"Entry {recorded.sequence:,} says that this node stands by entries {first:,} to {last:,}.")


@keys.command()
@home_option
def passphrase(home: Path) -> None:
    """Change the passphrase; the keys stay. Backups made before open with the old one."""
    node = load(home)
    unattended(home)
    present = keyfile.passphrase(node.home)
    keyfile.opened(node.home, present)
    told = keyfile.ask_new("New passphrase for the node's keys")
    with keyfile.changing(node.home):  # read once more: they may have been rotated while somebody typed
        keyfile.save(node.home, keyfile.opened(node.home, present), told)
    if (node.home / PASSPHRASE).exists():
        (node.home / PASSPHRASE).unlink()
        click.echo(f"Removed {PASSPHRASE}, which lay beside the keys.")
    click.echo(
        "The keys are under the new passphrase. Change it wherever it is kept for this node, then restart it."
    )


@keys.command()
@home_option
def keep(home: Path) -> None:
    """Keep the passphrase in the operating system's keyring, so that nobody is asked for it again."""
    node = load(home)
    told = keyfile.ask("Passphrase of the node's keys")
    unwrap((node.home / keyfile.KEYS).read_bytes(), told)
    keyfile.keep_in_os(node.home, told)
    click.echo("The operating system keeps it. The node starts without being asked for it.")


def _actor(node: Node) -> Actor:
    """Who acts: whoever has the machine and the passphrase, which no role gives."""
    return system("node", node.authority, node.country, node.tier)
