"""Fuzz the export decoders: python fuzz/exports.py [seconds]; 60 s by default.

The input is cut into datagrams by a length octet pair each; they come from two senders. No input may
crash, hang, or make the decoder keep more than its bounds.
"""

import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hanse.telemetry.packets import dissection  # before anything below: it must stay as it is

# Numba compiles the loops of the excluded modules, and cannot compile what atheris puts into them.
with atheris.instrument_imports(
    include=["hanse.telemetry.exports"],
    exclude=[f"hanse.telemetry.exports.{name}" for name in ("scan", "sflow", "sequence", "dump")],
):
    from hanse.telemetry.exports import ExportDecoder, read_dump, recognise

from tests.telemetry.exports.test_hostile import SEEDS

from hanse.telemetry.exports.receipt import CLOCK_US, LATE_US
from hanse.telemetry.exports.streams import TEMPLATE_BYTES, WAITING_BYTES
from hanse.telemetry.reading import InputReport

assert dissection.dissect
MOST = 4_096
NOW_US = 1_790_000_000_000_000


def _split(data: bytes) -> list[bytes]:
    """The datagrams in an input: each behind its length in two octets."""
    found = []
    at = 0
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2], "big") % MOST
        found.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    return found


def one(data: bytes) -> None:
    """Decode one input in two calls, from a file and as it comes, and read it as a dump."""
    for live in (False, True):
        _decode(_split(data), live=live)
    recognise(data)
    for _ in read_dump(np.frombuffer(data, np.uint8), InputReport("dump"), "fuzz"):
        pass


def _decode(datagrams: list[bytes], *, live: bool) -> None:
    """Decode datagrams in two calls; what comes live ended within the hour before it was received."""
    decoder = ExportDecoder(InputReport("fuzz"), "fuzz", udp=live, hurry=live, live=live)
    for some in (datagrams[::2], datagrams[1::2]):
        lengths = np.array([len(part) for part in some], np.int32)
        sender = np.zeros((len(some), 16), np.uint8)
        sender[:, 15] = np.arange(len(some)) % 2
        batch = decoder.decode(
            np.frombuffer(b"".join(some), np.uint8),
            np.cumsum(lengths, dtype=np.int64) - lengths,
            lengths,
            sender,
            np.full(len(some), NOW_US),
        )
        if batch is not None:
            batch.validate(full=True)
            ends = batch.column("end").cast("int64").to_numpy()
            assert not live or (ends.min() >= NOW_US - LATE_US and ends.max() <= NOW_US + CLOCK_US)
    decoder.finish()
    decoder.exporters(NOW_US)
    for stream in decoder._streams:  # noqa: SLF001 - the bounds are what is tested
        assert 0 <= stream.exporter.waiting_bytes <= WAITING_BYTES
        assert 0 <= stream.exporter.template_bytes <= TEMPLATE_BYTES


def main() -> None:
    """Run for the seconds given, from good datagrams on."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    joined = b"".join(len(seed).to_bytes(2, "big") + seed for seed in SEEDS)
    corpus = Path(tempfile.mkdtemp(prefix="fuzz-exports-"))
    for number, seed in enumerate((joined, *(len(seed).to_bytes(2, "big") + seed for seed in SEEDS), *SEEDS)):
        one(seed)  # compiles the loops, so that the first input is not taken for one that hangs
        (corpus / str(number)).write_bytes(seed)
    limits = [f"-max_total_time={seconds}", "-max_len=8192", "-timeout=10", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
