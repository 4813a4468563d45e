"""`hanse verify`: proves an exported entry, with no node at hand."""

from pathlib import Path

import click
import msgspec

from hanse.kernel.printable import printable
from hanse.ledger.verify import ProofError
from hanse.ledger.verify import verify as verify_proof


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key",
    "trusted",
    default="",
    metavar="FINGERPRINT",
    help="Fingerprint of the authority's first key, from a source that you trust.",
)
@click.option(
    "--time-roots",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM certificates of time-stamping authorities that you trust; a time stamp is then asked for.",
)
@click.pass_context
def verify(context: click.Context, file: Path, trusted: str, time_roots: Path | None) -> None:
    """Prove an exported ledger entry, with no node at hand.

    Exit code 0 when it is proven, 1 when it is not.
    """
    try:
        proven = verify_proof(file.read_bytes(), trusted, time_roots.read_bytes() if time_roots else b"")
    except ProofError as error:
        click.echo(printable(f"NOT PROVEN: {error}"), err=True)
        context.exit(1)
    for step in proven.steps:
        click.echo(printable(step))
    actor, why = proven.body.actor, proven.body.reason or "no reason was given"
    click.echo(printable(f"\nWho: {actor.name} ({actor.kind})\nWhy: {why}", keep="\n"))
    content = msgspec.json.format(msgspec.json.encode(proven.body.content), indent=2).decode()
    click.echo(printable(f"What: {content}", keep="\n"))
    if trusted:
        click.echo("\nPROVEN under the key that you trust.")
    else:
        click.echo(
            f"\nThe file proves itself. Compare the first key's fingerprint with the one that the authority "
            f"publishes:\n{proven.fingerprint}"
        )
