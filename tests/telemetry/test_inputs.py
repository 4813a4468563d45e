"""Inputs: what the user's paths mean, and bytes out of whatever they are packed in."""

import gzip
import lzma
import os
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.kernel.errors import UnreadableInputError, UsageError
from hanse.telemetry import inputs
from hanse.telemetry.input_files import expand
from hanse.telemetry.inputs import Limits, Source, open_input

RAW = os.urandom(300_000) + b"flow" * 500_000


def zstd(data: bytes) -> bytes:
    """A Zstandard frame."""
    packed: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return packed


PACKERS = {"gzip": gzip.compress, "xz": lzma.compress, "zstd": zstd}


def put(folder: Path, data: bytes, name: str = "input") -> Path:
    """A file with these bytes."""
    path = folder / name
    path.write_bytes(data)
    return path


def opened(path: Path, limits: Limits | None = None) -> tuple[bytes, Source]:
    """An input's bytes, and the closed source."""
    with open_input(path, limits or Limits()) as source:
        return source.data.tobytes(), source


def test_a_folder_is_searched_through_in_order_without_hidden_files(tmp_path: Path) -> None:
    """Files below a folder come sorted by path, each once, hidden files and folders left out."""
    for name in ("b/2", "a/1", "a/.hidden", ".git/config", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        put(tmp_path, b"x", name)
    found = expand([str(tmp_path), str(tmp_path / "a" / "1")])
    assert [str(item.path.relative_to(tmp_path)) for item in found] == ["c", "a/1", "b/2"]
    assert [item.named for item in found] == [False, True, False]


def test_a_glob_names_the_files_it_matches(tmp_path: Path) -> None:
    """A pattern that the shell left alone is expanded here, also through folders."""
    (tmp_path / "deep").mkdir()
    for name in ("1.pcap", "2.pcap", "3.txt", "deep/4.pcap"):
        put(tmp_path, b"x", name)
    found = expand([f"{tmp_path}/**/*.pcap"])
    assert [item.path.name for item in found] == ["1.pcap", "2.pcap", "4.pcap"]
    assert all(item.named for item in found)


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path: Path) -> None:
    """An existing name wins over what it would match as a pattern."""
    path = put(tmp_path, b"x", "[a]*.pcap")
    assert [item.path for item in expand([str(path)])] == [path]


@pytest.mark.parametrize("paths", [[], ["absent.pcap"], ["absent/*.pcap"]])
def test_a_path_that_matches_nothing_is_wrong_usage(paths: list[str]) -> None:
    """No input, or one that is not there, stops before anything is read."""
    with pytest.raises(UsageError):
        expand(paths)


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("members", [1, 3])
def test_packed_inputs_are_told_by_magic_and_unpacked_whole(
    packing: str, members: int, tmp_path: Path
) -> None:
    """The name says nothing; concatenated members follow each other."""
    data, source = opened(put(tmp_path, PACKERS[packing](RAW) * members, "capture.pcap"))
    assert source.packing == packing
    assert data == RAW * members
    assert source.problems == []


@pytest.mark.parametrize("packing", PACKERS)
def test_what_a_truncated_archive_still_gives_is_used(packing: str, tmp_path: Path) -> None:
    """Everything up to the damage comes out, with a problem that says where it ends."""
    path = put(tmp_path, PACKERS[packing](RAW)[:250_000])
    data, source = opened(path)
    assert 0 < len(data) < len(RAW)
    assert RAW.startswith(data)
    assert source.problems[0].offset == len(data)
    assert source.problems[0].path == str(path)
    assert source.problems[0].fatal


@pytest.mark.parametrize("packing", PACKERS)
def test_bytes_after_an_archive_are_reported(packing: str, tmp_path: Path) -> None:
    """Rubbish behind the last member is a problem, and the members are used."""
    data, source = opened(put(tmp_path, PACKERS[packing](RAW) + b"rubbish behind it"))
    assert RAW.startswith(data)
    assert len(data) > len(RAW) - (1 << 16)
    assert source.problems


def test_gzip_padding_is_no_problem(tmp_path: Path) -> None:
    """Zeros after a member are what tape blocks and some tools leave, and mean nothing."""
    data, source = opened(put(tmp_path, gzip.compress(RAW) + bytes(3_000_000)))
    assert data == RAW
    assert source.problems == []


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize(
    ("limits", "word"),
    [
        (Limits(decompressed_bytes=3 << 20), "3145728 bytes"),
        (Limits(ratio=10, ratio_after=2 << 20), "10 times"),
    ],
)
def test_a_decompression_bomb_is_stopped(packing: str, limits: Limits, word: str, tmp_path: Path) -> None:
    """Above the size or the ratio, decompression stops near it and the problem says which."""
    data, source = opened(put(tmp_path, PACKERS[packing](bytes(20 << 20))), limits)
    assert len(data) <= 3 << 20
    assert word in source.problems[0].what


def test_a_full_disk_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room for the decompressed bytes: the message says so and what to do."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hanse.telemetry.inputs.tempfile.TemporaryFile", full)
    with pytest.raises(UnreadableInputError, match=r"no room on the disk.*TMPDIR"):
        open_input(put(tmp_path, gzip.compress(b"x")))


def test_an_input_that_cannot_be_opened_names_its_path(tmp_path: Path) -> None:
    """A folder in a file's place is an error with the path."""
    with pytest.raises(UnreadableInputError, match=str(tmp_path)):
        open_input(tmp_path)


def test_plain_bytes_are_mapped_and_empty_ones_are_empty(tmp_path: Path) -> None:
    """A plain file is not copied; an empty one is no error here."""
    with open_input(put(tmp_path, RAW)) as source:
        assert not source.data.flags.owndata
        assert source.fileno() > 0
    with pytest.raises(ValueError, match="closed"):
        source.fileno()
    assert opened(put(tmp_path, b""))[0] == b""


@settings(max_examples=60)
@given(
    packing=st.sampled_from(sorted(PACKERS)),
    data=st.binary(max_size=3000),
    damage=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=4),
)
def test_a_damaged_archive_never_raises(
    packing: str, data: bytes, damage: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever bytes are changed, opening gives bytes or problems; undamaged, it gives the data."""
    packed = bytearray(PACKERS[packing](data))
    for at, value in damage:
        packed[at % len(packed)] = value
    out, source = opened(put(tmp_path_factory.mktemp("in"), bytes(packed)))
    if bytes(packed) == PACKERS[packing](data):
        assert out == data
        assert not source.problems


@pytest.mark.parametrize("name", PACKERS)
def test_decompressing_leaves_room_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A small file that becomes a large one fills no disk on which the ledger has to go on: it stops before."""
    path, disk = put(tmp_path, PACKERS[name](b"\0" * 5_000_000)), os.statvfs(tmp_path)
    monkeypatch.setattr(inputs, "CHECK", 1_000_000)
    nearly_full = os.statvfs_result((disk[0], disk[1], disk[2], disk[3], disk[2] // 21, *disk[5:10]))
    with monkeypatch.context() as full:
        full.setattr(os, "statvfs", lambda _: nearly_full)
        full.setattr(inputs, "KEEP_FREE", 2**62)
        with pytest.raises(UnreadableInputError, match="no room"):
            open_input(path)
    assert len(opened(path)[0]) == 5_000_000
