"""Which files hold the address data: the user's own, a folder given, or the npm packages."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from hanse.kernel.errors import Problem, UnreadableInputError

if TYPE_CHECKING:
    from hanse.tracing.ranges import Family, Kind

TABLES: "tuple[tuple[Kind, Family], ...]" = (("asn", 4), ("asn", 6), ("country", 4), ("country", 6))
"""The four tables, each of which can come from elsewhere."""

PACKAGES: "tuple[tuple[str, Kind], ...]" = (
    ("@ip-location-db/asn", "asn"),
    ("@ip-location-db/asn-country", "country"),
)

ATTRIBUTION = {
    "@ip-location-db/asn": (
        "AS numbers and holders: RouteViews (routeviews.org), NRO (nro.net) and IP to ASN Lite by DB-IP "
        "(https://db-ip.com), each CC BY 4.0; merged and changed by ip-location-db"
    ),
    "@ip-location-db/asn-country": (
        "Countries of registration: delegation statistics of the five registries, NRO (nro.net), CC BY 4.0; "
        "merged by ip-location-db"
    ),
}
"""What the packages' licences ask to be printed with every result (their README, LICENSE files)."""

STATE = "state.json"
_VERSION_DATE = re.compile(r"(?:^|\.)(20\d{2})(\d{2})(\d{2})(\d{2})?$")


@dataclass(frozen=True, slots=True)
class TableFile:
    """One table's file and what must be said of it.

    Attributes:
        kind: ``asn`` or ``country``.
        family: 4 or 6.
        path: Where it lies.
        origin: Name of the package, or of the file that the user gave.
        version: The package's version; empty for a bare file.
        made: The day the data was made, UTC; None where nobody said.
        attribution: Whose data it is and under which licence.
    """

    kind: "Kind"
    family: "Family"
    path: Path
    origin: str
    version: str = ""
    made: date | None = None
    attribution: str = ""

    @property
    def slot(self) -> str:
        """Short name of the table: ``asn-ipv4``."""
        return slot(self.kind, self.family)


def slot(kind: "Kind", family: "Family") -> str:
    """Short name of a table: ``asn-ipv4``, ``country-ipv6``."""
    return f"{kind}-ipv{family}"


def version_date(version: str) -> date | None:
    """The day in a version of the form 2.3.YYYYMMDDHH; None where there is none."""
    found = _VERSION_DATE.search(version)
    if not found:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def attribution(origin: str, licence: str = "") -> str:
    """The words to print for data of that origin."""
    stated = f"licence stated: {licence}" if licence else "licence not stated"
    return ATTRIBUTION.get(origin, f"Address data from {origin}, {stated}")


def user_store() -> Path:
    """The folder of the data that the user put in place with ``hanse data update``."""
    return Path(platformdirs.user_data_dir("hanse")) / "address-data"


def find_tables(directory: Path | None = None, store: Path | None = None) -> dict[str, TableFile]:
    """The file to use for each table, by `slot`; tables that nobody has are missing.

    Args:
        directory: Look here and nowhere else: a ``node_modules``, a folder that holds one, a
            package, or a folder of tables named like the packages'.
        store: The user's data instead of `user_store`.

    Raises:
        UnreadableInputError: The state of the user's own data is damaged.
    """
    if directory is not None:
        return _in_folder(directory)
    tables: dict[str, TableFile] = {}
    for folder in _project_folders():
        tables = {**_in_folder(folder / "node_modules"), **tables}
    return {**tables, **stored_tables(store or user_store())}


def _project_folders() -> Iterator[Path]:
    """Where ``npm ci`` leaves its packages: here, beside the sources, beside the environment."""
    yield Path.cwd()
    yield Path(__file__).resolve().parents[3]
    yield Path(sys.prefix).parent


def _in_folder(folder: Path) -> dict[str, TableFile]:
    found: dict[str, TableFile] = {}
    for name, kind in PACKAGES:
        short = name.rpartition("/")[2]
        places = (folder / name, folder / "node_modules" / name, folder / short, folder)
        for place in places:
            for table in _package_tables(place, name, kind):
                found.setdefault(table.slot, table)
    return found


def _package_tables(place: Path, name: str, kind: "Kind") -> Iterator[TableFile]:
    short = name.rpartition("/")[2]
    about = package_about(place / "package.json")
    version = str(about.get("version", ""))
    for family in (4, 6):
        path = place / f"{short}-ipv{family}.csv"
        if path.is_file():
            made = version_date(version)
            yield TableFile(kind, 4 if family == 4 else 6, path, name, version, made, attribution(name))


def package_about(path: Path) -> dict[str, Any]:
    """What a ``package.json`` says; nothing where there is none or it cannot be read."""
    try:
        about = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def stored_tables(store: Path) -> dict[str, TableFile]:
    """The tables that the user put in place."""
    current = read_state(store)["current"]
    return {
        name: TableFile(
            kind=entry["kind"],
            family=entry["family"],
            path=store / entry["file"],
            origin=entry["origin"],
            version=entry["version"],
            made=date.fromisoformat(entry["made"]) if entry["made"] else None,
            attribution=entry["attribution"],
        )
        for name, entry in current.items()
    }


def read_state(store: Path) -> dict[str, Any]:
    """The state of the user's own data: tables in use, and those before the last update.

    Raises:
        UnreadableInputError: The file is damaged.
    """
    path = store / STATE
    if not path.exists():
        return {"format": 1, "current": {}, "previous": None}
    do = "Remove it to go back to the packages, then run hanse data update again."
    try:
        state = json.loads(path.read_bytes())
        if state["format"] == 1 and isinstance(state["current"], dict):
            return dict(state)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableInputError(Problem(str(path), f"is damaged ({error!r}).", do=do)) from error
    raise UnreadableInputError(Problem(str(path), "was written by another version of Hanse.", do=do))


def file_date(path: Path) -> date:
    """The day a file was last changed, UTC."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date()


def find_borders() -> Path | None:
    """The TopoJSON file of the world's countries, where the borders package is installed."""
    for folder in _project_folders():
        path = folder / "node_modules" / "world-atlas" / "countries-110m.json"
        if path.exists():
            return path
    return None
