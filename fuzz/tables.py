"""Fuzz the recognisers, the unpackers and the table readers: ``python fuzz/tables.py [seconds] [corpus folder]``.

The fuzzer mutates logs and tables of every kind, plain and packed. After each mutation the rules of
`check` must hold: no exception, every flow accounted for, every batch in the flow schema. It ends
after the seconds given (60 by default), or at the first broken rule, which it writes to a file
``crash-...`` in the working folder. The nfdump program is not called.
"""

import gzip
import importlib
import lzma
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import atheris
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

for compiled in ("dotted", "packets", "exports"):
    # Imported first, and so not instrumented: they hold loops that numba compiles.
    importlib.import_module(f"hanse.telemetry.{compiled}")

with atheris.instrument_imports(include=["hanse.telemetry"]):
    from hanse.telemetry.inputs import Limits, open_input
    from hanse.telemetry.read import READERS
    from hanse.telemetry.reading import InputReport
    from hanse.telemetry.recognise import Kind, content_of, recognise, why_not
    from hanse.telemetry.schema import FLOW

    # isort: split
    from tests.telemetry.test_inputs_read import CSV, NEW, OLD, TCP, as_json, flow_parquet, other_parquet, tsv

LARGEST = 8_192
"""Octets of an input at most."""
LIMITS = Limits(decompressed_bytes=1 << 20)
FUZZED_ELSEWHERE = {Kind.NFDUMP, Kind.CAPTURE, Kind.EXPORT_CAPTURE, Kind.EXPORT_DUMP}


def check(data: bytes) -> None:
    """Read an input as `read` does; raises where a rule is broken."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        path.write_bytes(data)
        with open_input(path, LIMITS) as source:
            content = content_of(source.data)
            kind = recognise(content)
            if kind is None:
                assert all(why_not(content))
            elif kind not in FUZZED_ELSEWHERE:
                report = InputReport(str(path))
                flows = 0
                for batch in READERS[kind](source, report, None):
                    assert batch.schema.equals(FLOW)
                    batch.validate(full=True)
                    flows += batch.num_rows
                assert flows == report.flows
                assert report.skipped >= 0


def seeds() -> list[bytes]:
    """One input of each kind, and some of them packed."""
    texts = [CSV, OLD, NEW, tsv(TCP, TCP), as_json(TCP, TCP)]
    packed = [gzip.compress(CSV), lzma.compress(CSV), pa.compress(CSV, codec="zstd", asbytes=True)]
    return [*texts, *packed, flow_parquet(), other_parquet()]


def main() -> None:
    """Seed a corpus and fuzz for the given time."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory() as made:
        corpus = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(made)
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds()):
            (corpus / f"seed-{number}").write_bytes(seed)
            check(seed)
        ends = time.monotonic() + seconds

        def step(data: bytes) -> None:
            check(data)
            if time.monotonic() > ends:
                print(f"No rule was broken in {seconds} s.", flush=True)
                shutil.rmtree(made)
                # The fuzzer's own end waits for Arrow's threads, which wait for Python's lock, which it holds.
                os._exit(0)

        limits = [f"-max_len={LARGEST}", "-timeout=20", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], *limits, str(corpus)], step)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
