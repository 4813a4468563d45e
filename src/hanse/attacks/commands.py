"""`hanse learn` and `hanse lesson`: what is normal, and what analysts decide."""

import json
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hanse.attacks import baseline, lessons
from hanse.engine import open_engine
from hanse.kernel import units
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.printable import printable
from hanse.telemetry.commands import say_problems
from hanse.telemetry.read import read

_FILE = click.option(
    "--lessons",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("hanse-lessons.json"),
    show_default=True,
    help="File of lessons.",
)
_REASON = click.option("--reason", required=True, help="Why; kept with the lesson.")
_FOUND = click.argument("found", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Where to write it."
)
@click.pass_context
def learn(context: click.Context, paths: tuple[str, ...], out: Path) -> None:
    """Learn each victim's normal traffic from past telemetry, best flow Parquet (`hanse flows` makes it).

    Use it with `hanse attacks ... --baseline FILE`. A week is the least; four weeks are good.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="hanse-") as folder, open_engine() as engine:
            past = read(paths, workdir=Path(folder))
            files = [str(path) for path in past.files]
            limits = baseline.learn(engine, files) if files else {}
    except HanseError as error:
        raise click.ClickException(str(error)) from error
    say_problems(past, Console(stderr=True))
    if not files:
        raise click.ClickException("There are no flows to learn from; nothing was written.")
    baseline.save(limits, out)
    victims = len({victim for victim, _ in limits})
    click.echo(f"Learnt {len(limits)} limits of {victims} victims: {out}", err=True)
    context.exit(0 if past.whole else 1)


@click.group()
def lesson() -> None:
    """Decide on attacks: a false positive, a merge, a split; used from then on.

    FOUND is a file that `hanse attacks --format json` wrote.
    """


@lesson.command("false-positive")
@_FOUND
@click.argument("attack")
@_REASON
@_FILE
def false_positive(found: Path, attack: str, reason: str, file: Path) -> None:
    """ATTACK was none: such traffic to this victim is no longer reported, up to a quarter more than its peak."""
    taught = lessons.false_positive(_attack(found, attack), reason, _now())
    _teach(file, taught, f"{_effect(taught)} of {taught.vector} to {taught.victim} is harmless.")


@lesson.command()
@_FOUND
@click.argument("first")
@click.argument("second")
@_REASON
@_FILE
def merge(found: Path, first: str, second: str, reason: str, file: Path) -> None:
    """FIRST and SECOND are one attack: so much quiet no longer ends an attack on this victim."""
    if first == second:
        raise click.UsageError(f"{first} is one attack already. Name two.")
    one, two = sorted((_attack(found, first), _attack(found, second)), key=lambda row: row["start"])
    quiet = (_time(two["start"]) - _time(one["end"])).total_seconds()
    try:
        taught = lessons.merge(one, two, max(quiet, 0), reason, _now())
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    _teach(
        file,
        taught,
        f"{_effect(taught)} no longer ends an attack: {taught.vector} on {taught.victim}.",
    )


@lesson.command()
@_FOUND
@click.argument("attack")
@click.option("--at", required=True, help="Start of the second attack, ISO 8601 UTC.")
@_REASON
@_FILE
def split(found: Path, attack: str, at: str, reason: str, file: Path) -> None:
    """ATTACK is two: cut it at a time."""
    try:
        second = int(_time(at).timestamp())
    except ValueError as error:
        raise click.UsageError(f"--at {at}: not a time. Write it like 2007-05-09T14:32:00Z.") from error
    one = _attack(found, attack)
    if not _time(one["start"]).timestamp() < second < _time(one["end"]).timestamp():
        raise click.UsageError(
            f"--at {at}: not inside the attack, which lasts from {one['start']} to {one['end']}. Choose a second between."
        )
    taught = lessons.split(one, second, reason, _now())
    _teach(file, taught, f"{_effect(taught)}: {taught.vector} on {taught.victim}.")


@lesson.command("list")
@_FILE
def list_lessons(file: Path) -> None:
    """Show the lessons, the newest last."""
    taught = _load(file)
    if not taught:
        click.echo(f"No lessons in {file}. `hanse lesson false-positive`, `merge` and `split` add them.")
        return
    table = Table("number", "decided", "what", "victim", "vector", box=None, header_style="bold")
    table.add_column("so that")
    table.add_column("reason", overflow="fold")
    for number, row in enumerate(taught, 1):
        cells = (row.decided[:10], row.kind, row.victim, row.vector, _effect(row), row.reason)
        table.add_row(str(number), *(escape(printable(cell)) for cell in cells))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _effect(taught: lessons.Lesson) -> str:
    """What a lesson's number means, in words."""
    if taught.kind == "false-positive":
        return f"Up to {units.packet_rate(taught.value)}"
    if taught.kind == "merge":
        return f"Quiet of {units.duration(taught.value)}"
    return f"Cut at {units.second(int(taught.value * 1_000_000))} UTC"


@lesson.command()
@click.argument("number", type=click.IntRange(min=1))
@_FILE
def undo(number: int, file: Path) -> None:
    """Take back lesson NUMBER of `hanse lesson list`."""
    gone: list[lessons.Lesson] = []

    def without(taught: tuple[lessons.Lesson, ...]) -> list[lessons.Lesson]:
        if number > len(taught):
            raise UsageError(f"There are {len(taught)} lessons in {file}; `hanse lesson list` shows them.")
        gone.append(taught[number - 1])
        return [*taught[: number - 1], *taught[number:]]

    _change(file, without)
    click.echo(printable(f"Taken back: {gone[0].kind} of {gone[0].vector} on {gone[0].victim}."))


def _teach(file: Path, taught: lessons.Lesson, words: str) -> None:
    now = _change(file, lambda before: [*before, taught])
    click.echo(f"{words} Undo: hanse lesson undo {len(now)} --lessons {file}")


def _change(
    file: Path, how: Callable[[tuple[lessons.Lesson, ...]], list[lessons.Lesson]]
) -> tuple[lessons.Lesson, ...]:
    try:
        return lessons.change(file, how)
    except UsageError as error:
        raise click.UsageError(str(error)) from error


def _load(file: Path) -> tuple[lessons.Lesson, ...]:
    try:
        return lessons.load(file)
    except UsageError as error:
        raise click.UsageError(str(error)) from error


def _attack(found: Path, attack: str) -> dict[str, Any]:
    """One attack in a file of findings."""
    try:
        rows = {row["id"]: row for row in json.loads(found.read_text("utf-8"))["attacks"]}
    except (ValueError, KeyError, TypeError) as error:
        raise click.UsageError(f"{found}: not the output of `hanse attacks --format json`.") from error
    if attack not in rows:
        raise click.UsageError(f"{found}: no attack {attack} in it; it has {len(rows)}.")
    row: dict[str, Any] = rows[attack]
    return row


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
