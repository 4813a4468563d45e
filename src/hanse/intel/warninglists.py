"""Public lists of well-known values (MISP warninglists), indexed once so that a page can ask them in a millisecond.

The package's lists take twenty seconds and 360 MB to load as they are. The index is a cache: a file beside the node's
others, made by the worker, and made again when the package's version changes.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from importlib import metadata
from pathlib import Path
from typing import Final

import msgspec

from hanse.intel.data_packages import data_folder
from hanse.intel.spans import network_bounds
from hanse.intel.values import Value

FILE: Final = "warninglists.sqlite3"
_PACKAGE: Final = "pymispwarninglists"
_TABLES: Final = """
CREATE TABLE list (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE gathered (hash INTEGER, list INTEGER, host INTEGER);
CREATE TABLE known (hash INTEGER, list INTEGER, host INTEGER, PRIMARY KEY (hash, list)) WITHOUT ROWID;
CREATE TABLE span (first TEXT, last TEXT, list INTEGER);
CREATE TABLE version (text TEXT);
"""


class Listed(msgspec.Struct):
    """One list as the package has it.

    Attributes:
        name: What it is called.
        type: ``string``, ``hostname``, ``cidr``, ``substring`` or ``regex``; the last two are not asked.
        list: Its values.
    """

    name: str
    type: str
    list: list[str]


def shipped() -> Iterator[Listed]:
    """The lists of the package, one after the other."""
    decoder = msgspec.json.Decoder(Listed)
    folder = data_folder(_PACKAGE) / "misp-warninglists" / "lists"
    for file in sorted(folder.glob("*/list.json")):
        try:
            yield decoder.decode(file.read_bytes())
        except msgspec.ValidationError:
            continue  # a list of another shape says nothing that could be asked


def version() -> str:
    """The version of the package."""
    return metadata.version(_PACKAGE)


def is_current(folder: Path) -> bool:
    """Whether there is an index of this version."""
    if not (folder / FILE).is_file():
        return False
    with sqlite3.connect(folder / FILE) as connection:
        row = connection.execute("SELECT text FROM version").fetchone()
    return row is not None and row[0] == version()


def build(folder: Path, lists: Iterable[Listed] | None = None) -> None:
    """Make the index, in place of any earlier one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f"{FILE}.part"
    part.unlink(missing_ok=True)
    connection = sqlite3.connect(part)
    try:
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _TABLES)
        for number, one in enumerate(lists if lists is not None else shipped()):
            connection.execute("INSERT INTO list VALUES (?, ?)", (number, one.name))
            if one.type == "cidr":
                spans = ((*span, number) for span in _spans(one.list))
                connection.executemany("INSERT INTO span VALUES (?, ?, ?)", spans)
            elif one.type in {"string", "hostname"}:
                host = one.type == "hostname"
                rows = ((_hash(text), number, host) for text in one.list)
                connection.executemany("INSERT INTO gathered VALUES (?, ?, ?)", rows)
        connection.execute("INSERT OR IGNORE INTO known SELECT * FROM gathered ORDER BY hash, list")
        connection.execute("DROP TABLE gathered")
        connection.execute("CREATE INDEX span_first ON span (first, last)")
        connection.execute("INSERT INTO version VALUES (?)", (version(),))
        connection.commit()
        connection.execute("VACUUM")
    finally:
        connection.close()
    part.replace(folder / FILE)


def naming(value: Value, folder: Path) -> tuple[str, ...]:
    """The names of the lists that name a value; none while there is no index."""
    file = folder / FILE
    if not file.is_file():
        return ()
    connection = sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)
    try:
        numbers = set(_numbers(connection, value))
        marks = ", ".join("?" * len(numbers))
        query = f"SELECT name FROM list WHERE id IN ({marks}) ORDER BY name"  # noqa: S608 - marks alone
        rows = connection.execute(query, sorted(numbers))
        return tuple(row[0] for row in rows)
    finally:
        connection.close()


def _numbers(connection: sqlite3.Connection, value: Value) -> Iterator[int]:
    exact = connection.execute("SELECT list FROM known WHERE hash = ?", (_hash(value.text),))
    yield from (row[0] for row in exact)
    if value.kind == "domain":
        labels = value.text.split(".")
        for at in range(1, len(labels) - 1):
            above = _hash(".".join(labels[at:]))
            yield from (
                row[0]
                for row in connection.execute("SELECT list FROM known WHERE hash = ? AND host", (above,))
            )
    if value.kind in {"address", "network"}:
        first, last = network_bounds(value.text)
        held = connection.execute("SELECT list FROM span WHERE first <= ? AND last >= ?", (first, last))
        yield from (row[0] for row in held)


def _spans(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        try:
            yield network_bounds(text)
        except ValueError:
            continue


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.strip().lower().rstrip(".").encode(), digest_size=8).digest()) >> 1
