"""The node's live collector: flows kept as partitions on record, attacks as they begin and end."""

import logging
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from django.db import DatabaseError, close_old_connections, connection

from hanse.attacks import service as attacks
from hanse.attacks import standing
from hanse.attacks.attack import Attack
from hanse.collecting import Watch, run
from hanse.console import processes
from hanse.console.alerting import Announcing
from hanse.console.service import Collector as Told
from hanse.console.service import Storage, setting
from hanse.constituency import service as constituency
from hanse.jobs_wiring import detector_options
from hanse.kernel.actors import Actor, system
from hanse.kernel.errors import HanseError
from hanse.node.following import follow_parent
from hanse.settings import Node
from hanse.telemetry import service as telemetry
from hanse.telemetry.collect import Collector
from hanse.telemetry.exports.senders import Senders
from hanse.telemetry.models import Partition
from hanse.telemetry.store import FlowStore

_log = logging.getLogger(__name__)

FOLDER = "live"
SAY_S = 2.0
"""Seconds between what the collector says of itself."""
FLUSH_S = 300.0
"""The longest that flows are only in memory; when an attack begins they are written at once, to be looked at."""
QUOTA_TOOK = "the quota of the flows is full"
RECORD_S = 15.0
"""Seconds between looks for partitions that are on disk and not yet on record, and for new decisions of people."""


@dataclass(frozen=True)
class Announcer:
    """Puts on record what begins and ends, and has it announced."""

    actor: Actor
    announcing: Announcing = field(default_factory=Announcing)

    def begun(self, attack: Attack) -> None:
        """An attack began, or goes on after a restart of the collector: that was announced when it began."""
        target = constituency.lookup(attack.victim.split("/")[0])
        is_known = standing.is_on_record(attack.id)
        recorded = attacks.begun(attack, target, self.actor)
        if not is_known:
            self.announcing.say(recorded.object_id, "began")

    def ended(self, attack: Attack, *, running: bool = False) -> None:
        """An attack ended, or is watched no longer."""
        target = constituency.lookup(attack.victim.split("/")[0])
        recorded = attacks.ended(attack, target, self.actor)
        if not running:
            self.announcing.say(recorded.object_id, "ended")


