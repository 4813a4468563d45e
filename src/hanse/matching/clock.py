"""Matching by the clock: one thread for each partner with whom something goes on, so that one that is away delays nobody."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import DatabaseError, close_old_connections, connections

from hanse.egress.client import Client
from hanse.federation import exchange
from hanse.federation.models import Partner, Standing
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.ledger.change_mark import change_mark
from hanse.ledger.fields import NOT_OPENING
from hanse.matching import asking, comparing, counting, made_ahead, publishing, running, standing_on, turning
from hanse.matching.models import Run
from hanse.matching.run_projecting import COMPARING, GOING, OFFERED, WANTED, ended_there

_log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""Seconds between looks at whether a run can go on."""
AGAIN_S: Final = 30.0
"""Seconds after which is looked for partners to match with though nothing was written: a day may be over meanwhile."""
PUBLISH_S: Final = 5.0
"""Seconds between looks at whether a set has to be published."""
AFTER_FAILURE_S: Final = 15.0
"""Seconds of rest after a partner did not answer."""
_PUBLISHING: Final = "+published"
_AHEAD: Final = "+ahead"
"""Names of threads that work for all partners; no authority's id has a plus sign."""


@dataclass
class Matching:
    """The threads of all partners with whom something is compared.

    Attributes:
        stop: Set to end them.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    _threads: dict[str, threading.Thread] = field(default_factory=dict, init=False)
    _rested_at: tuple[Any, ...] = field(default=(), init=False)
    _until_s: float = field(default=0.0, init=False)

    def look(self) -> None:
        """Have a thread for each partner with whom something goes on; publish what is due; give up what is over.

        Where nothing went on, and nothing was written since, nothing goes on now.
        """
        mark = change_mark()
        if mark == self._rested_at and time.monotonic() < self._until_s:
            return
        for give_up in (running.give_up, asking.give_up, counting.give_up):
            _go_on("anybody", give_up, now_us())
        self._have(_PUBLISHING, _publish)
        self._have(_AHEAD, _make_ahead)
        names = busy()
        for name in names:
            self._have(name, _work)
        # The thread of one with whom something goes on may just be ending: it is looked at again.
        self._rested_at = () if names else mark
        self._until_s = time.monotonic() + AGAIN_S

    def _have(self, name: str, work: Callable[[str, threading.Event], None]) -> None:
        """Have a thread that works for a partner, or for all."""
        held = self._threads.get(name)
        if held is None or not held.is_alive():
            thread = threading.Thread(
                target=work, args=(name, self.stop), name=f"matching-{name}", daemon=True
            )
            self._threads[name] = thread
            thread.start()


def busy() -> set[str]:
    """Partners with whom something goes on: runs, questions that wait, standing matching."""
    runs = Run.objects.filter(state__in=GOING).values_list("partner", flat=True).distinct()
    return {*runs, *asking.waiting(), *counting.waiting(), *standing_on.partners_on()}


def turn(name: str, client: Client) -> bool:
    """Take all that goes on with a partner as far as it goes now; whether something goes on.

    Raises:
        LinkError: The partner did not answer as it should.
    """
    partner = Partner.objects.filter(pk=name, state=Standing.ACTIVE).first()
    rows = list(Run.objects.filter(partner=name, state__in=GOING).order_by("begun_us", "pk"))
    if partner is None:
        return False
    _go_on(name, turning.step, partner, client)
    for row in rows:
        _go_on(name, _run, row, partner, client)
    _go_on(name, asking.step, partner, client)
    _go_on(name, counting.step, partner, client)
    return bool(rows) or name in busy()


def _run(row: Run, partner: Partner, client: Client) -> None:
    """Take one comparison of whole sets as far as it goes now."""
    if ended_there(row):
        running.follow(row)
    elif row.state in {WANTED, OFFERED}:
        running.begin(row)
    elif row.state == COMPARING:
        comparing.step(row, partner, client)


def _go_on(name: str, do: Callable[..., object], *told: Any) -> None:
    """Do a part of what goes on with a partner; where a row of it was altered in the database, the others go on."""
    try:
        do(*told)
    except NOT_OPENING as error:
        _log.error("a part of the matching with %s does not go on: %s", name, error)


def _publish(_: str, stop: threading.Event) -> None:
    """Publish what partners can ask for, by its schedule, and keep nothing that is over."""
    try:
        while not stop.is_set():
            close_old_connections()
            try:
                publishing.publish_due()
                turning.tidy()
            except Exception:  # noqa: BLE001 - no fault of one set ends publishing for good
                _log.exception("publishing for questions failed, and is tried again")
            stop.wait(PUBLISH_S)
    finally:
        connections.close_all()


def _make_ahead(_: str, stop: threading.Event) -> None:
    """Have the points of what may be compared at hand."""
    ahead = made_ahead.Ahead()
    try:
        while not stop.is_set():
            close_old_connections()
            begin = time.monotonic()
            try:
                ahead.look(stop)
            except Exception:  # noqa: BLE001 - a comparison makes what is not there
                _log.exception("making points ahead failed, and is tried again")
            stop.wait(max(made_ahead.LOOK_S, made_ahead.SHARE * (time.monotonic() - begin)))
    finally:
        connections.close_all()


def _work(name: str, stop: threading.Event) -> None:
    """Go on with a partner until nothing does."""
    client = exchange.make_client()
    try:
        while not stop.is_set():
            close_old_connections()
            rest = LOOK_S
            try:
                if not turn(name, client):
                    return
            except (HanseError, DatabaseError, OSError) as error:
                _log.warning("comparing with %s stopped, and is tried again: %s", name, error)
                rest = AFTER_FAILURE_S
            except Exception:  # noqa: BLE001 - no fault of one run ends matching with a partner for good
                _log.exception("comparing with %s failed, and is tried again", name)
                rest = AFTER_FAILURE_S
            stop.wait(rest)
    finally:
        connections.close_all()
