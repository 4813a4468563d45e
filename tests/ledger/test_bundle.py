"""Several files under one proof: proven offline as a whole, and no byte of them can be altered unnoticed."""

import os
import subprocess
import sys
import zipfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from hanse.ledger import bundle, kinds, proof, tree
from hanse.ledger.bundle import Document, verify_bundle, written
from hanse.ledger.commands import verify
from hanse.ledger.verify import ProofError
from hanse.ledger.writing import append
from tests.ledger.made import MARI, found, thing
from tests.shared import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


class GivenOut(msgspec.Struct):
    """A bundle was given out."""

    manifest: str


kinds.register([kinds.Kind("things.given_out", GivenOut, lambda *_: None)])


def documents(first: int) -> list[Document]:
    """Files of several sorts: a text, pieces, nothing, a name with a blank, a proof."""
    return [
        Document("READ.txt", "What this is", [b"Read me.\n"]),
        Document("evidence/0001-a b.bin", "A file", [b"x" * 70_000, b"", b"y"]),
        Document("empty", "Nothing", []),
        Document(f"entries/{first}.json", "An entry", [proof.export(first)], proof=True),
    ]


def sealed(manifest: bytes, _files: int) -> bytes:
    """An entry that commits to the manifest, and its proof."""
    recorded = append("things.given_out", GivenOut(sha256(manifest).hexdigest()), actor=MARI)
    tree.integrate()
    return proof.export(recorded.sequence)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A bundle as an archive."""
    found()
    first = thing(name="first").sequence
    tree.integrate()
    path = tmp_path / "bundle.zip"
    with path.open("wb") as file:
        for piece in written("A bundle for tests", documents(first), sealed):
            file.write(piece)
    return path


def unpacked(archive: Path) -> Path:
    """The archive unpacked beside itself."""
    folder = archive.with_suffix("")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder


def test_a_bundle_is_proven_as_an_archive_and_as_a_folder(archive: Path) -> None:
    """Both say the same, in steps, with the files that they hold."""
    told, again = verify_bundle(archive), verify_bundle(unpacked(archive))
    assert told == again
    assert [one.path for one in told.manifest.members] == [one.path for one in documents(1)]
    assert told.steps[-2].startswith("4. 1 of them")
    assert verify_bundle(archive, told.fingerprint)
    with pytest.raises(ProofError, match="not the trusted one"):
        verify_bundle(archive, "0000 " * 16)


def test_every_altered_byte_of_an_unpacked_file_is_found(archive: Path) -> None:
    """One bit flipped in any file, in any place of the short ones, fails in words."""
    folder = unpacked(archive)
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        data = path.read_bytes()
        for place in range(0, len(data), max(1, len(data) // 40)):
            altered = bytearray(data)
            altered[place] ^= 1 << (place % 7)
            path.write_bytes(altered)
            with pytest.raises(ProofError, match=r"Step [1-4] fails"):
                verify_bundle(folder)
        path.write_bytes(data)
    assert verify_bundle(folder)


def test_what_is_missing_added_or_in_anothers_place_is_found(archive: Path) -> None:
    """No file can be taken out, put in, renamed or replaced by a link."""
    folder = unpacked(archive)
    text = folder / "READ.txt"
    data = text.read_bytes()
    text.unlink()
    with pytest.raises(ProofError, match=r"READ\.txt is missing"):
        verify_bundle(folder)
    text.symlink_to(folder / "empty")
    with pytest.raises(ProofError, match="link"):
        verify_bundle(folder)
    text.unlink()
    text.write_bytes(data)
    (folder / "evidence" / "more").write_bytes(b"")
    with pytest.raises(ProofError, match="none of the files"):
        verify_bundle(folder)
    (folder / "evidence" / "more").unlink()
    (folder / bundle.PROOF).unlink()
    with pytest.raises(ProofError, match="json is missing"):
        verify_bundle(folder)


@pytest.mark.parametrize("name", ["READ.txt", bundle.PROOF, bundle.MANIFEST])
def test_a_pipe_in_the_place_of_a_file_is_refused_at_once(archive: Path, name: str) -> None:
    """Nobody would ever write to it, and who proves the bundle would wait."""
    folder = unpacked(archive)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(ProofError, match="is no file"):
        verify_bundle(folder)


def test_an_altered_archive_says_the_same_or_fails_in_words(archive: Path) -> None:
    """Whatever byte of an archive is altered: its files are unaltered, or it fails with an error of ours."""
    data, told = archive.read_bytes(), verify_bundle(archive)
    head, tail = range(0, 3_000, 61), range(len(data) - 1_500, len(data), 31)
    for place in (*head, *tail, *range(3_000, len(data) - 1_500, 9_973)):
        altered = bytearray(data)
        altered[place] ^= 0xFF
        archive.write_bytes(altered)
        try:
            assert verify_bundle(archive).manifest == told.manifest
        except ProofError:
            continue


@pytest.mark.parametrize("packed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_somebody_packed_anew_is_proven_or_fails_in_words(
    archive: Path, tmp_path: Path, packed: int
) -> None:
    """Its files are what counts; altered, it fails with an error of ours, wherever its packing breaks."""
    told, other = verify_bundle(archive), tmp_path / "packed.zip"
    with zipfile.ZipFile(archive) as before, zipfile.ZipFile(other, "w", packed) as after:
        for one in before.infolist():
            after.writestr(one.filename, before.read(one))
    assert verify_bundle(other).manifest == told.manifest
    data = other.read_bytes()
    for place in range(0, len(data), 37):
        altered = bytearray(data)
        altered[place] ^= 0xA5
        other.write_bytes(altered)
        with suppress(ProofError):
            assert verify_bundle(other).manifest == told.manifest


def test_a_file_is_read_no_further_than_it_should_be_long(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packed, a few megabytes would be read for days."""
    with zipfile.ZipFile(archive) as before:
        files = {one.filename: before.read(one) for one in before.infolist()}
    files["READ.txt"] = bytes(64 << 20)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as after:
        for name, data in files.items():
            after.writestr(name, data)
    read: list[bytes] = []
    pieces = bundle._pieces
    monkeypatch.setattr(bundle, "_pieces", lambda *told: (read.append(one) or one for one in pieces(*told)))
    with pytest.raises(ProofError, match=r"READ\.txt was altered"):
        verify_bundle(archive)
    assert sum(map(len, read)) < 4 << 20


