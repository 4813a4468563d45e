"""What the processes of a node tell each other beside the database: one small file each, in the folder ``run``.

The worker writes whether the collector should run, for it can read the settings; the process that serves starts and
stops it, and needs no database for that. The collector writes how it is and what it has counted.
"""

import os
import time
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from hanse.telemetry.exporters import ExporterState

FOLDER = "run"
"""Folder of the node's home for these files. Nothing in it is worth keeping: it is not backed up."""

SILENT_S = 30.0
"""A process not heard of for so long is down: the worker speaks every five seconds, the collector every two."""

STARTING_S = 60.0
"""A worker that has said nothing since the node began to be served is starting for so long: on a slow machine its first
word takes ten seconds."""

_ALIVE, _BEGAN = "worker.alive", "served.since"
_WISH, _STATE = "collector.wish.json", "collector.json"

S = TypeVar("S", bound=msgspec.Struct)


class Wish(msgspec.Struct, frozen=True):
    """What the settings say of the collector.

    Attributes:
        on: Whether it should run.
        mark: What it is set to; when it changes, the collector starts anew.
    """

    on: bool
    mark: str = ""


class CollectorState(msgspec.Struct, frozen=True, kw_only=True):
    """How the collector is, as it last said itself, or as the process that keeps it found it.

    Attributes:
        state: What it does; ``blind`` where it receives and stores, while its analysis fails.
        address: Where it listens.
        words: Why it does not run, where it has failed, or what its analysis fails of.
        since_s: Since when it is in that state, seconds UTC.
        said_s: When this was written, seconds UTC.
        again_s: When it is tried again, where it has failed, seconds UTC.
        datagrams: Datagrams received since it started.
        flows: Flows taken out of them.
        kernel_dropped: Datagrams that the kernel threw away because its buffer was full.
        truncated: Datagrams that were longer than a slot, and cut.
        unseen: Flows that were stored but came faster than they could be looked at.
        unsaid: Times that an attack began and that was left for a later look, there being too many at once.
        refused: Datagrams of senders that are not among the exporters.
        lost: Records, flows or datagrams that exporters counted and that never arrived.
        skipped: Records and datagrams that could not be read.
        exporters: Who sent most flows lately.
        exporters_all: How many exporters there are.
    """

    state: Literal["off", "starting", "running", "blind", "failed"]
    address: str = ""
    words: str = ""
    since_s: float = 0.0
    said_s: float = 0.0
    again_s: float | None = None
    datagrams: int = 0
    flows: int = 0
    kernel_dropped: int = 0
    truncated: int = 0
    unseen: int = 0
    unsaid: int = 0
    refused: int = 0
    lost: int = 0
    skipped: int = 0
    exporters: tuple[ExporterState, ...] = ()
    exporters_all: int = 0


def worker_lives(home: Path, wrong: str = "") -> None:
    """Note that the worker lives now, and what is wrong with the keys that it holds."""
    (_folder(home) / _ALIVE).write_text(wrong, encoding="utf-8")


def serving_begins(home: Path) -> None:
    """Note that the node begins to be served now: its worker has still to start."""
    (_folder(home) / _BEGAN).touch()


def serving_s(home: Path) -> float | None:
    """For how long the node has been served, or since it last began to be, seconds; None if it never was."""
    return _age_s(home, _BEGAN)


def worker_starts(home: Path) -> bool:
    """Whether the worker has said nothing since the node began to be served, which was just now."""
    served, silent = serving_s(home), worker_silent_s(home)
    return served is not None and served <= STARTING_S and (silent is None or silent > served)


def worker_silent_s(home: Path) -> float | None:
    """For how long the worker has said nothing, in seconds; None if it never did."""
    return _age_s(home, _ALIVE)


def worker_wrong(home: Path) -> str:
    """What the worker last said is wrong with the keys that it holds; nothing where it is silent."""
    silent = worker_silent_s(home)
    if silent is None or silent > SILENT_S:
        return ""
    return (home / FOLDER / _ALIVE).read_text(encoding="utf-8")


def wish(home: Path, wanted: Wish) -> None:
    """Say whether the collector should run; nothing is written where that is said already."""
    if wished(home) != wanted:
        note(home, _WISH, wanted)


def wished(home: Path) -> Wish:
    """Whether the collector should run; not, while nobody has said so."""
    return noted(home, _WISH, Wish) or Wish(on=False)


def collector_is(home: Path, state: CollectorState) -> None:
    """Note how the collector is."""
    note(home, _STATE, msgspec.structs.replace(state, said_s=time.time()))


def collector_state(home: Path) -> CollectorState:
    """How the collector is. One that says it runs and has gone silent has failed."""
    told = noted(home, _STATE, CollectorState) or CollectorState(state="off")
    if told.state in {"starting", "running", "blind"} and time.time() - told.said_s > SILENT_S:
        return msgspec.structs.replace(told, state="failed", words="It says nothing any more.")
    return told


def _age_s(home: Path, name: str) -> float | None:
    """For how long a file has not been written, seconds; None if it is not there."""
    try:
        return max(0.0, time.time() - (home / FOLDER / name).stat().st_mtime)
    except FileNotFoundError:
        return None


def noted(home: Path, name: str, kind: type[S]) -> S | None:
    """What a file says; None where it is not there or is of another version."""
    try:
        return msgspec.json.decode((home / FOLDER / name).read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def note(home: Path, name: str, value: msgspec.Struct) -> None:
    """Put a file in its place at once, so that nobody reads half of it."""
    path = _folder(home) / name
    part = path.with_name(f"{name}.{os.getpid()}.part")
    part.write_bytes(msgspec.json.encode(value))
    part.replace(path)


def _folder(home: Path) -> Path:
    folder = home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
