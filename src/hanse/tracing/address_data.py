"""Address data: the network, its holder and the country of registration of many addresses at once."""

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import platformdirs

from hanse.kernel.errors import HanseError, Problem, UnreadableInputError
from hanse.tracing.data_files import TABLES, TableFile, find_tables, slot
from hanse.tracing.ranges import (
    Addresses,
    Family,
    Holders,
    Kind,
    RangeTable,
    empty_table,
    is_v4,
    parse_table,
    read_bytes,
)

CACHE_FORMAT = "2"
"""Part of the name of every cache file; a change of the arrays changes it."""

CAUTION = (
    "Address data says where a network is registered, not where a machine or a person is; "
    "it is of its own date, not of the attack's."
)


class Located(NamedTuple):
    """Where addresses are registered.

    Attributes:
        asn: AS numbers, uint32, shape (n,); 0 where the data has none.
        country: Numbers for `hanse.tracing.ranges.country_code`, uint32, shape (n,); 0 for none.
    """

    asn: npt.NDArray[np.uint32]
    country: npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Description:
    """What every report prints of the address data behind it.

    Attributes:
        files: The tables in use.
        ranges: How many ranges each of them has.
        cut: How many ranges had to be cut short because the next began inside them.
        today: The day from which the age counts, UTC.
        reason: Why there is none; empty when there is.
    """

    files: tuple[TableFile, ...] = ()
    ranges: tuple[int, ...] = ()
    cut: int = 0
    today: date = date.min
    reason: str = ""

    @property
    def available(self) -> bool:
        """Whether addresses can be looked up."""
        return bool(self.files)

    @property
    def age_days(self) -> int | None:
        """Age of the oldest table, days; None where nobody said when it was made."""
        made = [file.made for file in self.files if file.made]
        return (self.today - min(made)).days if made else None

    @property
    def attributions(self) -> tuple[str, ...]:
        """Whose data it is, each once."""
        return tuple(dict.fromkeys(file.attribution for file in self.files))

    def lines(self) -> tuple[str, ...]:
        """The description as sentences for a report."""
        if not self.available:
            return (f"Tracing by network and country is off: {self.reason}",)
        named: dict[str, None] = {}
        for file in self.files:
            version = f" {file.version}" if file.version else ""
            made = (
                f"of {file.made}, {(self.today - file.made).days} days old"
                if file.made
                else "of unknown date"
            )
            named[f"{file.origin}{version}, {made}."] = None
        held = {file.slot for file in self.files}
        lacking = [name for name in (slot(*table) for table in TABLES) if name not in held]
        missing = [f"No table for {', '.join(lacking)}."] if lacking else []
        cut = [f"{self.cut} overlapping range was cut short by the next." if self.cut == 1 else ""]
        if self.cut > 1:
            cut = [f"{self.cut} overlapping ranges were cut short by the next."]
        said = [f"{words}." for words in self.attributions]
        return tuple(line for line in (*named, *missing, *cut, CAUTION, *said) if line)

    def as_json(self) -> dict[str, Any]:
        """The description as documented in docs/reference/json."""
        return {
            "available": self.available,
            "reason": self.reason or None,
            "age_days": self.age_days,
            "tables": [
                {
                    "table": file.slot,
                    "origin": file.origin,
                    "version": file.version or None,
                    "date": file.made.isoformat() if file.made else None,
                    "ranges": count,
                }
                for file, count in zip(self.files, self.ranges, strict=True)
            ],
            "overlaps_cut": self.cut,
            "attribution": list(self.attributions),
            "caution": CAUTION if self.available else None,
        }


