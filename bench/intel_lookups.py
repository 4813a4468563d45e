"""Looking up among millions of indicators on SQLite: a value's correlations, and the first page of a search.

    python bench/intel_lookups.py [--small] [--items N] [--home FOLDER]

The tables that are looked up in are filled by the million, as bringing the items in leaves them (markings, holdings,
values, spans, postings, words); their entries are not written, for no look-up reads them. A third of all postings are of values that others name as well; one value has 100,000 postings, and
one item in ten belongs to a team that the reader is not in. The node is kept in its folder for the next run.
"""
# ruff: noqa: PLC0415 - Django is configured first

import argparse
import dataclasses
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
from uuid import UUID

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BAR_MS, BAR_SEARCH_MS = 50.0, 200.0
"""Correlations of a value at the 99th percentile; the first page of a search (issue 4)."""
COMMON = 100_000
"""Postings of the most common value."""
CHUNK = 50_000
PAGE = 50
SEED = 2007
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
    """Fill the tables of an empty node."""
    from django.db import connection

    from hanse.intel import models
    from hanse.intel.projecting import holding_id, value_id
    from hanse.intel.spans import bounds
    from hanse.intel.values import Value
    from hanse.kernel.markings import Marking
    from hanse.policy.models import stored

    marking = stored(Marking.own("ee-cert")).pk
    teams = ("", "another-team")
    held = {team: holding_id(marking, team) for team in teams}
    with connection.cursor() as cursor:
        indexes = dict(
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name LIKE 'intel_%'"
            ).fetchall()
        )
        for name in indexes:
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute("PRAGMA synchronous=OFF")
        cursor.execute("CREATE TEMP TABLE found (id integer, text text, first text, last text)")
        known: set[int] = set()
        for start in range(0, count, CHUNK):
            _some(
                cursor,
                some := list(_part(count, start)),
                known,
                marking,
                held,
                (Value, value_id, bounds),
            )
            tell(f"{start + len(some):,} of {count:,} items")
        tell("values")  # in the order of their ids, which are as good as random: one by one takes an hour
        cursor.execute(
            "INSERT INTO intel_value (id, kind, text) SELECT id, 'address', text FROM found ORDER BY id"
        )
        cursor.execute(
            "INSERT INTO intel_span (value, first, last) SELECT id, first, last FROM found ORDER BY id"
        )
        for at, (name, sql) in enumerate(indexes.items(), 1):
            tell(f"index {at} of {len(indexes)}: {name}")
            cursor.execute(sql)
    for team in teams:
        items = models.Item.projected.filter(team=team).count()
        models.Holding.projected.create(id=held[team], marking_id=marking, team=team, items=items)


_turn: dict[int, Iterator[tuple[int, str, str, str]]] = {}


def _part(count: int, start: int) -> Iterator[tuple[int, str, str, str]]:
    if start == 0:
        _turn[0] = rows(count)
    for _ in range(min(CHUNK, count - start)):
        yield next(_turn[0])


def _some(
    cursor: Any, some: list[Any], known: set[int], marking: str, held: dict[str, int], made: Any
) -> None:
    """Insert some items with all that hangs on them."""
    value_of, value_id, bounds = made
    items, values, postings, words = [], [], [], []
    for number, text, title, body in some:
        team = "another-team" if number % 10 == 3 else ""
        value = value_of("address", text)
        one = value_id(value)
        if one not in known:
            known.add(one)
            values.append((one, text, *bounds(value)))
        postings.append((number, one, number, "ipv4-addr:value", held[team]))
        words.append((number, title, body))
        source = f"indicator--{UUID(int=number)}"
        items.append((
            UUID(int=number).hex, marking, team, number, "stix", "indicator", source, "2026-01-02T03:04:05.678000Z",
            title, "identity--f431f809-377b-45e0-aa1c-6a4751cae5ff", 1_767_323_045_678_000, 1_767_323_045_678_000, None,
            "", number, False, 75, "", "", None, None, False, 0, "", number, 1, f"{number:064x}", held[team],
        ))  # fmt: skip
    from hanse.intel.projecting import _ITEM

    cursor.execute("BEGIN")
    for table, columns, told in (
        ("intel_item", tuple(_ITEM), items),
        ("found", ("id", "text", "first", "last"), values),
        ("intel_posting", ("id", "value", "item", "role", "holding"), postings),
        ("intel_words", ("rowid", "title", "body"), words),
    ):
        marks = ", ".join(["%s"] * len(columns))
        cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", told)  # noqa: S608 - names of this file
    cursor.execute("COMMIT")


