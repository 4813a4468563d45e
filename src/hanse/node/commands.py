"""`hanse node`: make, serve, upgrade, back up, restore and check a node."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import click

from hanse.kernel.printable import printable
from hanse.ledger import keyfile
from hanse.node.key_commands import keys
from hanse.node.making import make
from hanse.node.opening import RECOVERING, may_serve
from hanse.node.opening import home_option as _home
from hanse.node.opening import started as _started
from hanse.node.opening import unattended as _unattended
from hanse.settings import Node, listens_at, web_address


@click.group()
def node() -> None:
    """Make, serve, upgrade, back up and check a node."""


node.add_command(keys)


@node.command()
@_home
@click.option(
    "--authority", required=True, help="The authority's id: letters, digits, dots, dashes; ee-cert."
)
@click.option("--name", required=True, help="Its name, as people write it.")
@click.option(
    "--country", default="", help="Its country, in two letters; an organisation of several states has none."
)
@click.option(
    "--tier",
    default="member",
    show_default=True,
    help="Of a member state, an associated state, an organisation, or private: member, associated, organisation, private.",
)
@click.option("--url", default="http://localhost:8007", show_default=True, help="Where browsers reach it.")
@click.option(
    "--listen",
    help="Address and port to bind; by default 127.0.0.1 and the port of a --url on localhost, or 8007.",
)
@click.option("--unattended", is_flag=True, help="Make up a passphrase and keep it beside the keys.")
@click.option("--exercise", is_flag=True, help="It rehearses: every page says so.")
def init(home: Path, unattended: bool, url: str, listen: str | None, **told: Any) -> None:
    """Make a node: its folder, keys, tables, and an invitation for the first person."""
    url = web_address(url)
    if listen := listen or listens_at(url):
        told["listen"] = listen
    passphrase = "" if unattended else _new_passphrase()
    database = os.environ.get("HANSE_DATABASE", "sqlite")
    node = Node(home=home.resolve(), database=database, url=url, **told)
    made = make(node, passphrase, keep_beside=unattended)
    click.echo(f"Made the node of {_bold(printable(made.node.name))} in {made.node.home}")
    click.echo("Fingerprint of its first key, to be published:")
    click.echo(f"  {made.fingerprint}")
    click.echo(f"\nServe it with {_bold('hanse node serve')}, then open this once, within 24 hours:")
    click.echo(f"  {made.invitation}")


def _bold(words: str) -> str:
    """Bold words, where a terminal shows them; `click.echo` takes it away elsewhere."""
    return click.style(words, bold=True)


@node.command()
@_home
@click.option("--invite", is_flag=True, help="Print a fresh administrator link while nobody has joined yet.")
def serve(home: Path, invite: bool) -> None:
    """Serve the node: pages, API and worker, until Ctrl-C."""
    may_serve(home)
    _unattended(home)
    if invite:  # in a process of its own: only the web process may configure Django after the fork
        subprocess.run([sys.executable, "-m", "hanse", "node", "invite", "--home", str(home)], check=True)
    from hanse.node.serving import serve as run  # noqa: PLC0415 - loads the web server

    run(home, lambda served: click.echo(_where(served)))


def _where(served: Node) -> str:
    """Where a node is reached, and where it listens if that is another place, such as behind a proxy."""
    behind = "" if served.listen == listens_at(served.url) else f"; it listens on {served.listen}"
    return f"The node is at {served.url}{behind}   (Ctrl-C stops it)"


@node.command()
@_home
def invite(home: Path) -> None:
    """Print a fresh link for the first administrator, as long as nobody has joined."""
    served = _started(home)
    from hanse.accounts.service import has_people, invite_first  # noqa: PLC0415 - needs Django
    from hanse.kernel.actors import system  # noqa: PLC0415

    if has_people():
        click.echo("People have joined: an administrator invites more on the page People.")
        return
    path = invite_first(system("node", served.authority, served.country, served.tier))
    click.echo("Open this once, within 24 hours, to become the first administrator:")
    click.echo(f"  {served.url}{path}")


@node.command()
@_home
def worker(home: Path) -> None:
    """Run one more worker for the node's queue and chores."""
    from hanse.node.working import work  # noqa: PLC0415 - needs Django configured

    may_serve(home)
    work(_started(home))


@node.command()
@_home
def collector(home: Path) -> None:
    """Run the live collector as the settings say; `hanse node serve` does so by itself."""
    may_serve(home)
    served = _started(home)
    from hanse.bootstrap import loading  # noqa: PLC0415 - as below

    with loading():
        from hanse.node.collecting import collect  # noqa: PLC0415 - needs Django configured

    collect(served)


@node.command()
@_home
@click.option("--seed", default=2007, show_default=True, help="The same seed makes the same exercise.")
@click.option("--scale", default=1.0, show_default=True, help="How many flows, relative to 2.6 million.")
@click.argument("scenario", default="estonia-2007")
def exercise(home: Path, scenario: str, seed: int, scale: float) -> None:
    """Load an exercise into a node that rehearses, once; by default Estonia 2007."""
    served = _started(home)
    from hanse.node.rehearsing import rehearse  # noqa: PLC0415 - needs Django

    with _steps() as progress:
        verdict = rehearse(served, scenario, seed, scale, progress)
    click.echo(printable(verdict))


