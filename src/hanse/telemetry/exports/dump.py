"""Raw dumps: export datagrams back to back in a file, with nothing between them.

Nothing in such a file says where a datagram ends; each protocol is asked in its own way:

- NetFlow v5: 24 octets of header and 48 for each record that the header counts.
- IPFIX: the length field of the message.
- sFlow v5: the header's number of samples, each with its length.
- NetFlow v9 has no length. Its sets are walked until what follows cannot be a set: the first word of
  a set is 0, 1 or 256 and above, while a datagram starts with 5, 9 or 10, or with 0 and a length of 5
  that no set may have (lengths of sets from 4 on are multiples of four in practice). What is
  ambiguous: octets of padding behind the last set, which some exporters send, cannot be told from a
  damaged file, and reading stops there with an error.

Senders are unknown in a dump: NetFlow flows have no exporter, and equal source ids of different
routers are taken for one. sFlow names its agent itself.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.telemetry.exports.decoder import ExportDecoder
from hanse.telemetry.exports.scan import Bytes, Int, Ints
from hanse.telemetry.packets.compiled import kernel
from hanse.telemetry.packets.frames import as_bytes
from hanse.telemetry.reading import InputReport

DATAGRAMS = 4_096
"""Datagrams decoded at once: about 100,000 flows."""
MOST = 65_535
"""Octets in the largest UDP datagram."""


@kernel
def _be16(data: Bytes, at: Int) -> Int:
    return (np.int64(data[at]) << 8) | np.int64(data[at + 1])


@kernel
def _be32(data: Bytes, at: Int) -> Int:
    return (_be16(data, at) << 16) | _be16(data, at + 2)


@kernel
def _v9(data: Bytes, at: Int) -> Int:
    """Octets of a v9 datagram, by walking its sets; 0 where not even one fits."""
    begin = at
    at += 20
    while len(data) - at >= 4:
        number, length = _be16(data, at), _be16(data, at + 2)
        # Ids 2 to 255 are no sets; id 0 with length 5 is the start of an sFlow datagram.
        no_set = 2 <= number <= 255 or (number == 0 and length == 5)
        if no_set or length < 4 or at + length > len(data) or at + length - begin > MOST:
            break
        at += length
    return at - begin if at > begin + 20 else 0


@kernel
def _sflow(data: Bytes, at: Int) -> Int:
    """Octets of an sFlow datagram, by walking its samples; 0 where they do not fit."""
    begin = at
    if len(data) - at < 28:
        return 0
    kind = _be32(data, at + 4)
    at += 28 if kind == 1 else 40
    if kind not in (1, 2) or at > len(data):
        return 0
    left = _be32(data, at - 4)
    while left > 0:
        if len(data) - at < 8 or at - begin > MOST:
            return 0
        at += 8 + _be32(data, at + 4)
        left -= 1
    return at - begin if at <= len(data) else 0


@kernel
def _length(data: Bytes, at: Int) -> Int:
    """Octets of the datagram that starts here; 0 where none does."""
    left = len(data) - at
    if left < 16:
        return 0
    version, second = _be16(data, at), _be16(data, at + 2)
    length = np.int64(0)
    if version == 5 and second > 0:
        length = 24 + 48 * second
    elif version == 10 and second >= 16:
        length = second
    elif version == 9 and left >= 20:
        length = _v9(data, at)
    elif version == 0 and second == 5:
        length = _sflow(data, at)
    return length if length <= min(left, MOST) else np.int64(0)


@kernel
def _boundaries(data: Bytes, at: Int, offsets: Ints, lengths: npt.NDArray[np.int32]) -> tuple[Int, Int]:
    """Fill in the next datagrams; how many there were, and where the first one behind them starts."""
    count = 0
    while count < len(offsets):
        length = _length(data, at)
        if length == 0:
            break
        offsets[count], lengths[count] = at, length
        count += 1
        at += length
    return count, at


def recognise(head: bytes) -> bool:
    """Whether a file that starts with these octets is a dump of export datagrams.

    The version word alone would match too much: the first datagram must hold together, and where
    another follows within `head`, that one must start like one too. Give some 4 KiB or more; a first
    datagram longer than `head` is not recognised.
    """
    data = as_bytes(np.frombuffer(head, np.uint8))
    length = int(_length(data, 0))
    if length == 0:
        return False
    following = head[length : length + 4]
    if len(following) < 4:
        return True
    return following[:2] in {b"\0\5", b"\0\x09", b"\0\x0a"} or following == b"\0\0\0\5"


def read_dump(
    data: npt.NDArray[np.uint8], report: InputReport, vantage: str, received_us: int = 0
) -> Iterator[pa.RecordBatch]:
    """Flow batches of a raw dump.

    Args:
        data: The whole file.
        report: Told of its format and of problems, with byte offsets.
        vantage: Name of the vantage point for the flows.
        received_us: When the dump began, microseconds UTC, for sFlow, whose datagrams only tell the
            agent's uptime: flows are then as far apart as their datagrams were sent.
    """
    data = as_bytes(data)
    decoder = ExportDecoder(report, vantage)
    offsets, lengths = np.empty(DATAGRAMS, np.int64), np.empty(DATAGRAMS, np.int32)
    clock = _Clock(received_us, report)
    at = 0
    while at < len(data):
        count, after = (int(number) for number in _boundaries(data, at, offsets, lengths))
        if count:
            times = clock.times(data, offsets[:count])
            sender = np.zeros((count, 16), np.uint8)
            batch = decoder.decode(data, offsets[:count], lengths[:count], sender, times)
            if batch is not None:
                yield batch
        at = after
        report.passed(at)
        if count < DATAGRAMS and at < len(data):
            report.add(
                f"no export datagram starts here; the last {len(data) - at} bytes were not read.",
                offset=at,
                field="version",
                do="Give a capture (pcap) instead: it says where datagrams end.",
            )
            break
    report.format = "raw export datagrams"
    decoder.finish()


class _Clock:
    """Times of arrival for datagrams of a dump: its beginning, and the uptimes that sFlow tells."""

    def __init__(self, begin_us: int, report: InputReport) -> None:
        self._begin_us = begin_us
        self._report = report
        self._first_ms: int | None = None

    def times(self, data: Bytes, offsets: Ints) -> Ints:
        """When each datagram must have arrived, microseconds UTC, shape (n,)."""
        times = np.full(len(offsets), self._begin_us)
        sflow = np.flatnonzero((data[offsets + 1] == 0) & (data[offsets + 3] == 5))
        if not len(sflow):
            return times
        at = offsets[sflow] + np.where(data[offsets[sflow] + 7] == 1, 20, 32)
        words = data[at[:, None] + np.arange(4)].astype(np.int64)
        uptime = words @ np.array([1 << 24, 1 << 16, 1 << 8, 1])
        if self._first_ms is None:
            self._first_ms = int(uptime[0])
            if not self._begin_us:
                self._report.add(
                    "sFlow datagrams tell no time of day: times count from 1970-01-01 on.",
                    fatal=False,
                    do="Give a capture (pcap) instead, which has the times.",
                )
        times[sflow] += np.maximum(uptime - self._first_ms, 0) * 1000
        return times
