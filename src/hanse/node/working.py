"""The worker: does the queued work, and what a node does by the clock (checkpoints, retention, watched folders)."""

import gc
import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.db import close_old_connections, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.utils import timezone
from django_tasks import DEFAULT_TASK_QUEUE_NAME

from hanse.console import processes
from hanse.kernel.actors import system
from hanse.ledger import keyring
from hanse.ledger.change_mark import WhereWritten
from hanse.node.following import follow_parent
from hanse.settings import Node

_log = logging.getLogger(__name__)

CHECKPOINT_S = 60.0
"""Seconds between checkpoints (DESIGN.md)."""
RETENTION_S = 3600.0
"""Seconds between looks at retention dates; purging is promised within 24 hours."""
LISTS_S = 600.0
"""Seconds between looks whether the index of warninglists is there."""
EMBARGO_S = 2.0
"""Seconds between looks at embargoes whose hour has come."""
FEEDS_S = 10.0
"""Seconds between looks at which feeds are due."""
LEAGUE_S = 1.0
"""Seconds between looks at who is a partner, and at what rules share."""
HOOKS_S = 1.0
"""Seconds between looks at which webhooks there are."""
ACROSS_S = 1.0
"""Seconds between looks at attacks that are to be compared with partners'."""
FOLDERS_S = 5.0
"""Seconds between looks at watched folders."""
WISH_S = 1.0
"""Seconds between looks at whether the settings want the collector."""
SIGHT_S = 15.0
"""Seconds between looks at what the collector does not see."""
UNWATCHED_S = 10.0
"""Seconds between looks for attacks that stand as running while no collector runs that could see their end."""
LEFT_S = 120.0
"""An alert that has been at work for so long was left behind by a worker that died: an attempt takes 30 s at most."""
SESSIONS_S = 300.0
"""Seconds between looks at sessions that are over: everybody who looks at the sign-in makes one."""
NICENESS = 10
"""Of long work: one to nine of the processor's time beside a page that wants it, all of it beside none."""
KEPT_DAYS = 14
"""How long the queue remembers what is done."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something done again and again.

    Attributes:
        name: For the log.
        every_s: Seconds between the end of one time and the beginning of the next.
        do: What is done.
    """

    name: str
    every_s: float
    do: Callable[[], object]


@dataclass
class Queue:
    """Does what is queued under a name, beside the queue of long work: an alert does not wait for an analysis."""

    name: str
    _worker: Any = field(default=None, init=False)

    def work(self) -> None:
        """Work until told to stop, or until the database fails."""
        from hanse.node.queued import QueueWorker  # noqa: PLC0415 - after Django is configured

        self._worker = QueueWorker(self.name)
        self._worker.run()

    def stop(self) -> None:
        """End once what is at work is done."""
        if self._worker is not None:
            self._worker.running = False


def chores(node: Node) -> list[Chore]:
    """What this node does by the clock."""
    from hanse.accounts.sessions import forget_expired  # noqa: PLC0415 - after Django is configured
    from hanse.campaigns.following import Follower  # noqa: PLC0415 - after Django is configured
    from hanse.cases import evidence  # noqa: PLC0415
    from hanse.console import sight_alerts  # noqa: PLC0415
    from hanse.console.service import wish_collector  # noqa: PLC0415
    from hanse.intel import feed_clock  # noqa: PLC0415
    from hanse.intel.correlating import index_lists  # noqa: PLC0415
    from hanse.jobs_wiring import look  # noqa: PLC0415
    from hanse.ledger.erasing import scrub  # noqa: PLC0415
    from hanse.ledger.retention import purge_due  # noqa: PLC0415
    from hanse.ledger.tree import integrate  # noqa: PLC0415
    from hanse.matching import comparing  # noqa: PLC0415
    from hanse.policy.embargo import open_due  # noqa: PLC0415
    from hanse.web import emptying  # noqa: PLC0415
    from hanse.web.idempotency import forget_old  # noqa: PLC0415

    watcher = system("watcher", node.authority, node.country, node.tier)
    opener = system("embargo", node.authority, node.country, node.tier)
    fetcher = system("feeds", node.authority, node.country, node.tier)
    return [
        Chore("alive", 5.0, lambda: processes.worker_lives(node.home, keyring.behind())),
        Chore("checkpoint", CHECKPOINT_S, integrate),
        Chore("retention", RETENTION_S, purge_due),
        Chore("embargoes", EMBARGO_S, lambda: open_due(opener)),
        Chore("cleaning after purges", RETENTION_S, scrub),
        Chore("evidence of nothing", RETENTION_S, evidence.sweep),
        Chore("inbox", RETENTION_S, emptying.empty),
        Chore("pieces of comparisons", RETENTION_S, comparing.tidy),
        Chore("folders", FOLDERS_S, lambda: look(watcher)),
        Chore("feeds", FEEDS_S, lambda: feed_clock.look(fetcher)),
        Chore("campaigns across borders", ACROSS_S, Follower().look),
        Chore("collector", WISH_S, WhereWritten(lambda: wish_collector(node.home))),
        Chore("sight of the collector", SIGHT_S, lambda: sight_alerts.watch(node.home)),
        Chore("unwatched", UNWATCHED_S, lambda: end_unwatched(node)),
        Chore("alerts left behind", LEFT_S, take_up_left),
        Chore("warninglists", LISTS_S, index_lists),
        Chore("answers kept for a day", RETENTION_S, forget_old),
        Chore("queue", RETENTION_S, _prune),
        Chore("sessions", SESSIONS_S, forget_expired),
    ]


