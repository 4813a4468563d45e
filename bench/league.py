"""A partner that catches up: entries/s durable and verified, memory on the way, and what nothing new costs.

    python bench/league.py [--entries N]

Two real nodes on this machine, each with its own SQLite file. One has N attacks addressed to the other and a signed
checkpoint over them; it is served as people serve it. The other pulls them over HTTP in one process: signatures,
chain, inclusion and consistency are verified, the next page is fetched while one is written, what it says to have is
on disk, and every attack becomes a row. Memory is the reader's resident set. Before that, two served nodes with nothing
else to do: how long from sharing an attack until the page of partners' attacks at the other shows it.
"""
# ruff: noqa: PLC0415 - the nodes are other processes

import argparse
import http.client
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BAR_PER_S, BAR_MIB = 2_000, 300
BAR_IDLE_MS, BAR_IDLE_BYTES = 50, 2_000
BAR_NEWS_S = 2


def news(folder: Path) -> list[float]:
    """Seconds from the moment before an attack is shared to the page of the partner's that has it; of several attacks.

    Both nodes are served as people serve them, with their workers; the page is asked for ten times a second.
    """
    from tests.federation.sovereign import two

    took = []
    with two(folder) as (ee, fi):
        name, value = fi.do("signed_in")
        connection = http.client.HTTPConnection(fi.url.removeprefix("http://"), timeout=60)

        def rows() -> int:
            connection.request("GET", "/attacks/partners/", headers={"Cookie": f"{name}={value}"})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, answer.status
            return text.count(b"<tr data-row")

        for number, attack in enumerate(ee.do("attacks", number=10)):
            time.sleep(5)  # as long as nothing is shared, each asks more and more seldom
            assert rows() == number
            began = time.perf_counter()
            ee.do("share", attack=attack, to=["fi-cert"])
            while rows() <= number:
                time.sleep(0.1)
            took.append(time.perf_counter() - began)
    return took


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    entries = parser.parse_args().entries
    from tests.federation.sovereign import Sovereign

    with tempfile.TemporaryDirectory(prefix="hanse-bench-") as folder:
        os.environ["HANSE_TEST_RUN"] = folder
        seen = news(Path(folder) / "news")
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
    print(
        f"shared, on their page      median {statistics.median(seen):.1f} s, longest of {len(seen)} {max(seen):.1f} s "
        f"(bar {BAR_NEWS_S} s)"
    )
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
