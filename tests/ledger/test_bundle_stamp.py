"""A time stamp that is added to a bundle: over all that is in it, and nothing of the bundle changes for it."""

import zipfile
from pathlib import Path

import pytest

from hanse.ledger import bundle
from hanse.ledger.bundle import add_stamp, checkpoint_of, verify_bundle
from hanse.ledger.verify import ProofError
from tests.ledger.test_bundle import archive, unpacked
from tests.ledger.test_proof import _stamped, authority

__all__ = ["archive", "authority"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_without_a_stamp_it_says_how_to_get_one(archive: Path, authority: Path) -> None:
    """Nobody had one added: the message is no riddle."""
    with pytest.raises(ProofError, match=r"Step 1 fails: .* no time stamp, .*`hanse node stamp ARCHIVE URL`"):
        verify_bundle(archive, roots=(authority / "root.pem").read_bytes())


def test_an_archive_is_stamped_after_it_was_made(archive: Path, authority: Path) -> None:
    """Under the trusted root it says by when everything in it existed; packed or not, and with no other file changed."""
    roots, others = ((authority / f"{name}.pem").read_bytes() for name in ("root", "other"))
    with zipfile.ZipFile(archive) as before:
        held = {name: before.read(name) for name in before.namelist()}
    add_stamp(archive, _stamped(authority, checkpoint_of(archive)))
    with zipfile.ZipFile(archive) as after:
        assert {name: after.read(name) for name in after.namelist() if name != bundle.STAMP} == held
    for path in (archive, unpacked(archive)):
        assert any("The checkpoint existed by" in step for step in verify_bundle(path, roots=roots).steps)
        assert verify_bundle(path)
        with pytest.raises(ProofError, match="Step 9 fails: The time stamp does not hold"):
            verify_bundle(path, roots=others)
        with pytest.raises(FileExistsError):
            add_stamp(path, b"another")
    assert any("left unchecked" in step for step in verify_bundle(archive).steps)


def test_a_folder_is_stamped_too_and_a_stamp_over_another_text_is_none(
    archive: Path, authority: Path
) -> None:
    """It is looked for in the folder; a stamp of some other checkpoint shows nothing of this one."""
    folder, roots = unpacked(archive), (authority / "root.pem").read_bytes()
    add_stamp(folder, _stamped(authority, checkpoint_of(folder) + "x"))
    with pytest.raises(ProofError, match="Step 9 fails"):
        verify_bundle(folder, roots=roots)
    (folder / bundle.STAMP).write_bytes(_stamped(authority, checkpoint_of(folder)))
    assert verify_bundle(folder, roots=roots)


def test_an_archive_that_cannot_be_written_to_stays_as_it_was(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full in the middle: the list of its files, over which the stamp is written, is put back."""
    data = archive.read_bytes()

    def full(self: zipfile.ZipFile, *_: object) -> None:
        self.fp.seek(self.start_dir)
        self.fp.write(b"half of it")
        self._didModify = False
        raise OSError("No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(OSError, match="No space"):
        add_stamp(archive, b"stamp")
    assert archive.read_bytes() == data
