"""`hanse flows`: anything in, the flow table out."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from hanse.kernel import units
from hanse.kernel.errors import HanseError, UsageError
from hanse.telemetry import listing
from hanse.telemetry.columns import parse_mapping
from hanse.telemetry.read import Progress as Tell
from hanse.telemetry.read import ReadResult, read
from hanse.telemetry.reading import InputReport
from hanse.telemetry.tabular import Layout

FORMATS = ("table", "json", "csv", "parquet")
LISTED = 20
"""Inputs that are shown apart, those that were not read wholly first."""
TABLE_ROWS = 20
_SHOWN = (
    "start", "end", "src", "src_port", "dst", "dst_port", "protocol", "tcp_flags", "icmp_type",
    "packets", "bytes", "sampling",
)  # fmt: skip
_TEXT_COLUMNS = frozenset({"start", "end", "src", "dst"})


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: table on a terminal, else csv.")
@click.option(
    "--columns", "mapping", metavar="MAP", help="field=column,... or a TOML or JSON file with them."
)
@click.option("--limit", type=click.IntRange(min=0), help="Print at most so many flows (a table: 20).")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the flows to this folder as Parquet by hour instead of printing them.",
)
@click.pass_context
def flows(
    context: click.Context,
    paths: tuple[str, ...],
    form: str | None,
    mapping: str | None,
    limit: int | None,
    out: Path | None,
) -> None:
    """Read captures, exports, logs and tables, and print or store their flows.

    PATHS are files, folders and globs; what they hold is told by content. Ends with 1 if an input
    could not be read wholly; what could be read of it, and the other inputs, come out all the same.
    """
    talk = Console(stderr=True)
    try:
        told = parse_mapping(mapping) if mapping else None
        if out is not None:
            result = _read(paths, out, told=told, talk=talk, in_place=False)
            _print_inputs(result, talk)
        else:
            with tempfile.TemporaryDirectory(prefix="hanse-") as folder:
                result = _read(paths, Path(folder), told=told, talk=talk, in_place=True)
                _print_flows(result, form or ("table" if sys.stdout.isatty() else "csv"), limit)
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    except HanseError as error:
        raise click.ClickException(str(error)) from error
    except BrokenPipeError:
        # The reader of the pipe has seen enough, as `head` does; that is no fault of an input.
        sys.stderr.close()
        context.exit(0)
    say_problems(result, talk)
    context.exit(0 if result.whole else 1)


def _read(
    paths: tuple[str, ...], workdir: Path, *, told: Layout | None, talk: Console, in_place: bool
) -> ReadResult:
    with progress_on(talk) as tell:
        return read(paths, workdir=workdir, told=told, progress=tell, in_place=in_place)


@contextmanager
def progress_on(talk: Console) -> Iterator[Tell | None]:
    """A bar for bytes read on a terminal; nothing elsewhere."""
    if not talk.is_terminal:
        yield None
        return
    parts = (
        TextColumn("Reading"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[path]}"),
    )
    with Progress(*parts, console=talk, transient=True) as bar:
        task = bar.add_task("read", path="", total=None)
        yield lambda done, total, path: bar.update(task, completed=done, total=total, path=path)


def _print_flows(result: ReadResult, form: str, limit: int | None) -> None:
    files = result.files
    if form == "table":
        console = Console(width=None if sys.stdout.isatty() else 200)
        console.print(_flow_table(result, TABLE_ROWS if limit is None else limit))
        _print_inputs(result, console)
    elif form == "csv":
        listing.write_csv(listing.batches(files, limit), sys.stdout)
    elif form == "json":
        inputs = [report.as_json() for report in result.reports]
        listing.write_json(listing.batches(files, limit), inputs, sys.stdout)
    elif sys.stdout.isatty():
        raise UsageError("Parquet is not for a terminal: name a folder with --out, or redirect the output.")
    else:
        listing.write_parquet_stream(listing.batches(files, limit), sys.stdout.buffer)
    sys.stdout.flush()


def _flow_table(result: ReadResult, limit: int) -> Table:
    table = Table(caption=f"first {min(limit, result.flows)} of {units.count(result.flows)} flows")
    for name in _SHOWN:
        table.add_column(name, justify="left" if name in _TEXT_COLUMNS else "right", no_wrap=True)
    rows = (
        row for batch in listing.batches(result.files, limit) for row in listing.in_text(batch).to_pylist()
    )
    for row in islice(rows, limit):
        table.add_row(*(str(row[name]) for name in _SHOWN))
    return table


def _print_inputs(result: ReadResult, console: Console) -> None:
    table = Table(title="Inputs", title_justify="left")
    table.add_column("input", overflow="fold")
    table.add_column("format")
    for name in ("flows", "packets", "lost", "skipped", "problems"):
        table.add_column(name, justify="right")
    reports = sorted(result.reports, key=lambda report: report.whole)
    for report in reports[:LISTED]:
        table.add_row(*_input_row(report))
    if len(reports) > LISTED:
        table.add_row(*_rest_row(reports[LISTED:]))
    console.print(table)


def _rest_row(rest: list[InputReport]) -> tuple[str, ...]:
    """Further inputs, together: a folder of a month would fill the terminal with its hours."""
    fields = ("flows", "packets", "lost", "skipped", "problem_count")
    numbers = (sum(getattr(report, name) for report in rest) for name in fields)
    return (f"{units.count(len(rest))} more, together", "", *(units.count(number) for number in numbers))


def _input_row(report: InputReport) -> tuple[str, ...]:
    numbers = (report.flows, report.packets, report.lost, report.skipped, report.problem_count)
    return (escape(report.path), report.format, *(units.count(number) for number in numbers))


def say_problems(result: ReadResult, talk: Console) -> None:
    """Each input's problems and notes, and what folders held beside telemetry, one line each."""
    for report in result.reports:
        for problem in report.problems:
            talk.print(
                f"{'problem' if problem.fatal else 'note'}: {problem}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        more = report.problem_count - len(report.problems)
        if more > 0:
            talk.print(f"problem: {report.path}: {more} more.", markup=False, highlight=False, soft_wrap=True)
    for path, why in result.left_out:
        talk.print(f"left out: {path}: {why}", markup=False, highlight=False, soft_wrap=True)
