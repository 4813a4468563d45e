import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import click.testing
import pytest

from hanse.kernel.address_columns import pack_all
from hanse.kernel.errors import HanseError, UnreadableInputError, UsageError
from hanse.kernel.printable import is_printable
from hanse.tracing import commands, data_update
from hanse.tracing.address_data import AddressData
from hanse.tracing.data_files import STATE
from hanse.tracing.data_update import Choices, undo, update
from tests.tracing import made

Archive = Callable[[dict[str, bytes]], Path]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the packages and an empty user folder."""
    made.packages(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Makes an npm archive of the given files."""

    def make(files: dict[str, bytes]) -> Path:
        path = tmp_path / "package.tgz"
        with tarfile.open(path, "w:gz") as tar:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return path

    return make


def _asn_of(place: Path, address: str) -> int:
    data = AddressData.find(store=place / "store", cache=place / "cache")
    return int(data.lookup(pack_all([address])).asn[0])


def _update(place: Path, path: Path, choices: Choices | None = None) -> None:
    update([path], place / "store", place / "cache", choices or Choices())


NEW = b"5.0.0.0,5.255.255.255,700,New\n91.0.0.0,91.127.255.255,701,Newer\n"


def test_an_update_is_used_and_can_be_undone(place: Path) -> None:
    """Rule: after an update its table answers, other tables stay; undo brings the old back, again the new."""
    table = place / "mine.csv"
    table.write_bytes(NEW)
    assert _asn_of(place, "5.1.1.1") == 64497
    _update(place, table)
    assert _asn_of(place, "5.1.1.1") == 700
    assert _asn_of(place, "2001:db8::1") == 64499
    undo(place / "store")
    assert _asn_of(place, "5.1.1.1") == 64497
    undo(place / "store")
    assert _asn_of(place, "5.1.1.1") == 700


def test_undo_without_an_update_is_refused(place: Path) -> None:
    """Rule: there is nothing to take back before the first update."""
    with pytest.raises(UsageError, match="no update"):
        undo(place / "store")


@pytest.mark.parametrize("text", [b"5.0.0.0,5.0.0.9,1,A\n5.0.0.5,5.0.0.20,2,B\n", b"<html>\n", b""])
def test_a_bad_file_changes_nothing(place: Path, text: bytes) -> None:
    """Rule: an overlapping, foreign or empty file is refused with its line, and nothing is written."""
    table = place / "mine.csv"
    table.write_bytes(text)
    with pytest.raises(UnreadableInputError, match="line"):
        _update(place, table)
    assert not (place / "store").exists()
    assert _asn_of(place, "5.1.1.1") == 64497


def test_one_bad_file_of_two_changes_nothing(place: Path) -> None:
    """Rule: an update of several tables happens as a whole or not at all."""
    good, bad = place / "good.csv", place / "bad.csv"
    good.write_bytes(NEW)
    bad.write_bytes(b"1.0.0.9,1.0.0.0,AU\n")
    with pytest.raises(UnreadableInputError):
        update([good, bad], place / "store", place / "cache", Choices())
    assert _asn_of(place, "5.1.1.1") == 64497


def test_the_same_table_twice_is_refused(place: Path) -> None:
    """Rule: two files for one table leave open which is meant."""
    table = place / "mine.csv"
    table.write_bytes(NEW)
    with pytest.raises(UsageError, match="asn-ipv4"):
        update([table, table], place / "store", place / "cache", Choices())


def test_a_cut_off_table_is_refused_unless_forced(place: Path) -> None:
    """Rule: a table that covers under half of the one in use needs --force."""
    table = place / "mine.csv"
    table.write_bytes(b"5.0.0.0,5.0.0.255,700,New\n")
    with pytest.raises(UnreadableInputError, match="cut off"):
        _update(place, table)
    _update(place, table, Choices(force=True))
    assert _asn_of(place, "5.0.0.1") == 700


def test_a_package_archive_brings_its_version(place: Path, archive: Archive) -> None:
    """Rule: of a package every table, its version and its day are taken; written-out addresses first."""
    about = json.dumps({"name": "@ip-location-db/asn", "version": "2.3.2026110100", "license": "x"})
    path = archive(
        {
            "package/package.json": about.encode(),
            "package/asn-ipv4.csv": NEW,
            "package/asn-ipv4-num.csv": b"1,2,3,wrong one\n",
            "package/asn-ipv6-num.csv": b"42540766411282592856903984951653826560,42540766490510755371168322545197776895,9,N\n",
            "package/README.md": b"words",
        }
    )
    _update(place, path)
    data = AddressData.find(store=place / "store", cache=place / "cache")
    assert {(file.slot, str(file.made)) for file in data.description.files if file.kind == "asn"} == {
        ("asn-ipv4", "2026-11-01"),
        ("asn-ipv6", "2026-11-01"),
    }
    assert data.lookup(pack_all(["5.1.1.1", "2001:db8::1"])).asn.tolist() == [700, 9]


def test_what_a_package_says_of_itself_moves_no_terminal(place: Path, archive: Archive) -> None:
    """Rule: name, version and licence are printed with every result; a control character in them does nothing."""
    about = {"name": "x\x1b]0;title\x07", "version": "1\x1b[2J", "license": "\u202emine"}
    _update(place, archive({"package.json": json.dumps(about).encode(), "asn-ipv4.csv": NEW}))
    said = " ".join(AddressData.find(store=place / "store", cache=place / "cache").description.lines())
    assert "title" in said
    assert is_printable(said)