def test_the_same_files_are_the_same_bytes(archive: Path) -> None:
    """An archive depends on its files alone: not on the clock, nor on the pieces in which they came."""
    one = b"".join(written("t", [Document("a", "A", [b"12", b"3"])], lambda *_: b"p"))
    other = b"".join(written("t", [Document("a", "A", [b"1", b"23"])], lambda *_: b"p"))
    assert one == other
    assert one


@pytest.mark.parametrize(
    "name", ["", "/a", "../a", "a/../b", "a//b", "a\\b", "c:a", bundle.PROOF, "./a", "a\0b"]
)
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    """A name that a system could take for a place elsewhere is not written."""
    with pytest.raises(ValueError, match="cannot be a file"):
        list(written("t", [Document(name, "", [b""])], lambda *_: b""))


def test_an_archive_with_a_file_twice_is_refused(archive: Path) -> None:
    """Two files of one name would be one to each reader, another to another."""
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(archive, "a") as opened:
        opened.writestr("READ.txt", "other")
    with pytest.raises(ProofError, match="twice"):
        verify_bundle(archive)


def test_the_command_proves_a_folder_with_no_node_at_hand(archive: Path, tmp_path: Path) -> None:
    """`hanse verify` in a process of its own, with no home, proves the folder and finds an altered byte."""
    folder = unpacked(archive)
    told = _command(folder, tmp_path)
    assert told.returncode == 0, told.stderr
    assert "All 4 files are as the manifest lists them" in told.stdout
    path = folder / "evidence" / "0001-a b.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"z")
    told = _command(folder, tmp_path)
    assert told.returncode == 1
    assert told.stderr == "NOT PROVEN: Step 3 fails: evidence/0001-a b.bin was altered.\n"


def _command(path: Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HANSE_HOME": str(home / "nowhere")}
    command = [sys.executable, "-m", "hanse", "verify", str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)


def test_a_manifest_that_lists_a_file_twice_is_refused(tmp_path: Path) -> None:
    """A small bundle that has one large file read a million times keeps no court's machine busy for days."""
    found()
    one = bundle.Member("a", 1, sha256(b"a").hexdigest(), "A file")
    listed = msgspec.json.encode(bundle.Manifest(bundle.FORMAT, "For tests", (one, one)))
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / bundle.MANIFEST).write_bytes(listed)
    (tmp_path / bundle.PROOF).write_bytes(sealed(listed, 2))
    with pytest.raises(ProofError, match="lists a file twice"):
        verify_bundle(tmp_path)


def test_a_mistyped_fingerprint_is_no_verdict_about_the_archive(archive: Path) -> None:
    """A court that reads NOT PROVEN looks for a forger, where a digit was left out: the exit code is that of wrong usage."""
    proven = verify_bundle(archive).fingerprint
    for typed in ("hello", proven[:-1], f"aa {proven}", "0x" + proven.replace(" ", "")[2:]):
        told = CliRunner().invoke(verify, [str(archive), "--key", typed])
        assert told.exit_code == 2
        assert "is no fingerprint" in told.output
        assert "NOT PROVEN" not in told.output
    assert CliRunner().invoke(verify, [str(archive), "--key", proven.upper()]).exit_code == 0


def test_an_archive_that_was_cut_is_called_so(archive: Path, tmp_path: Path) -> None:
    """Of a download that broke off nobody learns anything by the place of a byte that is no UTF-8."""
    data = archive.read_bytes()
    for length in (10, len(data) // 2, len(data) - 30):
        cut = tmp_path / "cut.zip"
        cut.write_bytes(data[:length])
        told = CliRunner().invoke(verify, [str(cut)])
        assert told.exit_code == 1
        assert "the archive is not whole" in told.output
