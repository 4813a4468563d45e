"""`hanse node doctor`: what keeps a node from working well, and what to do about it."""

import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection

from hanse.console import processes
from hanse.console.health import LEAST_FREE_BYTES, WAITING_US, collector_now, longest_waiting_us
from hanse.federation import anew
from hanse.ledger import keyfile
from hanse.ledger.keyring import LockedError
from hanse.ledger.tree import latest
from hanse.node.making import PASSPHRASE
from hanse.node.served import is_served
from hanse.settings import Node
from hanse.telemetry import service as telemetry
from hanse.telemetry.exporters import advice
from hanse.tracing.address_data import AddressData

OLD_DAYS = 60
"""Address data older than two months misplaces a growing share of networks."""


State = Literal["well", "warn", "ill"]
"""Whether it is as it should be; works, and wants looking after; or keeps the node from working as is promised."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one examination says.

    Attributes:
        what: What was examined.
        state: How it is.
        words: What was found, and what to do where it is not well.
    """

    what: str
    state: State
    words: str


def examine(node: Node) -> Iterator[Answer]:
    """Examine everything; the order is from the ground up."""
    for what, look in _LOOKS.items():
        try:
            state, words = look(node)
        except DatabaseError:
            state, words = "ill", "It cannot be seen while the database does not answer."
        except LockedError:
            state, words = "warn", "It cannot be seen without the passphrase of the node's keys."
        yield Answer(what, state, words)


def _database(_: Node) -> tuple[State, str]:
    try:
        connection.ensure_connection()
        call_command("migrate", check_unapplied=True, verbosity=0)
    except DatabaseError as error:
        return "ill", f"It does not answer: {error}. Start it, or mend HANSE_DATABASE."
    except (CommandError, SystemExit):
        return "ill", "Its tables are of an older version. Run `hanse node upgrade`."
    return "well", f"{connection.vendor} answers, its tables are of this version"


def _purging(_: Node) -> tuple[State, str]:
    """PostgreSQL renames old WAL files instead of removing them, and what was purged stays readable in them."""
    if connection.vendor != "postgresql":
        return "well", "SQLite overwrites what is deleted (secure_delete)"
    with connection.cursor() as cursor:
        cursor.execute("SHOW wal_recycle")
        recycles = cursor.fetchone()[0] == "on"
    if recycles:
        return "ill", "PostgreSQL keeps purged text in recycled WAL files. Set wal_recycle = off."
    return "well", "PostgreSQL removes old WAL files (wal_recycle = off)"


def _keys(node: Node) -> tuple[State, str]:
    try:
        mode = (node.home / keyfile.KEYS).stat().st_mode
    except FileNotFoundError:
        return "ill", f"{keyfile.KEYS} is gone. Get it back from the newest backup: `hanse node restore`."
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return "ill", f"Others may read {keyfile.KEYS}. Run chmod 600 on it."
    if (node.home / PASSPHRASE).exists() and not node.exercise:
        return "ill", f"The passphrase lies beside the keys ({PASSPHRASE}). Move it to a systemd credential."
    if wrong := processes.worker_wrong(node.home):
        return "ill", (
            f"Those who serve the node cannot take up the key file as it is now: {wrong} Leave them the passphrase "
            "that it was wrapped with, and restart the node."
        )
    return "well", "wrapped, readable by their owner alone"


def _disk(node: Node) -> tuple[State, str]:
    free = shutil.disk_usage(node.home).free
    words = f"{free / 1024**3:.1f} GiB free in {node.home}"
    return ("well", words) if free >= LEAST_FREE_BYTES else ("ill", f"{words}. Make room.")


def _worker(node: Node) -> tuple[State, str]:
    if not is_served(node.home):
        return "warn", "The node is not served, and nobody works for it. Start it: `hanse node serve`."
    if processes.worker_starts(node.home):
        served = processes.serving_s(node.home) or 0.0
        return "warn", (
            f"It is starting: the node has been served for {served:.0f} s. If it says nothing within "
            f"{processes.STARTING_S:.0f} s, it is ill."
        )
    silent = processes.worker_silent_s(node.home)
    if silent is not None and silent <= processes.SILENT_S:
        return "well", f"lived {silent:.0f} s ago"
    return "ill", (
        "The node is served, and its worker says nothing: no checkpoints, no analyses, no alerts. It is started anew by "
        "itself; the log says what it ends of."
    )


