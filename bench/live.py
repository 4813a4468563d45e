"""`hanse collect` under load: flows received, stored and searched on loopback, and how soon an attack shows.

    python bench/live.py [--seconds S] [--rate R] [--attack-after S]

A sender of its own process exports ordinary conversations at so many flows/s in NetFlow v9. After a
while every twentieth datagram carries an ICMP flood on one host instead. The time from its first
datagram to the line that reports it is the delay.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from multiprocessing import Process, Value
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.telemetry.exports.build import EXPORT_S, UPTIME_MS, V4_FIELDS, Stream, dtype_of, stream

VICTIM = 0xC3500001
HEAD = 24
EVERY = 20
BURST = 64
FIRST = 2
"""Datagrams at the start of a stream that carry the template and are left as they are."""


def ordinary(made: Stream) -> Stream:
    """Turn a stream's flows into whole conversations: nothing in it is over a threshold."""
    for rows in _records(made):
        rows["4"] = 6
        rows["6"] = 27
        rows["2"] = np.minimum(rows["2"], 20)
        rows["1"] = rows["2"].astype(np.int64) * 400
        rows["21"] = UPTIME_MS
        rows["22"] = UPTIME_MS - 5_000
    return made


def flood(made: Stream) -> Stream:
    """Turn a stream's flows into echo requests to one host."""
    for rows in _records(made):
        rows["4"] = 1
        rows["6"] = 0
        rows["12"] = VICTIM
        rows["7"] = 0
        rows["11"] = 8 << 8
        rows["2"] = 50
        rows["1"] = 50 * 1_028
        rows["21"] = UPTIME_MS
        rows["22"] = UPTIME_MS - 5_000
    return made


def _records(made: Stream) -> list[npt.NDArray[np.void]]:
    """The records of each datagram but the first ones, as views that can be written."""
    dtype = dtype_of(V4_FIELDS)
    found = []
    for at in made.offsets.tolist()[FIRST:]:
        part = made.data[at + HEAD : at + HEAD + made.each * dtype.itemsize]
        found.append(part.view(dtype))
    return found


def send(port: int, rate: float, seconds: float, attack_after: float, begun: Any, sent: Any) -> None:
    """Send at so many flows/s; note when the first datagram of the attack goes out."""
    calm, storm = ordinary(stream("v9", 8_000)), flood(stream("v9", 8_000))
    calm_parts, storm_parts = _parts(calm), _parts(storm)
    per_s, count, begin = rate / calm.each, 0, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(("127.0.0.1", port))
        while (now := time.monotonic() - begin) < seconds:
            due = int(now * per_s)
            if count >= due:
                time.sleep(0.001)
                continue
            for _ in range(min(due - count, BURST)):
                storming = now >= attack_after and count % EVERY == 0
                if storming and not begun.value:
                    begun.value = time.time()
                parts = storm_parts if storming else calm_parts
                at = count % len(parts)
                out.send(parts[at if at >= FIRST or not storming else FIRST])
                count += 1
    sent.value = count


def _parts(made: Stream) -> list[memoryview]:
    data = memoryview(made.data.tobytes())
    return [
        data[at : at + size] for at, size in zip(made.offsets.tolist(), made.lengths.tolist(), strict=True)
    ]


def free_port() -> int:
    """A UDP port that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(seconds: float, rate: float, attack_after: float) -> None:
    """One run; prints what came, what was stored, what was lost, and the delay."""
    port = free_port()
    hanse = str(Path(sys.executable).parent / "hanse")
    with tempfile.TemporaryDirectory() as folder:
        command = [hanse, "collect", f"127.0.0.1:{port}", "--out", folder, "--format", "json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
            time.sleep(8)  # numba loads its machine code before the first datagram
            begun, sent = Value("d", 0.0), Value("q", 0)
            sender = Process(target=send, args=(port, rate, seconds, attack_after, begun, sent))
            sender.start()
            sender.join()
            time.sleep(2)
            os.kill(running.pid, signal.SIGTERM)
            out, words = running.communicate(timeout=120)
            used = os.times()
        stored = sum(pq.read_metadata(path).num_rows for path in Path(folder).rglob("*.parquet"))
    events = [json.loads(line) for line in out.splitlines()]
    first = next((event for event in events if event["event"] == "begun"), None)
    print(words.strip())
    print(
        f"sent {sent.value:,} datagrams; stored {stored:,} flows; children's CPU {used.children_user + used.children_system:.0f} s"
    )
    if first is None:
        print("no attack was reported")
        return
    reported = np.datetime64(first["at"].rstrip("Z")).astype("datetime64[us]").astype(int) / 1e6
    print(
        f"{first['attack']['vector']} on {first['attack']['victim']} reported {reported - begun.value:.1f} s after its first datagram"
    )
    print(f"attacks reported in all: {sum(event['event'] == 'begun' for event in events)}")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=500_000)
    parser.add_argument("--attack-after", type=float, default=20)
    given = parser.parse_args()
    print(f"{given.rate:,.0f} flows/s for {given.seconds:.0f} s, export time {EXPORT_S}")
    run(given.seconds, given.rate, given.attack_after)


if __name__ == "__main__":
    main()
