"""`hanse verify`: proves an exported entry, or several files under one proof, with no node at hand."""

import re
import zipfile
from pathlib import Path

import click
import msgspec

from hanse.kernel.printable import printable
from hanse.ledger.bundle import verify_bundle
from hanse.ledger.verify import ProofError
from hanse.ledger.verify import verify as verify_proof

_ARCHIVE = b"PK\x03\x04"
"""What an archive begins with, also one of which the end is missing."""


def _fingerprint(_context: click.Context, _option: click.Parameter, text: str) -> str:
    """A fingerprint as it was typed, if it is one: who mistyped it must not read that the file is not proven.

    Raises:
        click.BadParameter: It is none.
    """
    if text and not re.fullmatch("[0-9a-f]{64}", "".join(text.split()).lower()):
        raise click.BadParameter(
            f"{text[:100]!r} is no fingerprint. It has 64 digits from 0 to 9 and a to f; copy all of it."
        )
    return text


@click.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--key",
    "trusted",
    default="",
    metavar="FINGERPRINT",
    callback=_fingerprint,
    help="Fingerprint of the authority's first key, from a source that you trust.",
)
@click.option(
    "--time-roots",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM certificates of time-stamping authorities that you trust; a time stamp is then asked for, "
    "of an archive the one that `hanse node stamp` added.",
)
@click.option(
    "--witness",
    "witnesses",
    multiple=True,
    metavar="KEY",
    help="Verifier key (name+hash+base64) of a witness that you trust; may be given several times. Most of them must "
    "have seen the checkpoint; of an archive, all entries but the youngest.",
)
@click.pass_context
def verify(
    context: click.Context, file: Path, trusted: str, time_roots: Path | None, witnesses: tuple[str, ...]
) -> None:
    """Prove an exported ledger entry, with no node at hand; or an archive of several, or the folder it was unpacked to.

    Exit code 0 when it is proven, 1 when it is not.
    """
    roots = time_roots.read_bytes() if time_roots else b""
    try:
        if file.is_dir() or zipfile.is_zipfile(file):
            _bundle(file, trusted, roots, witnesses)
            return
        proven = verify_proof(_read(file), trusted, roots, witnesses)
    except ProofError as error:
        click.echo(printable(f"NOT PROVEN: {error}"), err=True)
        context.exit(1)
    for step in proven.steps:
        click.echo(printable(step))
    actor, why = proven.body.actor, proven.body.reason or "no reason was given"
    click.echo(printable(f"\nWho: {actor.name} ({actor.kind})\nWhy: {why}", keep="\n"))
    content = msgspec.json.format(msgspec.json.encode(proven.body.content), indent=2).decode()
    click.echo(printable(f"What: {content}", keep="\n"))
    _trust(trusted, proven.fingerprint)


def _read(file: Path) -> bytes:
    """A proof's file.

    Raises:
        ProofError: It is what is left of an archive.
    """
    data = file.read_bytes()
    if data.startswith(_ARCHIVE):
        raise ProofError(
            "Step 1 fails: the archive is not whole: it was cut or damaged on its way. Have it given out again."
        )
    return data


def _bundle(path: Path, trusted: str, roots: bytes, witnesses: tuple[str, ...]) -> None:
    """Prove what is in an archive or a folder."""
    found = verify_bundle(path, trusted, roots, witnesses)
    for step in found.steps:
        click.echo(printable(step))
    _trust(trusted, found.fingerprint)


def _trust(trusted: str, fingerprint: str) -> None:
    """Say under which key it is proven."""
    if trusted:
        click.echo("\nPROVEN under the key that you trust.")
    else:
        click.echo(
            f"\nThe file proves itself. Compare the first key's fingerprint with the one that the authority "
            f"publishes:\n{fingerprint}"
        )