def _collector_now(node: Node) -> processes.CollectorState:
    """How the collector is; without the passphrase, what the settings want of it is not known, and it says itself."""
    try:
        return collector_now(node.home)
    except LockedError:
        return processes.collector_state(node.home)


def _collector(node: Node) -> tuple[State, str]:
    told = _collector_now(node)
    if told.state == "off":
        return "well", "off; it is turned on in the settings"
    if told.state == "failed":
        return "ill", f"It does not run: {told.words} Mend that, or turn it off in the settings."
    if told.state == "starting":
        when = "starting" if is_served(node.home) else "it starts with the node,"
        return "well", f"{when} on {told.address}"
    if told.state == "blind":
        return "ill", told.words
    lost = f", {told.kernel_dropped:,} datagrams lost" if told.kernel_dropped else ""
    return "well", f"on {told.address}: {told.flows:,} flows since it started{lost}"


def _exporters(node: Node) -> tuple[State, str]:
    """What is wrong with the clocks and templates of those whose flows are collected."""
    told = _collector_now(node)
    if not told.exporters:
        return "well", "none heard of"
    found = advice(told.exporters)
    most = max(told.exporters, key=lambda one: one.share)
    if found:
        return "ill", " ".join(found)
    return "well", (
        f"{told.exporters_all:,} heard of, their clocks right and their templates steady; "
        f"{most.name} sends most ({most.share:.0%} of late)"
    )


def flows(_: Node) -> tuple[State, str]:
    """Whether the files of stored flows are where the record says."""
    missing, number = telemetry.count_missing()
    if missing:
        return "ill", (
            f"{missing:,} of {number:,} stored files are on record and not on the disk: {telemetry.flows_folder()}. "
            "Copy them there from the backup of that folder; a node's own backup has none."
        )
    return "well", f"{number:,} stored files, all of them on the disk"


def _tree(node: Node) -> tuple[State, str]:
    head = latest()
    waits = longest_waiting_us(head)
    size = f"{head.entries:,} entries under {head.size:,} leaves" if head else "no checkpoint yet"
    if waits is not None and waits > WAITING_US:
        if is_served(node.home) and processes.worker_starts(node.home):
            return "warn", f"{size}; entries wait for the worker, which is starting"
        return "ill", f"{size}; entries have waited for over five minutes. Is the worker up?"
    return "well", size


def _pages(_: Node) -> tuple[State, str]:
    if finders.find("console/console.css") is None:
        return "ill", "The pages' style and scripts are not built. Run `make setup`."
    return "well", "built"


def _partners(_: Node) -> tuple[State, str]:
    """What partners refused for a key of this node: nothing but giving it anew has them take it."""
    told = [f"{partner} {number:,}" for partner, number in sorted(anew.refused().items())]
    if not told:
        return "well", "nothing that they were given waits for the key in force"
    return "warn", (
        f"They refused things that were signed with a key that is in force no more: {', '.join(told)}. Look at them and give "
        "them anew: Partners, the partner's page."
    )


def _tracing(_: Node) -> tuple[State, str]:
    data = AddressData.find()
    if not data.description.available:
        return "ill", (
            "There is no address data: tracing by network and country is off. Run `make setup`, or give tables to "
            "`hanse data update`."
        )
    age = data.description.age_days
    if age is not None and age > OLD_DAYS:
        return "warn", (
            f"It is {age} days old: a growing share of sources is placed wrongly. Get newer tables and give them to "
            "`hanse data update`."
        )
    return "well", " · ".join(data.description.lines())


_LOOKS: dict[str, Callable[[Node], tuple[State, str]]] = {
    "database": _database,
    "purging": _purging,
    "keys": _keys,
    "disk": _disk,
    "worker": _worker,
    "collector": _collector,
    "exporters": _exporters,
    "partners": _partners,
    "flows": flows,
    "ledger": _tree,
    "pages": _pages,
    "address data": _tracing,
}
