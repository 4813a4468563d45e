"""`hanse attacks`, `campaigns` and `report`: what is in telemetry, as tables, data or a page."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hanse import show
from hanse.campaigns.report.findings import MARKINGS
from hanse.constituency.registry import RegistryError
from hanse.kernel.errors import HanseError, UnreadableInputError, UsageError
from hanse.kernel.printable import printable
from hanse.pipeline import LESSONS_FILE, Analysis, Choices, analyse, evidence_of

FORMATS = ("table", "json", "csv", "parquet")


def _engine(_: click.Context, __: click.Parameter, text: str) -> str:
    """The address of an engine, refused before anything is read."""
    if text != "duckdb" and not text.startswith("spark://"):
        raise click.BadParameter(f"{text!r} is no engine. Name duckdb or spark://HOST:PORT.")
    return text


def _memory(_: click.Context, __: click.Parameter, text: str) -> str:
    """A size as DuckDB takes it."""
    if not re.fullmatch(r"\d+(\.\d+)? ?[KMGT]i?B", text, re.IGNORECASE):
        raise click.BadParameter(f"{text!r} is no size. Write it like 500MB or 3GB.")
    return text


def _choices(command: Callable[..., None]) -> Callable[..., None]:
    """The options that attacks, campaigns and report share."""
    options = [
        click.argument("paths", nargs=-1, required=True),
        click.option("--registry", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                     help="CSV of whom you protect: prefix,organisation,sector,country,site."),
        click.option("--gap", "gap_s", type=click.IntRange(1, 86_400), default=300, show_default=True,
                     help="Quiet seconds that end an attack."),
        click.option("--baseline", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                     help="Thresholds learnt with `hanse learn`."),
        click.option("--lessons", type=click.Path(dir_okay=False, path_type=Path), default=LESSONS_FILE,
                     show_default=True, help="What analysts decided with `hanse lesson`."),
        click.option("--government", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                     help="CSV of networks that government bodies hold."),
        click.option("--columns", metavar="MAP", help="Columns of CSV or Parquet: field=column,... or a file."),
        click.option("--engine", default="duckdb", show_default=True, callback=_engine,
                     help="duckdb or spark://..."),
        click.option("--memory", default="3GB", show_default=True, callback=_memory,
                     help="Memory limit of DuckDB."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (UsageError, RegistryError, UnreadableInputError) as error:
            # An input that cannot be read is in the account of inputs; what comes here is a file of choices.
            raise click.UsageError(printable(str(error), keep="\n")) from error
        except HanseError as error:
            raise click.ClickException(printable(str(error), keep="\n")) from error

    return guarded


def _split(options: dict[str, Any], **more: Any) -> Choices:
    return Choices(
        **{key: value for key, value in options.items() if key in Choices.__dataclass_fields__}, **more
    )


@contextmanager
def _progress(talk: Console) -> Iterator[tuple[Callable[[str], None], Callable[[int, int, str], None]]]:
    """A progress line on a terminal's error stream; silent elsewhere."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=talk, transient=True, disable=not talk.is_terminal) as bar:
        task = bar.add_task("starting", total=None)

        def step(name: str) -> None:
            bar.update(task, description=name, total=None)

        def read(done: int, total: int, path: str) -> None:
            name = Path(path).name
            bar.update(
                task, description=f"reading {escape(printable(name))}", completed=done, total=max(total, 1)
            )

        yield step, read


def _console() -> Console:
    """Standard output; a file or a pipe has room for the wide tables."""
    return Console() if sys.stdout.isatty() else Console(width=180)


def _run(paths: tuple[str, ...], choices: Choices) -> Analysis:
    with _progress(Console(stderr=True)) as (step, read):
        return analyse(paths, choices, step, read)


