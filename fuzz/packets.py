"""Fuzz the capture reader: ``python fuzz/packets.py [seconds] [corpus folder]``.

The fuzzer mutates captures of every kind; after each mutation the rules of
`tests.telemetry.packets.hostile` must hold (no packet from nowhere, none lost, payloads inside their
buffer). It ends after the seconds given (60 by default), or at the first broken rule, which it writes
to a file ``crash-...`` in the working folder. Coverage guides it through the Python part; the
compiled loops are black boxes to it, so the seeds hold each encapsulation once.
"""

import inspect
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.telemetry.packets import hostile

from hanse.telemetry.packets import capture, datagrams, exports, flows, pcap, pcapng

LARGEST = 8_192
"""Octets of an input at most: every field of the formats is reached well before."""


def plain_functions(module: ModuleType) -> Iterator[FunctionType]:
    """A module's own functions and methods, without the loops that numba compiles."""
    for thing in vars(module).values():
        members = vars(thing).values() if inspect.isclass(thing) else [thing]
        for member in members:
            if inspect.isfunction(member) and member.__code__.co_filename == module.__file__:
                yield member


def main() -> None:
    """Seed a corpus and fuzz for the given time."""
    for module in (capture, datagrams, exports, flows, pcap, pcapng):
        for function in plain_functions(module):
            atheris.instrument_func(function)
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory() as made:
        corpus = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(made)
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(hostile.captures()):
            (corpus / f"seed-{number}").write_bytes(seed)
            hostile.check(seed)  # compiles the loops outside of the fuzzer's own time limit per input
        limits = [f"-max_total_time={seconds}", f"-max_len={LARGEST}", "-timeout=10", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], *limits, str(corpus)], hostile.check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
