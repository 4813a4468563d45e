"""Server time of every page, on a node with 10,000 attacks and 1,000,000 ledger entries, on SQLite and PostgreSQL.

    python bench/pages.py [--small] [--home FOLDER] [--rounds N] [--only sqlite|postgresql]

The node is made once and kept in its folder (160 s on two cores, 2 GB); on PostgreSQL a copy of it is measured, row by row
the same. Each page is asked for by a signed-in person, one request after the other: in this process through
Django's test client, and over HTTP from the node served as `hanse node serve` does. The promise is 100 ms at the
95th percentile. Looking at attacks is written to the ledger, and flushed to disk, as on any node.
"""
# ruff: noqa: PLC0415 - Django is configured first

import argparse
import gc
import http.client
import logging
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BAR_MS = 100.0
"""Server time at the 95th percentile (issue 3)."""
PORT = 8105
ATTACKS, ENTRIES = 10_000, 1_000_000
PERSON = "person"
"""File in the node's folder with the id of who signs in; it is there once the node is whole."""

Ask = Callable[[str], tuple[int, int]]
"""Asks for an address: the status, and the bytes of the answer."""


@dataclass
class Timed:
    """How long one page took.

    Attributes:
        name: What it is.
        p50: Median, ms.
        p95: 95th percentile, ms.
        cpu: 95th percentile of this process's CPU time, ms: what is left of it where other work slows the machine.
        octets: Size of the answer.
    """

    name: str
    p50: float
    p95: float
    cpu: float
    octets: int


def pages() -> dict[str, str]:
    """Addresses by what they are; the objects in them are the biggest of their sort."""
    from django.urls import reverse

    from hanse.attacks.models import Attack, Membership
    from hanse.campaigns.models import Campaign
    from hanse.ledger.models import Entry

    big = Campaign.projected.order_by("-named").first()
    assert big is not None
    member = Membership.objects.filter(campaign=big.pk).order_by("place")[5].attack
    other = Attack.projected.exclude(campaign=big.pk).filter(state="over").order_by("-start_us")[3]
    middle = Entry.objects.filter(position__isnull=False).order_by("-pk")[2_000]
    attacks, ledger = reverse("attacks:list"), reverse("console:ledger")
    detail = reverse("attacks:detail", args=[member])
    campaign = reverse("campaigns:detail", args=[big.pk])
    entry = reverse("console:entry", args=[middle.pk])
    return {
        "situation": "/",
        "situation: timeline of all attacks": "/api/attacks/timeline",
        "situation: map of apparent sources": "/api/tracing/countries",
        "alarms, on every page": reverse("console:alarms"),
        "first steps": reverse("console:start"),
        "attacks": attacks,
        **{f"attacks, sorted by {key}": f"{attacks}?sort={key}" for key in (
            "start", "-peak", "peak", "vector", "victim", "-victim", "organisation", "-sources")},
        "attacks, columns and packets": f"{attacks}?sort=-packets&columns=start,packets,bytes,name,site,country",
        "attacks, false positives": f"{attacks}?state=false-positive",
        "attacks, running": f"{attacks}?state=running",
        "attacks, one vector": f"{attacks}?vector=dns_reflection&sort=-peak",
        "attacks, organisation contains": f"{attacks}?organisation=tion+14",
        "attacks, contains what is nowhere": f"{attacks}?organisation=nowhere",
        "attacks, sector and peak": f"{attacks}?sector=energy&peak=1500&confidence=high",
        "attacks, of the campaign": f"{attacks}?campaign={big.pk}",
        "attacks, table alone (live)": attacks,
        "attack, in the biggest campaign": detail,
        "attack, rates": f"/api/attacks/{member}/rates",
        "attack, of no or another campaign": reverse("attacks:detail", args=[other.pk]),
        "attack, flows": reverse("attacks:flows", args=[member]),
        "campaigns": reverse("campaigns:list"),
        "campaign, the biggest": campaign,
        "campaign, timeline": f"/api/campaigns/{big.pk}/timeline",
        "campaign, map": f"/api/tracing/countries?campaign={big.pk}",
        "campaign, links": reverse("campaigns:links", args=[big.pk]),
        "campaign, victims": reverse("campaigns:victims", args=[big.pk]),
        "campaign, sources": reverse("campaigns:sources", args=[big.pk]),
        "flows": reverse("telemetry:list"),
        "inputs": reverse("telemetry:inputs"),
        "constituency": reverse("constituency:list"),
        "constituency, sorted": f"{reverse('constituency:list')}?sort=organisation",
        "ledger": ledger,
        "ledger, oldest first": f"{ledger}?sort=sequence",
        "ledger, one kind": f"{ledger}?kind=attacks.found",
        "ledger, a rare kind": f"{ledger}?kind=accounts.joined",
        "ledger, a kind that is not there": f"{ledger}?kind=ledger.purged",
        "ledger, one object": f"{ledger}?object={member}",
        "entry": entry,
        "proof": reverse("console:proof", args=[middle.pk]),
        "search: an address": f"{reverse('console:search')}?q=10.1.5.2",
        "search: a network": f"{reverse('console:search')}?q=10.1.0.0/16",
        "search: a word": f"{reverse('console:search')}?q=Organisation",
        "search: what is nowhere": f"{reverse('console:search')}?q=nowhere",
        "search: an id": f"{reverse('console:search')}?q={member}",
        "search: a number": f"{reverse('console:search')}?q=777777",
        "people": reverse("accounts:people"),
        "teams": reverse("accounts:teams"),
        "approvals": reverse("accounts:approvals"),
        "who looked at what": reverse("accounts:log"),
        "my account": reverse("accounts:mine"),
        "settings": reverse("console:settings"),
        "jobs": "/jobs/",
        "API: attacks": "/api/attacks?limit=100",
        "API: ledger": "/api/ledger/entries?limit=100",
        "API: situation": "/api/situation",
    }  # fmt: skip