@click.command()
@_choices
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: table on a terminal, else csv.")
@click.option("--sensitivity", is_flag=True, help="Also count attacks with gaps of 60, 300, 600 and 3,600 s.")
@click.option("--evidence", metavar="ID", help="Print the flows behind this attack instead (csv or parquet).")
@click.option("--explain", is_flag=True, help="Also list what looked like an attack and is none, and why.")
@click.pass_context
def attacks(
    context: click.Context,
    /,
    paths: tuple[str, ...],
    form: str | None,
    evidence: str | None,
    explain: bool,
    **options: Any,
) -> None:
    """List the attacks in captures, exports, logs and tables.

    Exit code 0 whether or not any are found, 1 when an input could not be read wholly, 2 for wrong usage.
    """
    if evidence and form == "json":
        raise click.UsageError("--evidence prints flows, as csv or parquet.")
    form = form or ("table" if sys.stdout.isatty() else "csv")
    if evidence:
        context.exit(0 if _print_evidence(paths, _split(options, campaigns=False), evidence, form) else 1)
    found = _run(paths, _split(options, campaigns=False))
    if form == "json":
        _print_json(show.attacks_json(found))
    elif form == "csv":
        click.echo(show.attacks_csv(found), nl=False)
    elif form == "parquet":
        _print_parquet(show.attacks_arrow(found))
    else:
        show.attacks_table(found, _console(), explain=explain)
    show.problems(found, Console(stderr=True))
    context.exit(0 if found.whole else 1)


@click.command()
@_choices
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: table on a terminal, else json.")
@click.pass_context
def campaigns(context: click.Context, /, paths: tuple[str, ...], form: str | None, **options: Any) -> None:
    """List the campaigns that attacks belong to, with the evidence and what would refute it."""
    form = form or ("table" if sys.stdout.isatty() else "json")
    found = _run(paths, _split(options))
    if form == "json":
        _print_json(show.campaigns_json(found))
    elif form == "csv":
        click.echo(show.campaigns_csv(found), nl=False)
    elif form == "parquet":
        _print_parquet(show.campaigns_arrow(found))
    else:
        show.campaigns_table(found, _console())
    show.problems(found, Console(stderr=True))
    context.exit(0 if found.whole else 1)


@click.command()
@_choices
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("hanse-report.html"),
    show_default=True,
    help="Where to write the page.",
)
@click.option("--title", help="Title of the page; by default the names of the inputs.")
@click.option(
    "--marking",
    type=click.Choice(MARKINGS),
    default="TLP:AMBER",
    show_default=True,
    help="TLP 2.0 label at the head and foot.",
)
@click.option(
    "--exercise", "made_up", is_flag=True, help="Say at the head and foot that the telemetry is made up."
)
@click.pass_context
def report(
    context: click.Context, /, paths: tuple[str, ...], out: Path, title: str | None, marking: str, made_up: bool, **options: Any
) -> None:  # fmt: skip
    """Write the findings as one HTML page that opens offline, and print them."""
    if not out.parent.is_dir():
        raise click.UsageError(printable(f"--out {out}: there is no folder {out.parent}. Make it first."))
    found = _run(paths, _split(options, sensitivity=True))
    page = show.findings(
        found, title=title or " ".join(paths), marking=marking, exercise=made_up, options=options
    )
    show.write_report(page, out)
    console = _console()
    show.campaigns_table(found, console)
    console.print()
    show.attacks_table(found, console)
    console.print(
        f"\nReport: [bold]{escape(printable(str(out.resolve())))}[/bold]", soft_wrap=True, highlight=False
    )
    show.problems(found, Console(stderr=True))
    context.exit(0 if found.whole else 1)


def _print_evidence(paths: tuple[str, ...], choices: Choices, attack: str, form: str) -> bool:
    """Print the flows behind an attack; whether every input could be read wholly."""
    talk = Console(stderr=True)
    with _progress(talk) as (step, read):
        rows, result = evidence_of(paths, choices, attack, step, read)
    if form == "parquet":
        _print_parquet(rows)
    else:
        show.flows_csv(rows, sys.stdout)
    show.input_problems(result.reports, result.left_out, talk)
    return result.whole


def _print_json(value: object) -> None:
    # A file name may hold bytes that are no UTF-8; Python holds them as lone surrogates, which only the
    # escapes of JSON can carry.
    text = json.dumps(value, indent=2, ensure_ascii=False)
    click.echo(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def _print_parquet(rows: pa.Table) -> None:
    """Parquet on standard output.

    Raises:
        UsageError: Standard output is a terminal.
    """
    if sys.stdout.isatty():
        raise UsageError("Parquet is not for a terminal. Redirect it: --format parquet > file.parquet")
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink)
    sys.stdout.buffer.write(sink.getvalue())
