"""Looking up among millions of indicators on SQLite: a value's correlations, and the first page of a search.

    python bench/intel_lookups.py [--small] [--items N] [--home FOLDER]

They are brought in as STIX bundles through the ledger, as an analyst does it: signed entries, bodies, and all that
they are found by. A third of all postings are of values that others name as well; one value has 100,000 postings, and
one indicator in ten is marked so that the reader does not see it. The node is kept in its folder for the next run; a
run that was stopped goes on where it was.
"""
# ruff: noqa: PLC0415 - Django is configured first

import argparse
import dataclasses
import itertools
import json
import os
import platform
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BAR_MS, BAR_SEARCH_MS = 50.0, 200.0
"""Correlations of a value at the 99th percentile; the first page of a search (issue 4)."""
COMMON = 100_000
"""Postings of the most common value."""
CHUNK = 100_000
"""Indicators of a bundle."""
PAGE = 50
SEED = 2007
SPACE = UUID("6f5c1a1c-4b3a-5d53-9a0c-70cbb7a6d6cb")
TIME = "2026-01-02T03:04:05.678Z"
NAMES = (
    "phishing",
    "loader",
    "stealer",
    "botnet",
    "exchange",
    "proxy",
    "scanner",
    "skimmer",
    "wiper",
    "dropper",
)
PLACES = ("Tallinn", "Riga", "Vilnius", "Helsinki", "Warsaw", "Bonn", "Lyon", "Turin", "Porto", "Malmö")


