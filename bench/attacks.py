"""Parquet flows to attacks: against a bare DuckDB scan, against nfdump, and by size.

    python bench/attacks.py [compare|nfdump|scale|all] [--scale X] [--sizes 0.4,4,40]

`compare` times the whole detection against bare DuckDB queries with the detector's own groupings over
all flows: by victim and class; by victim, class and second; by victim, class and source. `nfdump` lets
nfdump aggregate the same flows, which reach it as NetFlow v9 over loopback, and also times the bare
groupings that are the same as nfdump's. `scale` runs the detection by size and prints time and memory.
"""

import argparse
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ibis
import numpy as np
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.telemetry.exports.build import MTU, V4_FIELDS, Stream, dtype_of, stream

from hanse.attacks import traffic
from hanse.attacks.detect import detect
from hanse.engine import Engine, open_engine
from hanse.exercise.scenarios import generate

WARM, COUNTED = 1, 3
HEAD = 24
"""Octets before the records of a v9 datagram of `stream`."""


def cpu() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Median wall and CPU seconds of some runs after a warm-up."""
    runs = []
    for number in range(WARM + COUNTED):
        begin, used = time.perf_counter(), cpu()
        work()
        if number >= WARM:
            runs.append((time.perf_counter() - begin, cpu() - used))
    runs.sort()
    return runs[len(runs) // 2]


def made(scale: float, folder: Path) -> Path:
    """The Estonia exercise at a scale."""
    generate("estonia-2007", 1, scale, folder)
    return folder / "flows"


def rows_of(flows: Path) -> int:
    """Flows in a folder, from the footers."""
    return sum(pq.read_metadata(path).num_rows for path in flows.rglob("*.parquet"))


def groupings(engine: Engine, flows: Path) -> dict[str, ibis.Table]:
    """The detector's groupings, each over all flows, nothing screened and nothing joined."""
    view = traffic.classified(engine, engine.read([str(flows)]))
    sums = {"packets": lambda rows: rows.packets.sum(), "octets": lambda rows: rows.octets.sum()}
    second = (view.start_us / 1_000_000).floor().cast("int64")
    keys = {
        "by victim and class": ["victim", "code"],
        "by victim, class and second": ["victim", "code", second.name("second")],
        "by victim, class and source": ["victim", "code", "src"],
    }
    return {name: view.group_by(*key).agg(**sums) for name, key in keys.items()}


def counted(engine: Engine, query: ibis.Table) -> Callable[[], object]:
    """Run a query to its last row inside the engine, without carrying its result out."""
    total = query.agg(groups=lambda rows: rows.count(), packets=lambda rows: rows.packets.sum())
    return lambda: engine.arrow(total)


def compare(scale: float) -> None:
    """The detection against bare scans: of addresses as the files have them, and by the 32 bits that it takes itself."""
    with tempfile.TemporaryDirectory() as folder:
        flows = made(scale, Path(folder))
        number = rows_of(flows)
        lines: list[tuple[str, float, float]] = []
        for form in ("16 octets", "32 bits"):
            with open_engine() as engine:
                if form == "16 octets":
                    engine._all_v4 = lambda _: False  # noqa: SLF001 - the form that DuckDB reads without being told
                some = [
                    (f"{name}, {form}", *timed(counted(engine, query)))
                    for name, query in groupings(engine, flows).items()
                ]
            together = sum(wall for _, wall, _ in some), sum(used for _, _, used in some)
            lines += [*some, (f"bare scans together, {form}", *together)]
        with open_engine() as engine:
            whole = timed(lambda: detect(engine, [str(flows)]))
        lines.append(("flows to attacks", *whole))
    print(f"\n{number:,} flows, Estonia exercise, scale {scale:g}\n")
    print(f"{'':44} {'wall s':>8} {'cpu s':>8} {'M flows/s':>10} {'attacks / this':>15}")
    for name, wall, used in lines:
        print(f"{name:44} {wall:8.2f} {used:8.2f} {number / wall / 1e6:10.1f} {whole[0] / wall:15.2f}")


def by_size(sizes: list[float]) -> None:
    """The detection by size, each in a process of its own for its memory."""
    print(f"\n{'flows':>12} {'wall s':>8} {'cpu s':>8} {'us/flow':>8} {'peak GB':>8} {'attacks':>8}")
    for scale in sizes:
        with tempfile.TemporaryDirectory() as folder:
            flows = made(scale, Path(folder))
            number = rows_of(flows)
            done = subprocess.run(
                [sys.executable, __file__, "once", "--flows", str(flows)],
                check=True,
                capture_output=True,
                text=True,
            )
            wall, used, peak, attacks = (float(word) for word in done.stdout.split())
            print(
                f"{number:12,} {wall:8.2f} {used:8.2f} {wall / number * 1e6:8.3f} {peak:8.2f} {attacks:8.0f}",
                flush=True,
            )


def once(flows: str) -> None:
    """One detection: wall s, CPU s, peak GB, attacks."""
    begin = time.perf_counter()
    with open_engine() as engine:
        found = len(detect(engine, [flows]).attacks)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(time.perf_counter() - begin, cpu(), peak, found)


