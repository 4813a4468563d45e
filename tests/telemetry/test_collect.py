"""Live collection on loopback: everything sent arrives, and what is lost is counted."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from hanse.kernel.addresses import pack, unpack
from hanse.kernel.errors import UsageError
from hanse.telemetry.collect import CollectError, Collector
from hanse.telemetry.exports.receive import SLOT
from hanse.telemetry.exports.senders import Senders
from tests.telemetry.exports.build import Stream, stream, v5_header
from tests.telemetry.exports.test_sflow import sflow


def _send(made: Stream, port: int, host: str = "127.0.0.1") -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    data = made.data.tobytes()
    with socket.socket(family, socket.SOCK_DGRAM) as out:
        out.connect((host, port))
        for at, size in zip(made.offsets.tolist(), made.lengths.tolist(), strict=True):
            out.send(data[at : at + size])


def _until(holds: Callable[[], bool]) -> None:
    """Wait for at most some seconds."""
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_everything_sent_is_given_out() -> None:
    """All flows of v9, IPFIX and sFlow sent to two sockets reach the callback, with their senders."""
    batches: list[pa.RecordBatch] = []
    collector = Collector(["127.0.0.1:0", "0"], batches.append, "here")
    collector.start()
    first, second = collector.ports
    v9, ipfix = stream("v9", 100), stream("ipfix", 100)
    _send(v9, first)
    _send(ipfix, second)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(sflow(1, [(1, 1)]), ("127.0.0.1", second))
    statistics = collector.stop()
    table = pa.Table.from_batches(batches)
    assert statistics.flows == table.num_rows == v9.flows + ipfix.flows + 1
    assert statistics.datagrams == 203
    assert (statistics.kernel_dropped, statistics.truncated, collector.report.lost) == (0, 0, 0)
    exporters = {unpack(raw) for raw in table.column("exporter").unique().to_pylist()}
    assert exporters == {"127.0.0.1", "198.51.100.7"}
    assert table.column("vantage").unique().to_pylist() == ["here"]


def test_only_exporters_are_believed() -> None:
    """Datagrams of other senders are thrown away unread, and counted; whom else to believe is told while it runs."""
    batches: list[pa.RecordBatch] = []
    collector = Collector(["127.0.0.1:0"], batches.append, batch_s=0.1, senders=Senders(["192.0.2.0/24"]))
    collector.start()
    _send(stream("v5", 2), collector.ports[0])
    _until(lambda: collector.so_far().refused == 2)
    collector.senders = Senders(["2001:db8::/32", "127.0.0.1"])
    _send(stream("v5", 2), collector.ports[0])
    statistics = collector.stop()
    assert (statistics.flows, statistics.refused, statistics.datagrams) == (60, 2, 4)


@pytest.mark.parametrize(
    ("network", "taken"),
    [
        ("192.0.2.1", [True, False, False]),
        ("192.0.2.0/23", [True, True, False]),
        ("2001:db8::/32", [False, False, True]),
        ("0.0.0.0/0", [True, True, False]),
        ("::/0", [True, True, True]),
    ],
)
def test_exporters_are_addresses_and_networks(network: str, taken: list[bool]) -> None:
    """IPv4 and IPv6, of any length; none is everybody, and what is neither is said."""
    raw = b"".join(map(pack, ("192.0.2.1", "192.0.3.1", "2001:db8::1")))
    senders = np.frombuffer(raw, np.uint8).reshape(3, 16)
    assert Senders([network]).among(senders).tolist() == taken
    assert Senders().among(senders).all()
    with pytest.raises(UsageError, match="no network"):
        Senders(["192.0.2.1/24"])


def test_losses_are_said_while_it_runs() -> None:
    """What never arrived and what cannot be read is told before the collector ends, which may be after months."""
    collector = Collector(["127.0.0.1:0"], lambda _: None, batch_s=0.1)
    collector.start()
    datagrams = v5_header(1, 0) + bytes(48), v5_header(1, 500) + bytes(48)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for one in (*datagrams, b"nonsense"):
            out.sendto(one, ("127.0.0.1", collector.ports[0]))
    # Each is counted in its turn while a block is read.
    _until(lambda: (collector.so_far().skipped, collector.so_far().losses.all) == (1, 499))
    assert collector.stop().losses.all == 499


def test_a_router_whose_clock_is_years_behind_is_dated_by_receipt() -> None:
    """What a router of 2007 sends now stands in the present, and its clock beside it in the account."""
    batches: list[pa.RecordBatch] = []
    collector = Collector(["127.0.0.1:0"], batches.append, batch_s=0.1)
    before = time.time()
    collector.start()
    _send(stream("v9", 5), collector.ports[0])
    _until(lambda: bool(collector.exporters and collector.exporters[0].flows))
    collector.stop()
    flows = pa.Table.from_batches(batches)
    ends = flows.column("end").cast("int64").to_numpy() / 1e6
    assert before - 61 < ends.min()
    assert ends.max() < time.time() + 1
    (told,) = collector.exporters
    assert (told.flows, told.dated, told.share) == (flows.num_rows, flows.num_rows, 1.0)
    assert told.clock.endswith("years behind")


def test_ipv6() -> None:
    """Datagrams over IPv6 are taken, their sender an IPv6 address."""
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    batches: list[pa.RecordBatch] = []
    collector = Collector(["[::1]:0"], batches.append)
    try:
        collector.start()
    except CollectError:
        pytest.skip("no IPv6 loopback here")
    _send(stream("v5", 2), collector.ports[0], "::1")
    assert collector.stop().flows == 60
    assert unpack(batches[0].column("exporter")[0].as_py()) == "::1"


def test_batches_come_in_time() -> None:
    """A batch is given out within the time asked for, without waiting for it to be full."""
    arrived = threading.Event()
    collector = Collector(["127.0.0.1:0"], lambda _: arrived.set(), batch_s=0.2)
    collector.start()
    _send(stream("v5", 2), collector.ports[0])
    assert arrived.wait(3)
    collector.stop()


def test_long_datagrams_are_counted_as_cut() -> None:
    """A datagram longer than a slot is counted as truncated."""
    collector = Collector(["127.0.0.1:0"], lambda _: None)
    collector.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(bytes(SLOT + 1), ("127.0.0.1", collector.ports[0]))
    assert collector.stop().truncated == 1


def test_slow_callback_loses_nothing_unnoticed() -> None:
    """What was sent is received, or is in the kernel's count of drops, and memory stays in the blocks."""
    collector = Collector(["127.0.0.1:0"], lambda _: time.sleep(0.3), batch_flows=1)
    collector.start()
    made = stream("v9", 6_000)
    _send(made, collector.ports[0])
    statistics = collector.stop()
    assert statistics.datagrams + statistics.kernel_dropped == 6_001