def chores_with_partners(
    league: Callable[[], object], matching: Callable[[], object], hooks: Callable[[], object]
) -> list[Chore]:
    """What is looked at by the clock of what goes on with partners, by those who do it."""
    from hanse.federation import ruling  # noqa: PLC0415 - after Django is configured

    return [
        Chore("league", LEAGUE_S, WhereWritten(league)),
        Chore("sharing by rules", LEAGUE_S, WhereWritten(ruling.follow)),
        Chore("matching", LEAGUE_S, matching),
        Chore("webhooks", HOOKS_S, WhereWritten(hooks)),
    ]


def work(node: Node) -> None:
    """Work until told to stop (SIGTERM, SIGINT): chores, alerts and feeds on threads of their own, long work on this one."""
    from hanse.console.alerting import QUEUE  # noqa: PLC0415 - after Django is configured
    from hanse.federation.clock import League  # noqa: PLC0415 - as above
    from hanse.intel import feed_clock  # noqa: PLC0415 - as above
    from hanse.ledger.routing import database  # noqa: PLC0415 - as above
    from hanse.ledger.sqlite.log_room import make_room  # noqa: PLC0415 - as above
    from hanse.matching.clock import Matching  # noqa: PLC0415 - as above
    from hanse.node.queued import QueueWorker  # noqa: PLC0415 - as above
    from hanse.webhooks.clock import Hooks  # noqa: PLC0415 - as above

    follow_parent()
    league, matching, hooks = League(), Matching(), Hooks()
    stop, beside = threading.Event(), [Queue(QUEUE), Queue(feed_clock.QUEUE)]
    partners = chores_with_partners(league.look, matching.look, hooks.look)
    every = [*chores(node), *partners, *(Chore(queue.name, 1.0, queue.work) for queue in beside)]
    settle()
    make_room(connections[database()])
    threads = [threading.Thread(target=_again, args=(chore, stop), daemon=True) for chore in every]
    for thread in threads:
        thread.start()
    _behind_people()
    try:
        long = QueueWorker(DEFAULT_TASK_QUEUE_NAME)
        long.configure_signals()
        long.run()
    finally:
        signal.signal(
            signal.SIGTERM, signal.SIG_IGN
        )  # told once is enough: what is at work now is ended in order
        stop.set()
        league.stop.set()
        matching.stop.set()
        hooks.stop.set()
        for queue in beside:
            queue.stop()
        for thread in threads:
            thread.join(timeout=5)


def _behind_people() -> None:
    """Long work, on this thread and those that it starts, stands back while pages and alerts want the processors.

    Linux has a niceness for each thread; elsewhere it stays as it is.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def settle() -> None:
    """Make this process ready for what comes by the million.

    What is there now stays, and is spared the garbage collector. It looks for circles after every 50,000 things
    instead of 700: there are next to none, and to go through what an import has at hand took a twentieth of its time.
    Connections are opened anew, with room.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
    connection_created.connect(_with_room)
    connections.close_all()


def _with_room(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Let SQLite keep 32 MB of pages at hand where much is written, and its log grow to 128 MB before it writes it back.

    With its own 2 MB, a large import read each page of its indexes anew and wrote many of them twice.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA cache_size=-32768")
            cursor.execute("PRAGMA wal_autocheckpoint=16000")


def end_unwatched(node: Node) -> int:
    """End what stands as running while the collector is off, such as after it was killed; how many."""
    from hanse.attacks import service as attacks  # noqa: PLC0415 - after Django is configured
    from hanse.attacks.models import Attack  # noqa: PLC0415 - as above
    from hanse.console.health import collector_now  # noqa: PLC0415 - as above

    off = collector_now(node.home).state == processes.collector_state(node.home).state == "off"
    if not off or not Attack.projected.filter(running=True).exists():
        return 0
    actor = system("collector", node.authority, node.country, node.tier)
    return attacks.end_all(actor, "The collector is off: what ran is not watched any more.")


def take_up_left() -> int:
    """Put alerts back into the queue over which their worker or the database failed; how many.

    A receiver may get such an alert twice; that is better than never.
    """
    from django_tasks_db.models import DBTaskResult  # noqa: PLC0415 - after Django is configured

    from hanse.console.alerting import QUEUE  # noqa: PLC0415

    before = timezone.now() - timedelta(seconds=LEFT_S)
    lately = timezone.now() - timedelta(seconds=RETENTION_S)
    mine = DBTaskResult.objects.filter(queue_name=QUEUE)
    died = mine.filter(status="RUNNING", started_at__lt=before)
    failed = mine.filter(
        status="FAILED", exception_class_path__startswith="django.db.utils.", finished_at__gt=lately
    )
    anew = {
        "status": "READY",
        "started_at": None,
        "finished_at": None,
        "exception_class_path": "",
        "traceback": "",
    }
    return int(died.update(**anew)) + int(failed.update(**anew))


def _prune() -> None:
    """Forget what was done long ago."""
    call_command("prune_db_task_results", queue_name="*", min_age_days=KEPT_DAYS, verbosity=0)


def _again(chore: Chore, stop: threading.Event) -> None:
    """Do a chore until told to stop; one that fails is tried again at its next time."""
    while True:
        close_old_connections()
        try:
            chore.do()
        except Exception:  # noqa: BLE001 - no fault of one time ends a chore for good, unseen, until the node is started anew
            _log.exception("%s failed; it is tried again in %.0f s", chore.name, chore.every_s)
        if stop.wait(chore.every_s):
            return
