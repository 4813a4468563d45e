"""A folder that others write to: what they change, exchange or put there holds up nothing, and is read as it was or not at all."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copyfile, rmtree

import pytest

from hanse import jobs_wiring
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.node.working import Chore, _again
from hanse.telemetry import read, reading_in, service
from hanse.telemetry.input_files import files_below, opened
from hanse.telemetry.inputs import ChangedError, open_input
from hanse.telemetry.models import Input, Partition
from hanse.web import jobs
from hanse.web.models import Job, State
from tests.node.test_jobs_wiring import Told, flood

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]
DEEP = 1_500
"""Folders in each other: more than Python lets a function call itself."""
CSV = "start,end,src,dst,protocol,packets,bytes\n"


@pytest.fixture
def mari(actor: People) -> Actor:
    """An analyst."""
    jobs_wiring.register()
    return actor("analyst")


@pytest.fixture
def folder(mari: Actor, tmp_path: Path, node_home: Path) -> Iterator[Path]:
    """A watched folder."""
    made = tmp_path / "watched"
    made.mkdir()
    service.watch(made, mari)
    yield made
    rmtree(service.flows_folder(), ignore_errors=True)


def rested(folder: Path) -> None:
    """As if nobody had written to its files for long."""
    for file in files_below(folder):
        os.utime(file, (1, 1))


def test_an_empty_or_lost_folder_holds_up_no_other(folder: Path, mari: Actor, tmp_path: Path) -> None:
    """Nothing in one, or one that was taken away, and the files of the others are found all the same."""
    for name in ("a-empty", "b-lost"):
        (tmp_path / name).mkdir()
        service.watch(tmp_path / name, mari)
    (tmp_path / "b-lost").rmdir()
    own = folder / flood(folder)
    rested(folder)
    assert service.new_files() == [own]


def test_what_cannot_be_read_holds_up_no_other(
    folder: Path, mari: Actor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A file without permission, a pipe, one of holes and one dated in the future: what is readable is found, the rest named."""
    own, barred, huge = folder / flood(folder), folder / "barred.pcap", folder / "holes.pcap"
    barred.write_bytes(b"x")
    with huge.open("wb") as file:
        file.truncate(service.LARGEST_BYTES + 1)
    os.mkfifo(folder / "pipe.pcap")
    rested(folder)
    real = service.sha256_of

    def sha256_of(path: Path, *more: object) -> str:
        if path == barred:
            raise PermissionError(13, "Permission denied")
        return real(path, *more)

    monkeypatch.setattr(service, "sha256_of", sha256_of)
    for _ in range(2):
        assert service.new_files() == [own]
    assert caplog.text.count("barred.pcap in a watched folder is not read in: Permission denied") == 1
    assert caplog.text.count("holes.pcap") == 1
    os.utime(own, (2**33, 2**33))
    monkeypatch.setattr(service, "QUIET_US", -1_000_000)
    assert service.new_files() == [own]


def test_links_that_lead_nowhere_hold_up_no_file(folder: Path, mari: Actor) -> None:
    """One in a circle and one to what is not there, also where it was a file a moment ago: all else is found and read."""
    own = folder / flood(folder)
    rested(folder)
    (folder / "circle.pcap").symlink_to("circle.pcap")
    (folder / "nowhere.pcap").symlink_to("/nowhere/at/all")
    assert service.new_files() == [own]
    jobs_wiring.watch({"paths": [str(folder / "circle.pcap"), str(own)]}, Told(), mari)
    assert [row.name for row in Input.projected.all()] == [own.name]


def test_what_grows_while_it_is_read_is_left_for_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Somebody who writes as fast as the node reads keeps it from nothing: neither the hash nor the copy goes on for ever."""
    one = folder / "growing.csv"
    one.write_text("x" * 8)
    real = os.fstat

    def sized(file: int) -> os.stat_result:
        told = real(file)
        with one.open("ab") as more:
            more.write(b"more")
        return told

    monkeypatch.setattr(os, "fstat", sized)
    with pytest.raises(OSError, match="somebody writes to it"):
        service.sha256_of(one)
    with pytest.raises(ChangedError, match="changed while it was being read in"):
        open_input(one, scratch=tmp_path, sha256="0" * 64)


def test_nothing_is_remembered_of_files_that_are_gone(folder: Path, mari: Actor) -> None:
    """A program that puts a file there every minute for years does not fill the worker's memory."""
    own, huge = folder / flood(folder), folder / "holes.pcap"
    with huge.open("wb") as file:
        file.truncate(service.LARGEST_BYTES + 1)
    rested(folder)
    for _ in range(2):
        assert service.new_files() == [own]
        assert (set(service._hashes), set(service._said)) == ({str(own)}, {str(huge)})
    own.unlink()
    huge.unlink()
    assert service.new_files() == []
    assert not service._hashes
    assert not service._said


def test_another_content_of_the_same_date_is_found(folder: Path, mari: Actor) -> None:
    """Who sets back when a file was changed has not hidden what is in it now."""
    one = folder / "a.csv"
    one.write_text("one")
    rested(folder)
    before = service._hash_at_rest(one)
    one.write_text("two")
    os.utime(one, (1, 1))
    assert service._hash_at_rest(one) != before


