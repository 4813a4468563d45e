"""Live export datagrams from UDP sockets, decoded beside the receiving, given out as flow batches.

One thread only receives, into blocks of memory set aside at the start; another decodes and calls
back. When the callback is too slow the blocks run out, then the kernel's buffer fills, then the
kernel drops datagrams and counts them: memory stays bounded and every loss is reported.
"""

import contextlib
import errno
import queue
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from hanse.kernel.errors import HanseError
from hanse.telemetry.exports.decoder import ExportDecoder, Losses
from hanse.telemetry.exports.receive import SLOTS, Block, bind, dropped
from hanse.telemetry.exports.senders import EVERYBODY, Senders
from hanse.telemetry.reading import InputReport

if TYPE_CHECKING:
    from hanse.telemetry.exporters import ExporterState

BLOCKS = 12
"""Blocks between the two threads: 24,576 datagrams, about a second at 600,000 flows/s; 226 MB at most."""
KERNEL_BUFFER = 64 << 20
"""Octets asked for each socket's receive buffer."""
HAND_OVER_S = 0.2
"""Oldest that a datagram gets before its block is decoded, full or not."""
PAUSE_S = 0.004
"""Pause after a call that found few datagrams, so that the next one finds more."""
POLL_MS = 100
TELL_S = 2.0
"""How often it is looked at who exports: as often as a collector says how it is."""
DRAIN_S = 2.0
"""At the end, how long what the kernel still holds is taken."""


_WHY_NOT = {
    errno.EADDRINUSE: "another program receives there already. End that one, or choose another port",
    errno.EADDRNOTAVAIL: "this machine has no such address. Choose one of its own, or 0.0.0.0 for all of them",
    errno.EACCES: "the node's user may not take this port. Choose one above 1023",
}
"""Why a socket cannot be bound, and what to do about it."""


class CollectError(HanseError):
    """Nothing can be received: a socket cannot be bound, or the callback failed."""


