"""Files that are read in a process beside: the same comes of them, and nothing is left of the process."""

import json
import os
import signal
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hanse.intel import reading_ahead
from hanse.intel.reading import Known, known
from hanse.intel.reading_ahead import items_ahead
from hanse.intel.recognise import Marked, items
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.kernel.strict_json import canonical
from tests.intel import stix_corpus
from tests.intel.test_lists import FINGERPRINT
from tests.intel.test_misp import EVENT

RED = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
CHOSEN = Marking(originators=frozenset({"EE-CERT"}), tlp=Tlp.AMBER)
MANY = [
    stix_corpus.sdo("tool", number, name=f"Tool {number}", description="word " * 60)
    for number in range(2_000)
]
FILES = {
    "stix": stix_corpus.bundle(
        *(raw for raw, _ in stix_corpus.OBJECTS.values()),
        *(one for some in stix_corpus.AWKWARD.values() for one in some),
        {"type": "tool", "id": 7},
        {**stix_corpus.sdo("tool", 900, name="Red"), "object_marking_refs": [RED]},
        {**stix_corpus.sdo("tool", 901, name="Strange"), "object_marking_refs": [f"marking-definition--{stix_corpus.uid(5)}"]},
        big=2**63 - 1,
    ),
    "misp": json.dumps({"Event": EVENT}).encode(),
    "csv": b"value,type,tlp\n8.8.8.8,address,red\nxn--bcher-kva.example,domain,green\nnot one,iban,\n8.8.4.4,,rde\n",
    "ddosdb": json.dumps(FINGERPRINT).encode(),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _all_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is read in a process beside, however small."""
    monkeypatch.setattr(reading_ahead, "FROM_BYTES", 0)


def below() -> list[int]:
    """Processes that this one started and that are there still."""
    mine = f"PPid:\t{os.getpid()}\n"
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if mine in status.read_text() and b"reading_ahead" in (status.parent / "cmdline").read_bytes():
                found.append(int(status.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _whole(one: Marked) -> Marked:
    """What was read ahead, with the item itself in place of its heading."""
    assert one.known is not None
    return Marked(one.whole, one.marking, Known(one.whole, *one.known[1:]), one.encoded)


@pytest.mark.parametrize("name", FILES)
def test_the_same_comes_of_a_file(name: str) -> None:
    """Items, markings, words and what follows from each item are those of reading it here; bodies are as if made here."""
    kind, stream = items_ahead(FILES[name], f"a {name} file", CHOSEN, "b1")
    here, plain = items(FILES[name], f"a {name} file", CHOSEN, "b1")
    assert kind == here == name
    wanted = [
        one if isinstance(one, str) else Marked(*one[:2], known(one.whole), canonical(one.item))
        for one in plain
    ]
    assert any(isinstance(one, Marked) for one in wanted)
    assert [one if isinstance(one, str) else _whole(one) for one in stream] == wanted
    assert below() == []


def test_a_file_that_is_none_is_refused_in_the_same_words() -> None:
    """What is no format known here is told as it is without a process beside."""
    data = b'{"type": "bundle", "id": "bundle--1", "objects": [1, 2'
    with pytest.raises(UsageError) as told:
        items(data, "half.json", CHOSEN, "")
    with pytest.raises(UsageError) as ahead:
        items_ahead(data, "half.json", CHOSEN, "")
    assert str(ahead.value) == str(told.value)
    assert below() == []


@pytest.mark.parametrize(
    "data", [b"value,type\n8.8.8.8,address\nM\xe4rz,name\n", b"value,value\n8.8.8.8,8.8.4.4\n"]
)
def test_a_list_that_is_refused_when_it_is_looked_at_is_told_in_the_same_words(data: bytes) -> None:
    """A list is opened with its first row: what is wrong with it comes through, and nobody waits for the rest."""
    with pytest.raises(UsageError) as told:
        list(items(data, "list.csv", CHOSEN, "")[1])
    with pytest.raises(UsageError) as ahead:
        list(items_ahead(data, "list.csv", CHOSEN, "")[1])
    assert str(ahead.value) == str(told.value)
    assert below() == []


def test_a_mistake_while_reading_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw is raised, with no end that would make a whole file of what came until then."""

    def broken(*_: object) -> tuple[str, Iterator[Any]]:
        def stream() -> Iterator[Any]:
            yield "a word"
            raise ZeroDivisionError

        return "stix", stream()

    monkeypatch.setattr(reading_ahead, "items", broken)
    asked = msgspec.msgpack.encode(["a.json", CHOSEN.as_json(), ""])
    out = BytesIO()
    with pytest.raises(ZeroDivisionError):
        reading_ahead._read(BytesIO(len(asked).to_bytes(4, "little") + asked), out)
    assert not out.getvalue().endswith(bytes(4))


def begun(data: bytes) -> tuple[int, Iterator[Any]]:
    """The process that reads a file whose first item has come, and the rest of its items."""
    _, stream = items_ahead(data, "many.json", CHOSEN, "")
    assert isinstance(next(stream), Marked)
    (process,) = below()
    return process, stream


def test_a_process_that_dies_is_told_and_what_came_is_kept() -> None:
    """A file that is not read to its end says so; it is never taken for a shorter one."""
    process, stream = begun(stix_corpus.bundle(*MANY))
    os.kill(process, signal.SIGKILL)
    came = []
    with pytest.raises(
        UsageError, match=r"many\.json: the process that read it ended too early \(exit code -9\)"
    ):
        came.extend(iter(stream))
    assert len(came) < len(MANY) - 1
    assert below() == []


def _ticks(process: int) -> int:
    """Processor time that a process has had."""
    told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(told[11]) + int(told[12])


def test_a_process_that_is_stopped_and_goes_on_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe then takes a frame in parts, as after Ctrl-Z in a shell or a paused container; unbuffered output too."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    many = [stix_corpus.sdo("tool", at, name=f"Tool {at}", description="word " * 200) for at in range(4_000)]
    process, stream = begun(stix_corpus.bundle(*many))
    worked, before = _ticks(process), -1
    while worked != before:  # until its frames wait for room in the pipe
        time.sleep(0.3)
        worked, before = _ticks(process), worked
    os.kill(process, signal.SIGSTOP)
    time.sleep(0.05)
    os.kill(process, signal.SIGCONT)
    assert sum(isinstance(one, Marked) for one in stream) == len(many) - 1


def test_whoever_wants_no_more_ends_the_process() -> None:
    """A reader that stops half way leaves no process behind."""
    process, stream = begun(stix_corpus.bundle(*MANY))
    stream.close()  # type: ignore[attr-defined]
    assert below() == []
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_the_process_is_given_nothing_of_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads files from outside knows neither where the node is nor how its keys are opened."""
    monkeypatch.setenv("HANSE_PASSPHRASE_FILE", "/nowhere")
    process, stream = begun(stix_corpus.bundle(*MANY))
    assert b"HANSE_" not in Path(f"/proc/{process}/environ").read_bytes()
    stream.close()  # type: ignore[attr-defined]