@node.command()
@_home
@click.option("--backup/--no-backup", default=True, help="Back up first; on by default.")
def upgrade(home: Path, backup: bool) -> None:
    """Bring the tables to this version, and project what earlier versions did not know. Not while it is served."""
    from hanse.bootstrap import make_tables  # noqa: PLC0415
    from hanse.node.served import not_served  # noqa: PLC0415 - with the rest of what few commands need

    served = _started(home)
    with not_served(
        served.home,
        "its processes are of the version that they were started with, and would write into tables of another. Stop "
        "it, upgrade, and start it again.",
    ):
        if backup:
            _back_up(served, served.home / "backups" / f"before-upgrade-{_stamp()}.hanse")
        make_tables()
        _rebuild()
    click.echo("Upgraded. To roll back: install the earlier version and `hanse node restore` this backup.")


@node.command()
@_home
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
def backup(home: Path, file: Path | None) -> None:
    """Write the ledger, evidence, the wrapped keys and the settings into one sealed file."""
    served = _started(home)
    _back_up(served, file or served.home / "backups" / f"{_stamp()}.hanse")


@node.command()
@_home
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(home: Path, file: Path) -> None:
    """Make a node from a backup, in an empty folder and an empty database.

    Where the node has partners, they are asked for what was written since, as by `hanse node recover`.
    """
    from hanse.node.restoring import restore_node, still_to_do  # noqa: PLC0415 - needs Django

    _unattended(home)
    with _bar("restoring") as progress:
        count = restore_node(file, home.resolve(), progress)
    click.echo(f"Restored {count:,} entries into {home}.")
    for words in still_to_do(home.resolve()):
        click.echo(words)
    click.echo("Check it with `hanse node fsck`.")
    if (home / RECOVERING).exists():
        _recover(home.resolve(), frozenset())


@node.command()
@_home
@click.option(
    "--without", multiple=True, metavar="ID", help="A partner to go on without; it is to be expelled."
)
def recover(home: Path, without: tuple[str, ...]) -> None:
    """Ask partners for what this node has written since the backup that it was restored from, or was put back to.

    Entries that were addressed to them come back whole; of others the hashes, so that the ledger goes on where it was.
    The node does not serve until every partner was asked. One that cannot be reached is asked again until Ctrl-C;
    meanwhile partners that recover as well are given what this node kept of theirs.
    """
    _started(home)
    _recover(home.resolve(), frozenset(without))


def _recover(home: Path, without: frozenset[str]) -> None:
    """Ask partners until each was asked, telling each step; those that recover as well are answered meanwhile."""
    from hanse.federation.exchange import make_client  # noqa: PLC0415 - needs Django
    from hanse.federation.recovery import OWN, Recovery  # noqa: PLC0415 - as above
    from hanse.node.answering import answering  # noqa: PLC0415 - as above
    from hanse.node.restoring import recover_until_done  # noqa: PLC0415 - as above
    from hanse.settings import load  # noqa: PLC0415 - as above

    def say(words: str) -> None:
        click.echo(printable(f"  {words}"))

    click.echo("Asking partners for what was written since ...")
    recovery = Recovery(make_client(), say, without)
    with answering(load(home).listen, lambda: recovery.answers, say):
        whole = recover_until_done(home, recovery, say)
    waited = recovery.answers >= OWN
    click.echo(
        f"{whole:,} entries came back. The node may serve."
        + (" Do so soon: partners that recover as well wait for it." if waited else "")
    )


@node.command()
@_home
def rebuild(home: Path) -> None:
    """Drop every projection and make it again from the ledger."""
    _started(home)
    _rebuild()


@node.command()
@_home
@click.pass_context
def fsck(context: click.Context, home: Path) -> None:
    """Check every entry, the tree, every projection, every file of evidence and of flows from the raw bytes.

    Exit code 1 if anything is altered.
    """
    _started(home)
    from hanse.cases import evidence  # noqa: PLC0415 - needs Django
    from hanse.ledger.check import check  # noqa: PLC0415 - needs Django
    from hanse.ledger.models import Entry  # noqa: PLC0415
    from hanse.telemetry import service as telemetry  # noqa: PLC0415

    found = 0
    with _steps() as progress:
        for finding in chain(check(progress), evidence.findings(progress), telemetry.findings(progress)):
            found += 1
            click.echo(printable(f"ALTERED  {finding}"))
    click.echo(
        f"{found:,} altered." if found else f"Sound: {Entry.objects.count():,} entries, nothing altered."
    )
    context.exit(1 if found else 0)


_COLOURS = {"well": "green", "warn": "yellow", "ill": "red"}


