"""The compiled loops: kept on disk, compiled for one set of types, and working without a cache."""

import subprocess
import sys

import numpy as np
import pytest

from hanse.telemetry.packets import compiled, dissection, flowtable, pcap, pcapng, read_flows
from hanse.telemetry.reading import InputReport
from tests.telemetry.packets import hostile

LOOPS = {
    "pcap": pcap._scan,
    "pcapng": pcapng._scan,
    "dissect": dissection.dissect,
    "collect": flowtable._collect,
    "drain": flowtable._drain,
}


def test_each_loop_is_compiled_once() -> None:
    """Plain arrays, read-only ones and memory maps share one compilation: nobody waits twice."""
    for capture in hostile.captures():
        hostile.check(capture)
        writable = np.frombuffer(capture, np.uint8).copy()
        strided = np.repeat(writable, 2)[::2]
        for array in (writable, strided):
            report = InputReport("")
            assert sum(batch.num_rows for batch in read_flows(array, report, "")) == report.flows
    assert {name: len(loop.signatures) for name, loop in LOOPS.items()} == dict.fromkeys(LOOPS, 1)


def test_machine_code_is_kept_for_the_next_process() -> None:
    """A second process compiles nothing."""
    hostile.check(hostile.captures()[0])
    if not dissection.dissect.stats.cache_path:
        pytest.skip("no folder for numba's cache can be written here")
    script = (
        "from tests.telemetry.packets import hostile, test_compiled as t\n"
        "hostile.check(hostile.captures()[0])\n"
        "loops = [t.LOOPS[name] for name in ('pcap', 'dissect', 'collect', 'drain')]\n"
        "print([(sum(l.stats.cache_hits.values()), sum(l.stats.cache_misses.values())) for l in loops])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == str([(1, 0)] * 4)


def test_without_a_folder_for_the_cache_it_still_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where numba finds no place to keep machine code the loop is compiled for this process alone."""
    seen = []

    def njit(**options: bool):
        seen.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return lambda loop: loop

    monkeypatch.setattr(compiled, "njit", njit)
    assert compiled.kernel(len) is len
    assert seen == [{"cache": True, "nogil": True}, {"nogil": True}]