@dataclass(slots=True)
class CollectorStatistics:
    """What a collector received and what it lost.

    Attributes:
        datagrams: Datagrams received.
        octets: Octets in them.
        flows: Flows given to the callback.
        batches: Calls of it.
        kernel_dropped: Datagrams that the kernel dropped because its buffer was full.
        stalled: Times that the receiver found no free block; nothing is lost by that alone.
        truncated: Datagrams longer than a slot, which were cut.
        refused: Datagrams of senders that are not among the exporters; nothing of them was read.
        skipped: Records and datagrams that are no flow or could not be read, data sets without a template among them.
        losses: Sequence gaps by protocol. They also hold what the kernel dropped.
        kernel_buffer: Octets that the kernel grants the smallest of the sockets' buffers.
        seconds: How long it ran.
    """

    datagrams: int = 0
    octets: int = 0
    flows: int = 0
    batches: int = 0
    kernel_dropped: int = 0
    stalled: int = 0
    truncated: int = 0
    refused: int = 0
    skipped: int = 0
    losses: Losses = field(default_factory=Losses)
    kernel_buffer: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The statistics as a JSON object."""
        return asdict(self)


class Collector:
    """Receives NetFlow v5/v9, IPFIX and sFlow on UDP sockets; any of them on any socket.

    Args:
        addresses: ``port``, ``address:port`` or ``[IPv6 address]:port``, one or more.
        on_batch: Called in the decoding thread with batches of `schema.FLOW`.
        vantage: Name of the vantage point for the flows.
        batch_flows: Flows after which a batch is given out.
        batch_s: Seconds after which it is given out, however small.
        senders: Whose datagrams are taken.

    Attributes:
        senders: Whose datagrams are taken; others put here hold at once.
        report: Problems, losses and counts, as for a file.
        exporters: Who sent most flows lately, some seconds old.
        exporters_all: How many exporters there are.
        clocks: All addresses (16 bytes) whose clock is wrong, and how many seconds it is ahead; some seconds old.
        statistics: What was received and lost; exact once it has stopped.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        on_batch: Callable[[pa.RecordBatch], None],
        vantage: str = "collector",
        batch_flows: int = 500_000,
        batch_s: float = 1.0,
        senders: Senders = EVERYBODY,
    ) -> None:
        self.senders = senders
        self.addresses = tuple(addresses)
        self.report = InputReport("udp " + " ".join(addresses), "live export datagrams")
        self.statistics = CollectorStatistics()
        self.exporters: tuple[ExporterState, ...] = ()
        self.exporters_all = 0
        self.clocks: dict[bytes, float] = {}
        self._on_batch = on_batch
        self._batch_flows = batch_flows
        self._batch_s = batch_s
        self._decoder = ExportDecoder(self.report, vantage, udp=True, hurry=True, live=True)
        self._sockets: list[socket.socket] = []
        self._free: queue.Queue[Block] = queue.Queue()
        self._full: queue.Queue[Block | None] = queue.Queue()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._error: BaseException | None = None
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._started = self._given_out = self._told = 0.0

    @property
    def ports(self) -> list[int]:
        """The ports bound, in the order of the addresses (port 0 asks the system for any)."""
        return [int(one.getsockname()[1]) for one in self._sockets]

    def so_far(self) -> CollectorStatistics:
        """A copy of the statistics while it runs, with all that was lost until now."""
        kernel_dropped = sum(dropped(one) for one in self._sockets) or self.statistics.kernel_dropped
        return replace(
            self.statistics,
            kernel_dropped=kernel_dropped,
            skipped=self.report.skipped + self._decoder.unreadable,
            losses=replace(self._decoder.losses),
        )

    def start(self) -> None:
        """Bind the sockets and start receiving.

        Raises:
            CollectError: An address cannot be bound.
        """
        try:
            for address in self.addresses:
                self._sockets.append(bind(address, KERNEL_BUFFER))
        except (OSError, ValueError) as error:
            self._close()
            why = _WHY_NOT.get(error.errno or 0, str(error)) if isinstance(error, OSError) else str(error)
            raise CollectError(f"{address}: cannot receive there: {why}.") from error
        sizes = [one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for one in self._sockets]
        self.statistics.kernel_buffer = min(sizes)
        if min(sizes) < KERNEL_BUFFER:
            self.report.add(
                f"the kernel grants a receive buffer of {min(sizes)} bytes instead of {KERNEL_BUFFER}.",
                do="Run as root, or raise net.core.rmem_max.",
                fatal=False,
            )
        for _ in range(BLOCKS):
            self._free.put(Block())
        self._started = self._given_out = time.monotonic()
        for work in (self._receive, self._decode):
            thread = threading.Thread(target=self._guard, args=(work,), name=f"collect-{work.__name__}")
            thread.start()
            self._threads.append(thread)

    def stop(self) -> CollectorStatistics:
        """Take what the kernel still holds, decode and give it out, and close the sockets.

        Raises:
            CollectError: Receiving or the callback failed.
        """
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self.statistics.seconds = time.monotonic() - self._started
        self._close()
        if self._error is not None:
            raise CollectError(f"collecting stopped: {self._error}.") from self._error
        return self.statistics

    def run(self, duration_s: float | None = None) -> CollectorStatistics:
        """Start, wait for the duration or for SIGINT or SIGTERM, and stop.

        Raises:
            CollectError: An address cannot be bound, or the callback failed.
        """
        with _on_signals(self._stopping.set):
            self.start()
            self._stopping.wait(duration_s)
            return self.stop()

    def _guard(self, work: Callable[[], None]) -> None:
        """Run a thread's work; its failure stops everything and is raised by `stop`."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again in stop()
            self._error = error
            self._stopping.set()
        finally:
            if work == self._receive:
                self._full.put(None)

    def _close(self) -> None:
        for one in self._sockets:
            one.close()
        self._sockets.clear()

    def _receive(self) -> None:
        poll = select.poll()
        by_number = {one.fileno(): one for one in self._sockets}
        for number in by_number:
            poll.register(number, select.POLLIN)
        block = self._free.get()
        drain_until = 0.0
        while True:
            ready = poll.poll(0 if drain_until else POLL_MS)
            found = sum(block.receive(by_number[number]) for number, _ in ready)
            if block.count == SLOTS or (block.count and time.monotonic() - block.since > HAND_OVER_S):
                block = self._exchange(block)
            if self._stopping.is_set():
                drain_until = drain_until or time.monotonic() + DRAIN_S
                if not found or time.monotonic() > drain_until:
                    break
            elif found < SLOTS // 8:
                time.sleep(PAUSE_S)
        if block.count:
            self._full.put(block)
        self.statistics.kernel_dropped = sum(map(dropped, self._sockets))

    def _exchange(self, block: Block) -> Block:
        """Hand a block over and take a free one, waiting for it if need be."""
        self._full.put(block)
        try:
            return self._free.get_nowait()
        except queue.Empty:
            self.statistics.stalled += 1
        while self._error is None:
            with contextlib.suppress(queue.Empty):
                return self._free.get(timeout=POLL_MS / 1000)
        raise self._error

    def _decode(self) -> None:
        while True:
            try:
                block = self._full.get(timeout=self._batch_s)
            except queue.Empty:
                self._give_out()
                continue
            if block is None:
                break
            self._take(block)
            due = time.monotonic() - self._given_out >= self._batch_s
            if due or self._pending_rows >= self._batch_flows:
                self._give_out()
        self._decoder.finish()
        self._told = 0.0
        self._give_out()
        self.statistics.skipped = self.report.skipped
        self.statistics.losses = self._decoder.losses

    def _take(self, block: Block) -> None:
        """Decode a block and set it free."""
        buffer, offsets, lengths, senders, times = block.datagrams()
        statistics = self.statistics
        statistics.datagrams += block.count
        statistics.octets += int(lengths.sum())
        statistics.truncated += block.truncated
        taken = self.senders.among(senders)
        statistics.refused += int(np.count_nonzero(~taken))
        batch = None
        if taken.all():
            batch = self._decoder.decode(buffer, offsets, lengths, senders, times)
        elif taken.any():
            batch = self._decoder.decode(buffer, offsets[taken], lengths[taken], senders[taken], times[taken])
        block.clear()
        self._free.put(block)
        if batch is not None:
            self._pending.append(batch)
            self._pending_rows += batch.num_rows

    def _give_out(self) -> None:
        self._given_out = time.monotonic()
        self._tell()
        if not self._pending:
            return
        batch = pa.concat_batches(self._pending)
        self._pending, self._pending_rows = [], 0
        self.statistics.flows += batch.num_rows
        self.statistics.batches += 1
        self._on_batch(batch)

    def _tell(self) -> None:
        """Look at who exports, in the thread that decodes: nothing of it changes meanwhile."""
        if self._given_out - self._told >= TELL_S:
            self._told = self._given_out
            told, self.exporters_all = self._decoder.exporters(time.time_ns() // 1_000)
            self.exporters = tuple(told)
            self.clocks = self._decoder.clocks()


@contextlib.contextmanager
def _on_signals(action: Callable[[], None]) -> Iterator[None]:
    """Call an action on SIGINT and SIGTERM; only the main thread can, elsewhere nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda *_: action()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
