"""``hanse data``: which address data is used, and how to replace it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click
import platformdirs

from hanse.kernel.units import count
from hanse.tracing.address_data import AddressData
from hanse.tracing.data_files import user_store
from hanse.tracing.data_update import Choices
from hanse.tracing.data_update import undo as undo_update
from hanse.tracing.data_update import update as update_data


@click.group("data")
def data() -> None:
    """Address data: which is used, how old it is, and how to replace it."""


@data.command("status")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def status(form: str) -> None:
    """Show the address data in use: version, age, attribution."""
    found = AddressData.find().description
    if form == "json":
        click.echo(json.dumps(found.as_json(), indent=1))
        return
    for line in found.lines():
        click.echo(line)
    for file, ranges in zip(found.files, found.ranges, strict=True):
        click.echo(f"{file.slot}: {count(ranges)} ranges, {file.path}")


@data.command("update")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--date",
    "made",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Day the data was made, where the file does not say; by default the day the file was changed.",
)
@click.option("--cut-overlaps", is_flag=True, help="Cut overlapping ranges instead of refusing the file.")
@click.option("--force", is_flag=True, help="Accept a table that covers far less than the one in use.")
@click.option("--undo", is_flag=True, help="Take the last update back.")
def update(
    files: tuple[Path, ...], made: datetime | None, cut_overlaps: bool, force: bool, undo: bool
) -> None:
    """Use the address data in FILES from now on.

    A file is an npm archive (.tgz) of an ip-location-db package, or a table as .csv or .csv.gz: start, end,
    AS number, holder; or start, end, country. It is checked first; what was used before is kept.
    """
    if undo == bool(files):
        raise click.UsageError("Give either files or --undo.")
    if undo:
        undo_update(user_store())
    else:
        cache = Path(platformdirs.user_cache_dir("hanse")) / "address-data"
        day = made.replace(tzinfo=UTC).date() if made else None
        update_data(list(files), user_store(), cache, Choices(day, cut_overlaps, force))
    for line in AddressData.find().description.lines():
        click.echo(line)
