"""Captures of either kind as chunks of dissected packets, and what to tell of those that fail."""

import secrets
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from hanse.telemetry.packets import dissection
from hanse.telemetry.packets.dissection import PACKET, dissect
from hanse.telemetry.packets.frames import CHUNK_FRAMES, Bytes, Records, as_bytes
from hanse.telemetry.packets.pcap import MAGICS, pcap_frames
from hanse.telemetry.packets.pcapng import SECTION_MAGIC, pcapng_frames
from hanse.telemetry.reading import InputReport

MAX_NAMED_LINKS = 8
WORDS = {
    dissection.OK: ("", None, "", False),
    dissection.NOT_IP: ("", None, "", False),
    dissection.CUT: (
        "end before their IP header does and were left out",
        None,
        "Capture with a larger snap length.",
        False,
    ),
    dissection.BAD_IHL: ("have an IPv4 header shorter than 20 octets and were left out", "IHL", "", False),
    dissection.BAD_LENGTH: (
        "have an IPv4 total length shorter than their header and were left out",
        "total length",
        "",
        False,
    ),
    dissection.BAD_VERSION: (
        "say to be IP but have another version and were left out",
        "IP version",
        "",
        False,
    ),
    dissection.NO_INTERFACE: (
        "name an interface that their section never described and were left out",
        "interface id",
        "The file is damaged or was cut at its start.",
        True,
    ),
    dissection.UNKNOWN_LINK: (
        "have a link type that is not known ({links}) and were left out",
        "link type",
        "Known are Ethernet, Linux cooked, raw IP and loopback; convert the capture to one of them.",
        True,
    ),
}


def recognise(head: bytes) -> bool:
    """Whether a file that begins with these bytes (12 are enough) is a pcap or pcapng capture."""
    magic = head[:4]
    classic = {number.to_bytes(4, order) for number in MAGICS for order in ("big", "little")}
    orders = {b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"}
    return magic in classic or (magic == SECTION_MAGIC and head[8:12] in orders)


def frames_of(data: Bytes, report: InputReport) -> Iterator[Records]:
    """Frames (arrays of `FRAME`) of a capture; a chunk is overwritten by the next one."""
    is_ng = data[:4].tobytes() == SECTION_MAGIC
    return pcapng_frames(data, report) if is_ng else pcap_frames(data, report)


class Packets:
    """Frames of a capture with their dissection, and the account of what could not be dissected.

    Args:
        data: The whole file.
        report: Told of everything wrong, and of the format.

    Attributes:
        read: Packets read so far.
        skipped: Those of them that are not IP, or not readable.
    """

    def __init__(self, data: npt.NDArray[np.uint8], report: InputReport) -> None:
        self.data = as_bytes(data)
        self.read = 0
        self.skipped = 0
        self._report = report
        self._counts = np.zeros(len(WORDS), np.int64)
        self._firsts = np.zeros(len(WORDS), np.int64)
        self._links: set[int] = set()
        self._seed = np.uint64(secrets.randbits(64))

    def __iter__(self) -> Iterator[tuple[Records, Records]]:
        """Frames and rows (`PACKET`) of each chunk; both are overwritten by the next one."""
        rows = np.zeros(CHUNK_FRAMES, PACKET)
        for frames in frames_of(self.data, self._report):
            some = rows[: len(frames)]
            if dissect(self.data, frames, some, self._seed):
                self._note(frames, some["fault"])
            self.read += len(frames)
            yield frames, some
            if len(frames):
                self._report.passed(int(frames["offset"][-1]))
        self._tell()

    def _note(self, frames: Records, faults: npt.NDArray[np.uint8]) -> None:
        self.skipped += int(np.count_nonzero(faults))
        for fault in np.unique(faults[faults > 0]):
            which = faults == fault
            if not self._counts[fault]:
                self._firsts[fault] = frames["offset"][which.argmax()]
            self._counts[fault] += np.count_nonzero(which)
            if fault == dissection.UNKNOWN_LINK and len(self._links) < MAX_NAMED_LINKS:
                self._links.update(np.unique(frames["link"][which]).tolist())

    def _tell(self) -> None:
        for fault, (what, name, do, fatal) in WORDS.items():
            count = int(self._counts[fault])
            if count and what:
                links = ", ".join(str(link) for link in sorted(self._links)[:MAX_NAMED_LINKS])
                words = f"{count} packets {what.format(links=links)}"
                self._report.add(words, offset=int(self._firsts[fault]), field=name, do=do, fatal=fatal)
