"""Who exports: one stream per exporter, protocol version and domain, with what is known of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hanse.telemetry.exports import receipt
from hanse.telemetry.exports.sampling import Facts
from hanse.telemetry.exports.scan import Bytes, Ints, gather
from hanse.telemetry.exports.sequence import Table, fresh
from hanse.telemetry.exports.templates import Template

MAX_STREAMS = 65_536
"""Streams remembered; when there are more, the one not heard for the longest is forgotten."""
SHARE = 64
"""The part of what all may take, one in so many, that no address loses for others: streams, templates, and data sets that
wait. Who has more makes room first, by what it was not heard of for the longest. So one sender, under however many domains,
pushes out itself and nobody else; it takes as many addresses to push out who has less. A router has some domains, and a
hundred templates."""
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
forgotten, as of too many streams: of those who hold more than their `SHARE`, where there are any."""

FLAPS = 3
FLAPS_US = 3_600_000_000
"""A template id that means something else for the third time within an hour. A router that is set up anew or starts again
changes each of its templates once; two devices under one address and domain, or somebody who sends in a router's name,
change them with every announcement, once a minute or so."""


@dataclass(slots=True)
class Waiting:
    """Data sets without a template: their records, and what their datagrams said; all arrays but `data` have shape (n,).

    They are kept together, as they came: one by one, a stranger's datagram full of tiny sets would cost more time than
    the flows of all exporters.

    Attributes:
        data: Octets of the sets.
        begins: First octet of each.
        ends: Where each ends.
        numbers: The template ids that they wait for.
        export_us: When each was exported.
        uptime_ms: The exporter's uptime then.
        received_us: When each was received.
    """

    data: Bytes
    begins: Ints
    ends: Ints
    numbers: Ints
    export_us: Ints
    uptime_ms: Ints
    received_us: Ints

    def __len__(self) -> int:
        """How many sets."""
        return len(self.numbers)

    @property
    def octets(self) -> int:
        """How much they count for."""
        return int((self.ends - self.begins).sum()) + OVERHEAD * len(self)

    def some(self, which: npt.NDArray[np.bool_] | slice) -> "Waiting":
        """Some of them, over the same octets."""
        return Waiting(
            self.data,
            self.begins[which],
            self.ends[which],
            self.numbers[which],
            self.export_us[which],
            self.uptime_ms[which],
            self.received_us[which],
        )

    def apart(self) -> "Waiting":
        """The same over octets of their own."""
        sizes = self.ends - self.begins
        data = np.empty(int(sizes.sum()), np.uint8)
        gather(self.data, self.begins, sizes, data)
        ends = np.cumsum(sizes)
        return Waiting(
            data,
            ends - sizes,
            ends,
            self.numbers.copy(),
            self.export_us.copy(),
            self.uptime_ms.copy(),
            self.received_us.copy(),
        )


def _together(parts: list[Waiting]) -> Waiting:
    """Sets that were kept one after the other, without the octets of those that wait no more."""
    if len(parts) == 1:
        return parts[0]
    parts = [one.apart() for one in parts]
    shifts = np.cumsum([0, *(len(one.data) for one in parts[:-1])])
    return Waiting(
        np.concatenate([one.data for one in parts]),
        np.concatenate([one.begins + shift for one, shift in zip(parts, shifts, strict=True)]),
        np.concatenate([one.ends + shift for one, shift in zip(parts, shifts, strict=True)]),
        np.concatenate([one.numbers for one in parts]),
        np.concatenate([one.export_us for one in parts]),
        np.concatenate([one.uptime_ms for one in parts]),
        np.concatenate([one.received_us for one in parts]),
    )


@dataclass(slots=True)
class Held:
    """How much is remembered, of one exporter or of all."""

    waiting_bytes: int = 0
    template_bytes: int = 0


