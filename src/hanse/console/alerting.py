"""Alerts about running attacks: by e-mail and webhook through `egress`, tried again while that can help.

What an attack's marking keeps on the node, or its team among few, is not sent: then the alert says only that there is
something to see.
"""

import json
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.signing import Signer
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django_tasks import task

from hanse.attacks import service as attacks
from hanse.attacks.models import Attack
from hanse.console.endpoints import allowed
from hanse.console.service import ChannelTested, Mail, Webhook, setting
from hanse.egress import smtp, webhook
from hanse.egress.client import Client
from hanse.egress.destination import read
from hanse.egress.errors import EgressError, PermanentError, RefusedError, TemporaryError
from hanse.egress.rules import Rules
from hanse.kernel import units
from hanse.kernel.actors import Actor, system
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.writing import append
from hanse.policy.asking import require
from hanse.policy.decision import Subject, is_embargoed

QUEUE = "alerts"
"""The queue of alerts, beside that of long work."""

WAITS_S = (10, 60, 600, 3600)
"""Seconds before each further attempt: a relay that restarts is back in a minute, one that is mended in an hour."""

TEST_S = 10.0
"""Seconds for the test of a channel, while a person waits for its answer."""


MOST_A_MINUTE = 20
"""Alerts of a minute, to each recipient: a flood of victims, which whoever can send to the collector forges, buries nobody's
mailbox, and no relay that then takes the next alert as spam."""

MINUTE_S = 60.0


def announce(attack_id: UUID, what: str, more: int = 0) -> None:
    """Put one alert per channel and recipient into the queue.

    Args:
        attack_id: The attack.
        what: ``began`` or ``ended``.
        more: Further attacks of which there is no alert of its own.
    """
    for channel, to in channels():
        deliver.enqueue(*_sealed(attack_id.hex, what, channel, to, 0, more))


@dataclass
class Announcing:
    """Announces `MOST_A_MINUTE`; one alert at the end of the minute says how many more there were, and names the last."""

    _since: float = -math.inf
    _said: int = 0
    _held: int = 0
    _last: tuple[UUID, str] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, attack_id: UUID, what: str) -> None:
        """Announce that an attack ``began`` or ``ended``, or hold it back until the minute is over."""
        self.tell_held()
        with self._lock:
            held = self._said >= MOST_A_MINUTE
            if held:
                self._held, self._last = self._held + 1, (attack_id, what)
            else:
                self._said += 1
        if not held:
            announce(attack_id, what)

    def tell_held(self, *, now: bool = False) -> None:
        """Say what was held back, where the minute is over, or now."""
        with self._lock:
            if not now and time.monotonic() - self._since < MINUTE_S:
                return
            held, last = self._held, self._last
            self._since, self._said, self._held, self._last = time.monotonic(), 0, 0, None
        if last is not None:
            announce(*last, held - 1)


def channels() -> Iterator[tuple[str, str]]:
    """Channels that are set, and whom they reach."""
    mail, told = setting(Mail), setting(Webhook)
    if mail.relay:
        yield from (("mail", one) for one in mail.recipients)
    if told.url:
        yield "webhook", _origin(told.url)


@task(queue_name=QUEUE)
def deliver(attack_id: str, what: str, channel: str, to: str, attempt: int, more: int, seal: str) -> None:
    """Deliver one alert; after a passing fault it is tried again.

    The ledger says that it went out, that the first attempt failed, and that it failed for good. The queue is a table
    that fsck does not compare: an alert that the node did not put there goes to nobody, and nothing is said of it.

    Raises:
        UsageError: The alert was put into the queue, or changed there, behind the node's back.
    """
    *_, ours = _sealed(attack_id, what, channel, to, attempt, more)
    if not constant_time_compare(seal, ours):
        raise UsageError("This alert is not as the node queued it: its row was changed. It is not sent.")
    actor = alerter()
    row = Attack.objects.get_for(actor, "attacks.view", UUID(attack_id))
    try:
        _send(row, what, channel, to, actor, more)
    except EgressError as error:
        again = _try_again(error, attack_id, what, channel, to, attempt, more)
        if attempt == 0 or not again:
            words = f"{words_of(error)} It is tried again." if again else words_of(error)
            attacks.alerted(row.pk, _alerted(channel, to, words, delivered=False), actor)
        return
    attacks.alerted(row.pk, _alerted(channel, to, what, delivered=True), actor)


def _sealed(
    attack_id: str, what: str, channel: str, to: str, attempt: int, more: int
) -> tuple[str, str, str, str, int, int, str]:
    """An alert for the queue, with the node's signature over it."""
    told = (attack_id, what, channel, to, attempt, more)
    return *told, Signer(salt="hanse.alert").signature(json.dumps(told))


def send_test(channel: str, actor: Actor) -> list[ChannelTested]:
    """Send a test alert to everybody whom a channel reaches, now; what came of each.

    Raises:
        RefusedError: The actor may not.
        UsageError: The channel is not set.
    """
    require(actor, "settings.edit")
    reached = [to for one, to in channels() if one == channel]
    if not reached:
        raise UsageError("Nothing is set there yet. Save it first, then send a test.")
    tested = []
    for to in reached:
        try:
            _send_one(channel, to)
            result = ChannelTested(channel, to, delivered=True)
        except EgressError as error:
            result = ChannelTested(channel, to, delivered=False, words=words_of(error))
        append("console.channel_tested", result, actor=actor, object_id=uuid4())
        tested.append(result)
    return tested


