"""A flood in NetFlow v9 as an exporter would send it, and ordinary traffic before it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from struct import pack_into

import numpy as np

from tests.telemetry.exports.build import UPTIME_MS, V4_FIELDS, dtype_of, stream

VICTIM = "195.80.0.1"
HEAD, EXPORT_S_AT = 24, 8
PER_S = 50
"""Datagrams a second: 1,450 flows/s of 50 packets each, far above any threshold."""


def datagrams(count: int) -> list[bytearray]:
    """Echo requests of many sources to one host; the first datagrams carry the template too."""
    made = stream("v9", count)
    dtype = dtype_of(V4_FIELDS)
    parts = []
    for at, size in zip(made.offsets.tolist(), made.lengths.tolist(), strict=True):
        if at != made.offsets[0]:
            rows = made.data[at + HEAD : at + HEAD + made.each * dtype.itemsize].view(dtype)
            rows["4"], rows["6"], rows["7"], rows["11"] = 1, 0, 0, 8 << 8
            rows["12"] = int.from_bytes(socket.inet_aton(VICTIM), "big")
            rows["2"], rows["1"] = 50, 50 * 1_028
            rows["21"], rows["22"] = UPTIME_MS, UPTIME_MS - np.arange(len(rows)) % 1_000
        parts.append(bytearray(made.data[at : at + size].tobytes()))
    return parts


@contextmanager
def flooding(port: int) -> Iterator[float]:
    """Flood a host in what is exported to a port of loopback, until the context ends; yields when it began."""
    parts, stop = datagrams(2_000), threading.Event()
    began = time.time()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.connect(("127.0.0.1", port))
            for number in range(len(parts) * 10):
                part = parts[number % len(parts)]
                pack_into(">I", part, EXPORT_S_AT, int(time.time()))
                with suppress(
                    ConnectionRefusedError
                ):  # nobody listens just now; exporters do not mind either
                    out.send(part)
                if stop.wait(max(0.0, began + (number + 1) / PER_S - time.time())):
                    return

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield began
    finally:
        stop.set()
        thread.join(5)
