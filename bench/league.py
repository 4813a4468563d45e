"""A partner that catches up: entries/s durable and verified, memory on the way, and what nothing new costs.

    python bench/league.py [--entries N]

Two real nodes on this machine, each with its own SQLite file. One has N attacks addressed to the other and a signed
checkpoint over them; it is served as people serve it. The other pulls them over HTTP in one process: signatures,
chain, inclusion and consistency are verified, the next page is fetched while one is written, what it says to have is
on disk, and every attack becomes a row. Memory is the reader's resident set.
"""
# ruff: noqa: PLC0415 - the nodes are other processes

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BAR_PER_S, BAR_MIB = 2_000, 300
BAR_IDLE_MS, BAR_IDLE_BYTES = 50, 2_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    entries = parser.parse_args().entries
    from tests.federation.sovereign import Sovereign

    with tempfile.TemporaryDirectory(prefix="hanse-bench-") as folder:
        os.environ["HANSE_TEST_RUN"] = folder
        ee = Sovereign(Path(folder) / "ee", "ee-cert", "EE")
        fi = Sovereign(Path(folder) / "fi", "fi-cert", "FI")
        try:
            for node in (ee, fi):
                node.make()
            ee.serve()
            ee.becomes_partner_of(fi)
            fi.becomes_partner_of(ee)
            made = ee.do("fill", to="fi-cert", entries=entries)
            told = fi.do("catch_up", partner="ee-cert")
            idle = fi.do("idle", partner="ee-cert", times=100)
        finally:
            ee.close()
            fi.close()
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, SQLite")
    print(f"addressed and integrated   {entries:,} in {made:.1f} s")
    print(
        f"caught up                  {told['entries']:,} entries in {told['seconds']:.1f} s, "
        f"{told['entries'] / told['seconds']:,.0f}/s (bar {BAR_PER_S:,}), all proven: {told['proven'] == entries}"
    )
    print(f"memory of the reader       {told['mib']} MiB after each tenth (bar {BAR_MIB})")
    print(
        f"nothing new                median {idle['median_ms']:.1f} ms, 95th percentile {idle['p95_ms']:.1f} ms "
        f"(bar {BAR_IDLE_MS}), {idle['bytes']:,} bytes (bar {BAR_IDLE_BYTES:,})"
    )


if __name__ == "__main__":
    main()