@node.command()
@_home
@click.pass_context
def doctor(context: click.Context, home: Path) -> None:
    """Say what keeps the node from working well, and what to do; exit code 1 if anything is ill.

    What is only to be looked after, such as address data that grows old, is a warning. No passphrase is asked
    for: without one, it cannot see all of it, and says what.
    """
    from hanse.bootstrap import start_to_look  # noqa: PLC0415 - configures Django

    _unattended(home)
    served = start_to_look(home)
    from hanse.node.doctor import examine  # noqa: PLC0415 - needs Django

    well = True
    for answer in examine(served):
        well &= answer.state != "ill"
        click.echo(
            f"{click.style(answer.state.ljust(4), fg=_COLOURS[answer.state])}  {answer.what:<13} {printable(answer.words)}"
        )
    context.exit(0 if well else 1)


@node.command()
@_home
@click.option(
    "--timestamp",
    "authority",
    metavar="URL",
    default="",
    help="Have a time-stamping authority (RFC 3161) say by when the entry existed.",
)
@click.argument("sequence", type=int)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export(home: Path, sequence: int, file: Path, authority: str) -> None:
    """Export an entry with its proof, for `hanse verify`."""
    _started(home)
    from hanse.ledger.models import Entry  # noqa: PLC0415 - needs Django
    from hanse.ledger.proof import covering  # noqa: PLC0415
    from hanse.ledger.proof import export as prove  # noqa: PLC0415
    from hanse.ledger.tree import integrate  # noqa: PLC0415

    integrate()  # nobody has to wait for the minute's checkpoint
    entry = Entry.objects.filter(pk=sequence).first()
    head = covering(entry) if entry else None
    stamp = _stamp_of(head.note, authority) if head and authority else b""
    file.write_bytes(prove(sequence, stamp, head.size if head else None))
    click.echo(f"Wrote {file}. Anybody can prove it with: hanse verify {file}")


@node.command()
@_home
@click.argument("archive", type=click.Path(exists=True, path_type=Path))
@click.argument("url")
def stamp(home: Path, archive: Path, url: str) -> None:
    """Have a time-stamping authority (RFC 3161) at URL say by when an ARCHIVE for court existed.

    ARCHIVE is what was exported, or the folder into which it was unpacked. One small file is added to it and nothing
    else of it changes: it may have been handed over already, and both copies are proven.
    """
    from hanse.ledger.bundle import STAMP, add_stamp, checkpoint_of  # noqa: PLC0415

    _started(home)
    over = checkpoint_of(archive)
    try:
        add_stamp(archive, _stamp_of(over, url))
    except FileExistsError:
        raise click.ClickException(f"{archive} has a time stamp already. Nothing was changed.") from None
    except OSError as error:
        raise click.ClickException(
            f"{archive} cannot be written to ({error}). Nothing was changed."
        ) from None
    click.echo(
        f"Added {STAMP} to {archive}. Whoever trusts the authority proves the time with: hanse verify {archive} --time-roots "
        "ROOTS.pem"
    )


def _stamp_of(checkpoint: str, url: str) -> bytes:
    """A time stamp over a checkpoint, through the node's one way out."""
    from hanse.console.endpoints import allowed  # noqa: PLC0415 - needs Django
    from hanse.egress.client import Client  # noqa: PLC0415
    from hanse.egress.rules import Rules  # noqa: PLC0415
    from hanse.node.stamping import fetch  # noqa: PLC0415

    return fetch(checkpoint, url, Client(Rules()), allowed())


def _new_passphrase() -> str:
    """The passphrase of a new node: where one is left for it, else asked twice."""
    if os.environ.get("HANSE_PASSPHRASE_FILE") or os.environ.get("CREDENTIALS_DIRECTORY"):
        return keyfile.passphrase(Path())
    return keyfile.ask_new("Passphrase for the node's keys")


def _back_up(served: Node, path: Path) -> None:
    from hanse.node.backup import back_up  # noqa: PLC0415 - needs Django

    with _bar("backing up") as progress:
        count = back_up(served, path, progress)
    click.echo(f"Wrote {count:,} entries to {path}. Keep the passphrase as long as it, in another place.")


def _rebuild() -> None:
    from hanse.ledger.replay import rebuild as make_again  # noqa: PLC0415 - needs Django

    with _bar("replaying") as progress:
        count = make_again(progress)
    click.echo(f"Made every projection again from {count:,} entries.")


def _stamp() -> str:
    from hanse.kernel.clock import now_us  # noqa: PLC0415
    from hanse.kernel.units import iso  # noqa: PLC0415

    return iso(now_us())[:19].replace(":", "").replace("-", "")


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, nothing elsewhere."""
    with _steps() as step:
        yield lambda done, total: step(what, done, total)


@contextmanager
def _steps() -> Iterator[Callable[[str, int, int], None]]:
    """Progress bars by the name of the step; nothing where no terminal shows them."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - every process of a node begins with this module
    from rich.progress import (  # noqa: PLC0415 - as above
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks = {}

        def step(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield step