def test_failing_callback_stops_everything() -> None:
    """An error in the callback ends the collection and is raised, not swallowed."""

    def fail(_: pa.RecordBatch) -> None:
        raise OSError(28, "No space left on device")

    collector = Collector(["127.0.0.1:0"], fail, batch_s=0.1)
    collector.start()
    _send(stream("v5", 2), collector.ports[0])
    with pytest.raises(CollectError, match="No space left"):
        collector.stop()


def test_run_ends_after_its_duration_or_on_a_signal() -> None:
    """`run` returns after the time given, and at once on SIGTERM, with the handler put back."""
    before = signal.getsignal(signal.SIGTERM)
    assert Collector(["127.0.0.1:0"], lambda _: None).run(0.2).seconds >= 0.2
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    timer.start()
    assert Collector(["127.0.0.1:0"], lambda _: None).run(30).seconds < 20
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_port_in_use_is_said_in_words() -> None:
    """Who reads it at night learns what to do, not the number of an error."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(
            CollectError, match=f"{taken}: cannot receive there: another program .* choose another port"
        ):
            Collector([taken], lambda _: None).start()
    with pytest.raises(CollectError, match="this machine has no such address"):
        Collector(["192.0.2.1:0"], lambda _: None).start()


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999", "192.0.2.1:0", ""])
def test_addresses_that_cannot_be_bound(address: str) -> None:
    """A wrong or foreign address is an error that names it."""
    with pytest.raises(CollectError, match="cannot receive there"):
        Collector([address], lambda _: None).start()