def test_what_is_changed_after_it_was_found_is_not_read(
    folder: Path, mari: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hash would not be that of what was read: no flow and no account of it is stored, the others are, and it comes again."""
    own, changed = folder / flood(folder), folder / "changed.csv"
    changed.write_text(CSV + "1,2,192.0.2.1,192.0.2.2,17,1,100\n")
    rested(folder)
    found = [str(path) for path in service.new_files()]
    real = read.open_input

    def open_changed(path: Path, *more: object):
        if path == changed:
            changed.write_text(CSV + "1,2,192.0.2.66,192.0.2.2,17,1,100\n")
        return real(path, *more)

    monkeypatch.setattr(read, "open_input", open_changed)
    came = reading_in.read_in(found, mari, within=[str(folder)])
    told = {one.path: one for one in came.inputs}
    assert not told["changed.csv"].whole
    assert "changed while it was being read in" in str(told["changed.csv"].problems[0])
    assert told[own.name].whole
    assert [row.name for row in Input.projected.all()] == [own.name]
    assert Partition.projected.exists()
    monkeypatch.undo()
    rested(folder)
    assert service.new_files() == [changed]


def test_what_is_cut_short_ends_no_process(tmp_path: Path) -> None:
    """What is read is a copy: the file itself, mapped, would end the process once somebody cuts it (SIGBUS)."""
    one = tmp_path / "a.csv"
    one.write_bytes(b"x" * 100_000)
    with open_input(one, sha256=service.sha256_of(one)) as source:
        os.truncate(one, 0)
        assert bytes(source.data[-4:]) == b"xxxx"
    with pytest.raises(ChangedError):
        open_input(one, sha256="0" * 64)


def test_what_is_exchanged_for_a_link_or_a_pipe_is_not_read(
    folder: Path, mari: Actor, tmp_path: Path
) -> None:
    """Between being found and being opened: the rest of its job is read, and nothing waits for a pipe's writer."""
    secret = tmp_path / flood(tmp_path)
    own, link, pipe, gone = (folder / name for name in ("a.csv", "b.pcap", "c.pcap", "d.pcap"))
    own.write_text(CSV + "1,2,192.0.2.1,192.0.2.2,17,1,100\n")
    link.symlink_to(secret)
    os.mkfifo(pipe)
    paths = [str(one) for one in (own, link, pipe, gone)]
    came = reading_in.read_in(paths, mari, within=[str(folder)])
    assert {one.path: one.whole for one in came.inputs} == {
        "a.csv": True, "b.pcap": False, "c.pcap": False, "d.pcap": False,
    }  # fmt: skip
    assert [row.name for row in Input.projected.all()] == ["a.csv"]
    with pytest.raises(OSError, match="no watched folder"):
        opened(link, [str(folder)])
    jobs_wiring.watch({"paths": paths}, Told(), mari)


def test_a_name_that_is_no_text_is_read_and_told(folder: Path, mari: Actor) -> None:
    """Bytes that are no UTF-8, and line ends, in a file's name: its flows are stored, and its account is one line."""
    named = Path(os.fsdecode(os.fsencode(folder) + b"/\xff\n.pcap"))
    (folder / flood(folder)).rename(named)
    rested(folder)
    assert jobs_wiring.look(mari)
    jobs.run.call(str(Job.objects.get().pk))
    job = Job.objects.get()
    assert (job.state, job.error) == (State.DONE, None)
    assert Input.projected.get().name == r"\udcff\n.pcap"
    assert Partition.projected.exists()
    service.watch(folder, mari, on=False)
    job = jobs.start("watch", "t", {"paths": [str(named)]}, mari)
    jobs.run.call(str(job.pk))
    job.refresh_from_db()
    assert (job.state, r"\udcff\n.pcap lies in no watched folder" in job.error) == (State.FAILED, True)


def test_the_same_bytes_twice_are_read_once(folder: Path, mari: Actor) -> None:
    """A copy beside a file makes no attack twice as large; both have their account."""
    copyfile(folder / flood(folder), folder / "copy.parquet")
    came = reading_in.read_in([str(folder)], mari)
    assert sum(row.rows for row in Partition.projected.all()) == next(iter(came.inputs)).flows
    assert len(came.inputs) == 2
    assert came.again == 1
    assert Input.projected.count() == 1


def test_however_deep_folders_lie_they_are_looked_through(tmp_path: Path) -> None:
    """More folders in each other than Python calls functions; what lies beside them is found in order."""
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(DEEP):
        os.mkdir("d", dir_fd=here)
        here = _into("d", here)
    for name in ("d/b.csv", "d/a.csv", "e.csv", ".hidden"):
        (tmp_path / name).write_text("x")
    try:
        found = [str(one.relative_to(tmp_path)) for one in files_below(tmp_path)]
        assert found == ["e.csv", "d/a.csv", "d/b.csv"]
    finally:  # what removes temporary folders afterwards calls itself for each
        (tmp_path / "d/b.csv").unlink()
        (tmp_path / "d/a.csv").unlink()
        for _ in range(DEEP):
            here = _into("..", here)
            os.rmdir("d", dir_fd=here)
        os.close(here)


def _into(name: str, here: int) -> int:
    """Go on from one open folder to another."""
    there = os.open(name, os.O_RDONLY, dir_fd=here)
    os.close(here)
    return there


def test_whatever_a_chore_meets_it_is_done_again() -> None:
    """A mistake of the program in one chore does not end it until the node is started anew."""
    stop, done = threading.Event(), []

    def do() -> None:
        done.append(1)
        if len(done) == 1:
            raise RecursionError
        stop.set()

    _again(Chore("folders", 0.001, do), stop)
    assert len(done) == 2


def test_nothing_left_of_a_job_says_so(folder: Path, mari: Actor) -> None:
    """Where all its files are gone, the job ends in words."""
    with pytest.raises(UsageError, match="cannot be opened"):
        jobs_wiring.watch({"paths": [str(folder / "gone.pcap")]}, Told(), mari)
