"""The compiled loops: kept on disk, compiled for one set of types, and working without a cache."""

import subprocess
import sys
from typing import Any

import numba
import numpy as np
import pytest

from hanse.telemetry.packets import compiled, dissection, flowtable, pcap, pcapng, read_flows
from hanse.telemetry.reading import InputReport
from tests.telemetry.packets import hostile

LOOPS = {
    "pcap": (pcap, "_scan"),
    "pcapng": (pcapng, "_scan"),
    "dissect": (dissection, "dissect"),
    "collect": (flowtable, "_collect"),
    "drain": (flowtable, "_drain"),
}


def loop(name: str) -> Any:
    """A loop as its module has it: compiled, once it was called."""
    return getattr(*LOOPS[name])


def test_each_loop_is_compiled_once() -> None:
    """Plain arrays, read-only ones and memory maps share one compilation: nobody waits twice."""
    for capture in hostile.captures():
        hostile.check(capture)
        writable = np.frombuffer(capture, np.uint8).copy()
        strided = np.repeat(writable, 2)[::2]
        for array in (writable, strided):
            report = InputReport("")
            assert sum(batch.num_rows for batch in read_flows(array, report, "")) == report.flows
    assert {name: len(loop(name).signatures) for name in LOOPS} == dict.fromkeys(LOOPS, 1)


def test_machine_code_is_kept_for_the_next_process() -> None:
    """A second process compiles nothing."""
    hostile.check(hostile.captures()[0])
    if not loop("dissect").stats.cache_path:
        pytest.skip("no folder for numba's cache can be written here")
    script = (
        "from tests.telemetry.packets import hostile, test_compiled as t\n"
        "hostile.check(hostile.captures()[0])\n"
        "loops = [t.loop(name) for name in ('pcap', 'dissect', 'collect', 'drain')]\n"
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

    monkeypatch.setattr(numba, "njit", njit)
    assert compiled.kernel(lambda number: number + 1)(1) == 2
    assert seen == [{"cache": True, "nogil": True}, {"nogil": True}]


def test_numba_is_loaded_by_the_first_loop_that_runs() -> None:
    """What reads no packets and no addresses in dots has no use for it, and it takes half of the time to start."""
    script = (
        "import sys, hanse.pipeline\n"
        "assert 'numba' not in sys.modules\n"
        "from tests.telemetry.packets import hostile\n"
        "hostile.check(hostile.captures()[0])\n"
        "assert 'numba' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