def rows(count: int) -> Iterator[tuple[int, str, str, str]]:
    """Items in turn: number, what its value is, its title, its text."""
    rng = random.Random(SEED)
    step = max(2, count // COMMON)
    for number in range(count):
        if number % step == 0:
            value = "193.40.5.77"
        elif rng.random() < 1 / 3 and number > 100:
            value = _address(int(number * rng.random() ** 3))  # the older, the likelier: some become common
        else:
            value = _address(number)
        words = f"{rng.choice(NAMES)} at a host in {rng.choice(PLACES)}, ticket {number % 99_991}"
        yield number, value, f"{rng.choice(NAMES)} {number}", words


def _address(number: int) -> str:
    mixed = number * 2_654_435_761 % 2**32 % (2**31 - 2**28) + 2**28 + 2**25
    return f"{mixed >> 24}.{mixed >> 16 & 255}.{mixed >> 8 & 255}.{mixed & 255}"


def fill(count: int, tell: Callable[[str], None]) -> None:
    """Bring indicators into a node that has none of them, or the first of them."""
    from django.db import connection

    from hanse.intel.service import bring_in
    from hanse.kernel.markings import Marking, Tlp
    from hanse.node.working import settle

    settle()  # as a worker does at its start
    with (
        connection.cursor() as cursor
    ):  # how fast and how durably they come in is measured by intel_ingest.py
        for one in ("locking_mode=EXCLUSIVE", "journal_mode=OFF", "synchronous=OFF", "cache_size=-6000000"):
            cursor.execute(f"PRAGMA {one}")
    ours = Marking.own("ee-cert")
    hidden = dataclasses.replace(ours, tlp=Tlp.RED)
    there, told = present(), rows(count)
    start = time.perf_counter()
    for first in range(0, count, CHUNK):
        some = list(itertools.islice(told, CHUNK))
        if first + len(some) <= there:
            continue
        for marking, tenth in ((ours, False), (hidden, True)):
            part = [row for row in some if (row[0] % 10 == 3) == tenth]
            bring_in(bundle(part), f"{first}.json", reader(), marking=marking)
        done = first + len(some)
        tell(f"{done:,} of {count:,} indicators, {(done - there) / (time.perf_counter() - start):,.0f}/s")


def present() -> int:
    """How many indicators the node has."""
    from hanse.intel import models

    return models.Item.projected.count()


def bundle(some: list[tuple[int, str, str, str]]) -> bytes:
    """Some rows as a STIX bundle."""
    told = [
        {
            "type": "indicator", "spec_version": "2.1", "id": f"indicator--{indicator_id(number)}", "created": TIME,
            "modified": TIME, "name": title, "description": body, "indicator_types": ["malicious-activity"],
            "pattern": f"[ipv4-addr:value = '{text}']", "pattern_type": "stix", "valid_from": TIME, "confidence": 75,
        }
        for number, text, title, body in some
    ]  # fmt: skip
    return json.dumps(
        {"type": "bundle", "id": f"bundle--{uuid5(SPACE, str(some[0][0]))}", "objects": told}
    ).encode()


def indicator_id(number: int) -> UUID:
    """The STIX id of a row."""
    return uuid5(SPACE, f"indicator {number}")


def timed(ask: Callable[[], object]) -> float:
    """Milliseconds that it takes."""
    start = time.perf_counter()
    ask()
    return (time.perf_counter() - start) * 1e3


def correlations(count: int, rounds: int) -> list[tuple[str, list[float], str]]:
    """By sort of value: how long each look-up took, and what was found."""
    from hanse.intel import correlating, models
    from hanse.intel.projecting import _PLACES as PLACES
    from hanse.intel.values import Value

    actor, rng, told = reader(), random.Random(1), []
    seen = models.Item.objects.for_actor(actor, "intel.view")

    def any_item() -> models.Item:
        """One that the reader may see."""
        return seen.get(source_id=f"indicator--{indicator_id(rng.randrange(count // 10) * 10 + 1)}")

    def value_of(item: models.Item) -> Value:
        begins, ends = item.number << PLACES, item.number + 1 << PLACES  # the rows of an item stand together
        posting = models.Posting.objects.get(pk__gte=begins, pk__lt=ends)
        return Value("address", models.Value.objects.get(pk=posting.value).text)

    for name in ("any value", f"the value with {COMMON:,} postings", "ten values of one item"):
        found: list[Any] = []
        took = []
        for _ in range(rounds):
            item = any_item()
            if name == "any value":
                values = [value_of(item)]
            elif name.startswith("the"):
                values = [Value("address", "193.40.5.77")]
            else:
                values = [value_of(any_item()) for _ in range(10)]
            took.append(timed(lambda: found.append(correlating.of_item(item, values, actor))))  # noqa: B023 - run at once
        shown = statistics.mean(sum(one.count for one in each) for each in found)
        told.append((name, took, f"{shown:,.1f} others on average"))
    return told


def searches(count: int, rounds: int) -> list[tuple[str, list[float], str]]:
    """By sort of search: how long the first page took, and what was found."""
    from hanse.intel.finding import matching

    actor, rng = reader(), random.Random(2)
    asked: dict[str, Callable[[], str]] = {
        "an address": lambda: _address(rng.randrange(count)),
        "the most common address": lambda: "193.40.5.77",
        "a network of 256": lambda: _address(rng.randrange(count)).rpartition(".")[0] + ".0/24",
        "a network of 65,536": lambda: ".".join(_address(rng.randrange(count)).split(".")[:2]) + ".0.0/16",
        "a rare word (ticket)": lambda: f"{rng.randrange(10_000, 99_991)}",
        "a word in a tenth of all": lambda: rng.choice(PLACES),
        "a word in all": lambda: "ticket",
        "three words": lambda: f"{rng.choice(NAMES)} {rng.choice(PLACES)} {rng.randrange(10_000, 99_991)}",
        "the beginning of a word in all": lambda: "tick",
        "a word in none": lambda: "nowhere",
        "an id": lambda: f"indicator--{indicator_id(rng.randrange(count))}",
    }
    told = []
    for name, text in asked.items():
        found: list[int] = []
        took = []
        for _ in range(rounds):
            words = text()
            took.append(timed(lambda: found.append(len(list(matching(words, actor)[:PAGE])))))  # noqa: B023 - run at once
        told.append((name, took, f"{statistics.mean(found):,.0f} on the first page"))
    return told


def reader() -> Any:
    """Who looks: an analyst of no team."""
    from hanse.kernel.actors import Actor

    return Actor(
        kind="person", id=UUID(int=7).hex, name="Mari Maasikas", authority="ee-cert", country="EE", tier="member",
        roles=frozenset({"analyst"}), teams=frozenset(), scopes=None, stepped_up_us=None,
    )  # fmt: skip


def sizes() -> str:
    """How large what was brought in is (entries and bodies), and all that it is found, listed and correlated by."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")
        found = {name: size / 2**20 for name, size in cursor.fetchall()}
    data = {name: size for name, size in found.items() if name in {"ledger_entry", "ledger_body"}}
    index = {name: size for name, size in found.items() if "intel_" in name}
    lines = [
        f"  {name:46} {size:10,.0f} MiB"
        for name, size in sorted((data | index).items(), key=lambda one: -one[1])
        if size >= 1
    ]
    totals = (sum(data.values()), sum(index.values()), sum(found.values()))
    return "\n".join(
        ("data {:,.0f} MiB, index {:,.0f} MiB, the whole file {:,.0f} MiB".format(*totals), *lines)
    )


def keys(path: Path) -> Any:
    """The keys of the kept node, made on the first run."""
    from hanse.kernel.keys import Keyring, unwrap, wrap

    if not path.exists():
        path.write_bytes(wrap(Keyring.new(), "bench"))
    return unwrap(path.read_bytes(), "bench")


def _tell(words: str) -> None:
    """Progress: written over where somebody looks, else a line each."""
    start, end = ("\r\x1b[K", "") if sys.stderr.isatty() else ("", "\n")
    sys.stderr.write(f"{start}{words}{end}")
    sys.stderr.flush()


def main() -> None:
    """Fill the node if need be, measure, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a short run")
    parser.add_argument("--items", type=int, help="indicators")
    parser.add_argument("--rounds", type=int, default=200, help="look-ups of each sort")
    parser.add_argument("--quick", action="store_true", help="do not read through the whole file for sizes")
    parser.add_argument("--home", type=Path, help="the node's folder")
    given = parser.parse_args()
    count = given.items or (100_000 if given.small else 10_000_000)
    home = given.home or Path(tempfile.gettempdir()) / f"hanse-lookups-{count}"
    home.mkdir(parents=True, exist_ok=True)
    from hanse.bootstrap import configure, make_tables
    from hanse.settings import Node

    configure(Node(home, "ee-cert", "CERT Estonia", "EE"), keys(home / "keys.bin"))
    make_tables()
    start = time.perf_counter()
    if (before := present()) < count:
        fill(count, _tell)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
          f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC; {count:,} indicators "
          f"({count - before:,} brought in now, in {time.perf_counter() - start:.0f} s)")  # fmt: skip
    if not given.quick:
        print(sizes())
    _show("correlations", correlations(count, given.rounds), BAR_MS)
    _show("search, first page", searches(count, given.rounds), BAR_SEARCH_MS)


def _show(what: str, told: list[tuple[str, list[float], str]], bar: float) -> None:
    print(f"\n{what:36} {'p50 ms':>8} {'p99 ms':>8}   (bar: {bar:.0f} ms)")
    for name, took, found in told:
        high = sorted(took)[-(len(took) // 100) - 1]
        print(f"{name:36} {statistics.median(took):8.1f} {high:8.1f}   {found}")


if __name__ == "__main__":
    main()
