"""Packets to flows: Hanse against dpkt and nfpcapd on one made capture, in CPU seconds.

Run it as ``python bench/packets.py [packets]`` on a quiet machine. It makes a capture (2 million
packets by default, about 350 MB in the temporary folder, removed afterwards), lets each program
aggregate it by 5-tuple and prints one table. A program that is not installed is left out with a word.
CPU seconds are user and system time of the whole process, start-up included, as its parent sees
them; dpkt gets a tenth of the packets, since its time is linear and long.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable  # noqa: TC003 - one import style in the whole project
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PACKETS = 2_000_000
SHARE_FOR_DPKT = 10
FRAME_OCTETS = 128
RECORD = np.dtype(
    [
        ("second", "<u4"),
        ("micro", "<u4"),
        ("captured", "<u4"),
        ("wire", "<u4"),
        ("macs", "u1", 12),
        ("ethertype", ">u2"),
        ("version", "u1"),
        ("tos", "u1"),
        ("total", ">u2"),
        ("ident", ">u2"),
        ("piece", ">u2"),
        ("ttl", "u1"),
        ("protocol", "u1"),
        ("checksum", ">u2"),
        ("src", ">u4"),
        ("dst", ">u4"),
        ("src_port", ">u2"),
        ("dst_port", ">u2"),
        ("rest", "u1", 90),
    ]
)
"""A pcap record with an Ethernet frame of 128 captured octets."""

OURS = """
import sys
import numpy as np
from hanse.telemetry.packets import read_flows
from hanse.telemetry.reading import InputReport
data = np.memmap(sys.argv[1], np.uint8, "r")
report = InputReport(sys.argv[1])
for batch in read_flows(data, report, "bench"):
    pass
print(report.packets - report.skipped, report.flows)
"""

DPKT = """
import sys
import dpkt
flows = {}
with open(sys.argv[1], "rb") as file:
    for moment, data in dpkt.pcap.Reader(file):
        ip = dpkt.ethernet.Ethernet(data).data
        part = ip.data
        key = (ip.src, ip.dst, ip.p, part.sport, part.dport)
        old = flows.get(key)
        if old is None:
            flows[key] = [moment, moment, 1, ip.len]
        else:
            old[1] = moment
            old[2] += 1
            old[3] += ip.len
print(sum(flow[2] for flow in flows.values()), len(flows))
"""


@dataclass(frozen=True)
class Run:
    """One program's result: packets it was given and CPU seconds it took, its own report of itself."""

    name: str
    packets: int
    cpu_s: float
    said: str

    @property
    def rate(self) -> float:
        """Packets per CPU second."""
        return self.packets / self.cpu_s


def make_capture(path: Path, packets: int, seed: int = 1) -> None:
    """Write `packets` packets over 60 s: half from heavy-tailed flows, half from spoofed sources.

    So half the packets find their flow and half open a new one, which is between a normal uplink
    and a flood.
    """
    draw = np.random.default_rng(seed)
    records = np.zeros(packets, RECORD)
    micro = np.sort(draw.integers(0, 60_000_000, packets))
    records["second"], records["micro"] = 1_178_726_400 + micro // 1_000_000, micro % 1_000_000
    records["captured"] = FRAME_OCTETS
    records["total"] = np.where(draw.random(packets) < 0.5, draw.integers(114, 200, packets), 1_500)
    records["wire"] = records["total"] + 14
    records["ethertype"], records["version"], records["ttl"] = 0x0800, 0x45, 57
    flow = np.minimum(draw.zipf(1.3, packets), 50_000).astype(np.uint64)
    mixed = (flow * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)
    spoofed = draw.random(packets) < 0.5
    records["src"] = np.where(
        spoofed, draw.integers(1 << 24, 0xDF << 24, packets), mixed & np.uint64(0xFFFFFFFF)
    )
    records["dst"] = np.where(spoofed, 0xC6336402, 0x0A000000 + flow % np.uint64(4_096))
    records["src_port"] = np.where(spoofed, draw.integers(1_024, 65_535, packets), mixed & np.uint64(0x7FFF))
    records["dst_port"] = np.where(spoofed, 80, 443)
    records["protocol"] = np.where(flow % np.uint64(5) == 0, 17, 6)
    # Where UDP has its length (TCP: the upper half of its sequence number), and TCP's header length.
    records["rest"][:, 0], records["rest"][:, 1] = (
        (records["total"] - 20) >> 8,
        (records["total"] - 20) & 0xFF,
    )
    records["rest"][:, 8] = 0x50
    records["rest"][:, 9] = np.where(spoofed, 2, 16)
    with path.open("wb") as file:
        file.write(np.array([0xA1B2C3D4, 0x00040002, 0, 0, 262_144, 1], "<u4").tobytes())
        file.write(records.tobytes())


def cpu_of(command: list[str]) -> tuple[float, str]:
    """CPU seconds (user and system) of a command, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout.strip()


def run_ours(capture: Path) -> tuple[float, str]:
    """Hanse: everything from the file's bytes to Arrow batches, kernels already compiled on disk."""
    return cpu_of([sys.executable, "-c", OURS, str(capture)])


def run_dpkt(capture: Path) -> tuple[float, str]:
    """dpkt: the same 5-tuple aggregation in a dictionary."""
    return cpu_of([sys.executable, "-c", DPKT, str(capture)])


def run_nfpcapd(capture: Path) -> tuple[float, str]:
    """nfpcapd: to nfdump files, with the same timeouts as ours."""
    with tempfile.TemporaryDirectory() as folder:
        spent, _ = cpu_of(["nfpcapd", "-e", "10,2", "-r", str(capture), "-w", folder])
        _, said = cpu_of(["nfdump", "-R", folder, "-I"])
    lines = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    return spent, f"{lines.get('Packets', '?').strip()} {lines.get('Flows', '?').strip()}"


def measure(packets: int, folder: Path) -> list[Run]:
    """All programs that are installed, on captures made in `folder`."""
    full, part = folder / "full.pcap", folder / "part.pcap"
    make_capture(full, packets)
    make_capture(part, packets // SHARE_FOR_DPKT)
    run_ours(part)  # compiles, if it has to, so that the measured run is like every later one
    jobs: list[tuple[str, Callable[[Path], tuple[float, str]], Path, int]] = [
        ("hanse", run_ours, full, packets),
        ("dpkt", run_dpkt, part, packets // SHARE_FOR_DPKT),
    ]
    if shutil.which("nfpcapd"):
        jobs.append(("nfpcapd", run_nfpcapd, full, packets))
    else:
        print("nfpcapd is not installed (Debian package nfdump); left out")
    return [Run(name, count, *job(capture)) for name, job, capture, count in jobs]


def main() -> None:
    """Measure and print the table; `ratio` is Hanse's packets per CPU second over the program's."""
    packets = int(sys.argv[1]) if len(sys.argv) > 1 else PACKETS
    with tempfile.TemporaryDirectory() as folder:
        runs = measure(packets, Path(folder))
    print(f"{packets} packets of {FRAME_OCTETS} captured octets, {os.cpu_count()} cores")
    print(
        f"{'name':8} {'packets':>10} {'cpu s':>8} {'packets/s':>12} {'ratio':>8}  packets and flows it counted"
    )
    for run in runs:
        ratio = runs[0].rate / run.rate
        print(f"{run.name:8} {run.packets:10d} {run.cpu_s:8.2f} {run.rate:12.0f} {ratio:8.2f}  {run.said}")


if __name__ == "__main__":
    main()
