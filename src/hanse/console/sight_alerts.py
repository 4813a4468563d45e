"""Alerts about what the live collector came to be blind to, by the channels that alerts about attacks take.

The worker looks every few seconds. What it tells, and whether it was taken, is an entry of the ledger.
"""

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from django.conf import settings
from django.core.signing import Signer
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django_tasks import task

from hanse.console import processes
from hanse.console.alerting import QUEUE, WAITS_S, alerter, channels, mail_to, post, words_of
from hanse.console.health import collector_now
from hanse.console.service import Collector, SightTold, setting
from hanse.console.sight import ANALYSIS, COLLECTOR, Sight, look
from hanse.egress.errors import EgressError, PermanentError, RefusedError, TemporaryError
from hanse.kernel import units
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.writing import append

BLIND: Final = "blind"
SEEING: Final = "seeing"
FILE: Final = "sight.json"
_SUBJECTS: Final = {
    BLIND: "The live collector does not see everything",
    SEEING: "The live collector sees again",
}
_LEADS: Final = {
    BLIND: "Attacks may go on that nobody is told of:",
    SEEING: "This is over:",
}


def watch(home: Path) -> None:
    """Look how the collector is, and have people told what changed since the last look."""
    before = seen(home)
    after, told = look(before, collector_now(home), time.time(), setting(Collector).exporters)
    # Told first: said twice after a crash is better than never.
    for event, words in ((BLIND, told.blind), (SEEING, told.over)):
        if words:
            announce(event, words)
    if after != before:
        processes.note(home, FILE, after)


def seen(home: Path) -> Sight:
    """What was remembered at the last look, with what people were told."""
    return processes.noted(home, FILE, Sight) or Sight()


def shown_blind(home: Path) -> list[str]:
    """What people were told that the collector is blind to, but for what its own state says already."""
    return [words for name, words in seen(home).told.items() if name not in {COLLECTOR, ANALYSIS}]


def announce(event: str, words: tuple[str, ...]) -> None:
    """Put one alert for each channel and recipient into the queue.

    Args:
        event: `BLIND` or `SEEING`.
        words: To what, or to what no more, a sentence or two each.
    """
    message = uuid4().hex
    for channel, to in channels():
        deliver.enqueue(*_sealed(event, list(words), message, channel, to, 0))


@task(queue_name=QUEUE)
def deliver(
    event: str, words: list[str], message: str, channel: str, to: str, attempt: int, seal: str
) -> None:
    """Deliver one alert; after a passing fault it is tried again, as one about an attack is.

    Raises:
        UsageError: It was put into the queue, or changed there, behind the node's back.
    """
    *_, ours = _sealed(event, words, message, channel, to, attempt)
    if not constant_time_compare(seal, ours):
        raise UsageError("This alert is not as the node queued it: its row was changed. It is not sent.")
    why = ""
    try:
        _send(event, words, message, channel, to)
    except EgressError as error:
        again = attempt < len(WAITS_S) and not isinstance(error, (PermanentError, RefusedError))
        if again:
            asked_s = error.retry_after_s if isinstance(error, TemporaryError) else None
            later = timezone.now() + timedelta(seconds=max(asked_s or 0, WAITS_S[attempt]))
            deliver.using(run_after=later).enqueue(*_sealed(event, words, message, channel, to, attempt + 1))
        if again and attempt:
            return
        why = f"{words_of(error)} It is tried again." if again else words_of(error)
    outcome = SightTold(event, tuple(words), channel, to, delivered=not why, words=why)
    append("console.sight_told", outcome, actor=alerter(), object_id=uuid4())


def _sealed(
    event: str, words: list[str], message: str, channel: str, to: str, attempt: int
) -> tuple[str, list[str], str, str, str, int, str]:
    """An alert for the queue, with the node's signature over it."""
    told = (event, words, message, channel, to, attempt)
    return *told, Signer(salt="hanse.sight").signature(json.dumps(told))


def _send(event: str, words: list[str], message: str, channel: str, to: str) -> None:
    """Hand one alert to the relay or the receiver.

    Raises:
        EgressError: It was not taken.
    """
    node = settings.HANSE_NODE
    url = node.url + reverse("console:settings")
    if channel == "mail":
        text = "\n\n".join([_LEADS[event], *words, url])
        mail_to(to, f"{_SUBJECTS[event]}: {node.name}", f"{text}\n", 30.0)
        return
    told: dict[str, Any] = {"event": event, "url": url, "at": units.iso(now_us()), "words": words}
    post(told, f"{message}-{event}", 10.0)