def against_nfdump(scale: float) -> None:
    """Let nfdump -A aggregate the exercise's flows, brought to it as NetFlow v9."""
    if shutil.which("nfcapd") is None:
        print("nfdump is not installed (Debian package nfdump): comparison left out")
        return
    with tempfile.TemporaryDirectory() as folder:
        flows = made(scale, Path(folder))
        store = Path(folder) / "nf"
        store.mkdir()
        _to_nfcapd(as_netflow(flows), store)
        lines: list[tuple[str, float, float]] = []
        for keys in ("dstip,proto", "srcip,dstip,proto"):
            wall, used, groups = _child(["nfdump", "-q", "-R", str(store), "-A", keys, "-o", "csv"])
            lines.append((f"nfdump -A {keys} ({groups:,})", wall, used))
        with open_engine() as engine:
            table = engine.read([str(flows)])
            for keys in (["dst", "protocol"], ["src", "dst", "protocol"]):
                query = table.group_by(*keys).agg(packets=table.packets.sum(), octets=table.bytes.sum())
                lines.append(
                    (f"DuckDB by {', '.join(keys)}", *timed(lambda query=query: engine.arrow(query)))
                )
            lines.append(("flows to attacks", *timed(lambda: detect(engine, [str(flows)]))))
        number, kept = rows_of(flows), _stored(store)
    print(f"\n{number:,} flows, of which nfcapd stored {kept:,}\n")
    print(f"{'':44} {'wall s':>8} {'cpu s':>8} {'M flows/s':>10}")
    for name, wall, used in lines:
        print(f"{name:44} {wall:8.2f} {used:8.2f} {number / wall / 1e6:10.2f}")


def as_netflow(flows: Path) -> Stream:
    """The flows as NetFlow v9 datagrams; times, which no aggregation looks at, are not carried over."""
    table = pq.read_table(
        flows, columns=["src", "dst", "src_port", "dst_port", "protocol", "tcp_flags", "packets", "bytes"]
    )
    dtype = dtype_of(V4_FIELDS)
    sent = stream("v9", -(-table.num_rows // ((MTU - HEAD) // dtype.itemsize)))
    first = int(sent.offsets[1])
    datagrams = sent.data[first:].reshape(len(sent.offsets) - 1, -1)
    body = slice(HEAD, HEAD + sent.each * dtype.itemsize)
    rows = np.ascontiguousarray(datagrams[:, body]).view(dtype).reshape(-1)
    some = rows[: table.num_rows]
    for number, name in (("8", "src"), ("12", "dst")):
        joined = table[name].combine_chunks()
        raw = np.frombuffer(joined.buffers()[1], np.uint8).reshape(-1, 16)[
            joined.offset : joined.offset + len(joined)
        ]
        some[number] = np.ascontiguousarray(raw[:, 12:]).view(">u4").reshape(-1)
    for number, name in (("7", "src_port"), ("11", "dst_port"), ("4", "protocol"), ("6", "tcp_flags")):
        some[number] = table[name].to_numpy()
    some["2"], some["1"] = table["packets"].to_numpy(), table["bytes"].to_numpy()
    datagrams[:, body] = rows.view(np.uint8).reshape(len(datagrams), -1)
    return sent


def _stored(store: Path) -> int:
    """Flows in nfcapd's files."""
    told = subprocess.run(
        ["nfdump", "-R", str(store), "-I"], check=True, capture_output=True, text=True
    ).stdout
    return next(int(line.split()[1]) for line in told.splitlines() if line.startswith("Flows:"))


def _child(command: list[str]) -> tuple[float, float, int]:
    """Wall and CPU seconds of a program, and the lines it printed; the median of three runs."""
    runs = []
    for _ in range(COUNTED):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.perf_counter()
        lines = subprocess.run(command, check=True, capture_output=True).stdout.count(b"\n")
        wall = time.perf_counter() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        runs.append((wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, lines))
    return sorted(runs)[len(runs) // 2]


def _to_nfcapd(sent: Stream, store: Path, port: int = 29_955) -> None:
    """Let nfcapd store the datagrams, sent at a pace that it keeps up with."""
    collector = subprocess.Popen(
        ["nfcapd", "-w", str(store), "-p", str(port), "-b", "127.0.0.1", "-B", "60000000", "-t", "3600"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        time.sleep(1.5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for number, (at, length) in enumerate(
                zip(sent.offsets.tolist(), sent.lengths.tolist(), strict=True)
            ):
                out.sendto(sent.data[at : at + length].tobytes(), ("127.0.0.1", port))
                if number % 64 == 63:
                    time.sleep(0.004)
        time.sleep(2)
    finally:
        os.kill(collector.pid, signal.SIGTERM)
        collector.wait(20)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what", nargs="?", default="all", choices=("compare", "nfdump", "scale", "all", "once")
    )
    parser.add_argument("--scale", type=float, default=4.0)
    parser.add_argument("--sizes", default="0.4,4,40")
    parser.add_argument("--flows", default="")
    chosen = parser.parse_args()
    if chosen.what == "once":
        once(chosen.flows)
    if chosen.what in {"compare", "all"}:
        compare(chosen.scale)
    if chosen.what in {"nfdump", "all"}:
        against_nfdump(chosen.scale)
    if chosen.what in {"scale", "all"}:
        by_size([float(size) for size in chosen.sizes.split(",")])


if __name__ == "__main__":
    main()
