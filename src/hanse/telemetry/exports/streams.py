"""Who exports: one stream per exporter, protocol version and domain, with what is known of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hanse.telemetry.exports.sampling import Facts
from hanse.telemetry.exports.sequence import Table, fresh
from hanse.telemetry.exports.templates import Template

MAX_STREAMS = 65_536
"""Streams remembered; when there are more, the one not heard for the longest is forgotten."""
WAITING_BYTES = 4 << 20
"""Data sets kept per exporter until their template comes: 4 MiB, some 70,000 flows. Exporters
repeat templates within seconds to minutes."""
TEMPLATE_BYTES = 1 << 20
"""Templates kept per exporter, by the octets that describe them: about 3,000 templates."""
OVERHEAD = 200
"""Octets counted for keeping a data set or a template, beside its content."""
ALL_WAITING_BYTES = 128 << 20
ALL_TEMPLATE_BYTES = 16 << 20
"""The same of all exporters together: a sender's address is easily forged. Beyond it, who was not heard for the longest is
forgotten, as of too many streams."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A data set without a template: its records, and what its datagram said."""

    data: bytes
    export_us: int
    uptime_ms: int


@dataclass(slots=True)
class Held:
    """How much is remembered, of one exporter or of all."""

    waiting_bytes: int = 0
    template_bytes: int = 0


@dataclass(slots=True)
class Exporter(Held):
    """What all streams of one address share: how much they make us remember."""

    streams: int = 0


@dataclass(slots=True, eq=False)
class Stream:
    """One exporter's one domain in one version.

    Attributes:
        address: 16 bytes; all zero where the sender is unknown.
        version: 5, 9, 10, or `scan.SFLOW`.
        domain: v5 engine, v9 source id, IPFIX observation domain, sFlow sub-agent.
        row: Its row in `Streams.states`.
        exporter: Shared with the address's other streams.
        all: Shared with all streams.
        templates: What is in force, by template id.
        sizes: Octets that each of them took.
        waiting: Data sets by the template id that they wait for.
        facts: What options data told.
        history: During a batch: facts and the set from which they hold; empty where nothing changed.
        forgotten: Whether it made room for others, which can happen while its batch is read: it takes in nothing more, for
            nobody would ever forget that again.
    """

    address: bytes
    version: int
    domain: int
    row: int
    exporter: Exporter
    all: Held
    templates: dict[int, Template] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    waiting: dict[int, list[Waiting]] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    history: list[tuple[int, Facts]] = field(default_factory=list)
    forgotten: bool = False

    def keep(self, number: int, waiting: Waiting) -> bool:
        """Keep a data set for later; False where the exporter's room is used up."""
        size = len(waiting.data) + OVERHEAD
        if self.forgotten:
            return False
        if self.exporter.waiting_bytes + size > WAITING_BYTES:
            return False
        self.exporter.waiting_bytes += size
        self.all.waiting_bytes += size
        self.waiting.setdefault(number, []).append(waiting)
        return True

    def release(self, number: int) -> list[Waiting]:
        """The data sets that waited for a template, which they then do no more."""
        found = self.waiting.pop(number, [])
        size = sum(len(one.data) + OVERHEAD for one in found)
        self.exporter.waiting_bytes -= size
        self.all.waiting_bytes -= size
        return found

    def define(self, number: int, template: Template) -> bool:
        """Put a template in force; False where the exporter's room is used up."""
        self.withdraw(number)
        size = template.described + OVERHEAD
        if self.forgotten:
            return False
        if self.exporter.template_bytes + size > TEMPLATE_BYTES:
            return False
        if self.all.template_bytes + size > 2 * ALL_TEMPLATE_BYTES:  # within one batch nobody is forgotten
            return False
        self.exporter.template_bytes += size
        self.all.template_bytes += size
        self.templates[number], self.sizes[number] = template, size
        return True

    def withdraw(self, number: int) -> None:
        """Forget a template."""
        self.templates.pop(number, None)
        size = self.sizes.pop(number, 0)
        self.exporter.template_bytes -= size
        self.all.template_bytes -= size


class Streams:
    """All streams, and the state of their sequence numbers.

    Attributes:
        states: Sequence states, an array of `sequence.STATE`, by `Stream.row`.
        all: How much is remembered of all exporters together.
        forgotten_sets: Data sets that waited in streams that were forgotten.
    """

    def __init__(self) -> None:
        self.states: Table = fresh(16)
        self.all = Held()
        self.forgotten_sets = 0
        self._streams: dict[tuple[bytes, int, int], Stream] = {}
        self._exporters: dict[bytes, Exporter] = {}
        self._free: list[int] = list(range(16))

    def __iter__(self) -> Iterator[Stream]:
        """All of them, the one not heard for the longest first."""
        return iter(self._streams.values())

    def find(self, address: bytes, version: int, domain: int) -> Stream | None:
        """A stream if there is one; it does not count as heard."""
        return self._streams.get((address, version, domain))

    def get(self, address: bytes, version: int, domain: int) -> Stream:
        """The stream, new where it was never heard."""
        key = (address, version, domain)
        stream = self._streams.pop(key, None)
        if stream is None:
            if len(self._streams) >= MAX_STREAMS:
                self._forget()
            exporter = self._exporters.setdefault(address, Exporter())
            exporter.streams += 1
            stream = Stream(*key, self._row(), exporter, self.all)
        self._streams[key] = stream
        return stream

    def _row(self) -> int:
        if not self._free:
            size = len(self.states)
            self.states = np.concatenate([self.states, fresh(size)])
            self._free = list(range(2 * size - 1, size - 1, -1))
        row = self._free.pop()
        self.states[row : row + 1] = fresh(1)
        return row

    def _make_room(self) -> None:
        """Forget who was not heard for the longest while all of them together hold too much; between batches alone."""
        while self._streams and (
            self.all.waiting_bytes > ALL_WAITING_BYTES or self.all.template_bytes > ALL_TEMPLATE_BYTES
        ):
            self._forget()

    def _forget(self) -> None:
        stream = self._streams.pop(next(iter(self._streams)))
        stream.forgotten = True
        self._free.append(stream.row)
        for number in list(stream.waiting):
            self.forgotten_sets += len(stream.release(number))
        for number in list(stream.templates):
            stream.withdraw(number)
        stream.exporter.streams -= 1
        if not stream.exporter.streams:
            del self._exporters[stream.address]

    def of_datagrams(
        self, senders: npt.NDArray[np.uint8], versions: npt.NDArray[np.int64], domains: npt.NDArray[np.int64]
    ) -> tuple[list[Stream], npt.NDArray[np.int64]]:
        """The streams of datagrams, and which of them each datagram belongs to."""
        self._make_room()
        keys = np.empty((len(senders), 3), np.uint64)
        keys[:, :2] = np.ascontiguousarray(senders).view(np.uint64)
        keys[:, 2] = (versions << 32) | domains
        if not len(keys):
            return [], np.empty(0, np.int64)
        # Neighbours are mostly of one stream: only where it changes is anything looked up.
        starts = np.flatnonzero(np.r_[True, (keys[1:] != keys[:-1]).any(axis=1)])
        found: dict[bytes, int] = {}
        streams: list[Stream] = []
        index = np.empty(len(starts), np.int64)
        for number, row in enumerate(starts.tolist()):
            key = keys[row].tobytes()
            if key not in found:
                found[key] = len(streams)
                streams.append(self.get(senders[row].tobytes(), int(versions[row]), int(domains[row])))
            index[number] = found[key]
        return streams, np.repeat(index, np.diff(np.r_[starts, len(keys)]))
