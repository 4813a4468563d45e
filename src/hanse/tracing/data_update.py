"""Replace the address data by a user's own: checked first, put in place in one step, undone at will."""

import gzip
import hashlib
import json
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np

from hanse.kernel.errors import Problem, UnreadableInputError, UsageError
from hanse.kernel.printable import printable
from hanse.tracing.address_data import load_table, write_atomically
from hanse.tracing.data_files import (
    STATE,
    TableFile,
    attribution,
    file_date,
    find_tables,
    read_state,
    slot,
    version_date,
)
from hanse.tracing.ranges import MAX_TABLE_BYTES, RangeTable, parse_table

MAX_ARCHIVE_BYTES = 512 * 1024 * 1024
"""Most that is unpacked from one archive, bytes: against archives made to fill a disk or memory."""

MAX_ARCHIVE_MEMBERS = 1_000
"""Most files in one archive; the packages have about ten."""

SHRUNK = 0.5
"""A new table that covers less than this share of the addresses of the one in use is taken for a
truncated download: the announced space changes by a few per cent a year."""

_TABLE_NAME = re.compile(r"-ipv[46](-num)?\.csv$")


@dataclass(frozen=True, slots=True)
class Choices:
    """How an update is to be done.

    Attributes:
        made: The day the data was made, where the file does not say.
        cut_overlaps: End a range where the next begins instead of refusing the table.
        force: Accept a table that covers much less than the one in use.
    """

    made: date | None = None
    cut_overlaps: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class _Offer:
    """A table that the user gives: its bytes, and what must be said of it."""

    name: str
    raw: bytes
    origin: str
    version: str
    made: date | None
    attribution: str


def update(paths: list[Path], store: Path, cache: Path, choices: Choices) -> list[TableFile]:
    """Check tables and put them in use; those in use before are kept for `undo`.

    Args:
        paths: npm archives (.tgz) of address data packages, or tables as CSV, plain or gzip.
        store: Folder of the user's own data.
        cache: Folder of the cache of parsed tables.
        choices: How.

    Returns:
        The new tables.

    Raises:
        UnreadableInputError: A file is no such data; nothing was changed.
        UsageError: Two files hold the same table.
    """
    offers = [offer for path in paths for offer in _offers(path, choices)]
    before = read_state(store)
    in_use = find_tables(store=store)
    new: dict[str, TableFile] = {}
    texts: dict[str, bytes] = {}
    for offer in offers:
        table = parse_table(offer.raw, offer.name, cut_overlaps=choices.cut_overlaps)
        name = slot(table.kind, table.family)
        if name in new:
            raise UsageError(f"Two of the files hold the table {name}; give each table once.")
        if not choices.force and name in in_use:
            _refuse_shrunk(table, load_table(in_use[name], cache), offer.name)
        digest = hashlib.sha256(offer.raw).hexdigest()
        path = store / f"{name}-{digest[:16]}.csv"
        new[name] = TableFile(
            table.kind, table.family, path, offer.origin, offer.version, offer.made, offer.attribution
        )
        texts[name] = offer.raw
    for name, file in new.items():
        _write(file.path, texts[name])
    entries = {name: _entry(file) for name, file in new.items()}
    _put(store, {**before["current"], **entries}, before["current"])
    return list(new.values())


def undo(store: Path) -> None:
    """Take back the last update; a second call brings it in again.

    Raises:
        UsageError: There is none.
    """
    state = read_state(store)
    if state["previous"] is None:
        raise UsageError("There is no update to take back.")
    _put(store, state["previous"], state["current"])


def _put(store: Path, current: dict[str, Any], previous: dict[str, Any]) -> None:
    """Switch to other tables in one step, then remove files that neither side of an undo needs."""
    text = json.dumps({"format": 1, "current": current, "previous": previous}, indent=1).encode()
    _write(store / STATE, text)
    needed = {entry["file"] for side in (current, previous) for entry in side.values()}
    for path in store.glob("*.csv"):
        if path.name not in needed:
            path.unlink()


def _write(path: Path, content: bytes) -> None:
    try:
        write_atomically(path, lambda stream: stream.write(content))
    except OSError as error:
        do = "Nothing was changed; free some space or allow writing there."
        raise UnreadableInputError(Problem(str(path), f"cannot be written ({error}).", do=do)) from error