def _send_one(channel: str, to: str) -> None:
    """Hand a test alert to the relay or the receiver.

    Raises:
        EgressError: It was not taken.
    """
    node = settings.HANSE_NODE
    if channel == "mail":
        text = f"This is a test of the alerts of {node.name}. No attack began.\n{node.url}/\n"
        mail_to(to, f"Test of the alerts of {node.name}", text, TEST_S)
    else:
        post({"event": "test", "url": f"{node.url}/", "at": units.iso(now_us())}, uuid4().hex, TEST_S)


def _try_again(
    error: EgressError, attack_id: str, what: str, channel: str, to: str, attempt: int, more: int
) -> bool:
    """Put the alert back into the queue where another attempt can help; whether it did."""
    if isinstance(error, (PermanentError, RefusedError)) or attempt >= len(WAITS_S):
        return False
    asked = error.retry_after_s if isinstance(error, TemporaryError) else None
    later = timezone.now() + timedelta(seconds=max(asked or 0, WAITS_S[attempt]))
    deliver.using(run_after=later).enqueue(*_sealed(attack_id, what, channel, to, attempt + 1, more))
    return True


def _send(row: Attack, what: str, channel: str, to: str, actor: Actor, more: int) -> None:
    """Hand one alert to the relay or the receiver.

    Raises:
        EgressError: It was not taken.
    """
    # The node itself may know everything; whoever reads the mail may not, where only some of those with the role may.
    few = is_embargoed(Subject("attack", row.marking.marking, row.team), now_us())
    open_to_say = bool(Attack.objects.judge(actor, "attacks.export", row)) and not few
    url = settings.HANSE_NODE.url + reverse("attacks:detail", args=[row.pk])
    if channel == "mail":
        subject, text = _mail(row, what, url, open_to_say=open_to_say)
        if more:
            subject = f"{subject}, and {more:,} more"
            text += f"{more:,} more attacks began or ended within that minute. They are on the node; none has a mail of its own.\n"
        mail_to(to, subject, text, 30.0)
        return
    told: dict[str, Any] = {
        "event": what,
        "url": url,
        "at": units.iso(now_us()),
        "marking": row.marking.marking.as_json(),
    }
    if more:
        told["more"] = more
    if open_to_say:
        # Attacks beside it may be for few, whoever reads this.
        whole = attacks.attack_in(row).as_json() | {"linked": []}
        told["attack"] = whole | {"organisation": row.organisation}
    post(told, f"{row.pk.hex}-{what}", 10.0)


def mail_to(to: str, subject: str, text: str, timeout_s: float) -> None:
    """Hand a mail to the relay that is set."""
    mail = setting(Mail)
    if not mail.relay:
        raise RefusedError("There is no relay any more: alerts by e-mail were turned off.")
    if to not in mail.recipients:
        raise RefusedError(f"{to} is told of attacks no more: the settings do not name it.")
    relay = smtp.Relay(mail.relay, mail.port, mail.security, mail.user, mail.password)
    smtp.send(
        smtp.Message(mail.sender, to, subject, text), relay, Rules(), allow=allowed(), timeout_s=timeout_s
    )


def post(told: Any, delivery: str, timeout_s: float) -> None:
    """Post a message to the receiver that is set."""
    receiver = setting(Webhook)
    if not receiver.url:
        raise RefusedError("There is no receiver any more: alerts by webhook were turned off.")
    webhook.post(
        Client(Rules()), receiver.url, told, receiver.secret.encode(), delivery=delivery, allow=allowed(),
        timeout_s=timeout_s,
    )  # fmt: skip


def _mail(row: Attack, what: str, url: str, *, open_to_say: bool) -> tuple[str, str]:
    """Subject and text: the answer first, then how sure, then where to look."""
    node = settings.HANSE_NODE.name
    marking = row.marking.marking.banner()
    if not open_to_say:
        return (
            f"[{marking}] An attack {what}",
            f"{node}: an attack {what}. Its marking keeps it on the node:\n{url}\n",
        )
    attack = attacks.attack_in(row)
    whom = f"{row.organisation} ({row.victim})" if row.organisation else row.victim
    kind = row.vector.replace("_", " ")
    lines = [
        f"{kind} on {whom} {what} {units.minute(row.start_us if what == 'began' else row.end_us)}.",
        f"Peak {units.bit_rate(row.peak_bps)}, {units.packet_rate(row.peak_pps)}; {units.count(row.sources)} sources.",
        f"How sure: {row.confidence}. {' '.join(attack.reasons)}",
        f"What would refute it: {' '.join(attack.refuted_by)}",
        url,
        marking,
    ]
    return f"[{marking}] {kind} on {whom} {what}", "\n".join(lines) + "\n"


def _origin(url: str) -> str:
    """Scheme and host of a webhook: what follows may be a key, and analysts read who was alerted."""
    there = read(url, http=False)
    return f"{there.scheme}://{there.authority}"


def words_of(error: EgressError) -> str:
    """An error's words, with the webhook's origin for its address."""
    url = setting(Webhook).url
    text = str(error)
    for form in (url, url[:200]):
        text = text.replace(form, _origin(url)) if form else text
    return text


def _alerted(channel: str, to: str, words: str, *, delivered: bool) -> attacks.Alerted:
    return attacks.Alerted("mail" if channel == "mail" else "webhook", to, delivered, words)


def alerter() -> Actor:
    """The part of the node that sends alerts."""
    node = settings.HANSE_NODE
    return system("alerting", node.authority, node.country, node.tier)