@dataclass
class Companion:
    """Beside a collector that runs: says how it is, keeps its files on record, and brings it people's decisions.

    Attributes:
        home: The node's folder.
        address: Where the collector listens.
        folder: Where it keeps flows.
        actor: On whose behalf.
        announcing: Has attacks announced.
    """

    home: Path
    address: str
    folder: Path
    actor: Actor
    announcing: Announcing = field(default_factory=Announcing)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _threads: list[threading.Thread] = field(default_factory=list, init=False)

    def say(self, state: processes.CollectorState) -> None:
        """Say how the collector is."""
        processes.collector_is(self.home, msgspec.structs.replace(state, address=self.address))

    def meet(self, collector: Collector, watch: Watch) -> None:
        """Begin to look after a collector that is about to start."""
        watch.flush_s = FLUSH_S
        watch.resumed = standing.lately(watch.options.gaps.default_s)
        if watch.store is not None:
            watch.store.lists_removals = True
        for work in (lambda: self._tell(collector, watch), lambda: self._keep_on_record(collector, watch)):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._threads.append(thread)

    def leave(self) -> None:
        """Stop looking after it."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def _tell(self, collector: Collector, watch: Watch) -> None:
        """Say every two seconds how it is; a detector that has failed ends the collector, which would not notice."""
        since, bound = time.time(), False
        while not self._stop.wait(SAY_S if collector.ports else 0.1):
            if watch.failure is not None:
                os.kill(os.getpid(), signal.SIGTERM)
                return
            if bound and not collector.ports:  # it is about to end, and does not start
                continue
            bound = bool(collector.ports)
            try:
                self.say(_state_of(collector, watch, since, bound=bound))
            except OSError:  # the disk is full, or a socket was closed just now
                _log.exception(
                    "it could not be said how the collector is; it is tried again in %.0f s", SAY_S
                )

    def record(self) -> None:
        """Put on record which files there are now."""
        record_new(self.folder, self.actor)

    def _keep_on_record(self, collector: Collector, watch: Watch) -> None:
        while not self._stop.wait(RECORD_S):
            close_old_connections()
            try:
                self.announcing.tell_held()
                self.record()
                watch.options = detector_options()
                collector.senders = exporters()
                if watch.store is not None:
                    watch.store.quota_bytes = quota()
            except Exception:  # noqa: BLE001 - no fault of one time ends it, unseen, until the collector is started anew
                _log.exception("flows were not put on record; it is tried again in %.0f s", RECORD_S)
        connection.close()


def _state_of(collector: Collector, watch: Watch, since_s: float, *, bound: bool) -> processes.CollectorState:
    """How a collector is that was started at some time, seconds UTC, and listens or does not yet."""
    got = collector.so_far()
    return processes.CollectorState(
        state="starting" if not bound else "blind" if watch.blind else "running",
        words=watch.blind.words if watch.blind else "",
        since_s=since_s,
        datagrams=got.datagrams,
        flows=got.flows,
        kernel_dropped=got.kernel_dropped,
        truncated=got.truncated,
        unseen=watch.unseen,
        unsaid=watch.unsaid,
        refused=got.refused,
        lost=got.losses.all,
        skipped=got.skipped,
        exporters=collector.exporters,
        exporters_all=collector.exporters_all,
    )


def collect(node: Node) -> None:
    """Collect until told to stop (SIGTERM, SIGINT), as the settings say.

    Raises:
        HanseError: Nothing can be received there, or the detector failed; the settings page says so too.
    """
    follow_parent()
    told = setting(Told)
    actor = system("collector", node.authority, node.country, node.tier)
    folder = node.home / "flows" / FOLDER
    companion = Companion(node.home, told.listen, folder, actor)
    companion.say(processes.CollectorState(state="starting", since_s=time.time()))
    try:
        _collect(companion)
    except (HanseError, DatabaseError, OSError) as error:
        companion.say(processes.CollectorState(state="failed", words=str(error), since_s=time.time()))
        raise


def quota() -> int:
    """Most bytes of flows that the collector keeps."""
    return setting(Storage).flows_gib * 1024**3


def exporters() -> Senders:
    """Whose datagrams are taken, as people have set it."""
    return Senders(setting(Told).exporters)


def _collect(companion: Companion) -> None:
    """Collect between an honest beginning and an honest end: what is not watched does not stand as running."""
    actor, folder = companion.actor, companion.folder
    attacks.end_all(actor, "The collector starts: what ran before is not watched any more.")
    folder.mkdir(parents=True, exist_ok=True)
    options = detector_options()
    try:
        run(
            [companion.address],
            options,
            Announcer(actor, companion.announcing),
            folder,
            quota(),
            "collector",
            None,
            companion.meet,
            senders=exporters(),
        )
    finally:
        companion.leave()
        companion.announcing.tell_held(now=True)
        companion.record()
        attacks.end_all(actor, "The collector stops.")


def record_new(folder: Path, actor: Actor) -> None:
    """Put the collector's files on record, and take off it those that the quota has removed.

    A file that was on record before, and was removed or purged, does not come back: it goes where a stop of the machine
    left it. One that is merely not there stays on record, and is told as missing: after a restore, or while a disk is
    away, that is all of them, and their copies must not be taken for what was removed.

    Args:
        folder: Where the collector keeps flows.
        actor: On whose behalf.
    """
    root, store = telemetry.flows_folder(), FlowStore(folder)
    taken = store.taken_by_quota()
    files = frozenset(store.files())
    there = {path.relative_to(root).as_posix() for path in files}
    known = set(Partition.projected.filter(source="collector").values_list("path", flat=True))
    found = [root / name for name in sorted(there - known)]
    new = telemetry.is_new(found)
    telemetry.record_partitions(new, "collector", actor)
    for left in set(found) - set(new):
        left.unlink(missing_ok=True)
    lost = {root / name for name in known - there}
    telemetry.gone(sorted(lost & frozenset().union(*taken.values())), actor, QUOTA_TOOK)
    # What was still there when it was looked goes before the next look.
    store.noted(one for one, gone in taken.items() if not gone & files)
