"""Export datagrams: decoding to Parquet against nfcapd, and a live run on loopback.

    python bench/exports.py [decode|live|all] [--flows N] [--seconds S] [--rate R]

Both programs get the same datagrams and write files. Ours is measured by its CPU time from the
datagrams in memory to the Parquet file; nfcapd by the CPU time of its process while the datagrams
come over loopback, which includes its share of the system calls. The live run measures both.
"""

import argparse
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from multiprocessing import Process, Value
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.telemetry.exports.build import Stream, stream

from hanse.telemetry.collect import Collector
from hanse.telemetry.exports import ExportDecoder
from hanse.telemetry.parquet import Compression, FlowWriter
from hanse.telemetry.reading import InputReport

DATAGRAMS_PER_CALL = 4_096
BURST = 64
"""Datagrams sent at once by the paced sender: 3 ms of 500,000 flows/s."""


def decode(made: Stream, folder: Path, compression: Compression) -> float:
    """CPU seconds from datagrams to Parquet."""
    report = InputReport("bench")
    decoder = ExportDecoder(report, "bench")
    path = folder / "flows.parquet"
    path.unlink(missing_ok=True)
    before = time.process_time()
    with path.open("wb", buffering=0) as out, FlowWriter(out, compression) as writer:
        for at in range(0, len(made.offsets), DATAGRAMS_PER_CALL):
            some = slice(at, at + DATAGRAMS_PER_CALL)
            batch = decoder.decode(
                made.data, made.offsets[some], made.lengths[some], made.senders[some], made.times[some]
            )
            if batch is not None:
                writer.write(batch)
        decoder.finish()
    used = time.process_time() - before
    assert report.flows == made.flows, "not all flows were decoded"
    assert report.packets == made.packets
    return used


def free_port() -> int:
    """A UDP port that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def send(made: Stream, port: int, rate: float, seconds: float, sent: Any = None) -> int:
    """Send datagrams, repeated for as long as told, at so many flows/s; how many datagrams that were.

    The sequence numbers start anew with each repetition.
    """
    data = memoryview(made.data.tobytes())
    bounds = list(zip(made.offsets.tolist(), made.lengths.tolist(), strict=True))
    datagrams = [data[at : at + size] for at, size in bounds]
    per_s = rate / made.each
    count, begin = 0, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(("127.0.0.1", port))
        while (now := time.monotonic() - begin) < seconds:
            due = int(min(now, seconds) * per_s)
            if count >= due:
                time.sleep(0.001)
                continue
            for _ in range(min(due - count, BURST)):
                out.send(datagrams[count % len(datagrams)])
                count += 1
    if sent is not None:
        sent.value = count
    return count


def nfcapd(made: Stream, folder: Path, rate: float, *options: str) -> tuple[float, int]:
    """CPU seconds of nfcapd for the same datagrams, and the flows in its file."""
    port = free_port()
    command = ["nfcapd", "-w", str(folder), "-p", str(port), "-b", "127.0.0.1", "-B", "200000000"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        time.sleep(1)
        send(made, port, rate, made.flows / rate)
        time.sleep(2)
        running.terminate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    counted = subprocess.run(
        ["nfdump", "-R", str(folder), "-I"], capture_output=True, text=True, check=True
    ).stdout
    flows = next(int(line.split()[1]) for line in counted.splitlines() if line.startswith("Flows:"))
    return used, flows


def live(seconds: float, rate: float) -> None:
    """Receive, decode and write on loopback for a while; print what came and what was lost."""
    made = stream("v9", 20_000)
    written = [0]
    with tempfile.TemporaryDirectory() as name:
        stack = ExitStack()
        out = stack.enter_context((Path(name) / "live.parquet").open("wb", buffering=0))
        writer = stack.enter_context(FlowWriter(out))

        def write(batch: Any) -> None:
            writer.write(batch)
            written[0] += batch.num_rows

        collector = Collector(["127.0.0.1:0"], write)
        collector.start()
        sent = Value("q", 0)
        sender = Process(target=send, args=(made, collector.ports[0], rate, seconds, sent))
        cpu = time.process_time()
        sender.start()
        sender.join()
        time.sleep(0.5)
        statistics = collector.stop()
        cpu = time.process_time() - cpu
        stack.close()
    print(
        f"live v9, {seconds:.0f} s at {rate:,.0f} flows/s: sent {sent.value:,} datagrams, "
        f"received {statistics.datagrams:,}, lost {sent.value - statistics.datagrams:,} "
        f"(kernel {statistics.kernel_dropped:,}, stalled {statistics.stalled:,}); "
        f"{written[0]:,} flows written, {cpu / seconds:.0%} of a core, "
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MB"
    )


def compare(flows: int, rate: float) -> None:
    """Print the table of ratios."""
    print(
        f"{'datagrams':10} {'program':28} {'flows':>12} {'lost':>8} {'CPU s':>8} {'flows/CPU s':>14} {'ratio':>7}"
    )
    for kind in ("v9", "ipfix", "v5"):
        made = stream(kind, flows // (24 if kind == "ipfix" else 27))
        base = None
        for label, options in (("nfcapd", ()), ("nfcapd -y (LZ4)", ("-y",))):
            with tempfile.TemporaryDirectory() as name:
                used, got = nfcapd(made, Path(name), rate, *options)
            base = base or got / used
            _row(kind, label, got, made.flows - got, used, base)
        for compression in ("none", "lz4"):
            with tempfile.TemporaryDirectory() as name:
                used = min(decode(made, Path(name), compression) for _ in range(3))
            _row(kind, f"hanse, Parquet {compression}", made.flows, 0, used, base or 1)


def _row(kind: str, label: str, flows: int, lost: int, used: float, base: float) -> None:
    rate = flows / used
    print(
        f"{kind:10} {label:28} {flows:12,} {lost:8,} {used:8.2f} {rate:14,.0f} {rate / base:6.2f}x",
        flush=True,
    )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("decode", "live", "all"), default="all")
    parser.add_argument("--flows", type=int, default=2_000_000, help="flows to decode")
    parser.add_argument("--seconds", type=float, default=60, help="length of the live run, s")
    parser.add_argument("--rate", type=float, default=500_000, help="flows/s on loopback")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC")
    if given.what in {"decode", "all"}:
        decode(stream("v9", 100), Path(tempfile.mkdtemp()), "none")  # compile the loops
        compare(given.flows, given.rate)
    if given.what in {"live", "all"}:
        live(given.seconds, given.rate)


if __name__ == "__main__":
    main()