def timed(ask: Callable[[], object]) -> float:
    """Milliseconds that it takes."""
    start = time.perf_counter()
    ask()
    return (time.perf_counter() - start) * 1e3


def correlations(count: int, rounds: int) -> list[tuple[str, list[float], str]]:
    """By sort of value: how long each look-up took, and what was found."""
    from hanse.intel import correlating, models
    from hanse.intel.values import Value

    actor, rng, told = reader(), random.Random(1), []

    def ask(item: models.Item, value: Value) -> Callable[[], object]:
        return lambda: found.append(correlating.of_item(item, [value], actor))

    def text_of(number: int) -> Value:
        posting = models.Posting.objects.get(item=number)
        return Value("address", models.Value.objects.get(pk=posting.value).text)

    for name in ("any value", f"the value with {COMMON:,} postings", "ten values of one item"):
        found: list[Any] = []
        took = []
        for _ in range(rounds):
            number = rng.randrange(count // 10) * 10
            item = models.Item.projected.get(number=number)
            if name == "any value":
                took.append(timed(ask(item, text_of(number))))
            elif name.startswith("the"):
                took.append(timed(ask(item, Value("address", "193.40.5.77"))))
            else:
                values = [text_of(rng.randrange(count)) for _ in range(10)]
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
        "an id": lambda: f"indicator--{UUID(int=rng.randrange(count))}",
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
    """How large the tables of items are, and what they are found by."""
    from django.db import connection

    with connection.cursor() as cursor:
        try:
            cursor.execute(
                "SELECT name, sum(pgsize) FROM dbstat WHERE name LIKE 'intel%' OR name LIKE 'sqlite_autoindex_intel%' GROUP BY name"
            )
        except Exception as error:  # noqa: BLE001 - SQLite may be built without it
            return f"sizes are not known: {error}"
        found = dict(cursor.fetchall())
    return "\n".join(
        f"{name:40} {size / 2**20:10,.0f} MiB"
        for name, size in sorted(found.items(), key=lambda one: -one[1])
    )


def _tell(words: str) -> None:
    """Progress, one line that is written over; nothing where nobody looks."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{words}")
        sys.stderr.flush()


def main() -> None:
    """Fill the node if need be, measure, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a short run")
    parser.add_argument("--items", type=int, help="indicators")
    parser.add_argument("--rounds", type=int, default=200, help="look-ups of each sort")
    parser.add_argument("--home", type=Path, help="the node's folder")
    given = parser.parse_args()
    count = given.items or (100_000 if given.small else 10_000_000)
    home = given.home or Path(tempfile.gettempdir()) / f"hanse-lookups-{count}"
    home.mkdir(parents=True, exist_ok=True)
    from hanse.bootstrap import configure, make_tables
    from hanse.kernel.keys import Keyring
    from hanse.settings import Node

    # The same index key on each run, so that a kept node's values are found again.
    keys = dataclasses.replace(Keyring.new(), index=bytes(32))
    configure(Node(home, "ee-cert", "CERT Estonia", "EE"), keys)
    make_tables()
    from hanse.intel import models

    start = time.perf_counter()
    if models.Item.projected.order_by("-number").values_list("number", flat=True).first() != count - 1:
        fill(count, _tell)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
          f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC; {count:,} indicators "
          f"(made in {time.perf_counter() - start:.0f} s)")  # fmt: skip
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