def test_a_sparse_table_is_none(place: Path) -> None:
    """Rule: a table of holes, which takes no room in an archive, fills no memory."""
    path = place / "sparse.tgz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("asn-ipv4.csv")
        member.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": "asn-ipv4.csv",
                              "GNU.sparse.size": str(1 << 28), "GNU.sparse.map": f"0,{len(NEW)}"}  # fmt: skip
        member.size = len(NEW)
        tar.addfile(member, io.BytesIO(NEW))
    with pytest.raises(UnreadableInputError, match="holds no table"):
        _update(place, path)


def test_names_in_an_archive_are_never_used_as_paths(place: Path, archive: Archive) -> None:
    """Rule: a table under ../ or an absolute name is read as a table and written nowhere else."""
    before = {
        path for path in place.parent.rglob("*") if "store" not in path.parts and "cache" not in path.parts
    }
    _update(place, archive({"../../evil-ipv4.csv": NEW, "/evil/absolute-ipv9.csv": b"x"}))
    after = {
        path for path in place.parent.rglob("*") if "store" not in path.parts and "cache" not in path.parts
    }
    assert {path.name for path in after - before} <= {"package.tgz"}
    assert _asn_of(place, "5.1.1.1") == 700


def test_links_in_an_archive_are_ignored(place: Path) -> None:
    """Rule: a link in an archive never makes Hanse read another file."""
    path = place / "links.tgz"
    with tarfile.open(path, "w:gz") as tar:
        link = tarfile.TarInfo("package/asn-ipv4.csv")
        link.type, link.linkname = (
            tarfile.SYMTYPE,
            str(place / "node_modules/@ip-location-db/asn/asn-ipv4.csv"),
        )
        tar.addfile(link)
    with pytest.raises(UnreadableInputError, match="holds no table"):
        _update(place, path)


def test_archives_that_grow_are_refused(
    place: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule: what unpacks to more than the limit, or to too many files, is refused."""
    monkeypatch.setattr(data_update, "MAX_ARCHIVE_BYTES", 1 << 20)
    with pytest.raises(UnreadableInputError, match="bytes unpacked"):
        _update(place, archive({"package/asn-ipv4.csv": bytes(3 << 20)}))
    monkeypatch.setattr(data_update, "MAX_ARCHIVE_MEMBERS", 3)
    with pytest.raises(UnreadableInputError, match="more than 3 files"):
        _update(place, archive({f"package/{number}": b"" for number in range(5)}))


def test_a_damaged_archive_is_refused(place: Path, archive: Archive) -> None:
    """Rule: a cut-off download is an error that names the file."""
    path = archive({"package/asn-ipv4.csv": NEW * 500})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableInputError, match=r"package\.tgz: cannot be read"):
        _update(place, path)


def test_compressed_tables_are_taken(place: Path) -> None:
    """Rule: .csv.gz works as .csv does."""
    table = place / "mine.csv.gz"
    table.write_bytes(gzip.compress(NEW))
    _update(place, table)
    assert _asn_of(place, "91.1.1.1") == 701


def test_only_files_that_undo_needs_are_kept(place: Path) -> None:
    """Rule: the store holds the tables in use and those before, no more."""
    for number in (700, 800, 900):
        table = place / "mine.csv"
        table.write_bytes(NEW.replace(b"700", str(number).encode()))
        _update(place, table)
    assert len(list((place / "store").glob("*.csv"))) == 2


@pytest.mark.parametrize("text", ["{", '{"format": 9}', "[]"])
def test_a_damaged_state_turns_tracing_off_and_says_what_to_do(place: Path, text: str) -> None:
    """Rule: a damaged state file is named, with the way out, instead of being ignored."""
    store = place / "store"
    store.mkdir()
    (store / STATE).write_text(text)
    data = AddressData.find(store=store, cache=place / "cache")
    assert STATE in data.description.reason
    assert "Remove it" in data.description.reason


def test_the_commands(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule: `hanse data update FILE`, `--undo` and `status` work on the user's folder."""
    monkeypatch.setattr(commands, "user_store", lambda: place / "store")
    monkeypatch.setattr("hanse.tracing.data_files.user_store", lambda: place / "store")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: str(place / "cache"))
    table = place / "mine.csv"
    table.write_bytes(NEW)
    run = click.testing.CliRunner()
    assert (
        "mine.csv, of 2026-11-02"
        in run.invoke(commands.data, ["update", "--date", "2026-11-02", str(table)]).output
    )
    status = json.loads(run.invoke(commands.data, ["status", "--format", "json"]).output)
    assert status["tables"][0]["origin"] == "mine.csv"
    assert "mine.csv" not in run.invoke(commands.data, ["update", "--undo"]).output
    assert "asn-ipv4: 3 ranges" in run.invoke(commands.data, ["status"]).output
    assert run.invoke(commands.data, ["update"]).exit_code == 2
    table.write_bytes(b"x")
    assert isinstance(run.invoke(commands.data, ["update", str(table)]).exception, HanseError)
