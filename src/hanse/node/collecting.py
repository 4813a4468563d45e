"""The node's live collector: flows kept as partitions on record, attacks as they begin and end."""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from hanse.attacks import service as attacks
from hanse.attacks.attack import Attack
from hanse.collecting import run
from hanse.console.alerting import announce
from hanse.console.service import Collector, Storage, setting
from hanse.constituency import service as constituency
from hanse.jobs_wiring import detector_options
from hanse.kernel.actors import Actor, system
from hanse.settings import Node
from hanse.telemetry import service as telemetry
from hanse.telemetry.models import Partition
from hanse.telemetry.store import FlowStore

_log = logging.getLogger(__name__)

FOLDER = "live"
RECORD_S = 60.0
"""Seconds between looks for partitions that are on disk and not yet on record."""


@dataclass(frozen=True)
class Announcer:
    """Puts on record what begins and ends, and has it announced."""

    actor: Actor

    def begun(self, attack: Attack) -> None:
        """An attack began."""
        target = constituency.lookup(attack.victim.split("/")[0])
        announce(attacks.begun(attack, target, self.actor).object_id, "began")

    def ended(self, attack: Attack, *, running: bool = False) -> None:
        """An attack ended, or is watched no longer."""
        target = constituency.lookup(attack.victim.split("/")[0])
        recorded = attacks.ended(attack, target, self.actor)
        if not running:
            announce(recorded.object_id, "ended")


def collect(node: Node) -> None:
    """Collect until told to stop (SIGTERM, SIGINT), as the settings say."""
    told = setting(Collector)
    actor = system("collector", node.authority, node.country, node.tier)
    attacks.end_all(actor, "The collector starts: what ran before is not watched any more.")
    folder = node.home / "flows" / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    quota = setting(Storage).flows_gib * 1024**3
    stop = threading.Event()
    recorder = threading.Thread(target=_keep_on_record, args=(folder, actor, stop), daemon=True)
    recorder.start()
    try:
        run([f"{told.address}:{told.port}"], detector_options(), Announcer(actor), folder, quota, "collector", None)
    finally:
        stop.set()
        recorder.join(timeout=10)
        record_new(folder, actor)
        attacks.end_all(actor, "The collector stops.")


def _keep_on_record(folder: Path, actor: Actor, stop: threading.Event) -> None:
    while not stop.wait(RECORD_S):
        record_new(folder, actor)


def record_new(folder: Path, actor: Actor) -> None:
    """Put the collector's files on record, and take off it those that the quota has removed."""
    root = telemetry.flows_folder()
    there = {path.relative_to(root).as_posix() for path in FlowStore(folder).files()}
    known = set(Partition.projected.filter(source="collector").values_list("path", flat=True))
    telemetry.record_partitions([root / name for name in sorted(there - known)], "collector", actor)
    telemetry.removed_by_quota([root / name for name in sorted(known - there)], actor)
