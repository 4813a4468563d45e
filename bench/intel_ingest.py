"""Bringing a STIX bundle in: objects/s, durable, checked by policy and correlated, beside `stix2.parse` alone.

    python bench/intel_ingest.py [--small] [--objects N]

Both read the same bundle in one run: indicators, the observables that they are based on, sightings, relationships,
and a report for each thousand, with TLP markings. Hanse writes each object as a signed entry, flushed to disk, with
the rows that it is found, listed and correlated by; `stix2.parse` makes Python objects of the text and keeps nothing.
"""
# ruff: noqa: PLC0415 - Django is configured first

import argparse
import json
import os
import platform
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BAR = 5_000
"""Objects/s at least, on two cores (issue 4)."""
BAR_MIB = 500
"""Memory at most, MiB (issue 4)."""
PARSED = 20_000
"""Objects that `stix2.parse` is timed on."""
SPACE = UUID("6f5c1a1c-4b3a-5d53-9a0c-70cbb7a6d6cb")
AMBER = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"
GREEN = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
TIME = "2026-01-02T03:04:05.678Z"
WORDS = "Seen in a campaign against web shops of three member states; served from rented machines. " * 2


def objects(count: int) -> Iterator[dict[str, Any]]:
    """STIX objects as a busy sharing community sends them; the same for a count."""
    creator = _id("identity", "creator")
    yield {
        "type": "identity",
        "id": creator,
        "name": "CERT of Elsewhere",
        "identity_class": "organization",
        **_common("identity"),
    }
    made, number = 1, 0
    while made < count:
        some = list(_group(number, creator))[: count - made]
        yield from some
        made += len(some)
        number += 1


def _id(kind: str, name: object) -> str:
    return f"{kind}--{uuid5(SPACE, f'{kind} {name}')}"


def _common(name: object) -> dict[str, Any]:
    marking = AMBER if hash(str(name)[-1]) % 2 else GREEN
    return {"spec_version": "2.1", "created": TIME, "modified": TIME, "object_marking_refs": [marking]}


def _group(number: int, creator: str) -> Iterator[dict[str, Any]]:
    """One observable, the indicator of it, how they belong together, and who saw it; now and then a report."""
    kind, value, pattern = _value(number)
    observable, indicator = _id(kind, number), _id("indicator", number)
    yield {"type": kind, "id": observable, "spec_version": "2.1", **value}
    yield {
        "type": "indicator", "id": indicator, "created_by_ref": creator, "name": f"Indicator {number}",
        "description": WORDS, "indicator_types": ["malicious-activity"], "pattern": pattern, "pattern_type": "stix",
        "valid_from": TIME, "confidence": 75, "labels": ["phishing"], **_common(number),
    }  # fmt: skip
    yield {
        "type": "relationship", "id": _id("relationship", number), "created_by_ref": creator,
        "relationship_type": "based-on", "source_ref": indicator, "target_ref": observable, **_common(number),
    }  # fmt: skip
    yield {
        "type": "sighting", "id": _id("sighting", number), "created_by_ref": creator, "count": 3,
        "sighting_of_ref": indicator, "where_sighted_refs": [creator], "first_seen": TIME, "last_seen": TIME,
        **_common(number),
    }  # fmt: skip
    if number % 250 == 0:
        yield {
            "type": "report", "id": _id("report", number), "created_by_ref": creator, "name": f"Report {number}",
            "description": WORDS * 3, "published": TIME, "report_types": ["threat-report"],
            "object_refs": [_id("indicator", number + at) for at in range(100)], **_common(number),
        }  # fmt: skip


def _value(number: int) -> tuple[str, dict[str, Any], str]:
    """A domain, an address, a hash or a URL; one in ten has been named before."""
    at = number // 10 if number % 10 == 0 else number
    match number % 4:
        case 0:
            name = f"host{at}.example.net"
            return "domain-name", {"value": name}, f"[domain-name:value = '{name}']"
        case 1:
            address = f"{11 + at // 65_536 % 80}.{at // 256 % 256}.{at % 256}.{1 + at % 250}"
            return "ipv4-addr", {"value": address}, f"[ipv4-addr:value = '{address}']"
        case 2:
            digest = uuid5(SPACE, f"a {at}").hex + uuid5(SPACE, f"b {at}").hex
            return "file", {"hashes": {"SHA-256": digest}}, f"[file:hashes.'SHA-256' = '{digest}']"
        case _:
            url = f"https://shop{at}.example.org/pay/{at}"
            return "url", {"value": url}, f"[url:value = '{url}']"


def bundle(count: int) -> bytes:
    """The bundle as a file."""
    told = {"type": "bundle", "id": _id("bundle", count), "objects": list(objects(count))}
    return json.dumps(told).encode()


