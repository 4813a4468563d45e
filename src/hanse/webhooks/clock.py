"""Webhooks by the clock: one thread for each, so that a receiver that hangs delays nobody else.

A thread sends only at the beginning of a slot, and only what was found in an earlier one: how long it took to look at
what is hidden from the receiver shows in no time of sending.
"""

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db import DatabaseError, close_old_connections, connections

from hanse.kernel.errors import HanseError
from hanse.taxii import partners
from hanse.webhooks.delivering import send_due
from hanse.webhooks.models import Hook
from hanse.webhooks.upcoming import Upcoming

_log = logging.getLogger(__name__)

SLOT_S: Final = 2.0
"""Seconds from one slot to the next: what is found is told within two of them."""


@dataclass
class Hooks:
    """The threads of all webhooks.

    Attributes:
        stop: Set to end them.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    _threads: dict[UUID, threading.Thread] = field(default_factory=dict, init=False)

    def look(self) -> None:
        """Have a thread for each webhook; that of one that was removed ends by itself."""
        for hook in Hook.objects.filter(removed_us=None).values_list("pk", flat=True):
            held = self._threads.get(hook)
            if held is None or not held.is_alive():
                thread = threading.Thread(
                    target=_tell, args=(hook, self.stop), name=f"webhook-{hook.hex[:8]}", daemon=True
                )
                self._threads[hook] = thread
                thread.start()


def turn(hook: UUID, upcoming: Upcoming) -> bool:
    """One slot of a webhook: send what waits, then find what is to be sent in the next one; whether it is still one."""
    row = Hook.objects.filter(pk=hook, removed_us=None).first()
    if row is None:
        return False
    partner = None if row.paused else partners.active(row.partner)
    if partner is not None:
        send_due(row, partner)
        upcoming.begin(row, partner)
    return True


def _tell(hook: UUID, stop: threading.Event) -> None:
    """Tell by a webhook until it is removed."""
    upcoming = Upcoming()
    try:
        while not stop.wait(SLOT_S - time.time() % SLOT_S):
            close_old_connections()
            try:
                if not turn(hook, upcoming):
                    return
            except (HanseError, DatabaseError, OSError):
                _log.exception("the webhook %s failed; it is tried again", hook)
            except Exception:  # noqa: BLE001 - no fault of one message ends a webhook for good
                _log.exception("the webhook %s failed", hook)
    finally:
        connections.close_all()
