"""`hanse league`: four nodes on this machine that share."""

from pathlib import Path

import click

from hanse.exercise.scenarios import LEAST_SCALE

USUAL_PORT, USUAL_SEED, USUAL_SCALE = 8011, 2007, 0.3


@click.command("league")
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("league"), show_default=True,
    help="Where everything of the nodes is; what is there is used again.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(1024, 65_532), default=None,
    help=f"Of the first node; the others have the next three.  [default: {USUAL_PORT}]",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=None,
              help=f"Same seed, same telemetry.  [default: {USUAL_SEED}]")  # fmt: skip
@click.option(
    "--scale", type=click.FloatRange(min=LEAST_SCALE, max=10), default=None,
    help=f"How many flows, as of `hanse exercise`.  [default: {USUAL_SCALE}]",
)  # fmt: skip
@click.option("--short", is_flag=True, help="Only 9 May, the day with most attacks: 58 of the 128.")
def league(folder: Path, port: int | None, seed: int | None, scale: float | None, short: bool) -> None:
    """Rehearse with four nodes on this machine that share what they find.

    Estonia, Finland, the United Kingdom and NATO, each in processes of its own; none of them alone sees whom the attacks
    are against. Runs until Ctrl-C; the next time it goes on from what is there.
    """
    from hanse.node.league import League  # noqa: PLC0415 - loads the client
    from hanse.node.league_folder import Choices, chosen  # noqa: PLC0415 - as above
    from hanse.node.league_telling import Teller  # noqa: PLC0415 - as above

    folder = folder.resolve()
    told = {"port": port, "seed": seed, "scale": scale, "short": short or None}
    choices = chosen(folder, told, Choices(USUAL_PORT, USUAL_SEED, USUAL_SCALE))
    tell = Teller()
    tell.say(
        "This is an exercise: everybody in it is made up, and nothing leaves this machine. What the four see is "
        "Estonia 2007, dealt out among them by destination; only the attacks on the sites of Estonia's government and "
        "Parliament are where they were in 2007, the others are made on invented hosts."
    )
    League(folder, choices, tell).run()