@dataclass(slots=True)
class Exporter(Held):
    """What all streams of one address share: how much they make us remember.

    Attributes:
        streams: The streams, the one not heard for the longest first.
    """

    streams: "dict[tuple[bytes, int, int], Stream]" = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Stream:
    """One exporter's one domain in one version.

    Attributes:
        address: 16 bytes; all zero where the sender is unknown.
        version: 5, 9, 10, or `scan.SFLOW`.
        domain: v5 engine, v9 source id, IPFIX observation domain, sFlow sub-agent.
        row: Its row in `Streams.states` and `Streams.tallies`.
        exporter: Shared with the address's other streams.
        all: Shared with all streams.
        templates: What is in force, by template id.
        sizes: Octets that each of them took.
        waiting: Data sets that wait for their templates, as they came.
        awaited: The template ids that they wait for.
        changed: When templates came to mean something else, by template id: the latest `FLAPS` times, microseconds UTC.
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
    waiting: list[Waiting] = field(default_factory=list)
    awaited: set[int] = field(default_factory=set)
    changed: dict[int, list[int]] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    history: list[tuple[int, Facts]] = field(default_factory=list)
    forgotten: bool = False

    def keep(self, waiting: Waiting) -> int:
        """Keep data sets for later, as many of them as there is room for; how many."""
        room = WAITING_BYTES - self.exporter.waiting_bytes
        room = 0 if self.forgotten else min(room, 2 * ALL_WAITING_BYTES - self.all.waiting_bytes)
        sizes = np.cumsum(waiting.ends - waiting.begins + OVERHEAD)
        kept = waiting.some(slice(0, int(np.searchsorted(sizes, room, side="right")))).apart()
        if len(kept):
            self.exporter.waiting_bytes += kept.octets
            self.all.waiting_bytes += kept.octets
            self.waiting.append(kept)
            self.awaited.update(kept.numbers.tolist())
        return len(kept)

    def release(self, number: int) -> Waiting | None:
        """The data sets that waited for a template, which then do no more; None where none did."""
        if number not in self.awaited:
            return None
        self.awaited.discard(number)
        held = _together(self.waiting)
        meant = held.numbers == number
        found, rest = held.some(meant), held.some(~meant)
        self.waiting = [rest] if len(rest) else []
        self.exporter.waiting_bytes -= found.octets
        self.all.waiting_bytes -= found.octets
        return found

    def release_all(self) -> int:
        """Have no data set wait any more; how many did."""
        size = sum(one.octets for one in self.waiting)
        self.exporter.waiting_bytes -= size
        self.all.waiting_bytes -= size
        number = sum(map(len, self.waiting))
        self.waiting, self.awaited = [], set()
        return number

    def define(self, number: int, template: Template) -> bool:
        """Put a template in force instead of the one before; False, and that stays, where the room is used up.

        Taken away first, its room would be another's: one forged template would have the exporter's own refused for ever.
        """
        size = template.described + OVERHEAD
        more = size - self.sizes.get(number, 0)
        if self.forgotten:
            return False
        if self.exporter.template_bytes + more > TEMPLATE_BYTES:
            return False
        if self.all.template_bytes + more > 2 * ALL_TEMPLATE_BYTES:  # within one batch nobody is forgotten
            return False
        self.exporter.template_bytes += more
        self.all.template_bytes += more
        self.templates[number], self.sizes[number] = template, size
        return True

    def change(self, number: int, at_us: int) -> None:
        """Note that a template came to mean something else."""
        self.changed[number] = [*self.changed.get(number, ()), at_us][-FLAPS:]

    def flaps(self, now_us: int) -> bool:
        """Whether one of its templates has changed again and again of late."""
        since = now_us - FLAPS_US
        return any(len(times) == FLAPS and times[0] >= since for times in self.changed.values())

    def withdraw(self, number: int) -> None:
        """Forget a template, and how often it changed: nothing is remembered of one that takes no room."""
        self.templates.pop(number, None)
        self.changed.pop(number, None)
        size = self.sizes.pop(number, 0)
        self.exporter.template_bytes -= size
        self.all.template_bytes -= size


class Streams:
    """All streams, and the state of their sequence numbers.

    Attributes:
        states: Sequence states, an array of `sequence.STATE`, by `Stream.row`.
        tallies: Rows of `receipt.TALLY`, by `Stream.row`.
        all: How much is remembered of all exporters together.
        forgotten_sets: Data sets that waited in streams that were forgotten.
    """

    def __init__(self) -> None:
        self.states: Table = fresh(16)
        self.tallies: Table = receipt.fresh(16)
        self.all = Held()
        self.forgotten_sets = 0
        self._streams: dict[tuple[bytes, int, int], Stream] = {}
        self._exporters: dict[bytes, Exporter] = {}
        self._large: dict[bytes, Exporter] = {}  # those with more streams than their share
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
                large = next(iter(self._large.values()), None)
                self._forget(next(iter(self._streams if large is None else large.streams)))
            exporter = self._exporters.setdefault(address, Exporter())
            stream = Stream(*key, self._row(), exporter, self.all)
        self._streams[key] = stream
        own = stream.exporter.streams
        own.pop(key, None)
        own[key] = stream
        if len(own) > MAX_STREAMS // SHARE:
            self._large[address] = stream.exporter
        return stream

    def _row(self) -> int:
        if not self._free:
            size = len(self.states)
            self.states = np.concatenate([self.states, fresh(size)])
            self.tallies = np.concatenate([self.tallies, receipt.fresh(size)])
            self._free = list(range(2 * size - 1, size - 1, -1))
        row = self._free.pop()
        self.states[row : row + 1] = fresh(1)
        self.tallies[row : row + 1] = receipt.fresh(1)
        return row

    def _make_room(self) -> None:
        """Forget who was not heard for the longest while all of them together hold too much; between batches alone.

        First of those who hold more than their share; then, where each holds no more than that, of all.
        """
        for least in (1 / SHARE, 0.0):
            for key, stream in list(self._streams.items()) if self._is_full else ():
                if not self._is_full:
                    break
                if _fills(stream.exporter) >= least:
                    self._forget(key)

    @property
    def _is_full(self) -> bool:
        """Whether all of them together hold too much."""
        return self.all.waiting_bytes > ALL_WAITING_BYTES or self.all.template_bytes > ALL_TEMPLATE_BYTES

    def _forget(self, key: tuple[bytes, int, int]) -> None:
        stream = self._streams.pop(key)
        del stream.exporter.streams[key]
        stream.forgotten = True
        self._free.append(stream.row)
        self.forgotten_sets += stream.release_all()
        for number in list(stream.templates):
            stream.withdraw(number)
        if len(stream.exporter.streams) <= MAX_STREAMS // SHARE:
            self._large.pop(stream.address, None)
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


def _fills(one: Held) -> float:
    """How much of what all may hold one holds: the larger part, of templates and of data sets that wait."""
    return max(one.waiting_bytes / ALL_WAITING_BYTES, one.template_bytes / ALL_TEMPLATE_BYTES)
