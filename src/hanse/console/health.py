"""Whether a node works, as a monitor asks and as the settings page shows: nothing in it is secret."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from django.db import DatabaseError, connection

from hanse.console import processes
from hanse.console.service import Collector, setting
from hanse.kernel.clock import now_us
from hanse.ledger import keyring
from hanse.ledger.models import Checkpoint
from hanse.ledger.tree import latest, waiting_after

LEAST_FREE_BYTES = 2 * 1024**3
"""Below this, flows and backups soon fill the disk; appends need far less."""

WAITING_US = 300_000_000
"""Entries that wait for their place in the tree for longer than five checkpoints: nobody makes any."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a monitor is told.

    Attributes:
        database: ``well`` or ``does not answer``.
        worker: ``well`` or ``silent``.
        keys: ``well``, or ``changed``: the key file was, and those who serve cannot open it with what they started with.
        collector: ``off``, ``starting``, ``running``, ``blind`` (it stores flows and cannot look at them) or ``failed``.
        disk: ``well`` or ``low``.
        checkpoints: ``well`` or ``overdue``.
        head_age_s: Age of the ledger's newest checkpoint, s; None before the first. Old is well while nothing waits.
    """

    database: str
    worker: str
    keys: str
    collector: str
    disk: str
    checkpoints: str
    head_age_s: int | None

    @property
    def well(self) -> bool:
        """Whether everything is as it should be."""
        told = (self.database, self.worker, self.keys, self.disk, self.checkpoints)
        return all(one == "well" for one in told) and self.collector not in {"blind", "failed"}


def health(home: Path) -> Health:
    """How the node is."""
    silent = processes.worker_silent_s(home)
    worker = "well" if silent is not None and silent <= processes.SILENT_S else "silent"
    keys = "changed" if keyring.behind() else "well"
    disk = "well" if shutil.disk_usage(home).free >= LEAST_FREE_BYTES else "low"
    try:
        collector = collector_now(home).state
        head = latest()
        waits = longest_waiting_us(head)
    except DatabaseError:
        connection.close()
        collector = processes.collector_state(home).state
        return Health("does not answer", worker, keys, collector, disk, "well", None)
    age = None if head is None else round((now_us() - head.time_us) / 1e6)
    overdue = waits is not None and waits > WAITING_US
    return Health("well", worker, keys, collector, disk, "overdue" if overdue else "well", age)


def collector_now(home: Path) -> processes.CollectorState:
    """How the collector is, seen with what the settings want."""
    told = processes.collector_state(home)
    if not setting(Collector).on:
        return processes.CollectorState(state="off", since_s=told.since_s, said_s=told.said_s)
    if told.state == "off":
        return processes.CollectorState(state="starting", address=setting(Collector).listen)
    return told


def longest_waiting_us(head: Checkpoint | None) -> int | None:
    """For how long the oldest entry that came after a checkpoint has waited, microseconds; None where none waits."""
    waiting = waiting_after(head).values_list("time_us", flat=True).first()
    return None if waiting is None else max(0, now_us() - waiting)
