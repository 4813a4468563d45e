"""Large files of intelligence are read in a process of their own, ahead of the one that writes what is in them.

Reading, normalising and hashing take as long as writing, and Python does one thing at a time in a process. What comes
from outside is also best met by a process that has no key, no database and no secret.

The process is given the file on its standard input and answers with frames on its standard output: the length in four
bytes, and MessagePack. The first frame says the format or why there is none; each other one holds some items; an empty
one ends it.
"""

import gc
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from fcntl import F_SETPIPE_SZ, fcntl
from itertools import islice
from operator import length_hint
from queue import Queue
from threading import Thread
from typing import IO, Any, Final

import msgspec

from hanse.intel.facts import Facts
from hanse.intel.item import Heading
from hanse.intel.reading import Known, known
from hanse.intel.recognise import Counted, Marked, WrongMarking, items
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.markings import Marking
from hanse.kernel.strict_json import canonical

FROM_BYTES: Final = 1_000_000
"""Files of so many bytes are read ahead: a process starts in a quarter of a second, which reading 500,000 bytes takes."""
_SOME: Final = 500
"""Items of one frame: about as many bytes as a pipe holds at most."""
_FRAMES: Final = 10
"""Frames that are read ahead: twice a chunk of `hanse.intel.service`, some megabytes."""
_PIPE_BYTES: Final = 1 << 20
"""A frame goes into the pipe at once: else the thread that sends has to wait its turn for every 65,536 bytes. It is the
most that Linux gives whoever is not root."""
_WIDTH: Final = 4
_SETTINGS: Final = "HANSE_"
"""What the names of the node's own settings begin with: the process needs none of them."""


class _Asked(msgspec.Struct, array_like=True):
    """What to read as what; arguments of `hanse.intel.recognise.items`."""

    name: str
    chosen: Any
    batch: str


class _Opened(msgspec.Struct, array_like=True):
    """The format and about how many items there are, or why it was refused."""

    format: str
    refused: str
    about: int = 0


class _Piece(msgspec.Struct, array_like=True):
    """An item and what follows from it, or what was left out and why.

    Attributes:
        item: The item as canonical JSON, as its entry is to hold it; empty for words.
        marking: The place of its marking among all that were sent.
        facts: What is known of it.
        digest: What tells it from others.
        words: What was left out and why.
        wrong: Of how many things the words say that their marking is no marking; 0 for other words.
    """

    item: bytes
    marking: int = 0
    facts: Facts | None = None
    digest: str = ""
    words: str = ""
    wrong: int = 0


_heading = msgspec.json.Decoder(Heading)


class _Some(msgspec.Struct, array_like=True):
    """Some items, and the markings of them that were not sent before; or why the rest is refused."""

    markings: list[Any]
    pieces: list[_Piece]
    refused: str = ""


def items_ahead(data: bytes, name: str, chosen: Marking, batch: str) -> tuple[str, Iterator[Marked | str]]:
    """As `hanse.intel.recognise.items`, and read in a process beside where the file is large.

    The process ends with the last item, or when the iterator is closed.

    Raises:
        UsageError: It is none of the formats known here, or too large; the iterator raises it when the rest is
            refused, or the process did not live to the end of the file.
    """
    if len(data) < FROM_BYTES:
        return items(data, name, chosen, batch)
    process = _started(data, _Asked(name, chosen.as_json(), batch))
    with ExitStack() as stack:
        stack.callback(_ended, process)
        opened = msgspec.msgpack.decode(_frame(process, name), type=_Opened)
        if opened.refused:
            raise UsageError(opened.refused)
        stack.pop_all()  # from here on whoever takes the items ends it
    return opened.format, Counted(_received(process, name), opened.about)


def _started(data: bytes, asked: _Asked) -> "subprocess.Popen[bytes]":
    """The process, with the file in memory that it alone shares: nothing of it is ever on a disk."""
    told = msgspec.msgpack.encode(asked)
    held = os.memfd_create("hanse-reading")
    try:
        with os.fdopen(os.dup(held), "wb") as file:
            file.write(len(told).to_bytes(_WIDTH, "little") + told)
            file.write(data)
        os.lseek(held, 0, os.SEEK_SET)
        process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=held,
            stdout=subprocess.PIPE,
            env={key: value for key, value in os.environ.items() if not key.startswith(_SETTINGS)},
        )
    finally:
        os.close(held)
    assert process.stdout  # noqa: S101 - it was started with one
    with suppress(OSError):  # more than the system gives this user: it is slower then, and as good
        fcntl(process.stdout, F_SETPIPE_SZ, _PIPE_BYTES)
    return process


