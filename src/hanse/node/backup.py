"""Backups: the ledger, its tree, evidence, the wrapped keys and the settings in one sealed file, whatever the database.

Everything else is made again from the ledger, so a backup can be restored into SQLite or PostgreSQL alike. The
parts are encrypted under the node's data key, and files of evidence as they lie on the disk; the passphrase of the
keys opens them. What was purged is in no backup that is made later.
"""

import logging
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from uuid import UUID

import msgspec

from hanse.cases import evidence
from hanse.kernel import envelope
from hanse.kernel.clock import now_us
from hanse.kernel.on_disk import settle
from hanse.ledger import keyfile, keyring
from hanse.ledger.models import Body, Checkpoint, Entry, Head, Lost, Tile
from hanse.ledger.recovering import mend_head
from hanse.ledger.replay import rebuild
from hanse.ledger.writing import writing
from hanse.node import archives
from hanse.settings import SETTINGS_FILE, Node

ROWS = 2_000
"""Rows in one part: a part is sealed whole, in memory."""

EVIDENCE = "evidence"
"""Folder of a backup in which files of evidence are, under the names that they have in the store."""

Progress = Callable[[int, int], None]

_log = logging.getLogger(__name__)


class _Manifest(msgspec.Struct):
    format: str
    authority: str
    time_us: int
    entries: int


class _EntryRow(msgspec.Struct, array_like=True):
    sequence: int
    payload: bytes
    signature: bytes
    position: int | None
    salt: bytes | None
    body: bytes | None
    sealed: bool


class _LostRow(msgspec.Struct, array_like=True):
    sequence: int
    position: int | None
    recipient: str
    hashed: bytes


class _CheckpointRow(msgspec.Struct, array_like=True):
    size: int
    first: int
    entries: int
    time_us: int
    note: str
    tallies: str


class _TileRow(msgspec.Struct, array_like=True):
    name: str
    hashes: bytes


def back_up(node: Node, path: Path, progress: Progress = lambda _done, _total: None) -> int:
    """Write a backup; the number of entries in it. The file is whole and on disk, or not there at all.

    The head is locked while the ledger is written, so that it is one state; pages are served meanwhile, appending
    waits. Files of evidence come after it: they never change, and one that is purged meanwhile is left out.
    """
    draft = path.with_name(path.name + ".part")
    try:
        with open(draft, "xb", opener=archives.private) as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                with writing():
                    total = Head.objects.get(pk=1).next_sequence
                    _put_ledger(archive, node, total, progress)
                    files = evidence.held_files()
                for name in files:
                    _put_evidence(archive, name)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        settle(path.parent)
    except FileExistsError:
        raise archives.BackupError(
            f"{draft} is there: another backup runs, or one was broken off. Remove it."
        ) from None
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return total


def restore(path: Path, progress: Progress = lambda _done, _total: None) -> int:
    """Fill this process's empty node from a backup, and make every projection; the number of entries.

    Raises:
        BackupError: The node is not empty, or the file is damaged.
    """
    if Entry.objects.exists():
        raise archives.BackupError("The node has entries already. Restore into an empty one.")
    with archives.reading(path) as archive, writing():
        manifest = msgspec.json.decode(archives.get(archive, "manifest.json"), type=_Manifest)
        if manifest.format != archives.FORMAT:
            raise archives.BackupError(
                f"The backup's format is {manifest.format!r}; this version knows {archives.FORMAT}."
            )
        for member in archive.getnames():
            kind, _, number = member.partition("/")
            if kind == EVIDENCE:
                _take_evidence(archive, number)
            elif number:
                part = archives.get_sealed(archive, keyring.current(), member)
                _FILL[kind](part)
                progress(Entry.objects.count(), manifest.entries)
        _restore_head(manifest)
        rebuild(progress)
    return manifest.entries


def _put_ledger(archive: tarfile.TarFile, node: Node, total: int, progress: Progress) -> None:
    """Entries, checkpoints and tiles, the keys and the settings; the head is locked."""
    manifest = _Manifest(archives.FORMAT, node.authority, now_us(), total)
    archives.put(archive, "manifest.json", msgspec.json.encode(manifest))
    archives.put(archive, archives.KEYRING, (node.home / keyfile.KEYS).read_bytes())
    archives.put_sealed(archive, keyring.current(), SETTINGS_FILE, (node.home / SETTINGS_FILE).read_bytes())
    for name, rows in (
        ("entries", _entries(progress, total)),
        ("lost", _lost()),
        ("checkpoints", _checkpoints()),
        ("tiles", _tiles()),
    ):
        for number, part in enumerate(_parts(rows)):
            archives.put_sealed(archive, keyring.current(), f"{name}/{number:06}", part)