def timed(ask: Ask, told: dict[str, str], rounds: int) -> list[Timed]:
    """Each page so many times, all pages in turns, after one round that is not counted."""
    took: dict[str, list[float]] = {name: [] for name in told}
    used: dict[str, list[float]] = {name: [] for name in told}
    size: dict[str, int] = {}
    for number in range(rounds + 1):
        for name, address in told.items():
            start, before = time.perf_counter(), time.process_time()
            status, octets = ask(address)
            passed, cpu = (time.perf_counter() - start) * 1e3, (time.process_time() - before) * 1e3
            if status not in {200, 302}:  # a search with one hit leads straight to it
                raise AssertionError(f"{name} ({address}): {status}")
            size[name] = octets
            if number:
                took[name].append(passed)
                used[name].append(cpu)
        _tell(f"round {number} of {rounds}")
    return [
        Timed(name, statistics.median(those), _p95(those), _p95(used[name]), size[name])
        for name, those in took.items()
    ]


def _p95(values: Sequence[float]) -> float:
    """The smallest value that 95 in 100 do not exceed."""
    return sorted(values)[-(-95 * len(values) // 100) - 1]


def signed_in(person: UUID) -> str:
    """The cookie of a session as the sign-in makes it, of a person who said why they look at things."""
    from django.conf import settings
    from django.test import Client

    from hanse.accounts.consultations import SESSION_KEY
    from hanse.accounts.models import Person
    from hanse.accounts.sessions import BEGAN, SEEN, STEPPED_UP
    from hanse.accounts.signing_in import BACKEND
    from hanse.kernel.clock import now_us

    client = Client()
    client.force_login(Person.objects.get(pk=person), backend=BACKEND)
    session = client.session
    now = now_us()
    session.update({BEGAN: now, SEEN: now, STEPPED_UP: now, SESSION_KEY: "A benchmark."})
    session.save()
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def in_process(cookie: str) -> Ask:
    """Ask through Django's test client."""
    from django.conf import settings
    from django.test import Client

    client = Client(SERVER_NAME="localhost")
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie

    def ask(address: str) -> tuple[int, int]:
        answer = client.get(address)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return answer.status_code, len(content)

    return ask


def over_http(name: str, cookie: str) -> Ask:
    """Ask the served node over one connection that is kept."""
    connection = http.client.HTTPConnection("localhost", PORT, timeout=60)

    def ask(address: str) -> tuple[int, int]:
        connection.request("GET", address, headers={"Cookie": f"{name}={cookie}"})
        answer = connection.getresponse()
        return answer.status, len(answer.read())

    return ask


@contextmanager
def served(home: Path, database: str) -> Iterator[None]:
    """`hanse node serve` on the node."""
    environment = {**os.environ, "HANSE_HOME": str(home), "HANSE_DATABASE": database, "HANSE_LISTEN": f"127.0.0.1:{PORT}"}  # fmt: skip
    with (home / "served.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hanse", "node", "serve"], env=environment, stdout=log, stderr=log
        )
    try:
        for _ in range(600):
            try:
                if over_http("none", "")("/health/")[0] == 200:
                    break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def measure(home: Path, rounds: int, *, over: bool) -> None:
    """Both ways on one database, and the tables."""
    from django.conf import settings

    from hanse.bootstrap import start
    from hanse.node.making import PASSPHRASE

    os.environ["HANSE_PASSPHRASE_FILE"] = str(home / PASSPHRASE)
    node = start(home)
    print(f"\n{'SQLite' if node.database == 'sqlite' else 'PostgreSQL'}: {_size()}")
    logging.disable()
    cookie = signed_in(UUID((home / PERSON).read_text()))
    told = pages()
    gc.collect()
    gc.freeze()  # as the web process does
    show("in process", timed(in_process(cookie), told, rounds))
    if over:
        with served(home, node.database):
            show("served", timed(over_http(settings.SESSION_COOKIE_NAME, cookie), told, rounds))


def _size() -> str:
    from hanse.attacks.models import Attack
    from hanse.ledger.models import Entry

    return f"{Entry.objects.count():,} entries, {Attack.projected.count():,} attacks"


def show(way: str, told: Sequence[Timed]) -> None:
    """A table, slowest first."""
    slow = [one for one in told if one.p95 > BAR_MS]
    print(f"{way:42} {'median ms':>10} {'95% ms':>8} {'of bar':>7} {'CPU 95%':>8} {'bytes':>10}")
    for one in sorted(told, key=lambda one: -one.p95):
        print(
            f"  {one.name:40} {one.p50:10.1f} {one.p95:8.1f} {one.p95 / BAR_MS:6.2f}x {one.cpu:8.1f}"
            f" {one.octets:10,}"
        )
    print(
        f"  {len(told) - len(slow)} of {len(told)} pages within {BAR_MS:.0f} ms at the 95th percentile",
        flush=True,
    )


def made(home: Path, attacks: int, entries: int) -> None:
    """Make the node unless it is there, in a process of its own."""
    if (home / PERSON).exists():
        return
    if home.exists() and any(home.iterdir()):
        sys.exit(f"{home} holds half a node. Remove the folder, then start again.")
    command = [sys.executable, __file__, "--home", str(home), "--make", str(attacks), str(entries)]
    subprocess.run(command, check=True)


def make(home: Path, attacks: int, entries: int) -> None:
    """Make the node in this process."""
    from hanse.node.making import make as make_node
    from hanse.settings import Node

    url = f"http://localhost:{PORT}"
    node = Node(home, "ee-cert", "CERT Estonia", "EE", url=url, listen=f"127.0.0.1:{PORT}", exercise=True)
    make_node(node, "", keep_beside=True)
    from bench.making.node import fill

    start = time.monotonic()
    person = fill(
        attacks, entries, lambda words: _tell(f"{time.monotonic() - start:4.0f} s: {words} of {entries:,}")
    )
    (home / PERSON).write_text(person.hex)
    print(f"Made the node in {time.monotonic() - start:,.0f} s.")


def _tell(words: str) -> None:
    """Progress, one line that is written over; nothing where nobody looks."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{words}")
        sys.stderr.flush()


def _run(home: Path, database: str, rounds: int, *more: str) -> None:
    """`measure` in a process of its own: Django is configured once in each."""
    command = [sys.executable, __file__, "--home", str(home), "--measure", "--rounds", str(rounds), *more]
    subprocess.run(command, env={**os.environ, "HANSE_DATABASE": database}, check=True)


def main() -> None:
    """Make the node, and measure it on both databases."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="200 attacks and 5,000 entries")
    parser.add_argument("--home", type=Path, help="folder of the node, kept for the next time")
    parser.add_argument("--rounds", type=int, help="requests for each page")
    parser.add_argument("--only", choices=("sqlite", "postgresql"), help="one database")
    parser.add_argument("--unserved", action="store_true", help="in process only")
    parser.add_argument(
        "--make", type=int, nargs=2, metavar=("ATTACKS", "ENTRIES"), help="make the node only"
    )
    parser.add_argument(
        "--measure", action="store_true", help="measure in this process, where HANSE_DATABASE says"
    )
    given = parser.parse_args()
    size = (200, 5_000) if given.small else (ATTACKS, ENTRIES)
    home = given.home or Path(tempfile.gettempdir()) / f"hanse-bench-{size[1]}"
    rounds = given.rounds or (5 if given.small else 20)
    if given.make:
        make(home, *given.make)
        return
    if given.measure:
        measure(home, rounds, over=not given.unserved)
        return
    more = ["--unserved"] if given.unserved else []
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
          f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC", flush=True)  # fmt: skip
    made(home, *size)
    if given.only != "postgresql":
        _run(home, "sqlite", rounds, *more)
    if given.only != "sqlite":
        from bench.making.postgres import copied

        with copied(home) as address:
            if address:
                _run(home, address, rounds, *more)


if __name__ == "__main__":
    main()
