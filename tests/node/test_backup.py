"""Backups: what is restored is the same ledger, whomever its entries were addressed to, and nothing that was purged."""

import io
import os
import shutil
import tarfile
from pathlib import Path

import msgspec
import pytest

from hanse.cases import evidence
from hanse.kernel import sealing
from hanse.ledger import keyring, tree
from hanse.ledger.models import Body, CarriedMarking, Checkpoint, Entry, Head, Tile
from hanse.ledger.replay import projections
from hanse.ledger.service import purge
from hanse.node import backup
from hanse.settings import Node
from tests.cases.evidence_made import added, node
from tests.cases.made import investigator, opened
from tests.ledger.made import MARI, findings, found, thing

__all__ = ["node"]

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "Bq3-canary-Hd9"


@pytest.fixture(autouse=True)
def _founded(node: Node) -> None:
    """The ledger is founded."""
    found()


def evidence_in(path: Path) -> dict[str, bytes]:
    """The files of evidence in a backup, as they lie in it."""
    with backup.archives.reading(path) as archive:
        names = [one for one in archive.getnames() if one.startswith("evidence/")]
        return {one: backup.archives.get(archive, one) for one in names}


def emptied() -> None:
    """Take everything out of the database."""
    for model in (*reversed(projections()), Body, Entry, CarriedMarking, Checkpoint, Tile, Head):
        model._base_manager.all().delete()


def told() -> list[tuple[object, ...]]:
    """The ledger, as its tables have it."""
    names = ("sequence", "payload", "signature", "kind", "recipient", "position", "marking", "body__data")
    return [
        tuple(bytes(one) if isinstance(one, memoryview) else one for one in row)
        for row in Entry.objects.order_by("sequence").values_list(*names)
    ]


def members(path: Path) -> bytes:
    """Everything that a backup says, opened: its parts, and the bodies in them that are sealed once more."""
    with backup.archives.reading(path) as archive:
        names = [one for one in archive.getnames() if one.split("/")[0] in backup._FILL]
        parts = [backup.archives.get_sealed(archive, keyring.current(), one) for one in names]
    entries = [part for name, part in zip(names, parts, strict=True) if name.startswith("entries")]
    rows = [row for part in entries for row in msgspec.msgpack.decode(part, type=list[backup._EntryRow])]
    bodies = [
        sealing.open_rest(keyring.current(), row.payload, row.body) for row in rows if row.body and row.sealed
    ]
    return b"".join([*parts, *bodies])


def test_entries_to_recipients_come_back_in_their_places(node: Node) -> None:
    """An entry's place for its recipient is not its place in the ledger; a restored ledger has both as they were."""
    for number in range(3):
        one = thing(name=f"thing {number}").object_id
        thing(object_id=one, recipient="lv-cert", name="for them")
        thing(object_id=one, recipient="lt-cert", name="for others")
    tree.integrate()
    before = told()
    path = node.home / "one.hanse"
    assert backup.back_up(node, path) == len(before)
    emptied()
    backup.restore(path)
    assert told() == before
    assert findings() == []


def test_what_was_purged_is_in_no_new_backup(node: Node) -> None:
    """A backup made before a purge holds the text; one made after it does not, and restores to a sound ledger."""
    one = thing(name=CANARY).object_id
    thing(object_id=one, name=f"{CANARY} again")
    thing(name="stays")
    tree.integrate()
    backup.back_up(node, node.home / "before.hanse")
    purge([one], MARI, "Its retention is over.")
    tree.integrate()
    backup.back_up(node, node.home / "after.hanse")
    assert CANARY.encode() in members(node.home / "before.hanse")
    assert CANARY.encode() not in members(node.home / "after.hanse")
    assert b"stays" in members(node.home / "after.hanse")
    emptied()
    backup.restore(node.home / "after.hanse")
    assert findings() == []
    assert not Body.objects.filter(entry__object_id=one).exists()


def test_evidence_comes_back_and_what_was_purged_of_it_does_not(node: Node) -> None:
    """Files of evidence are in a backup as they lie on the disk, and restored; a purged one is in none that comes later."""
    case, kaja = opened(investigator())
    kept, gone = added(case, kaja, b"stays"), added(case, kaja, CANARY.encode(), name=f"{CANARY}.txt")
    tree.integrate()
    backup.back_up(node, node.home / "before.hanse")
    assert len(evidence_in(node.home / "before.hanse")) == 2
    assert CANARY.encode() in members(node.home / "before.hanse")
    purge([gone], kaja, "Erased.")
    tree.integrate()
    backup.back_up(node, node.home / "after.hanse")
    assert CANARY.encode() not in members(node.home / "after.hanse")
    assert list(evidence_in(node.home / "after.hanse")) == [f"evidence/{evidence.store().names()[0]}"]
    shutil.rmtree(node.home / "evidence")
    emptied()
    backup.restore(node.home / "after.hanse")
    assert findings() == []
    assert list(evidence.findings()) == []
    assert b"".join(evidence.take_out(kept, "To look.", "", kaja)[1]) == b"stays"


def test_a_backup_is_made_though_a_file_of_evidence_is_missing(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    """A missing file keeps nobody from backing up the rest; the log names it, and so does fsck after the restore."""
    added(*opened(investigator()), b"content")
    tree.integrate()
    evidence.store().remove(evidence.store().names()[0])
    backup.back_up(node, node.home / "one.hanse")
    assert "is not there" in caplog.text
    emptied()
    backup.restore(node.home / "one.hanse")
    assert findings() == []
    assert "No such file" in str(next(evidence.findings()))


def test_a_backup_is_on_disk_before_it_is_acknowledged(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is brought onto the disk whole, and then gets its name: a power cut leaves the one before or this one."""
    synced: list[tuple[str, int]] = []
    whole = os.fsync

    def told(handle: int) -> None:
        name = Path(f"/proc/self/fd/{handle}").readlink()
        synced.append((str(name), os.fstat(handle).st_size))
        whole(handle)

    monkeypatch.setattr(backup.os, "fsync", told)
    path = node.home / "one.hanse"
    backup.back_up(node, path)
    assert (f"{path}.part", path.stat().st_size) in synced
    assert synced[-1][0] == str(node.home)


@pytest.mark.parametrize("form", ["gz", "sparse"])
def test_a_backup_that_grows_when_it_is_read_is_refused(tmp_path: Path, form: str) -> None:
    """Whoever keeps backups cannot fill the memory or the disk of whom they are given back to."""
    path = tmp_path / "one.hanse"
    if form == "gz":
        with tarfile.open(path, "w:gz") as archive:
            backup.archives.put(archive, "manifest.json", b"{}")
    else:
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
            info = tarfile.TarInfo("manifest.json")
            info.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": "manifest.json",
                                "GNU.sparse.size": str(1 << 20), "GNU.sparse.map": "0,2"}  # fmt: skip
            info.size = 2
            archive.addfile(info, io.BytesIO(b"{}"))
    with pytest.raises(backup.archives.BackupError), backup.archives.reading(path) as archive:
        backup.archives.get(archive, "manifest.json")
