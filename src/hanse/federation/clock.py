"""The exchange by the clock: one thread for each partner, so that one that is slow or wrong delays nobody else."""

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import DatabaseError, close_old_connections

from hanse.egress.client import Client
from hanse.federation import exchange
from hanse.federation.models import Link, Partner, Standing
from hanse.federation.partners import active, link_of
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.ledger.change_mark import change_mark

_log = logging.getLogger(__name__)

LOOK_S: Final = 0.25
"""Seconds between looks at whether anything was written, and so whether there is something to say or to fetch: a new
entry is on the partner's page within two of them and the time of two messages."""
ASK_S: Final = 60.0
"""Seconds after which a partner is asked without a hint: a hint may get lost, and a checkpoint comes every minute."""
WITNESS_S: Final = 1.0
"""Seconds between looks at whether there is a checkpoint to be witnessed or compared."""
AFTER_FAILURE_S: Final = (1.0, 5.0, 15.0, 60.0)
"""Seconds of rest after the first, second, third failure, and from then on."""


@dataclass
class League:
    """The threads of all partners.

    Attributes:
        stop: Set to end them.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    _threads: dict[str, threading.Thread] = field(default_factory=dict, init=False)

    def look(self) -> None:
        """Have a thread for each partner; one whose partner is gone has ended by itself."""
        for partner in active():
            held = self._threads.get(partner.authority)
            if held is None or not held.is_alive():
                thread = threading.Thread(
                    target=_exchange, args=(partner.authority, self.stop), name=f"league-{partner.authority}",
                    daemon=True,
                )  # fmt: skip
                self._threads[partner.authority] = thread
                thread.start()


@dataclass
class _Pace:
    """When a partner is next asked."""

    failures: int = 0
    rest_until_s: float = 0.0
    failed_us: int = 0
    asked_s: float = -ASK_S
    hint_heard_us: int = 0
    witness_at_s: float = 0.0
    witness_failed: bool = True
    witness_waits: bool = True
    shown: dict[str, int] = field(default_factory=dict)

    def next_s(self) -> float:
        """When there is something to do again though nothing was written meanwhile, by the monotonic clock."""
        if self.rest_until_s > time.monotonic():
            return self.rest_until_s
        asks = self.asked_s + ASK_S
        return min(asks, self.witness_at_s) if self.witness_waits else asks

    def is_due(self, link: Link) -> bool:
        """Whether to ask now: after a hint, or when long nothing was asked; not while resting.

        A partner that says something after it failed is there again, and ends the rest.
        """
        now = time.monotonic()
        if now < self.rest_until_s and link.hinted_us <= self.failed_us:
            return False
        return link.hinted_us > self.hint_heard_us or now - self.asked_s >= ASK_S

    def failed(self) -> None:
        """Rest longer each time."""
        rest = AFTER_FAILURE_S[min(self.failures, len(AFTER_FAILURE_S) - 1)]
        self.failures += 1
        self.rest_until_s = time.monotonic() + rest
        self.failed_us = now_us()

    def answered(self) -> None:
        """The partner is there: no rest is left."""
        self.failures, self.rest_until_s = 0, 0.0


def _exchange(name: str, stop: threading.Event) -> None:
    """Hints to a partner and pulls from it, until it is no partner any more."""
    client = exchange.make_client()
    pace = _Pace()
    seen: tuple[Any, ...] = ()
    until_s = 0.0
    while not stop.is_set():
        close_old_connections()
        try:
            # Taken before anything is read, so that what is written meanwhile has the next look at it.
            mark = change_mark()
            if mark == seen and time.monotonic() < until_s:
                stop.wait(LOOK_S)
                continue
            seen = mark
            partner = Partner.objects.filter(pk=name, state=Standing.ACTIVE).first()
            if partner is None:
                return
            _turn(partner, client, pace)
        except (HanseError, DatabaseError, OSError) as error:
            if pace.failures < len(AFTER_FAILURE_S):
                _log.warning("the exchange with %s failed: %s", name, error)
            pace.failed()
        except Exception:  # noqa: BLE001 - no fault of one partner ends the exchange with it for good
            _log.exception("the exchange with %s failed", name)
            pace.failed()
        until_s = pace.next_s()
        stop.wait(LOOK_S)


def _turn(partner: Partner, client: Client, pace: _Pace) -> None:
    """One look: say that there is something new, fetch what is new, have new checkpoints seen."""
    link = link_of(partner.authority)
    if time.monotonic() >= pace.rest_until_s:
        exchange.hint(partner, client)
    if pace.is_due(link):
        began_us = now_us()
        exchange.pull_all(partner, client)
        pace.hint_heard_us = max(began_us, link.hinted_us)
        pace.asked_s = time.monotonic()
        pace.answered()
    _have_witnessed(partner, client, pace)


def _have_witnessed(partner: Partner, client: Client, pace: _Pace) -> None:
    """Have own checkpoints seen, and compare others' with a fellow witness; entries go on whatever comes of it."""
    now = time.monotonic()
    pace.witness_waits = now < max(pace.rest_until_s, pace.witness_at_s)
    if pace.witness_waits:
        return
    pace.witness_at_s = now + WITNESS_S
    error = ""
    try:
        exchange.offer(partner, client)
        exchange.show(partner, pace.shown, client)
    except HanseError as failure:
        error = str(failure)[:500]
        pace.witness_at_s, pace.witness_waits = now + AFTER_FAILURE_S[-1], True
        _log.warning("witnessing with %s failed: %s", partner.authority, failure)
    if error or pace.witness_failed:
        Link.objects.filter(pk=partner.authority).update(witness_error=error)
    pace.witness_failed = bool(error)