def _put_evidence(archive: tarfile.TarFile, name: str) -> None:
    """A file of evidence, as it lies on the disk; one that is not there any more is left out, and the log says so."""
    try:
        archives.put_file(archive, f"{EVIDENCE}/{name}", evidence.store().path_of(name))
    except FileNotFoundError:
        _log.warning(
            "the file of evidence %s is not there: it was purged just now, or `fsck` says more", name[:12]
        )


def _take_evidence(archive: tarfile.TarFile, name: str) -> None:
    """A file of evidence, to where it belongs; `fsck` says whether it is whole."""
    path = evidence.store().path_of(name)
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(mode=0o700, exist_ok=True)
    archives.get_file(archive, f"{EVIDENCE}/{name}", path)


def _entries(progress: Progress, total: int) -> Iterator[_EntryRow]:
    """Entries with their bodies; the columns that repeat the envelope are made again from it."""
    rows = Entry.objects.order_by("sequence").values_list(
        "sequence", "payload", "signature", "position", "body__salt", "body__data", "body__sealed"
    )
    for sequence, payload, signature, position, salt, data, sealed in rows.iterator(chunk_size=ROWS):
        yield _EntryRow(
            sequence, bytes(payload), bytes(signature), position,
            None if salt is None else bytes(salt), None if data is None else bytes(data), bool(sealed),
        )  # fmt: skip
        progress(sequence + 1, total)


def _lost() -> Iterator[_LostRow]:
    rows = Lost.objects.order_by("sequence").values_list("sequence", "position", "recipient", "hashed")
    for sequence, position, recipient, hashed in rows.iterator(chunk_size=ROWS):
        yield _LostRow(sequence, position, recipient, bytes(hashed))


def _checkpoints() -> Iterator[_CheckpointRow]:
    rows = Checkpoint.objects.order_by("size").values_list(
        "size", "first", "entries", "time_us", "note", "tallies"
    )
    return (_CheckpointRow(*row) for row in rows.iterator(chunk_size=ROWS))


def _tiles() -> Iterator[_TileRow]:
    return (_TileRow(row.name, bytes(row.hashes)) for row in Tile.objects.order_by("name").iterator())


def _parts(rows: Iterable[msgspec.Struct]) -> Iterator[bytes]:
    """Rows in parts of `ROWS`."""
    left = iter(rows)
    while part := list(islice(left, ROWS)):
        yield msgspec.msgpack.encode(part)


def _fill_entries(part: bytes) -> None:
    """Entries as they were: their columns come from the signed envelope, which is checked on the way."""
    entries, bodies = [], []
    for row in msgspec.msgpack.decode(part, type=list[_EntryRow]):
        head = envelope.decode(row.payload)
        key = keyring.current().verify_key(head.key)
        envelope.verify(row.payload, row.signature, key)
        entries.append(
            Entry(
                sequence=row.sequence, payload=row.payload, signature=row.signature, key=head.key, kind=head.kind,
                object_id=UUID(head.object), version=head.version, recipient=head.recipient or "",
                time_us=head.time, position=row.position,
            )
        )  # fmt: skip
        if row.body is not None:
            bodies.append(Body(entry_id=row.sequence, salt=row.salt, data=row.body, sealed=row.sealed))
    Entry.objects.bulk_create(entries, batch_size=500)
    Body.objects.bulk_create(bodies, batch_size=500)


def _fill_lost(part: bytes) -> None:
    rows = msgspec.msgpack.decode(part, type=list[_LostRow])
    Lost.objects.bulk_create([Lost(**msgspec.structs.asdict(row)) for row in rows])


def _fill_checkpoints(part: bytes) -> None:
    rows = msgspec.msgpack.decode(part, type=list[_CheckpointRow])
    Checkpoint.objects.bulk_create([Checkpoint(**msgspec.structs.asdict(row)) for row in rows])


def _fill_tiles(part: bytes) -> None:
    rows = msgspec.msgpack.decode(part, type=list[_TileRow])
    Tile.objects.bulk_create([Tile(name=row.name, hashes=row.hashes) for row in rows])


_FILL: dict[str, Callable[[bytes], None]] = {
    "entries": _fill_entries,
    "lost": _fill_lost,
    "checkpoints": _fill_checkpoints,
    "tiles": _fill_tiles,
}


def _restore_head(manifest: _Manifest) -> None:
    """The head row, from the entries.

    Raises:
        BackupError: Entries are missing.
    """
    count = mend_head()
    if count != manifest.entries:
        raise archives.BackupError(
            f"The backup says {manifest.entries:,} entries and holds {count:,}. It is damaged."
        )