def _received(process: "subprocess.Popen[bytes]", name: str) -> Generator[Marked | str]:
    """What the process has read."""
    decoder = msgspec.msgpack.Decoder(_Some)
    markings: list[Marking] = []
    try:
        while frame := _frame(process, name):
            some = decoder.decode(frame)
            if some.refused:
                raise UsageError(some.refused)
            markings += map(Marking.from_json, some.markings)
            for one in some.pieces:
                if one.facts is None:
                    yield WrongMarking(one.words, one.wrong) if one.wrong else one.words
                else:
                    item = _heading.decode(one.item)
                    worked_out = Known(item, one.facts, one.digest)
                    yield Marked(item, markings[one.marking], worked_out, one.item)
    finally:
        _ended(process)


def _frame(process: "subprocess.Popen[bytes]", name: str) -> bytes:
    """The next frame.

    Raises:
        UsageError: The process ended before its last one.
    """
    assert process.stdout  # noqa: S101 - it was started with one
    head = process.stdout.read(_WIDTH)
    length = int.from_bytes(head, "little")
    frame = process.stdout.read(length)
    if len(head) < _WIDTH or len(frame) < length:
        raise UsageError(
            f"{name}: the process that read it ended too early (exit code {process.wait()}). Memory may have been "
            "short: bring it in parts. What came until then is here."
        )
    return frame


def _ended(process: "subprocess.Popen[bytes]") -> None:
    """See that the process is gone, whatever it was doing."""
    process.kill()
    assert process.stdout  # noqa: S101 - it was started with one
    process.stdout.close()
    process.wait()


def _read(source: IO[bytes], out: IO[bytes]) -> None:
    """Read what was handed over, and answer with frames."""
    told = source.read(int.from_bytes(source.read(_WIDTH), "little"))
    asked = msgspec.msgpack.decode(told, type=_Asked)
    try:
        kind, stream = items(source.read(), asked.name, Marking.from_json(asked.chosen), asked.batch)
    except UsageError as error:
        _send(_encode(_Opened("", str(error))), out)
        return
    _send(_encode(_Opened(kind, "", length_hint(stream))), out)
    # Some frames wait here for whoever asked, who works at one chunk while the next is read: a pipe holds too little.
    waiting: Queue[bytes] = Queue(_FRAMES)
    sender = Thread(target=_send_all, args=(waiting, out), daemon=True)  # whatever fails, the process ends
    sender.start()
    numbers: dict[Marking, int] = {}
    try:
        while some := list(islice(stream, _SOME)):
            waiting.put(_encode(_some(some, numbers)))
    except HanseError as error:  # a list is looked at only when its first row is asked for
        waiting.put(_encode(_Some([], [], str(error))))
    waiting.put(b"")
    sender.join()


def _send_all(waiting: "Queue[bytes]", out: IO[bytes]) -> None:
    """Send what waits, the empty frame last; when nobody reads any more, the process ends."""
    try:
        while True:
            frame = waiting.get()
            _send(frame, out)
            if not frame:
                return
    except OSError:
        os._exit(1)


def _some(told: list[Marked | str], numbers: dict[Marking, int]) -> _Some:
    """A frame of items; `numbers` are those of the markings that were sent before, and grow."""
    sent = len(numbers)
    pieces = []
    for one in told:
        if isinstance(one, str):
            wrong = one.items if isinstance(one, WrongMarking) else 0
            pieces.append(_Piece(b"", words=str(one), wrong=wrong))
        else:
            number = numbers.setdefault(one.marking, len(numbers))
            item, facts, digest = known(one.whole)
            pieces.append(_Piece(canonical(item), number, facts, digest))
    return _Some([marking.as_json() for marking in list(numbers)[sent:]], pieces)


def _encode(frame: msgspec.Struct) -> bytes:
    return msgspec.msgpack.encode(frame)


def _send(frame: bytes, out: IO[bytes]) -> None:
    """Write a frame, part by part where the pipe takes it in parts.

    It does when the process is stopped and goes on meanwhile (Ctrl-Z in a shell, a container that is paused), and with
    PYTHONUNBUFFERED set nobody but the caller minds the rest.
    """
    left = memoryview(len(frame).to_bytes(_WIDTH, "little") + frame)
    while left:
        left = left[out.write(left) :]


if __name__ == "__main__":
    gc.disable()  # it makes millions of small things, none of them in a circle, and ends
    _read(sys.stdin.buffer, os.fdopen(sys.stdout.fileno(), "wb", buffering=0, closefd=False))