def _entry(file: TableFile) -> dict[str, Any]:
    return {
        "kind": file.kind,
        "family": file.family,
        "file": file.path.name,
        "origin": file.origin,
        "version": file.version,
        "made": file.made.isoformat() if file.made else None,
        "attribution": file.attribution,
    }


def _refuse_shrunk(new: RangeTable, old: RangeTable, name: str) -> None:
    """Refuse a table that covers far fewer addresses than the one in use."""
    covered, before = _covered(new), _covered(old)
    if covered < SHRUNK * before:
        raise UnreadableInputError(
            Problem(
                name,
                f"covers {covered / before:.0%} of the addresses of the table in use: probably cut off.",
                do="Nothing was changed; get it again, or say --force if it is meant.",
            )
        )


def _covered(table: RangeTable) -> float:
    """How many IPv4 addresses, or IPv6 /64 networks, a table covers."""
    if table.family == 4:
        return float((table.ends.astype(np.float64) - table.starts.astype(np.float64) + 1).sum())
    halves = [
        np.frombuffer(side.tobytes(), ">u8")[::2].astype(np.float64) for side in (table.starts, table.ends)
    ]
    return float((halves[1] - halves[0] + 1).sum())


def _offers(path: Path, choices: Choices) -> list[_Offer]:
    """The tables in one file."""
    try:
        with _unpacked(path) as stream:
            if tarfile.is_tarfile(stream):
                stream.seek(0)
                return _packaged(path, _members(path, stream), choices)
            stream.seek(0)
            raw = stream.read(MAX_TABLE_BYTES + 1)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise UnreadableInputError(Problem(str(path), f"cannot be read ({error}).")) from error
    made = choices.made or file_date(path)
    name = printable(path.name)
    return [_Offer(str(path), raw, name, "", made, attribution(name))]


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The file without its gzip layer, never more than `MAX_ARCHIVE_BYTES` of it.

    Unpacked to a temporary file first, so that no length stated inside can ask for more memory.
    """
    with path.open("rb") as packed:
        zipped = packed.read(2) == b"\x1f\x8b"
        packed.seek(0)
        if not zipped:
            yield packed
            return
        with tempfile.TemporaryFile() as plain, gzip.open(packed) as stream:
            while chunk := stream.read(1 << 20):
                plain.write(chunk)
                if plain.tell() > MAX_ARCHIVE_BYTES:
                    _too_much(path)
            plain.seek(0)
            yield plain


def _too_much(path: Path) -> NoReturn:
    what = f"has more than {MAX_ARCHIVE_MEMBERS} files or {MAX_ARCHIVE_BYTES:,} bytes unpacked."
    raise UnreadableInputError(Problem(str(path), what, do="This is no address data package."))


def _members(path: Path, stream: IO[bytes]) -> dict[str, bytes]:
    """Tables and package.json of an archive by base name; nothing is written under a name in it."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for number, member in enumerate(archive):
            if number >= MAX_ARCHIVE_MEMBERS:
                _too_much(path)
            name = member.name.rpartition("/")[2]
            wanted = name == "package.json" or _TABLE_NAME.search(name)
            # A sparse file takes no room in the archive, and as much as it says once it is read.
            plain = member.isfile() and not member.issparse()
            content = archive.extractfile(member) if wanted and plain else None
            if content is not None:
                found.setdefault(name, content.read(MAX_TABLE_BYTES + 1))
    return found


def _packaged(path: Path, members: dict[str, bytes], choices: Choices) -> list[_Offer]:
    """The tables of a package, the written-out form of addresses before the numeric one."""
    try:
        about = json.loads(members.pop("package.json", b"{}"))
    except ValueError:
        about = {}
    about = about if isinstance(about, dict) else {}
    # What a package says of itself is printed with every result, on terminals too.
    origin = printable(str(about.get("name") or path.name))
    version, licence = (printable(str(about.get(name) or "")) for name in ("version", "license"))
    made = choices.made or version_date(version) or file_date(path)
    words = attribution(origin, licence)
    chosen = {name.replace("-num.csv", ".csv"): name for name in sorted(members, reverse=True)}
    chosen.update({name: name for name in members if not name.endswith("-num.csv")})
    if not chosen:
        what = "holds no table of address ranges (a file like asn-ipv4.csv)."
        raise UnreadableInputError(Problem(str(path), what))
    return [
        _Offer(f"{path}, {name}", members[name], origin, version, made, words)
        for name in sorted(chosen.values())
    ]