def ingest(address: str, count: int) -> dict[str, float]:
    """Seconds, CPU seconds and memory of bringing it in, on a node of its own; Django is configured once per process."""
    from hanse.bootstrap import configure, make_tables
    from hanse.kernel.keys import Keyring
    from hanse.settings import Node

    with tempfile.TemporaryDirectory(prefix="hanse-bench-", dir=os.environ.get("HANSE_BENCH_FOLDER")) as name:
        configure(Node(Path(name), "ee-cert", "CERT Estonia", "EE", database=address), Keyring.new())
        make_tables()
        from hanse.intel import models
        from hanse.intel.service import bring_in
        from hanse.kernel.actors import Actor
        from hanse.node.working import settle

        actor = Actor(
            kind="person", id=UUID(int=7).hex, name="Mari Maasikas", authority="ee-cert", country="EE", tier="member",
            roles=frozenset({"analyst"}), teams=frozenset(), scopes=None, stepped_up_us=None,
        )  # fmt: skip
        bring_in(bundle(500), "first.json", actor)  # imports, caches, the first pages of the files
        before = models.Item.projected.count()
        data = bundle(count)
        settle()  # as a worker does at its start
        start, cpu = time.perf_counter(), time.process_time()
        account = bring_in(data, "bundle.json", actor)
        took, cpu = time.perf_counter() - start, time.process_time() - cpu
        assert account.items == count, account
        assert models.Item.projected.count() - before == account.fresh
        start = time.perf_counter()
        again = bring_in(data, "bundle.json", actor)
        assert (again.fresh, again.newer, again.known) == (0, 0, count), again
        return {
            "objects": count, "bytes": len(data), "took": took, "cpu": cpu, "again": time.perf_counter() - start,
            "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, **sizes(),
        }  # fmt: skip


def sizes() -> dict[str, float]:
    """MiB of what was brought in (entries and bodies) and of all that it is found, listed and correlated by; on SQLite."""
    from django.db import connection

    if connection.vendor != "sqlite":
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")
        found = {name: size / 2**20 for name, size in cursor.fetchall()}
    data = sum(found.get(name, 0) for name in ("ledger_entry", "ledger_body"))
    index = sum(size for name, size in found.items() if "intel_" in name)
    return {"data": data, "index": index}


def parsed(count: int) -> dict[str, float]:
    """Seconds of `stix2.parse` on the same objects, in one piece as its documentation does it."""
    import stix2

    data = bundle(count)
    start = time.perf_counter()
    found = stix2.parse(data.decode(), allow_custom=True)
    took = time.perf_counter() - start
    assert len(found.objects) == count
    return {"objects": count, "took": took}


def run(what: str, count: int) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--do", what, "--objects", str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def main() -> None:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a short run")
    parser.add_argument("--objects", type=int, help="objects of the bundle")
    parser.add_argument("--do", help="measure that in this process, and print JSON")
    given = parser.parse_args()
    count = given.objects or (5_000 if given.small else 100_000)
    if given.do:
        print(json.dumps(parsed(count) if given.do == "stix2" else ingest(given.do, count)))
        return
    from tests import postgres

    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
          f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC")  # fmt: skip
    peer = run("stix2", min(count, PARSED))
    rate = peer["objects"] / peer["took"]
    print(
        f"\n{'':24} {'objects':>9} {'s':>7} {'CPU s':>7} {'objects/s':>10} {'of stix2.parse':>15} {'again/s':>9} {'MiB':>6}"
    )
    print(
        f"{'stix2.parse alone':24} {peer['objects']:9,.0f} {peer['took']:7.1f} {'':7} {rate:10,.0f} {'1.0x':>15}"
    )
    told = run("sqlite", count)
    _show("Hanse, SQLite", told, rate)
    print(
        f"{'':24} on disk: {told['data']:,.0f} MiB of entries and bodies, {told['index']:,.0f} MiB to find them by"
    )
    if postgres.programs() is None:
        print("PostgreSQL is not installed (Debian: postgresql): left out.")
        return
    with postgres.server() as address:
        _show("Hanse, PostgreSQL", run(address, count), rate)
    print(f"bar: {BAR:,} objects/s, under {BAR_MIB} MiB")


def _show(name: str, told: dict[str, float], peer: float) -> None:
    rate = told["objects"] / told["took"]
    print(f"{name:24} {told['objects']:9,.0f} {told['took']:7.1f} {told['cpu']:7.1f} {rate:10,.0f} {rate / peer:14.1f}x "
          f"{told['objects'] / told['again']:9,.0f} {told['mib']:6.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