@dataclass(frozen=True, slots=True, eq=False)
class AddressData:
    """The tables in memory, and what must be said of them."""

    tables: dict[str, RangeTable]
    description: Description

    @classmethod
    def absent(cls, reason: str) -> "AddressData":
        """No data: every address is unknown, and every output says why."""
        return cls({}, Description(reason=reason))

    @classmethod
    def find(
        cls,
        directory: Path | None = None,
        *,
        store: Path | None = None,
        cache: Path | None = None,
        today: date | None = None,
    ) -> "AddressData":
        """Read the tables, from the cache where their content was seen before.

        Args:
            directory: Look for the packages only here.
            store: The user's own data, by default in the user's data folder.
            cache: Folder of the cache, by default in the user's cache folder.
            today: The day from which the age counts, by default the present one (UTC).

        Returns:
            The data, or `absent` with the reason where no table can be had.
        """
        day = today or datetime.now(UTC).date()
        place = cache or Path(platformdirs.user_cache_dir("hanse")) / "address-data"
        try:
            files = find_tables(directory, store)
            tables = {name: load_table(file, place) for name, file in files.items()}
        except HanseError as error:
            return cls.absent(str(error))
        if not tables:
            return cls.absent(
                "the address data packages are not installed (make setup installs them; "
                "hanse data update FILE takes your own)."
            )
        ordered = [files[name] for name in (slot(*table) for table in TABLES) if name in files]
        ranges = tuple(len(tables[file.slot]) for file in ordered)
        cut = sum(table.cut for table in tables.values())
        return cls(tables, Description(tuple(ordered), ranges, cut, day))

    def table(self, kind: Kind, family: Family) -> RangeTable:
        """One of the tables, empty where it is missing."""
        return self.tables.get(slot(kind, family)) or empty_table(kind, family)

    def lookup(self, addresses: Addresses) -> Located:
        """The AS number and the country of registration of each address.

        Args:
            addresses: Shape (n, 16), IPv4 as mapped IPv6.
        """
        asn = np.zeros(len(addresses), np.uint32)
        country = np.zeros(len(addresses), np.uint32)
        v4 = is_v4(addresses)
        families: tuple[tuple[Family, npt.NDArray[np.bool_]], ...] = ((4, v4), (6, ~v4))
        for family, mask in families:
            if mask.any():
                chosen = addresses[mask]
                asn[mask] = self.table("asn", family).lookup(chosen)
                country[mask] = self.table("country", family).lookup(chosen)
        return Located(asn, country)

    def holder(self, asn: int) -> str:
        """The holder of an AS number; empty when unknown."""
        names = (self.table("asn", family).holders.name(asn) for family in (4, 6))
        return next((name for name in names if name), "")


def load_table(file: TableFile, cache: Path) -> RangeTable:
    """A table, parsed once for each content; overlaps in it are cut and counted.

    Raises:
        UnreadableInputError: It cannot be read or is no such table.
    """
    raw = read_bytes(file.path)
    name = f"{hashlib.sha256(raw).hexdigest()}-{CACHE_FORMAT}.npz"
    held = _from_cache(cache / name, file)
    if held is not None:
        return held
    table = parse_table(raw, str(file.path), cut_overlaps=True)
    if (table.kind, table.family) != (file.kind, file.family):
        what = f"holds a table of {slot(table.kind, table.family)}, not of {file.slot}."
        raise UnreadableInputError(Problem(str(file.path), what))
    _to_cache(table, cache / name)
    return table


def _from_cache(path: Path, file: TableFile) -> RangeTable | None:
    """The cached table; None where it is missing or damaged (it is then made again)."""
    try:
        with np.load(path, allow_pickle=False) as held:
            holders = Holders(held["asns"], held["offsets"], held["text"])
            return RangeTable(
                file.kind,
                file.family,
                held["starts"],
                held["ends"],
                held["values"],
                holders,
                int(held["cut"]),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _to_cache(table: RangeTable, path: Path) -> None:
    def write(stream: Any) -> None:
        np.savez(
            stream,
            starts=table.starts,
            ends=table.ends,
            values=table.values,
            asns=table.holders.asns,
            offsets=table.holders.offsets,
            text=table.holders.text,
            cut=np.int64(table.cut),
        )

    try:
        write_atomically(path, write)
    except OSError:
        return  # a cache that cannot be written costs a second at each start, nothing else


def write_atomically(path: Path, write: Callable[[Any], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in its place in one step.

    Raises:
        OSError: It cannot be written; what was there before still is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def shares(numbers: npt.NDArray[np.uint32]) -> list[tuple[int, int]]:
    """Each number and how often it occurs, most frequent first."""
    values, counts = np.unique(numbers, return_counts=True)
    order = np.lexsort((values, -counts))
    return [(int(values[index]), int(counts[index])) for index in order]
