"""The worker of a queue: it looks into it once something was written, and not again and again while nothing is."""

import logging
import time
from typing import Any, Final

from django.db import OperationalError, close_old_connections
from django.utils.crypto import get_random_string
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult
from django_tasks_db.utils import exclusive_transaction, is_locked_database_exception

from hanse.ledger.change_mark import change_mark

_log = logging.getLogger(__name__)

LOOK_S: Final = 0.5
"""Seconds between looks at whether anything was written."""
LATER_S: Final = 5.0
"""Seconds after which the queue is looked into though nothing was written: the time of what waits in it may have come."""


class QueueWorker(Worker):
    """Does what is queued under a name, one thing after the other, on the thread that runs it.

    The library's own worker takes the lock of the whole database for each look, twice a second, while nothing is there.

    Args:
        name: The queue's.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            queue_names=[name], interval=LOOK_S, batch=False, backend_name="default", startup_delay=False,
            max_tasks=None, worker_id=get_random_string(32), excluded_queue_names=[],
        )  # fmt: skip

    def run(self) -> None:
        """Work until told to stop.

        Raises:
            DatabaseError: The database is away.
        """
        _log.info("Starting worker of queue %s", ",".join(self.queue_names))
        seen: tuple[Any, ...] = ()
        later_s = 0.0
        while self.running:
            close_old_connections()
            task = None
            try:
                # Taken before the queue is looked into, so that what is queued meanwhile has the next look at it.
                mark = change_mark()
                if mark != seen or time.monotonic() >= later_s:
                    task = self._claimed()
                    seen, later_s = mark, time.monotonic() + LATER_S
            except OperationalError as error:
                if not is_locked_database_exception(error):
                    raise
            if task is not None:
                self.run_task(task)
                seen = ()  # more may wait
            elif self.running:
                close_old_connections()
                time.sleep(self.interval)

    def _claimed(self) -> Any:
        """What is due next, taken so that no other worker does it; None where nothing is."""
        due = DBTaskResult.objects.ready().filter(
            backend_name=self.backend_name, queue_name__in=self.queue_names
        )
        with exclusive_transaction(due.db):
            found = due.get_locked()
            if found is not None:
                found.claim(self.worker_id)
        return found
