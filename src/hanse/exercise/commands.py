"""`hanse exercise`: make an exercise on disk."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from hanse.exercise.scenarios import LEAST_SCALE, SCENARIOS, VIEWS, generate
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.units import count


@click.command("exercise")
@click.argument("scenario", type=click.Choice((*SCENARIOS, *VIEWS)))
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Same seed, same flows."
)
@click.option(
    "--scale",
    type=click.FloatRange(min=LEAST_SCALE, max=1000),
    default=1.0,
    show_default=True,
    help="1 makes about 2.6 million flows, 42 about a hundred million.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for flows/, registry.csv and truth.json.",
)
def exercise(scenario: str, seed: int, scale: float, out: Path) -> None:
    """Make telemetry with known truth, to rehearse on.

    The truth lies in OUT/truth.json; no detector reads it.
    """
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    try:
        with bar:
            task = bar.add_task(f"Exercise {scenario}")
            truth = generate(
                scenario,
                seed,
                scale,
                out,
                lambda done, total: bar.update(task, completed=done, total=total),
            )
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    except HanseError as error:
        raise click.ClickException(str(error)) from error
    console.print(
        f"{out}: {count(truth.flows)} flows, {len(truth.attacks)} attacks, {len(truth.confusers)} confusers.",
        highlight=False,
    )
